#include "aggregator/door.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aggregator/listen.h"
#include "aggregator/notice.h"
#include "common/err.h"
#include "common/log.h"

static void on_waiting(uv_poll_t *poll, int status, int events);

void door_init(struct door *door, uv_loop_t *loop, door_accepted_fn *accepted, void *data)
{
    *door = (struct door){.loop = loop, .accepted = accepted, .data = data};
    uv_timer_init(loop, &door->pause);
    door->pause.data = door;
}

int door_add(struct door *door, const struct address *address, char *errmsg)
{
    if (door->count == DOOR_LEAVES_MAX)
        return err_set(errmsg, ERR_FULL, "listen %.100s: %d addresses are the most", address->shown,
                       DOOR_LEAVES_MAX);
    struct door_leaf *leaf = &door->leaves[door->count];
    int fd = listen_bind(address, errmsg);
    if (fd < 0)
        return fd;
    int rc = uv_poll_init(door->loop, &leaf->poll, fd);
    if (rc) {
        close(fd);
        return err_set(errmsg, ERR_IO, "listen %s: %s", address->shown, uv_strerror(rc));
    }
    leaf->door = door;
    leaf->address = *address;
    leaf->descriptor = fd;
    leaf->poll.data = leaf;
    door->count++;
    return 0;
}

/* --- accepting -------------------------------------------------------------------------------- */

static void watch_all(struct door *door)
{
    for (size_t i = 0; i < door->count; i++)
        uv_poll_start(&door->leaves[i].poll, UV_READABLE, on_waiting);
}

static void on_pause(uv_timer_t *timer)
{
    watch_all(timer->data);
}

static void shut(struct door *door, int cause)
{
    for (size_t i = 0; i < door->count; i++)
        uv_poll_stop(&door->leaves[i].poll);
    uv_timer_start(&door->pause, on_pause, DOOR_PAUSE_MS, 0);
    if (!door->shut)
        notice("accept: %s; connections wait until that is over", strerror(cause));
    door->shut = true;
}

/* Whether the fault is that connection's alone, as accept(2) has it. */
static bool only_this_one(int fault)
{
    return fault != EMFILE && fault != ENFILE && fault != ENOBUFS && fault != ENOMEM;
}

static void on_waiting(uv_poll_t *poll, int status, int events)
{
    struct door_leaf *leaf = poll->data;
    struct door *door = leaf->door;
    (void)status, (void)events;
    for (int i = 0; i < DOOR_BATCH; i++) {
        int fd = accept4(leaf->descriptor, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            door->shut = false;
            door->accepted(door->data, fd, leaf->address.kind);
        } else if (errno == EAGAIN) {
            return;
        } else if (!only_this_one(errno)) {
            shut(door, errno);
            return;
        }
    }
}

int door_open(struct door *door, char *errmsg)
{
    for (size_t i = 0; i < door->count; i++)
        if (listen(door->leaves[i].descriptor, DOOR_QUEUE) != 0)
            return err_set(errmsg, ERR_IO, "listen %s: %s", door->leaves[i].address.shown,
                           strerror(errno));
    watch_all(door);
    return 0;
}

void door_close(struct door *door)
{
    for (size_t i = 0; i < door->count; i++) {
        struct door_leaf *leaf = &door->leaves[i];
        uv_close((uv_handle_t *)&leaf->poll, NULL);
        close(leaf->descriptor);
        if (leaf->address.kind == ADDRESS_UNIX)
            unlink(leaf->address.path);
    }
    uv_close((uv_handle_t *)&door->pause, NULL);
}

#include "collector/fanout.h"

#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "common/err.h"

/* packet(7), PACKET_FANOUT. Packets are dealt out in turn: a flood from one source is spread too; one
 * whose ring is full passes them on. Fragments are not put together: each is a packet. */
#define FANOUT (PACKET_FANOUT_LB | PACKET_FANOUT_FLAG_ROLLOVER)

static int join_group(const struct capture *cap, uint32_t group, bool first)
{
    uint32_t type = FANOUT | (first ? PACKET_FANOUT_FLAG_UNIQUEID : 0);
    uint32_t value = type << 16 | group;
    return setsockopt(capture_fd(cap), SOL_PACKET, PACKET_FANOUT, &value, sizeof value);
}

/* A socket that has not joined yet gets every packet. So the group lets none pass until what came
 * before is out of the rings. */
static int attach(const struct capture *cap, struct sock_filter *program, unsigned short size)
{
    struct sock_fprog filter = {.len = size, .filter = program};
    int fd = capture_fd(cap), unused = 0;
    return size ? setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter)
                : setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
}

static void discard(void *user, const struct capture_packet *packet)
{
    (void)user;
    (void)packet;
}

static int empty_rings(struct capture *const *caps, size_t count, char *errmsg)
{
    struct timespec block = {.tv_nsec = CAPTURE_BLOCK_MS * 1000000L};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < count; i++) {
            int got;
            while ((got = capture_dispatch(caps[i], INT_MAX, discard, NULL, errmsg)) > 0)
                ;
            if (got < 0)
                return got;
        }
        nanosleep(&block, NULL);
    }
    return 0;
}

static bool join_all(struct capture *const *caps, size_t count)
{
    uint32_t value = 0;
    socklen_t size = sizeof value;
    bool joined = join_group(caps[0], 0, true) == 0 &&
                  getsockopt(capture_fd(caps[0]), SOL_PACKET, PACKET_FANOUT, &value, &size) == 0;
    for (size_t i = 1; joined && i < count; i++)
        joined = join_group(caps[i], value & 0xffff, false) == 0;
    return joined;
}

static int no_fanout(const struct capture *cap, size_t count, char *errmsg)
{
    return err_set(errmsg, ERR_IO,
                   "interface %s: its packets cannot be spread over %zu threads: %s; set "
                   "threads = 1",
                   capture_name(cap), count, strerror(errno));
}

int fanout_join(struct capture *const *caps, size_t count, char *errmsg)
{
    struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0), program[BPF_MAXINSNS];
    socklen_t size = BPF_MAXINSNS; /* in and out: instructions */
    if (getsockopt(capture_fd(caps[0]), SOL_SOCKET, SO_GET_FILTER, program, &size) != 0)
        return no_fanout(caps[0], count, errmsg);
    for (size_t i = 0; i < count; i++)
        if (attach(caps[i], &none, 1) != 0)
            return no_fanout(caps[0], count, errmsg);
    if (!join_all(caps, count))
        return no_fanout(caps[0], count, errmsg);
    int rc = empty_rings(caps, count, errmsg);
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (attach(caps[i], program, (unsigned short)size) != 0)
            rc = no_fanout(caps[0], count, errmsg);
    return rc;
}

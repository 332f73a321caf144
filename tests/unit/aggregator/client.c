#include "tests/unit/aggregator/client.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"

#define ANSWER_MS 15000

void client_init(struct client *client)
{
    *client = (struct client){.fd = -1};
    buf_init(&client->in);
}

void client_drop(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    buf_close(&client->in);
    buf_init(&client->in);
}

void client_close(struct client *client)
{
    client_drop(client);
}

bool client_connect(struct client *client, const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    client_drop(client);
    client->refused = (struct frame_refuse){0};
    snprintf(name.sun_path, sizeof name.sun_path, "%.107s", path);
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(client->fd, (struct sockaddr *)&name, sizeof name) == 0)
        return true;
    client_drop(client);
    return false;
}

bool client_send(struct client *client, const struct buf *bytes)
{
    for (size_t at = 0; at < bytes->size;) {
        ssize_t sent = send(client->fd, bytes->bytes + at, bytes->size - at, MSG_NOSIGNAL);
        if (sent < 0)
            return false;
        at += (size_t)sent;
    }
    return true;
}

/* Takes a frame that is already there. */
static int take(struct client *client, struct frame *frame)
{
    size_t need;
    int64_t size = frame_read(client->in.bytes, client->in.size, frame, &need, NULL);
    if (size <= 0)
        return size < 0 ? -1 : 0;
    buf_consume(&client->in, (size_t)size);
    if (frame->type != FRAME_REFUSE)
        return 1;
    client->refused = frame->refuse;
    return -1;
}

int client_receive(struct client *client, struct frame *frame, int wait_ms)
{
    for (;;) {
        int rc = client->in.size > 0 ? take(client, frame) : 0;
        struct pollfd ready = {client->fd, POLLIN, 0};
        if (rc != 0)
            return rc;
        if (poll(&ready, 1, wait_ms) == 0)
            return 0;
        uint8_t bytes[4096];
        ssize_t size = read(client->fd, bytes, sizeof bytes);
        if (size <= 0)
            return -1;
        buf_put(&client->in, bytes, (size_t)size);
    }
}

static bool expect(struct client *client, enum frame_type type, struct frame *frame)
{
    return client_receive(client, frame, ANSWER_MS) == 1 && frame->type == type;
}

bool client_open(struct client *client, const char *path, const struct frame_open *open)
{
    struct frame frame;
    struct buf out;
    if (!client_connect(client, path) || !expect(client, FRAME_HELLO, &frame))
        return false;
    buf_init(&out);
    frame_put_open(&out, open);
    bool resumed = client_send(client, &out) && expect(client, FRAME_RESUME, &frame);
    buf_close(&out);
    if (resumed)
        client->sent = client->acked = frame.seq;
    return resumed;
}

bool client_deliver(struct client *client, const struct buf *records, uint64_t count)
{
    struct frame frame;
    while (client->acked < count) {
        bool open = client->sent < count && client->sent < client->acked + FRAME_WINDOW;
        if (open) {
            struct buf out;
            buf_init(&out);
            frame_put_record(&out, records[client->sent].bytes, records[client->sent].size);
            bool sent = client_send(client, &out);
            buf_close(&out);
            client->sent += sent;
        }
        int rc = client_receive(client, &frame, open ? 0 : ANSWER_MS);
        if (rc < 0 || (rc == 0 && !open))
            return false;
        if (rc == 1 && frame.type == FRAME_ACK)
            client->acked = frame.seq;
    }
    return true;
}

void client_expect_refusal(const struct box *box, const struct frame_open *open,
                           enum refuse_code code, bool final)
{
    struct client client;
    client_init(&client);
    cr_expect_not(client_open(&client, box->sensor_socket, open));
    cr_expect(client.refused.code == code && client.refused.final == final && *client.refused.text,
              "%d '%s'", client.refused.code, client.refused.text);
    client_close(&client);
}

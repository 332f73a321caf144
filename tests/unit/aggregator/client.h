/*
 * A sensor's end of the conversation, blocking, for tests of the whole aggregator: it keeps what it
 * has to deliver in memory as a spool does, sends a window of it, and takes it up again after every
 * loss.
 */
#ifndef TEST_CLIENT_H
#define TEST_CLIENT_H

#include "common/buf.h"
#include "common/frame.h"
#include "tests/unit/aggregator/box.h"

struct client {
    int fd;        /* -1: not connected */
    struct buf in; /* received and not read yet */
    uint64_t sent, acked;
    struct frame_refuse refused; /* the last refusal; no text: none */
};

void client_init(struct client *client);
void client_close(struct client *client);
/* Drops the connection. */
void client_drop(struct client *client);

/* Connects; false when nobody answers. */
bool client_connect(struct client *client, const char *path);
/* Sends bytes; false when the connection is lost. */
bool client_send(struct client *client, const struct buf *bytes);
/* Waits at most `wait_ms` for a frame: 1 and the frame (to be closed), 0 none yet, -1 lost. A
 * refusal is kept in `refused` and counts as lost. */
int client_receive(struct client *client, struct frame *frame, int wait_ms);
/* Connects, takes HELLO, sends OPEN and takes RESUME into sent and acked; false when it does not
 * come to that (refused, lost, or no answer in 15 s). */
bool client_open(struct client *client, const char *path, const struct frame_open *open);
/* Delivers records[acked..count) (sealed; record i has sequence i + 1) until all are acknowledged;
 * false when the connection is lost, refused, or silent for 15 s. */
bool client_deliver(struct client *client, const struct buf *records, uint64_t count);

/* Expects that a connection with this OPEN is refused, in words. */
void client_expect_refusal(const struct box *box, const struct frame_open *open,
                           enum refuse_code code, bool final);

#endif

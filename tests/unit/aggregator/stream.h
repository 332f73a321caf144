/*
 * One of several connections of a sensor, each with an epoch of its own, that are moved in turn by a single thread.
 */
#ifndef TEST_STREAM_H
#define TEST_STREAM_H

#include "common/schema.h"
#include "tests/unit/aggregator/box.h"
#include "tests/unit/aggregator/client.h"

/* A connection and what it has to deliver. */
struct stream {
    struct frame_open open;
    struct client client;
    struct buf *records;
    size_t count;
};

/* `count` records of sensor "s", one a minute from `start_s`, whose sum is added to `sum`; not connected. */
void stream_begin(struct stream *stream, uint8_t epoch, int64_t start_s, size_t count,
                  struct totals *sum);
void stream_end(struct stream *stream);
/* Connects; fails the test when it is refused. */
void stream_open(const struct box *box, struct stream *stream);
/* Sends what the window allows of the first `most` records and takes what has come, without waiting for long; false
 * when the connection is lost. */
bool stream_move(struct stream *stream, size_t most);
/* Until all of all of them is acknowledged. */
void stream_move_all(struct stream *streams, size_t count);

#endif

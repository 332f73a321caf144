/*
 * Status: what an operator wants to know of a sensor and no figure holds: whether it is connected,
 * from where and since when, and why it was refused last. The aggregator keeps it in the store, where
 * other processes and other aggregators find it:
 *
 *   darkcount:aggregators           hash  NAME -> RUN BEAT             every STATUS_BEAT_MS
 *   darkcount:{SENSOR}:status       hash  connection:NAME -> RUN SINCE PEER
 *                                         error -> TIME TEXT
 *
 * NAME is the aggregator's (machine and state directory), RUN a random number of the process, times
 * are seconds since the epoch. A connection stands while its aggregator beats as the same RUN: one that
 * was killed leaves nobody connected. Nothing here is durable or answered for: while the store is away
 * nothing is noted. The server is the writer, `sensor list` reads.
 */
#ifndef AGGREGATOR_STATUS_H
#define AGGREGATOR_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/fetch.h"
#include "aggregator/store.h"

#define STATUS_BEAT_MS 5000
#define STATUS_DEAD_S  20 /* without a beat */
#define STATUS_RUN_MAX 16
#define STATUS_TEXT    512

struct status {
    struct store *store;
    uv_timer_t beat;
    char name[256];
    char run[STATUS_RUN_MAX + 1];
};

/* --- writing ---------------------------------------------------------------------------------- */

void status_init(struct status *status, uv_loop_t *loop, struct store *store, const char *state,
                 uint64_t run);
/* Begins to beat, or beats at once: the store is there. */
void status_begin(struct status *status);
void status_close(struct status *status);

/* A sensor was let in; `from` is empty for one on this machine. */
void status_opened(struct status *status, const char *sensor, const char *from);
/* The last connection of the sensor here has ended. */
void status_left(struct status *status, const char *sensor);
void status_refused(struct status *status, const char *sensor, const char *why);

/* --- reading ---------------------------------------------------------------------------------- */

struct status_seen {
    bool connected;
    int64_t since_s;
    char peer[64]; /* address, or "local" */
    bool refused;  /* `error` and `error_s` hold */
    int64_t error_s;
    char error[STATUS_TEXT];
};

/* What the two hashes, as they were fetched, say at `now_s`. What does not parse says nothing. */
void status_read(struct status_seen *seen, const struct fetch_item *aggregators,
                 const struct fetch_item *status, int64_t now_s);

#endif

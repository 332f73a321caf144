/*
 * Stats: what the aggregator has seen since it started, for its page of metrics. Server, peers and
 * lanes count in it; nothing decides by it. Pure.
 */
#ifndef AGGREGATOR_STATS_H
#define AGGREGATOR_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/frame.h"

#define STATS_SENSORS_MAX 1000 /* that have a sample of their own; the rest is counted */

/* Connections that ended before they said who they are. */
enum stats_turned_away {
    STATS_TOO_MANY, /* of all, or of one address */
    STATS_TLS,      /* no TLS, no certificate that holds */
    STATS_SLOW,     /* nothing was opened in time */
    STATS_REASONS
};

struct stats {
    uint64_t connections; /* that were accepted */
    uint64_t turned_away[STATS_REASONS];
    uint64_t refused[REFUSE_CODES]; /* conversations that were ended by a REFUSE of that code */
    uint64_t received_bytes;        /* of connections, encrypted ones as they came */
    /* Records: received = applied + duplicate + refused + those that are being applied or were when
     * the store was lost. */
    uint64_t records, applied, duplicate, records_refused[REFUSE_CODES];
    uint64_t apply_ns; /* from taking each of the applied ones until it was durable, in sum */
    struct stats_sensor {
        char name[SENSOR_NAME_MAX + 1];
        int64_t until_s; /* end of the last interval that became durable: UTC */
    } * sensors;
    size_t sensor_count, sensors_omitted;
};

/* What else the page says, as it is now. */
struct stats_now {
    size_t connections, sensors; /* open; of which delivering */
    bool store_up;
    bool replicas_wanted;                           /* the next three mean something */
    unsigned primaries_lacking;                     /* primaries with too few replicas */
    uint64_t replica_waits, replica_shortfalls;     /* times they were waited for; in vain */
    int64_t authority_until_s, certificate_until_s; /* UTC; 0: none */
    int64_t now_s;
};

void stats_close(struct stats *stats);

/* A record of a live sensor, of an interval that ended at `until_s`, became durable. */
void stats_through(struct stats *stats, const char *sensor, int64_t until_s);

/* Appends the page to `text`. */
void stats_write(const struct stats *stats, const struct stats_now *now, struct buf *text);

#endif

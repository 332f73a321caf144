/*
 * Ship: the process that carries records from the spool to the aggregator. It sees no packet and
 * holds no capture; the capture process tells it through a pipe how far the spool is on disk. The
 * conversation itself is collector/delivery.h, when to connect, to wait and to give up
 * collector/shipping.h, the connection collector/wire.h; this is their libuv loop. Over TCP it is the
 * sensor whose identity lies in the spool (collector/credentials.h).
 */
#ifndef COLLECTOR_SHIP_H
#define COLLECTOR_SHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/spool.h"

/* What the capture process writes into the pipe, one struct a time. The end of the pipe means that
 * the capture process is gone and is taken as SHIP_STOP. */
enum ship_note_kind {
    SHIP_DURABLE = 1, /* the epoch is on disk up to seq */
    SHIP_DRAIN = 2,   /* nothing more comes: deliver everything, then end */
    SHIP_STOP = 3,    /* nothing more comes: deliver what can be in SHIP_STOP_MS, then end */
};
struct ship_note {
    uint32_t kind;
    uint8_t epoch[EPOCH_SIZE];
    uint64_t seq;
};

#define SHIP_STOP_MS    3000
#define SHIP_PATIENCE_S 30 /* unless it is configured */

struct privilege;
struct vitals;

struct ship_options {
    const char *spool;
    const char *aggregator; /* common/address.h */
    uint64_t retention_s;
    uint64_t max_bytes;                /* of the spool, see manifest_save */
    uint64_t patience_s;               /* draining: ends without any progress for this long */
    const struct privilege *privilege; /* what its process gives up; NULL: nothing */
    int notes;                         /* reading end of the pipe */
    const struct vitals *vitals;       /* of the capture process; for the page of metrics */
    int metrics;                       /* descriptor that listens for it; 0: there is no page */
};

enum ship_result {
    SHIP_DELIVERED = 0, /* everything in the spool is acknowledged */
    SHIP_WAITING = 1,   /* some is not: it stays in the spool */
    SHIP_REFUSED = 2,   /* the aggregator refused an epoch for good */
    SHIP_BROKEN = 3,    /* the spool cannot be read, or the address is wrong */
};

/* Runs the loop until it is done and returns why it ended; what is worth saying was logged.
 * `epochs` (taken over, freed) is what the spool holds on disk. */
enum ship_result ship_run(const struct ship_options *options, struct spool_epoch *epochs,
                          size_t count);

#endif

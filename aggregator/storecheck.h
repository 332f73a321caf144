/*
 * What must be true of a Redis server before it is used as the store, and what is made ready there:
 * its version, the Function library, the telescope's schema and time zone, and that it would take a
 * record now. Also says, once, what
 * makes "acknowledged" less than "durable". servers.c calls it on each new connection.
 */
#ifndef AGGREGATOR_STORECHECK_H
#define AGGREGATOR_STORECHECK_H

#include <stdbool.h>

#include "aggregator/durability.h"
#include "common/storeurl.h"

#define STORECHECK_REDIS_MIN 7 /* Functions */

struct redis;

struct storecheck {
    struct redis *redis;
    const struct storeurl *url;
    const char *timezone;
    const struct durability *durability; /* borrowed until the end */
    const char *trial; /* a key that it serves and that is no sensor's; borrowed until the end */
    bool telescope;    /* it serves the key of the telescope: of a cluster one server does */
    bool warn;         /* say what is not durable */
    bool look;         /* only log in and ask for the version: make nothing ready */
};

/* `code`: 0; ERR_UNREACHABLE (lost, or not ready yet: try again); ERR_VERSION, ERR_REFUSED. */
typedef void storecheck_done_fn(void *data, int code, const char *why);

/* Begins the check; `check` is copied. ERR_NOMEM, ERR_UNREACHABLE: `done` is then never called. */
int storecheck_start(const struct storecheck *check, storecheck_done_fn *done, void *data);

#endif

/*
 * Storage: what lanes ask of the store: a guarded change and a list of reads, each answered later.
 * store.c gives it to them from Redis; a simulation has another. Requests are answered in the order
 * in which they were made, so a read sees every change asked for before it.
 */
#ifndef AGGREGATOR_STORAGE_H
#define AGGREGATOR_STORAGE_H

#include <stdbool.h>

#include "aggregator/fetch.h"
#include "aggregator/put.h"
#include "common/err.h"

/* ERR_OK: everything in the put is durable. ERR_STALE: nothing was done, the head holds another n.
 * ERR_REFUSED: nothing was done, Redis says why. ERR_UNREACHABLE: not known. */
typedef void storage_done_fn(void *data, int code, const char *why);

/* The calls return ERR_UNREACHABLE or ERR_NOMEM when they could not be asked, and never call `done`
 * then, nor before they return. The put may be closed afterwards; the fetch belongs to the storage
 * until `done`, which finds its answers in it. ERR_DAMAGED: a key is not of the kind that the schema
 * says. */
struct storage {
    bool up; /* while it is not, every call fails at once */
    int (*put)(struct storage *storage, const struct put *put, storage_done_fn *done, void *data);
    int (*fetch)(struct storage *storage, struct fetch *fetch, storage_done_fn *done, void *data);
    /* Adds a sensor to darkcount:sensors. */
    int (*add_sensor)(struct storage *storage, const char *sensor, storage_done_fn *done,
                      void *data);
    /* Set by the lanes, told when it is not up any more: when it is again, it may be in an older state
     * than what was read of it. */
    void (*lost)(void *data);
    void *data;
};

#endif

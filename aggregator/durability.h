/*
 * Durability: what the operator wants an acknowledgement to mean, [store] of the configuration. The
 * store is held to it: storecheck.c refuses a server that does not write to disk as it says,
 * replication.c holds an answer back until the replicas have what was written, check_store.c compares.
 * Pure.
 */
#ifndef AGGREGATOR_DURABILITY_H
#define AGGREGATOR_DURABILITY_H

#include <stdbool.h>
#include <stdint.h>

#define DURABILITY_REPLICAS_MAX 16
#define DURABILITY_WAIT_MS      1000 /* for the replicas, unless the configuration says */
#define DURABILITY_WAIT_MIN_MS  10
#define DURABILITY_WAIT_MAX_MS  20000 /* less than REDIS_REPLY_MS */

struct durability {
    bool stated; /* in the configuration; else what the server does is told and taken as it is */
    bool fsync;  /* on the disk of the server that answers */
    uint64_t replicas; /* in the memory of so many of its replicas; 0: not asked for */
    uint64_t wait_ms;  /* at a time */
};

/* `word`: fsync, replicas, both, or NULL where the configuration says nothing. `replicas`: 0 where it
 * says nothing, which is 1 where they are asked for. ERR_INVALID with the cause in `errmsg`. */
int durability_parse(struct durability *durability, const char *word, uint64_t replicas,
                     uint64_t wait_ms, char *errmsg);

#endif

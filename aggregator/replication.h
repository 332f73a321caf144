/*
 * Replication: holds back what a primary has answered until so many of its replicas have it, too, by
 * WAIT on the same connection (https://redis.io/docs/latest/commands/wait/). Commands of one connection
 * are done in their order, so one WAIT is good for every answer that came before its own: there is at
 * most one under way, whatever the number of changes. Too few replicas: it is asked again, nothing is
 * given free meanwhile, and that is told once. servers.c has one for each connection.
 *
 *   replication_init -> replication_hold ... -> held->done(held, true)
 *                                            -> the connection is lost: held->done(held, false)
 */
#ifndef AGGREGATOR_REPLICATION_H
#define AGGREGATOR_REPLICATION_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/durability.h"
#include "aggregator/redis.h"

/* Embedded by whoever waits, who keeps it until `done`. */
struct held {
    struct held *next;
    void (*done)(struct held *held, bool durable);
};

/* What is told of all connections of a store; outlives them. */
struct replicated {
    uint64_t waits, short_waits; /* answered; of them with too few replicas */
    unsigned lacking;            /* primaries that lack replicas now */
};

struct replication {
    struct redis *redis; /* borrowed, as the next three */
    const struct durability *durability;
    struct replicated *replicated;
    const char *shown; /* the primary, for messages */
    /* The server does not wait, and says why: the owner gives the connection up. */
    void (*failed)(struct replication *replication, const char *error);
    struct held *first, **last;
    bool lacking;
};

/* Makes it ready; the borrowed fields and `failed` are set. */
void replication_init(struct replication *replication);
/* Calls held->done, perhaps at once, when what was asked on the connection so far is with the replicas. */
void replication_hold(struct replication *replication, struct held *held);

#endif

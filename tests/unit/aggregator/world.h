/*
 * A world for tests of apply and load: a store in memory, the part of sensor "s" over it, and beside
 * them every record that was applied: the naive model. world_expect computes every figure of every
 * level from those records and compares with what a reader finds in the store. Where `redis` is set,
 * a real server is told the same and must answer OK.
 */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include <hiredis/hiredis.h>

#include "aggregator/apply.h"
#include "aggregator/load.h"
#include "tests/unit/aggregator/keymap.h"
#include "tests/unit/aggregator/sensor.h"

#define NS_PER_S     INT64_C(1000000000)
#define WORLD_EPOCHS 4
#define WORLD_MOST   1500 /* records */

/* 2026: the clocks go forward, back (Berlin), a month ends, the year ends; and 2019. */
extern const int64_t world_places[5];

struct world {
    struct keymap store;
    redisContext *redis; /* NULL: none */
    struct part part;
    struct part_keep keep; /* may be set before world_reload */
    int64_t now_s;
    struct world_record {
        struct record record;
        uint64_t n;           /* the call that applied it */
        uint64_t observed_ns; /* that it added */
    } * applied;
    size_t count;
    uint64_t seq[WORLD_EPOCHS + 1];
    unsigned loads, folds, turns, reloads, overlaps;
};

void world_begin(struct world *world, const char *zone);
void world_end(struct world *world);
/* Drops the part and loads it again. */
void world_reload(struct world *world);
/* The same, without the assertion that it succeeds; then the open periods of `at_s`. The first error
 * of either, or 1. */
int world_load(struct world *world, int64_t at_s, char *errmsg);

/* Opens an epoch and gives its sequence. */
uint64_t world_open(struct world *world, uint8_t epoch, bool replay);
/* Performs the put, which is closed; `rc` is that of the function that wrote it. */
void world_send(struct world *world, struct put *put, int rc);
void world_fold(struct world *world);
/* Applies a record as the lane does, without a check, and keeps it in the model: it moves there. */
void world_apply(struct world *world, struct record *record);
/* Offers the next random record of an epoch, or now and then one that was there before. */
void world_deliver(struct world *world, uint8_t epoch, int64_t start_s, uint64_t *random);
/* The same, until a new record was applied. */
void world_deliver_new(struct world *world, uint8_t epoch, int64_t start_s, uint64_t *random);

/* A number of the head; 0 when it has none. */
uint64_t world_head(const struct world *world, const char *field);

/* Compares every period that any record fell into, the minutes and the revisions. */
void world_expect(const struct world *world);

#endif

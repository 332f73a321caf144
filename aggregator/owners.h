/*
 * Owners: the connections that deliver on one lane, each a spool epoch of its own, and whose turn
 * it is. The part has the periods of one moment open, and opening others costs a fold and a load;
 * so one owner has the turn, and who needs other periods than the open ones waits for it: until
 * the lane is quiet, or OWNERS_BURST records were taken since somebody began to wait. lane.c is the
 * caller. Pure.
 *
 *   owners_join -> owners_turn_for, owners_count ... -> owners_leave
 *   later on: owners_next_turn and owners_waiting say who is to be told to offer again
 */
#ifndef AGGREGATOR_OWNERS_H
#define AGGREGATOR_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/frame.h"
#include "common/inventory.h"

#define OWNERS_MAX   16 /* connections that deliver for one sensor */
#define OWNERS_BURST 64 /* records taken before another has the turn */

struct lane;
struct lane_events;

struct owner {
    struct lane *lane;
    const struct lane_events *on;
    void *data;                 /* for the events; NULL: the slot is free */
    struct frame_open open;     /* `darknet` is ours and canonical; NULL once it is being answered;
                             * `inventory` is ours */
    struct inventory inventory; /* of an enrolled sensor: what its records are held against */
    uint64_t durable;           /* last durable sequence of its epoch */
    bool opening;               /* `open` is to be answered */
    bool waiting;               /* it was told "later" */
    bool wants_turn;            /* and waits for its turn */
};

struct owners {
    struct owner slots[OWNERS_MAX];
    struct owner *turn; /* NULL: nobody has it */
    unsigned burst;     /* records taken since somebody waits for the turn */
};

/* A free slot, or NULL when all are taken. It is in use once its `data` is set. */
struct owner *owners_join(struct owners *owners);
/* Empties the slot. */
void owners_leave(struct owners *owners, struct owner *owner);

/* The first owner from `*at` on, which moves behind it; NULL at the end. */
struct owner *owners_each(struct owners *owners, unsigned *at);
bool owners_any(const struct owners *owners);
/* The owner that delivers or opens the epoch, or NULL. */
struct owner *owners_of_epoch(struct owners *owners, const uint8_t epoch[EPOCH_SIZE]);
/* Another owner that delivers a capture whose span overlaps the one of `owner`, or NULL. */
struct owner *owners_claiming(struct owners *owners, const struct owner *owner);
/* An owner whose `open` is to be answered, or NULL. */
struct owner *owners_opening(struct owners *owners);

/* Whether `owner` has the turn, or gets it because nobody else needs it (`quiet`: nothing is under
 * way). If not, it is noted as waiting for it. */
bool owners_turn_for(struct owners *owners, struct owner *owner, bool quiet);
/* A record was taken. */
void owners_count(struct owners *owners);
/* Whether no record is to be taken before another owner has had the turn. */
bool owners_burst_over(const struct owners *owners);
/* Gives the turn to the next owner that waits for it when the time has come, and returns it; it
 * waits no more. NULL: not yet, or nobody waits. */
struct owner *owners_next_turn(struct owners *owners, bool quiet);
/* An owner that was told "later" and does not wait for the turn, who has the turn first; NULL:
 * none. It waits no more. */
struct owner *owners_waiting(struct owners *owners);

#endif

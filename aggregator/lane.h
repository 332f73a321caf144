/*
 * Lanes: one for each sensor that is delivering. A lane owns the sensor's part, brings it up from
 * the store, carries each record from the session through apply.c to the store, and tells the
 * session what has become durable. Puts are pipelined: each is guarded by the n that the one before
 * it leaves, so when one fails all after it fail too, the lane is broken, its part is dropped, and
 * the sensor has to open again. peer.c is the owner of a lane, at most one at a time.
 *
 *   lane_open -> [load] -> [a new sensor: neighbours] -> on->opened
 *   lane_record -> taken -> on->durable      | later -> on->ready | refused
 *   lane_release -> the rest is awaited, the log folded, the lane freed
 *   anything that goes wrong -> on->refused, the lane is no longer the owner's
 */
#ifndef AGGREGATOR_LANE_H
#define AGGREGATOR_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/store.h"
#include "common/frame.h"

#define LANE_BYTES_MAX                                                                             \
    ((size_t)16 << 20) /* of puts under way for one sensor, before the next waits */

struct lane;

struct lanes {
    struct store *store; /* borrowed */
    struct lane *first;
    bool draining; /* every log is to be folded */
    void (*drained)(void *data);
    void *data;
};

/* What a lane tells its owner. Any of them may come before the call that caused it returns. */
struct lane_events {
    void (*opened)(void *owner, uint64_t seq); /* `seq` is durable */
    void (*ready)(void *owner);                /* a record answered "later" may be offered again */
    void (*durable)(void *owner, uint64_t seq);
    void (*refused)(void *owner, const struct frame_refuse *refuse); /* the lane is gone */
};

enum lane_taken {
    LANE_TAKEN,     /* on->durable will tell */
    LANE_DUPLICATE, /* it was applied before; *durable says up to where all is durable */
    LANE_LATER,     /* offer it again after on->ready */
    LANE_REFUSED,   /* `refuse` says why; the lane is gone */
};

void lanes_init(struct lanes *lanes, struct store *store);

/* Opens the lane of the sensor for `owner`, or opens another epoch on the lane `held` that it has.
 * `open` is copied. `*lane` is set before any event. ERR_REFUSED with the reason in `refuse`: there
 * is no lane, and the one held is gone. */
int lane_open(struct lanes *lanes, struct lane *held, const struct frame_open *open,
              const struct lane_events *on, void *owner, struct lane **lane,
              struct frame_refuse *refuse);
/* Offers a sealed record. */
enum lane_taken lane_record(struct lane *lane, const uint8_t *bytes, size_t size, uint64_t *durable,
                            struct frame_refuse *refuse);
/* The owner leaves; no event comes after it. */
void lane_release(struct lane *lane);

/* Folds what every lane has when its puts are done, then calls `drained`, perhaps at once. Records
 * are not to be offered any more. */
void lanes_drain(struct lanes *lanes, void (*drained)(void *data), void *data);

#endif

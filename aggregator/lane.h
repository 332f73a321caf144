/*
 * Lanes: one for each sensor that is delivering. A lane owns the sensor's part, brings it up from
 * the store, carries each record from the session through apply.c to the store, and tells the
 * session what has become durable. Puts are pipelined: each is guarded by the n that the one before
 * it leaves, so when one fails all after it fail too, the lane is broken, its part is dropped, and
 * the sensor has to open again. peer.c is the owner of a place on a lane; a sensor may have several
 * (it is live while an archive of it is replayed), each with a spool epoch of its own. All of them
 * feed the one row of puts, and owners.c says whose turn it is when they need different periods.
 * An OPEN is answered when nothing is under way, so that what its epoch has is durable; until then
 * the other owners' records wait.
 *
 *   lane_open -> [load] -> [a new sensor: neighbours] -> on->opened
 *   lane_record -> taken -> on->durable      | later -> on->ready | refused
 *   lane_release -> the place is free; after the last: the rest is awaited, the log folded, the
 *                   lane freed
 *   anything that goes wrong -> on->refused (to every owner when the lane is broken), the place is
 *                   no longer the owner's
 */
#ifndef AGGREGATOR_LANE_H
#define AGGREGATOR_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/claims.h"
#include "aggregator/neighbour.h"
#include "aggregator/part.h"
#include "aggregator/stats.h"
#include "aggregator/storage.h"
#include "aggregator/trouble.h"
#include "common/frame.h"

#define LANE_BYTES_MAX                                                                             \
    ((size_t)16 << 20) /* of puts under way for one sensor, before the next waits */

struct lane;
struct owner; /* a place on a lane */

struct lanes {
    struct storage *store; /* borrowed */
    const char *registry;  /* the state directory, borrowed; NULL: none */
    uint64_t run, parts;   /* of this aggregator's, in this run: they name the writer */
    struct stats *stats;   /* borrowed */
    struct lane *first;
    void *by_name;                /* the same lanes (tsearch) */
    struct claims claims;         /* the addresses of those that are whole */
    struct neighbours neighbours; /* new sensors on their way in */
    struct part_keep keep;        /* of every sensor; may be changed before the first is opened */
    struct troubles troubles;     /* sensors that the store refuses */
    bool draining;                /* every log is to be folded */
    void (*drained)(void *data);
    void *data;
};

/* What a lane tells an owner, `data` being what it gave. Any of them may come before the call that
 * caused it returns. */
struct lane_events {
    void (*opened)(void *data, uint64_t seq); /* `seq` is durable */
    void (*ready)(void *data);                /* a record answered "later" may be offered again */
    void (*durable)(void *data, uint64_t seq);
    void (*refused)(void *data, const struct frame_refuse *refuse); /* the place is gone */
};

enum lane_taken {
    LANE_TAKEN,     /* on->durable will tell */
    LANE_DUPLICATE, /* it was applied before; *durable says up to where all is durable */
    LANE_LATER,     /* offer it again after on->ready */
    LANE_REFUSED,   /* `refuse` says why; the place is gone */
};

/* `run`: a random number, of this run of the aggregator alone. */
void lanes_init(struct lanes *lanes, struct storage *store, const char *registry,
                struct stats *stats, uint64_t run);

/* Takes a place on the lane of the sensor, or opens another epoch from the place `held` that the
 * caller has. `open` is copied, `data` is not NULL. `*owner` is set before any event. ERR_REFUSED
 * with the reason in `refuse`: there is no place, and the one held is gone. The records of a sensor
 * with open->inventory may be of addresses and times in it alone. */
int lane_open(struct lanes *lanes, struct owner *held, const struct frame_open *open,
              const struct lane_events *on, void *data, struct owner **owner,
              struct frame_refuse *refuse);
/* The registry has another inventory of the sensor: the owner's records are held against it from now
 * on. One that does not parse is not taken. */
void lane_inventory(struct owner *owner, const char *text);
/* How many calls of the sensor there will be in the store when what is under way is done; false when no
 * lane knows. For who puts beside the lanes. */
bool lanes_calls(const struct lanes *lanes, const char *sensor, uint64_t *n);
/* Offers a sealed record. */
enum lane_taken lane_record(struct owner *owner, const uint8_t *bytes, size_t size,
                            uint64_t *durable, struct frame_refuse *refuse);
/* Offers the sensor's word that records are lost at it: their sequences are passed over. */
enum lane_taken lane_lost(struct owner *owner, const struct frame_lost *lost, uint64_t *durable,
                          struct frame_refuse *refuse);
/* The owner leaves; no event comes after it. */
void lane_release(struct owner *owner);

/* Folds what every lane has when its puts are done, then calls `drained`, perhaps at once. Records
 * are not to be offered any more. */
void lanes_drain(struct lanes *lanes, void (*drained)(void *data), void *data);

#endif

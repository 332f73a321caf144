/*
 * A meter from the inside, for its two files: meter.c counts packets in lanes, meter_seal.c seals and
 * moves time on, which takes all lanes.
 */
#ifndef COLLECTOR_METER_PRIVATE_H
#define COLLECTOR_METER_PRIVATE_H

#include <pthread.h>

#include "collector/interval.h"
#include "collector/meter.h"

#define NS_PER_S INT64_C(1000000000)
#define WIDTH_NS (METER_WIDTH_S * NS_PER_S)

/* Of a lane, by what they are for: they change places. */
enum slot {
    OPEN,
    OTHER, /* with keep_late that of the late packets at hand, otherwise the one behind the open */
    SPARE, /* closed; holds what is being sealed */
    SLOTS
};

struct lane {
    pthread_mutex_t gate; /* held while waiting for the lock: whoever waits is next */
    pthread_mutex_t lock;
    struct interval *slots[SLOTS];
    char *paths[SLOTS]; /* of the files; NULL */
    int64_t seen_ns;    /* the latest packet */
} __attribute__((aligned(128)));

struct meter {
    struct meter_options options;
    struct lane *lanes;
    pthread_mutex_t moving; /* held by the thread that seals; taken before any lane */
    struct addrvec room;    /* empty; memory of the record before, where its sink left it */
    /* Changed with all lanes held, read with any. */
    int64_t start_ns;  /* of the open interval */
    int64_t first_ns;  /* where observation of it began */
    int64_t seen_ns;   /* the latest moment known to be observed */
    int64_t late_ns;   /* time of the first packet of the late interval */
    int64_t sealed_ns; /* nothing up to here is opened again */
    bool observing;
    int error; /* what ended the meter; 0 while nothing did */
    /* Told while observation was paused; goes into the next interval. */
    uint64_t owed_kernel, owed_interface, owed_undecodable;
    uint32_t owed_flags;
};

/* The start of the interval of a moment. */
static inline int64_t meter_start_of(int64_t at_ns)
{
    return at_ns - at_ns % WIDTH_NS;
}

/* Takes `moving` and all lanes, and gives them back. */
void meter_hold(struct meter *meter);
void meter_release(struct meter *meter);

/* With these held; while a record is made the lanes are let go, so that everything about time is to be
 * looked at again behind a call. Errors are the sink's, or ERR_NOMEM. */

/* Time is `now_ns`: seals what ended by then, leaves a gap where nothing was seen for too long. */
int meter_move_to(struct meter *meter, int64_t now_ns);
/* Observation begins, unless it has. */
int meter_begin_at(struct meter *meter, int64_t now_ns);
/* Seals what is open as observed until `last_ns`; observation is paused. */
int meter_pause_at(struct meter *meter, int64_t last_ns);
/* keep_late: makes the late interval that of `at_ns`. */
int meter_open_late(struct meter *meter, int64_t at_ns);
/* Seals a lane's interval that has as many packets as its counters are sure to hold. */
int meter_split(struct meter *meter, int64_t at_ns);

#endif

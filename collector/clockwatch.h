/*
 * Clockwatch: tells when the wall clock was stepped (set by hand, by NTP) and when the machine slept,
 * by comparing it with the clocks that cannot be set. Asked by the live sensor at every tick. Pure:
 * the readings come from the caller, see clockwatch_read.
 */
#ifndef COLLECTOR_CLOCKWATCH_H
#define COLLECTOR_CLOCKWATCH_H

#include <stdbool.h>
#include <stdint.h>

/* A smaller step is not told from slewing (500 ppm) and from the time between two readings. */
#define CLOCKWATCH_STEP_NS INT64_C(100000000)

/* clock_gettime(2), nanoseconds, as near to each other as can be. */
struct clockwatch_reading {
    int64_t real_ns;      /* CLOCK_REALTIME: can be stepped */
    int64_t boot_ns;      /* CLOCK_BOOTTIME: counts sleep */
    int64_t monotonic_ns; /* CLOCK_MONOTONIC: does not */
};

struct clockwatch {
    struct clockwatch_reading last;
    bool begun;
};

struct clockwatch_result {
    int64_t stepped_ns; /* how far the wall clock was set: negative back; 0: it was not */
    int64_t slept_ns;   /* how long the machine slept; 0: it did not */
    int64_t passed_ns;  /* awake, since the reading before */
};

/* What happened between the reading before and this one; nothing at the first. All zeros begins. */
struct clockwatch_result clockwatch_tick(struct clockwatch *watch,
                                         const struct clockwatch_reading *now);

/* Reads the clocks. */
struct clockwatch_reading clockwatch_read(void);

#endif

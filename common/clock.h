/*
 * Clock: the time that timers and waits go by, which nobody can set (CLOCK_MONOTONIC). The wall clock
 * of a live sensor is collector/clockwatch.h.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since some moment of the machine's. */
static inline int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline int64_t monotonic_ms(void)
{
    return monotonic_ns() / 1000000;
}

#endif

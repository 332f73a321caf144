/*
 * Back-off: how long to wait before the next try. Called by whoever connects to something that may
 * not be there: the ship process to the aggregator, the aggregator to the store. Pure.
 */
#ifndef COMMON_BACKOFF_H
#define COMMON_BACKOFF_H

#include <stdint.h>

/* Milliseconds to wait after `failures` tries in a row that came to nothing: doubles from `first_ms`
 * to `most_ms`, of which the half is waited at least and the rest as `random` (any number) says, so
 * that those who lost the same peer do not come back in step. */
uint64_t backoff_ms(unsigned failures, uint64_t first_ms, uint64_t most_ms, uint32_t random);

#endif

/*
 * Random numbers for property tests: the same on every run (SplitMix64, G. Steele et al., 2014).
 */
#ifndef TESTS_UNIT_COMMON_RANDOM_H
#define TESTS_UNIT_COMMON_RANDOM_H

#include <stdint.h>

/* The next number; `state` starts as the seed. */
static inline uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 .. bound - 1. */
static inline uint64_t random_below(uint64_t *state, uint64_t bound)
{
    return random_next(state) % bound;
}

#endif

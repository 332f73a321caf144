/*
 * Witnesses for rows that are made up: those of as many sources as packets, each by chance, which is the
 * most that they can weigh. Of the state of the maker's random numbers, which stays as it is.
 */
#ifndef TESTS_BENCH_WITNESS_H
#define TESTS_BENCH_WITNESS_H

#include "common/tables.h"

#define WITNESS_SOURCES 64 /* beyond as many all bits are set */

/* Of the row appended last. */
static inline void witness_row(struct table *table, uint64_t random)
{
    uint64_t packets = table->sums[table->count - 1].packets;
    uint8_t *witnesses = &table->witnesses[table->count - 1];
    for (uint64_t i = 0; i < packets && i < WITNESS_SOURCES; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407; /* Knuth's MMIX */
        *witnesses |= (uint8_t)(1u << (random >> 61));
    }
}

#endif

/*
 * Records of a synthetic telescope, the same on every run: every address of a darknet is active in
 * every minute, as in a telescope of today (4.6 packets a minute and address), ports and sources fall off
 * with their rank, hosts come from a large pool. For the benchmarks of the store. SOURCES=no in the
 * environment: records without sources.
 */
#ifndef BENCH_MINUTES_H
#define BENCH_MINUTES_H

#include "common/record.h"

struct minutes {
    uint64_t random; /* not 0 */
    uint32_t first;  /* the first of the addresses, which follow each other */
    size_t addresses;
    uint8_t epoch[EPOCH_SIZE];
    char sensor[SENSOR_NAME_MAX + 1];
};

/* A number in [0, 1), and one of a Poisson distribution. */
double minutes_fraction(uint64_t *random);
uint64_t minutes_poisson(uint64_t *random, double mean);

/* Fills an initialised record. */
void minutes_fill(struct minutes *minutes, struct record *record, uint64_t seq, int64_t start_s);

#endif

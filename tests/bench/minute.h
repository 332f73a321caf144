/*
 * Made-up minutes of a darknet, the same on every run: for benchmarks of what carries records.
 */
#ifndef BENCH_MINUTE_H
#define BENCH_MINUTE_H

#include <stdint.h>

#include "common/record.h"

struct minute_plan {
    uint32_t base;      /* first address of the darknet, host byte order */
    uint32_t addresses; /* of the darknet */
    uint32_t every;     /* so many of them share one active one: 1, every address is hit */
    uint32_t tcp_ports, udp_ports;
};

/* Fills `record`, which is initialised and has no epoch yet: some packets to each active address, one
 * address in a hundred a hundred times as many; four in five of them TCP. `*random` is not 0. */
void minute_fill(struct record *record, const struct minute_plan *plan, const char *sensor,
                 uint64_t seq, int64_t start_s, uint64_t *random);

#endif

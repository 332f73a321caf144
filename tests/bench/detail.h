/*
 * What lies below the totals of a synthetic store: packets per address and tables that sum to totals
 * already chosen, the same on every run, and their values as the aggregator writes them. synth.c
 * makes those of a day, adds them up for the year, and puts both.
 */
#ifndef BENCH_DETAIL_H
#define BENCH_DETAIL_H

#include <stdbool.h>

#include "common/addrvec.h"
#include "common/schema.h"
#include "common/tables.h"

struct detail {
    struct addrvec addresses;
    struct tables tables;
};

void detail_init(struct detail *detail);
void detail_close(struct detail *detail);

/* Fills an empty one: `totals->active` of the addresses from `first` on, and ports by Zipf's law.
 * `totals->bytes` is to be 44 times the packets. -1 when memory ran out. */
int detail_fill(struct detail *detail, const struct totals *totals, uint32_t first, uint64_t seed,
                bool tables);
/* into += from. -1 when memory ran out. */
int detail_add(struct detail *into, const struct detail *from);

#endif

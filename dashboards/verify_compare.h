/*
 * The comparison under `darkcount verify`: what is stored of a period against what its parts sum to.
 * Pure.
 */
#ifndef DASHBOARDS_VERIFY_COMPARE_H
#define DASHBOARDS_VERIFY_COMPARE_H

#include "dashboards/store.h"

/* Told once for each figure that disagrees; `what` is static. */
typedef void verify_complain_fn(void *user, const char *what, uint64_t stored, uint64_t recomputed);

/* Every counter; then, in numbers of rows that differ, addresses, tables and registers of the sketch. */
void verify_compare(const struct store_counts *stored, const struct store_counts *sum,
                    verify_complain_fn *complain, void *user);

/* A day's totals against its course, whose drops are all in kernel_dropped. */
void verify_compare_course(const struct totals *stored, const struct totals *course,
                           verify_complain_fn *complain, void *user);

#endif

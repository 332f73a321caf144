/*
 * Coverage: address-time observed and expected, of one sensor or summed over several. Where a sensor's
 * inventory changes within a range, how much was observed before and after is read of the store here;
 * where it does not, who has the totals of the range at hand knows it (coverage_add).
 */
#ifndef DASHBOARDS_COVERAGE_H
#define DASHBOARDS_COVERAGE_H

#include "dashboards/expect.h"

/* Address-nanoseconds. */
struct coverage {
    double expected, observed;
};

/* Adds a span of which `observed_ns` were observed. No more counts than was expected: the moment that two
 * records may share at their ends does not make it more, and a span without a gap gives exactly 1. */
void coverage_add(struct coverage *coverage, const struct expect_span *span, uint64_t observed_ns);

/* Adds what was summed elsewhere. */
void coverage_join(struct coverage *to, const struct coverage *from);

/* How much of a span the sensor at that position observed. As store_read_pieces. */
int coverage_observed(struct store *store, size_t sensor, const struct expect_span *span,
                      uint64_t *observed_ns, char *errmsg);

/* observed / expected, 0 to 1; NaN when nothing was expected. */
double coverage_share(const struct coverage *coverage);

#endif

/*
 * Expect: what a sensor was to observe in a range of time: the spans in which its inventory had one and
 * the same number of addresses, cut to the time in which anything was expected of it at all. The
 * denominator of coverage and of the method `inventory`. Pure.
 *
 *   expect_begin -> expect_next ... until it is false
 */
#ifndef DASHBOARDS_EXPECT_H
#define DASHBOARDS_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "dashboards/store.h"

struct expect {
    const struct store_sensor *sensor;
    int64_t from_s, to_s;
    size_t next; /* version */
};

struct expect_span {
    const struct inventory_version *version; /* it has addresses */
    int64_t start_s, end_s;    /* [start, end): that of the version within the range */
    int64_t first_ns, last_ns; /* what is expected of it; both ends included, not empty */
};

/* [from_s, to_s), whole minutes. */
void expect_begin(struct expect *expect, const struct store_sensor *sensor, int64_t from_s,
                  int64_t to_s);
/* The next span in which anything is expected, ascending; false when there is none. */
bool expect_next(struct expect *expect, struct expect_span *span);

uint64_t expect_span_ns(const struct expect_span *span);
/* Address-nanoseconds that are expected in the range. */
double expect_sum(const struct store_sensor *sensor, int64_t from_s, int64_t to_s);
/* Whether one span holds all that the sensor ever observed in the range: what was observed in the range
 * was then observed in the span. */
bool expect_alone(const struct store_sensor *sensor, int64_t from_s, int64_t to_s,
                  struct expect_span *span);

/* Every address that was in the inventory at any time of the range, to be freed with prefixset_free;
 * NULL with `*rc` 0 when there is none, or ERR_NOMEM. */
struct prefixset *expect_darknet(const struct store_sensor *sensor, int64_t from_s, int64_t to_s,
                                 int *rc);

#endif

/*
 * A synthetic telescope for the tests of the charts: two sensors, a year that has quiet days, a day
 * observed in part, days without data, a scan. The same on every run and machine: integers and exact
 * fractions only.
 */
#ifndef TESTS_CHARTED_H
#define TESTS_CHARTED_H

#include "dashboards/chart_annual.h"
#include "dashboards/chart_classes.h"
#include "dashboards/chart_countries.h"
#include "dashboards/chart_coverage.h"
#include "dashboards/chart_daily.h"
#include "dashboards/chart_map.h"
#include "dashboards/chart_ports.h"

#define CHARTED_DAYS    8000
#define CHARTED_SENSORS 250

struct charted {
    struct caption caption;
    size_t days;
    struct caption_date dates[CHARTED_DAYS];
    double packets[CHARTED_DAYS], hosts[CHARTED_DAYS], coverage[CHARTED_DAYS];
    struct chart_classes_column classes[CHARTED_DAYS];
    size_t months;
    struct caption_date month_dates[CHARTED_DAYS / 28];
    struct chart_classes_column month_classes[CHARTED_DAYS / 28];
    struct chart_coverage_row rows[CHARTED_SENSORS];
    struct chart_coverage_cell cells[CHARTED_SENSORS][CHARTED_DAYS];
    char names[CHARTED_SENSORS][80];
    double map[1 << 16];
};

/* A telescope of `days` days from `first` on and that many sensors, on the heap: free(). */
struct charted *charted_new(enum language language, struct caption_date first, size_t days,
                            size_t sensors);

struct chart_daily charted_daily(const struct charted *telescope);
struct chart_classes charted_classes(const struct charted *telescope, bool months);
struct chart_ports charted_ports(const struct charted *telescope, size_t ports);
struct chart_countries charted_countries(const struct charted *telescope, size_t countries);
struct chart_coverage charted_coverage(const struct charted *telescope, size_t sensors);
/* A darknet of that many addresses. */
struct chart_map charted_map(struct charted *telescope, uint64_t addresses);

#endif

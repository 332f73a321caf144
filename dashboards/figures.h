/*
 * The yearly figures, computed from what the sensors counted: definitions and rounding are in
 * docs/FIGURES.md. Pure: the caller reads the store and hands over day totals, what was expected and
 * observed, unique hosts and, for METHOD_INVENTORY, courses. Order of calls for one year: figures_begin,
 * then for every sensor figures_day, figures_expected, figures_hosts, figures_restated and figures_course,
 * in any order; figures_end, and figures_close at last. Sensors' darknets are disjoint, so active addresses add up. The same calls
 * in the same order give the same bits.
 */
#ifndef DASHBOARDS_FIGURES_H
#define DASHBOARDS_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/calendar.h"
#include "common/course.h"
#include "common/hll.h"
#include "common/schema.h"
#include "dashboards/coverage.h"

enum method { METHOD_DAILY, METHOD_MEAN, METHOD_INVENTORY };

/* "daily", "mean", "inventory"; method_parse: ERR_INVALID for any other word. */
const char *method_name(enum method method);
int method_parse(const char *text, enum method *method);

/* The figures of one year. A NaN is a figure that could not be computed: missing, not zero. */
struct figures {
    int year;
    bool any_data; /* false: no sensor observed in this year, nothing else here means anything */
    uint64_t packets;
    uint64_t observed_addresses; /* active addresses on the last day with data */
    double packets_per_address;
    enum method method;
    double seconds_per_packet;
    bool hosts_known; /* false: a sensor with packets has no sketch of its hosts */
    uint64_t unique_hosts;
    double coverage;           /* 0 .. 1 */
    int64_t first_ns, last_ns; /* of the time in which anything was expected; both 0: none was */
    uint64_t dropped;
    uint64_t revision;
};

/* Whether the figures of `figures` are an estimate: less than everything was observed, or it is not
 * known how much was. */
bool figures_estimate(const struct figures *figures);

/* The days of that time, from the first to the last: false when they are the whole year, or nothing was
 * expected. A year that began in June is complete with a coverage of 1, and its figures are those of a
 * part of the year all the same. */
bool figures_part_of_year(const struct figures *figures, struct period *first, struct period *last);

/* The two ends of what packets per address may be where not everything was observed: what the figure
 * is if nothing came in the time not observed, and if that time was like the rest. Both NaN with a
 * coverage of 1, without any, and without a figure. */
void figures_band(const struct figures *figures, double *low, double *high);

/* Packets per address as a multiple of those of `before`; NaN unless that is the year before and both
 * have a figure, that of `before` above 0. */
double figures_growth(const struct figures *before, const struct figures *figures);

struct figures_daysum { /* all sensors */
    uint64_t packets, active, records;
};

/* A day minute by minute, over all sensors. */
struct figures_minutes {
    uint64_t packets[COURSE_SLOTS];
    uint64_t up_ns[COURSE_SLOTS]; /* in which any sensor observed: that of the one that most did */
    double addressed[COURSE_SLOTS]; /* address-nanoseconds observed */
};

/* A year being summed. To be treated as opaque; it is large (some 30 KB), so not for the stack. */
struct figures_sum {
    struct period year;
    struct figures_daysum days[12][31];
    uint64_t dropped, revision;
    struct coverage coverage;
    struct figures_time {
        int64_t first_ns, last_ns;
    } * times; /* in which a sensor was to observe, of all of them */
    size_t time_count, time_room;
    bool hosts_known;
    struct hll hosts;
    struct figures_minutes *minutes[12][31]; /* of days with a course */
    bool overflow;
};

/* Begins the sums of a year (a period of LEVEL_YEAR). */
void figures_begin(struct figures_sum *sum, const struct period *year);

/* Adds a sensor's day; month 1..12, day 1..31. */
void figures_day(struct figures_sum *sum, int month, int day, const struct totals *totals);
/* Adds a span of the year in which a sensor was to observe, and how much of it it did. ERR_NOMEM. */
int figures_expected(struct figures_sum *sum, const struct expect_span *span, uint64_t observed_ns);
/* Adds how often the year of a sensor was restated. */
void figures_restated(struct figures_sum *sum, uint64_t times);
/* Adds hosts of the year; `known` is false when there are others of which there is no sketch. */
void figures_hosts(struct figures_sum *sum, const struct hll *hosts, bool known);

/* Adds the minutes [first, end) of the course of a sensor's day, in which it had so many addresses.
 * ERR_NOMEM. */
int figures_course(struct figures_sum *sum, int month, int day, double addresses, size_t first,
                   size_t end, const struct course *course);

/* Computes the figures. ERR_INVALID with the cause in `errmsg` when the packets of the year do not
 * fit into 64 bits. */
int figures_end(struct figures_sum *sum, enum method method, struct figures *figures, char *errmsg);

/* A coverage as it is printed, with so many decimals: cut, not rounded, because what is less than 1
 * must not be printed as 1. NaN stays NaN. */
#define FIGURES_COVERAGE_DECIMALS 9
double figures_cut_coverage(double coverage);

/* Frees what the sums hold; to be called after figures_begin whatever came then. */
void figures_close(struct figures_sum *sum);

#endif

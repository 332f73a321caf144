/*
 * A telescope made up for tests: random records of a few sensors, kept as they are, and written into
 * a Redis by the rules of common/schema.h as an aggregator would have left them at any moment:
 * folded up to one call, its log going back to another. What a query must say of any stretch of time
 * is then known by adding up the records.
 */
#ifndef TESTS_UNIT_DASHBOARDS_TELESCOPE_H
#define TESTS_UNIT_DASHBOARDS_TELESCOPE_H

#include "common/calendar.h"
#include "common/course.h"
#include "common/record.h"
#include "common/schema.h"
#include "tests/unit/dashboards/redis.h"

#define TELESCOPE_SENSORS 3

#define TELESCOPE_VERSIONS 6

struct telescope_version {
    int64_t from_s;
    const char *list;
    double size;
};

struct telescope_sensor {
    char name[16];
    struct record *records; /* call i + 1 applied records[i] */
    size_t count;
    double addresses;
    int64_t from_ns, until_ns;
    struct telescope_version
        versions[TELESCOPE_VERSIONS]; /* of the inventory; none: not enrolled */
    size_t version_count;
    bool live;
};

struct telescope {
    char zone[40];
    struct telescope_sensor sensors[TELESCOPE_SENSORS];
};

/* Random records of `count` minutes for each sensor, in random order, `spread_s` apart on average
 * from `from_s` on. Some minutes have two records, some records no packets. */
void telescope_make(struct telescope *telescope, const char *zone, uint64_t seed, int64_t from_s,
                    size_t count, int64_t spread_s);
/* Gives the first two sensors inventories that change at random minutes of [from_s, to_s), and makes the
 * third a live one. The records stay as they are. Before telescope_write. */
void telescope_enrol(struct telescope *telescope, uint64_t seed, int64_t from_s, int64_t to_s);
/* The last nanosecond that is expected of the sensor when it is `now_s`. */
int64_t telescope_due_ns(const struct telescope_sensor *sensor, int64_t now_s);
/* Nanoseconds observed by the records of the minutes [start_s, end_s). */
uint64_t telescope_observed(const struct telescope_sensor *sensor, int64_t start_s, int64_t end_s);
/* Adds the address-nanoseconds of [start_s, end_s) that are expected when it is `now_s`, and those that
 * the records observed. */
void telescope_cover(const struct telescope_sensor *sensor, int64_t start_s, int64_t end_s,
                     int64_t now_s, double *expected, double *observed);
void telescope_close(struct telescope *telescope);

/* Writes everything; of each sensor the last `unfolded` calls are not folded, and the log goes back
 * `kept` calls (at least `unfolded`). */
void telescope_write(const struct telescope *telescope, const struct redis *redis, size_t unfolded,
                     size_t kept);
/* Takes away what is kept of the hours of the local day that holds `at_s`. */
void telescope_expire_hours(const struct telescope *telescope, const struct redis *redis,
                            int64_t at_s);

#endif

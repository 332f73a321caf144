/*
 * The store as an exporter reads it: Redis through hiredis, synchronous, many requests on their way
 * at once. Nothing here writes. store_open connects and reads the telescope and its sensors (and
 * sets the calendar to the telescope's time zone); the store_read_* functions then hand each value,
 * taken apart and checked, to the caller's function. Every error leaves one line in `errmsg` that
 * names the URL or the key; after an error the store can only be closed. Key names:
 * common/schema.h.
 */
#ifndef DASHBOARDS_STORE_H
#define DASHBOARDS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/calendar.h"
#include "common/course.h"
#include "common/hll.h"
#include "common/schema.h"
#include "common/storeurl.h"

#define STORE_YEAR_MIN 1970
#define STORE_YEAR_MAX 2199
#define STORE_YEARS    (STORE_YEAR_MAX - STORE_YEAR_MIN + 1)

struct store_sensor {
    char name[SENSOR_NAME_MAX + 1];
    double addresses;          /* in its darknet */
    int64_t from_ns, until_ns; /* first and last moment observed; until < from when there is none */
    bool years[STORE_YEARS];   /* whether it has totals of STORE_YEAR_MIN + i */
    uint64_t restated[STORE_YEARS];
};

struct store;

/* Connects within a few seconds, reads telescope and sensors. An empty database is a store without
 * sensors. ERR_UNREACHABLE, ERR_REFUSED (password, permission), ERR_VERSION, ERR_DAMAGED,
 * ERR_NOMEM. */
int store_open(struct store **store, const struct storeurl *url, char *errmsg);
void store_close(struct store *store);

/* The sensors in ascending order of their names, borrowed until store_close. */
const struct store_sensor *store_sensors(const struct store *store, size_t *count);
/* The reporting time zone ("Asia/Tokyo"); "UTC" for an empty store. */
const char *store_timezone(const struct store *store);

/* One sensor's days of one year. */
struct store_day {
    int month, day;
    struct totals totals;
};

struct store_year_reader {
    void *user;
    /* `sensor`: position in store_sensors. Days come in any order; `hosts` is NULL when there is no
     * sketch. Both are borrowed for the call. Returns 0, or an error that ends the reading. */
    int (*on_year)(void *user, size_t sensor, const struct store_day *days, size_t count,
                   const struct hll *hosts, char *errmsg);
};

/* Reads days and unique hosts of `year` of every sensor, in the order of store_sensors. */
int store_read_year(struct store *store, int year, const struct store_year_reader *reader,
                    char *errmsg);

/* Which day of which sensor. */
struct store_course {
    size_t sensor;
    int year, month, day;
};

struct store_course_reader {
    void *user;
    void (*on_course)(void *user, const struct store_course *which, const struct course *course);
};

/* Reads the courses of `wanted` in that order. A course that is not there is ERR_DAMAGED: whoever
 * asks knows from the day's totals that it must be. */
int store_read_courses(struct store *store, const struct store_course *wanted, size_t count,
                       const struct store_course_reader *reader, char *errmsg);

#endif

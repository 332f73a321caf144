/*
 * Reporting calendar: which hour, day, month and year of the telescope's time zone an instant
 * belongs to. One zone per process, set once by calendar_init before anything else here; half-hour
 * offsets and days of 23 and 25 hours come out right because every boundary is asked of tzdata,
 * none is computed by adding 86,400. Instants are seconds since the epoch, UTC; periods are
 * half-open.
 */
#ifndef COMMON_CALENDAR_H
#define COMMON_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum level { LEVEL_HOUR, LEVEL_DAY, LEVEL_MONTH, LEVEL_YEAR, LEVELS };

struct period {
    enum level level;
    int64_t start_s, end_s; /* [start, end), UTC */
    int year, month, day;   /* local date of start, for an hour that of its day; month 1..12 */
    char label[24];         /* "2026", "2026-11", "2026-11-22"; an hour is its start_s in decimal */
};

#define CALENDAR_ZONE_MAX 63

/* Instants outside of [MIN, MAX) are refused by whoever takes time from outside (1970 to 2199,
 * UTC). */
#define CALENDAR_MIN_S INT64_C(0)
#define CALENDAR_MAX_S INT64_C(7258118400)

/* Sets the process's reporting time zone, an IANA name ("Asia/Tokyo", "UTC"). ERR_UNKNOWN with the
 * cause in `errmsg` when tzdata does not know it. */
int calendar_init(const char *zone, char *errmsg);

/* The period of `level` that holds the instant `at_s`. The periods of a level tile time: each ends
 * where the next begins. Hours are those of the local clock; one is shorter than 3,600 s where the
 * clock is changed by part of an hour. */
struct period calendar_period(enum level level, int64_t at_s);
/* The period of a local date; `month` and `day` are ignored where the level has none (LEVEL_HOUR is
 * not asked this way). The date must exist. */
struct period calendar_date(enum level level, int year, int month, int day);
/* "hour", "day", "month", "year". */
const char *level_name(enum level level);

/* RFC 3339 in UTC, whole seconds: "2026-11-22T04:17:43Z". `out` has at least 32 bytes. */
void calendar_rfc3339(int64_t at_s, char out[32]);
/* RFC 3339, or YYYY, YYYY-MM, YYYY-MM-DD as the first instant of that period in the reporting zone.
 * A fraction of a second is cut off. ERR_INVALID with the cause in `errmsg`. */
int calendar_parse(const char *text, int64_t *at_s, char *errmsg);

#endif

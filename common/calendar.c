#include "common/calendar.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/err.h"

#define ZONE_DIRECTORY "/usr/share/zoneinfo/"
#define YEAR_MIN       1970 /* see CALENDAR_MIN_S */
#define YEAR_MAX       2199
#define HOUR_S         INT64_C(3600)
#define DAY_S          INT64_C(86400)

/* A zone name is a relative path of letters, digits and _+-: nothing that could leave the
 * directory. The zones under right/ count leap seconds, which the time stamps of packets do not. */
static bool zone_name_valid(const char *zone)
{
    size_t size = strlen(zone);
    if (size == 0 || size > CALENDAR_ZONE_MAX || zone[0] == '/' || strstr(zone, "//") ||
        strncmp(zone, "right/", 6) == 0)
        return false;
    for (const char *c = zone; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("/_+-", *c))
            return false;
    return true;
}

/* Whether there is a compiled zone (RFC 8536) at `path`. A directory or another file is not enough:
 * the C library would take it for UTC without a word. */
static bool zone_file_valid(const char *path)
{
    char magic[4] = "";
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool valid = fread(magic, sizeof magic, 1, file) == 1 && memcmp(magic, "TZif", 4) == 0;
    fclose(file);
    return valid;
}

int calendar_init(const char *zone, char *errmsg)
{
    char path[sizeof ZONE_DIRECTORY + CALENDAR_ZONE_MAX];
    if (!zone_name_valid(zone))
        return err_set(errmsg, ERR_UNKNOWN,
                       "time zone '%.80s': not a zone's name such as Asia/Tokyo", zone);
    snprintf(path, sizeof path, ZONE_DIRECTORY "%s", zone);
    if (strcmp(zone, "UTC") != 0 && !zone_file_valid(path))
        return err_set(errmsg, ERR_UNKNOWN, "time zone %s: no zone at %s (is tzdata installed?)",
                       zone, path);
    if (setenv("TZ", zone, 1) != 0)
        return err_from_errno(errno);
    tzset();
    return 0;
}

const char *level_name(enum level level)
{
    static const char *const names[LEVELS] = {"hour", "day", "month", "year"};
    return names[level];
}

static struct tm local_time(int64_t at_s)
{
    time_t at = (time_t)at_s;
    struct tm tm = {0};
    localtime_r(&at, &tm);
    return tm;
}

/* Seconds east of Greenwich that the zone's clock shows at an instant. */
static int64_t utc_offset(int64_t at_s)
{
    return local_time(at_s).tm_gmtoff;
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar. `day` may run over the end
 * of its month. The year is taken to begin in March, so that a leap day is its last. */
static int64_t date_number(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t months = month <= 2 ? month + 9 : month - 3;
    int64_t leap_days = y / 4 - y / 100 + y / 400;
    return y * 365 + leap_days + (months * 153 + 2) / 5 + day - 1 - 719468;
}

/* The first instant after `low` at which the offset is no longer that of `low`; `high` has another.
 * Exact where the clock is changed once in between: no zone of tzdata has changed it twice within
 * four days since 1970. */
static int64_t clock_change(int64_t low, int64_t high)
{
    int64_t before = utc_offset(low);
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (utc_offset(middle) == before)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* The first instant whose local date is the given one or later: zones that skip midnight, repeat
 * it, go back over it or skip a whole day come out right. */
static int64_t date_start(int year, int month, int day)
{
    int64_t midnight = date_number(year, month, day) * DAY_S; /* as if it were UTC */
    int64_t before = utc_offset(midnight - DAY_S), after = utc_offset(midnight + DAY_S);
    if (before == after)
        return midnight - before;
    int64_t change = clock_change(midnight - DAY_S, midnight + DAY_S);
    if (midnight - before < change)
        return midnight - before;
    return midnight - after > change ? midnight - after : change;
}

struct period calendar_date(enum level level, int year, int month, int day)
{
    struct period period = {.level = level, .year = year, .month = 1, .day = 1};
    if (level <= LEVEL_MONTH)
        period.month = month;
    if (level <= LEVEL_DAY)
        period.day = day;
    period.start_s = date_start(year, period.month, period.day);
    if (level == LEVEL_YEAR) {
        period.end_s = date_start(year + 1, 1, 1);
        snprintf(period.label, sizeof period.label, "%04d", year);
    } else if (level == LEVEL_MONTH) {
        period.end_s = month == 12 ? date_start(year + 1, 1, 1) : date_start(year, month + 1, 1);
        snprintf(period.label, sizeof period.label, "%04d-%02d", year, month);
    } else {
        period.end_s = date_start(year, month, day + 1);
        snprintf(period.label, sizeof period.label, "%04d-%02d-%02d", year, month, day);
    }
    return period;
}

/* The period of the date that the local clock shows at an instant. */
static struct period shown_date(enum level level, int64_t at_s)
{
    struct tm tm = local_time(at_s);
    return calendar_date(level, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* A clock set back over midnight shows the date before once more; those instants belong to the date
 * that has already begun, so that periods neither overlap nor have holes. */
static struct period date_period(enum level level, int64_t at_s)
{
    struct period period = shown_date(level, at_s);
    return at_s < period.end_s ? period : shown_date(level, period.end_s);
}

/* Whether the clock was changed between two instants by other than whole hours. */
static bool minutes_changed(int64_t from_s, int64_t to_s)
{
    return (utc_offset(to_s) - utc_offset(from_s)) % HOUR_S != 0;
}

/* An hour of the local clock. A change by part of an hour (Lord Howe: 30 minutes) ends one early. */
static struct period hour_period(int64_t at_s)
{
    struct tm tm = local_time(at_s);
    int64_t start = at_s - tm.tm_min * 60 - tm.tm_sec, end = start + HOUR_S;
    if (minutes_changed(start, at_s))
        start = clock_change(start, at_s);
    if (minutes_changed(at_s, end - 1))
        end = clock_change(at_s, end - 1);
    struct period hour = date_period(LEVEL_DAY, start);
    hour.level = LEVEL_HOUR;
    hour.start_s = start;
    hour.end_s = end;
    snprintf(hour.label, sizeof hour.label, "%" PRId64, start);
    return hour;
}

struct period calendar_period(enum level level, int64_t at_s)
{
    return level == LEVEL_HOUR ? hour_period(at_s) : date_period(level, at_s);
}

void calendar_rfc3339(int64_t at_s, char out[32])
{
    time_t at = (time_t)at_s;
    struct tm tm = {0};
    gmtime_r(&at, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* Reads exactly `digits` decimal digits at *at, within low..high, and moves past them. */
static bool take_number(const char **at, int digits, int low, int high, int *value)
{
    int number = 0;
    for (int i = 0; i < digits; i++) {
        if (!isdigit((unsigned char)(*at)[i]))
            return false;
        number = number * 10 + ((*at)[i] - '0');
    }
    *at += digits;
    *value = number;
    return number >= low && number <= high;
}

static bool take_char(const char **at, const char *allowed)
{
    if (**at == '\0' || !strchr(allowed, **at))
        return false;
    (*at)++;
    return true;
}

static int days_in_month(int year, int month)
{
    return (int)(month == 12 ? 31 : date_number(year, month + 1, 1) - date_number(year, month, 1));
}

/* "Z" or "+09:00": seconds east of Greenwich. */
static bool take_offset(const char **at, int *offset_s)
{
    int hour, minute, sign = **at == '-' ? -1 : 1;
    *offset_s = 0;
    if (take_char(at, "Zz"))
        return true;
    if (!take_char(at, "+-") || !take_number(at, 2, 0, 23, &hour) || !take_char(at, ":") ||
        !take_number(at, 2, 0, 59, &minute))
        return false;
    *offset_s = sign * (hour * 3600 + minute * 60);
    return true;
}

/* The rest of RFC 3339 behind the date: time, an optional fraction (cut off), offset. */
static bool take_time(const char **at, int year, int month, int day, int64_t *at_s)
{
    int hour, minute, second, offset_s;
    if (!take_char(at, "Tt ") || !take_number(at, 2, 0, 23, &hour) || !take_char(at, ":") ||
        !take_number(at, 2, 0, 59, &minute) || !take_char(at, ":") ||
        !take_number(at, 2, 0, 60, &second))
        return false;
    if (take_char(at, ".")) {
        if (!isdigit((unsigned char)**at))
            return false;
        while (isdigit((unsigned char)**at))
            (*at)++;
    }
    if (!take_offset(at, &offset_s))
        return false;
    *at_s = date_number(year, month, day) * DAY_S + hour * HOUR_S + minute * 60 + second - offset_s;
    return true;
}

static bool in_range(int year)
{
    return year >= YEAR_MIN && year <= YEAR_MAX;
}

/* 0; ERR_INVALID: it is no time; ERR_REFUSED: it is one, out of range. */
static int parse(const char *at, int64_t *at_s)
{
    int year, month = 1, day = 1;
    enum level level = LEVEL_YEAR;
    if (!take_number(&at, 4, 0, 9999, &year))
        return ERR_INVALID;
    if (take_char(&at, "-")) {
        level = LEVEL_MONTH;
        if (!take_number(&at, 2, 1, 12, &month))
            return ERR_INVALID;
        if (take_char(&at, "-")) {
            level = LEVEL_DAY;
            if (!take_number(&at, 2, 1, days_in_month(year, month), &day))
                return ERR_INVALID;
        }
    }
    if (*at == '\0') {
        if (in_range(year))
            *at_s = calendar_date(level, year, month, day).start_s;
        return in_range(year) ? 0 : ERR_REFUSED;
    }
    if (level != LEVEL_DAY || !take_time(&at, year, month, day, at_s) || *at)
        return ERR_INVALID;
    return in_range(year) && *at_s >= CALENDAR_MIN_S && *at_s < CALENDAR_MAX_S ? 0 : ERR_REFUSED;
}

int calendar_parse(const char *text, int64_t *at_s, char *errmsg)
{
    int rc = parse(text, at_s);
    if (rc == 0)
        return 0;
    if (rc == ERR_REFUSED)
        return err_set(errmsg, ERR_INVALID, "'%.60s' is out of range: times lie from %d to %d",
                       text, YEAR_MIN, YEAR_MAX);
    return err_set(errmsg, ERR_INVALID,
                   "'%.60s' is no time: write YYYY, YYYY-MM, YYYY-MM-DD or 2026-11-22T04:17:43Z",
                   text);
}

#include "common/calendar.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"

#define ZONE_DIRECTORY "/usr/share/zoneinfo/"

/* A zone name is a relative path of letters, digits and _+-: nothing that could leave the directory. */
static bool zone_name_valid(const char *zone)
{
    size_t size = strlen(zone);
    if (size == 0 || size > CALENDAR_ZONE_MAX || zone[0] == '/' || strstr(zone, "//"))
        return false;
    for (const char *c = zone; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("/_+-", *c))
            return false;
    return true;
}

int calendar_init(const char *zone, char *errmsg)
{
    char path[sizeof ZONE_DIRECTORY + CALENDAR_ZONE_MAX];
    if (!zone_name_valid(zone))
        return err_set(errmsg, ERR_UNKNOWN, "time zone '%.80s': not a zone's name such as Asia/Tokyo",
                       zone);
    snprintf(path, sizeof path, ZONE_DIRECTORY "%s", zone);
    if (strcmp(zone, "UTC") != 0 && access(path, R_OK) != 0)
        return err_set(errmsg, ERR_UNKNOWN, "time zone %s: %s is not there (is tzdata installed?)",
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

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar, for comparing local dates. */
static int64_t date_number(int year, int month, int day)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return (int64_t)timegm(&tm) / 86400;
}

static int64_t local_date_number(int64_t at_s)
{
    struct tm tm = local_time(at_s);
    return date_number(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
}

/* The first instant whose local date is the given one or later. Local dates never go back by more than
 * the repeated hour of a clock change, so a search between safe bounds finds it; zones that skip
 * midnight, repeat it or skip a whole day come out right. */
static int64_t date_start(int year, int month, int day)
{
    int64_t wanted = date_number(year, month, day);
    int64_t low = wanted * 86400 - 2 * 86400, high = wanted * 86400 + 2 * 86400;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (local_date_number(middle) >= wanted)
            high = middle;
        else
            low = middle;
    }
    /* A clock set back over midnight shows the date twice: its first minute is the day's start. */
    for (int64_t back = high - 1; back >= high - 3 * 3600; back -= 60)
        if (local_date_number(back) >= wanted)
            high = back - back % 60;
    return high;
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

struct period calendar_period(enum level level, int64_t at_s)
{
    struct tm tm = local_time(at_s);
    int year = tm.tm_year + 1900, month = tm.tm_mon + 1;
    if (level != LEVEL_HOUR)
        return calendar_date(level, year, month, tm.tm_mday);
    int64_t start = at_s - tm.tm_min * 60 - tm.tm_sec;
    struct period hour = {.level = LEVEL_HOUR, .start_s = start, .end_s = start + 3600,
                          .year = year, .month = month, .day = tm.tm_mday};
    snprintf(hour.label, sizeof hour.label, "%lld", (long long)start);
    return hour;
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
    *at_s = date_number(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_s;
    return true;
}

static bool parse(const char *at, int64_t *at_s)
{
    int year, month = 1, day = 1;
    enum level level = LEVEL_YEAR;
    if (!take_number(&at, 4, 1970, 2199, &year))
        return false;
    if (take_char(&at, "-")) {
        level = LEVEL_MONTH;
        if (!take_number(&at, 2, 1, 12, &month))
            return false;
        if (take_char(&at, "-")) {
            level = LEVEL_DAY;
            if (!take_number(&at, 2, 1, days_in_month(year, month), &day))
                return false;
        }
    }
    if (*at == '\0') {
        *at_s = calendar_date(level, year, month, day).start_s;
        return true;
    }
    return level == LEVEL_DAY && take_time(&at, year, month, day, at_s) && *at == '\0';
}

int calendar_parse(const char *text, int64_t *at_s, char *errmsg)
{
    if (parse(text, at_s))
        return 0;
    return err_set(errmsg, ERR_INVALID,
                   "'%.60s' is no time: write YYYY, YYYY-MM, YYYY-MM-DD or 2026-11-22T04:17:43Z", text);
}

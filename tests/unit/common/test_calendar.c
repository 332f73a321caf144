#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/calendar.h"
#include "common/err.h"
#include "tests/unit/common/random.h"

/* Zones that do each of the things that zones do. */
static const char *const zones[] = {
    "UTC",                 /* nothing */
    "Asia/Tokyo",          /* whole hours east */
    "America/New_York",    /* days of 23 and 25 hours; the date at the epoch is in 1969 */
    "Australia/Lord_Howe", /* half an hour of summer time */
    "America/Sao_Paulo",   /* skipped midnight */
    "Asia/Beirut",         /* skips midnight */
    "America/Havana",      /* repeats midnight's hour */
    "America/St_Johns",    /* went back over midnight at 00:01 */
    "Pacific/Apia",        /* skipped a day */
    "Pacific/Kiritimati",  /* skipped the last day of a year; 14 hours east */
    "Asia/Kathmandu",      /* 5:30, then 5:45 */
    "Asia/Pyongyang",      /* changed by half an hour at midnight */
    "Africa/Monrovia",     /* offset with seconds until 1972 */
    "Antarctica/Casey",    /* went back three hours over midnight */
    "Antarctica/Vostok",   /* a day of 31 hours */
    "Africa/Casablanca",   /* changes twice a year by the moon */
};
#define ZONES (sizeof zones / sizeof zones[0])

static void use_zone(const char *zone)
{
    char errmsg[ERRMSG_SIZE] = "";
    cr_assert_eq(calendar_init(zone, errmsg), 0, "%s", errmsg);
}

static int64_t parse(const char *text)
{
    char errmsg[ERRMSG_SIZE] = "";
    int64_t at = -1;
    cr_assert_eq(calendar_parse(text, &at, errmsg), 0, "%s", errmsg);
    return at;
}

/* From Python's zoneinfo, which reads tzdata on its own: first instant of the day, its seconds. */
Test(calendar, days_are_where_another_reader_of_tzdata_finds_them)
{
    static const struct {
        const char *zone;
        int year, month, day;
        const char *start;
        int seconds;
    } table[] = {
        {"Asia/Tokyo", 2026, 11, 22, "2026-11-21T15:00:00Z", 86400},
        {"America/New_York", 2026, 3, 8, "2026-03-08T05:00:00Z", 82800},
        {"America/New_York", 2026, 11, 1, "2026-11-01T04:00:00Z", 90000},
        {"Australia/Lord_Howe", 2026, 4, 5, "2026-04-04T13:00:00Z", 88200},
        {"Australia/Lord_Howe", 2026, 10, 4, "2026-10-03T13:30:00Z", 84600},
        {"America/Sao_Paulo", 2017, 10, 15, "2017-10-15T03:00:00Z", 82800},
        {"America/Sao_Paulo", 2018, 2, 17, "2018-02-17T02:00:00Z", 90000},
        {"Asia/Beirut", 2022, 3, 27, "2022-03-26T22:00:00Z", 82800},
        {"America/Havana", 2026, 11, 1, "2026-11-01T04:00:00Z", 90000},
        {"Pacific/Apia", 2011, 12, 29, "2011-12-29T10:00:00Z", 86400},
        {"Pacific/Apia", 2011, 12, 31, "2011-12-30T10:00:00Z", 86400},
        {"Asia/Kathmandu", 2026, 1, 1, "2025-12-31T18:15:00Z", 86400},
        {"Asia/Kathmandu", 1986, 1, 1, "1985-12-31T18:30:00Z", 85500},
        {"America/St_Johns", 2009, 10, 31, "2009-10-31T02:30:00Z", 86400},
        {"America/St_Johns", 2009, 11, 1, "2009-11-01T02:30:00Z", 90000},
        {"Antarctica/Casey", 2010, 3, 5, "2010-03-04T13:00:00Z", 97200},
        {"Antarctica/Vostok", 1994, 1, 31, "1994-01-30T17:00:00Z", 111600},
        {"Africa/Monrovia", 1972, 1, 6, "1972-01-06T00:44:30Z", 86400},
        {"Africa/Monrovia", 1972, 1, 7, "1972-01-07T00:44:30Z", 83730},
        {"Asia/Pyongyang", 2015, 8, 14, "2015-08-13T15:00:00Z", 88200},
        {"America/New_York", 2199, 7, 4, "2199-07-04T04:00:00Z", 86400},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char label[24], start[32];
        use_zone(table[i].zone);
        struct period day = calendar_date(LEVEL_DAY, table[i].year, table[i].month, table[i].day);
        snprintf(label, sizeof label, "%04d-%02d-%02d", table[i].year, table[i].month,
                 table[i].day);
        calendar_rfc3339(day.start_s, start);
        cr_expect_str_eq(start, table[i].start, "%s %s begins at %s", table[i].zone, label, start);
        cr_expect_eq(day.end_s - day.start_s, table[i].seconds, "%s %s lasts %d", table[i].zone,
                     label, (int)(day.end_s - day.start_s));
        cr_expect_str_eq(day.label, label);
        cr_expect_eq(parse(label), day.start_s);
        struct period same = calendar_period(LEVEL_DAY, day.end_s - 1);
        cr_expect(same.start_s == day.start_s && same.end_s == day.end_s);
    }
}

/* The first instant whose local date is (y, m, d) or later, by looking at every half minute. */
static int64_t naive_start(int year, int month, int day)
{
    struct tm utc = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    int64_t wanted = timegm(&utc), at = wanted - 86400;
    for (;; at += 30) {
        struct tm tm;
        localtime_r(&(time_t){at}, &tm);
        struct tm date = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = tm.tm_mday};
        if (timegm(&date) >= wanted)
            return at;
    }
}

Test(calendar, days_begin_where_looking_at_every_half_minute_finds_them)
{
    uint64_t seed = 10;
    for (size_t z = 0; z < ZONES; z++) {
        use_zone(zones[z]);
        for (int i = 0; i < 30; i++) {
            int year = 1970 + (int)random_below(&seed, 90),
                month = 1 + (int)random_below(&seed, 12);
            int day = 1 + (int)random_below(&seed, 28);
            struct period period = calendar_date(LEVEL_DAY, year, month, day);
            cr_assert_eq(period.start_s, naive_start(year, month, day), "%s %s", zones[z],
                         period.label);
            cr_assert_eq(period.end_s, naive_start(year, month, day + 1));
        }
    }
}

static bool same_period(const struct period *a, const struct period *b)
{
    return a->level == b->level && a->start_s == b->start_s && a->end_s == b->end_s &&
           a->year == b->year && a->month == b->month && a->day == b->day &&
           strcmp(a->label, b->label) == 0;
}

/* Walks the periods of `level` from one instant to another: none overlaps the next, none leaves a
 * hole, and first, last and a random instant of each belong to it. Returns how many there are. */
static long walk(const char *zone, enum level level, int64_t from, int64_t to, uint64_t *seed)
{
    long count = 0;
    struct period at = calendar_period(level, from);
    cr_assert(at.start_s <= from && from < at.end_s, "%s", zone);
    while (at.start_s < to) {
        int64_t size = at.end_s - at.start_s;
        cr_assert_gt(size, 0, "%s %s", zone, at.label);
        int64_t inside[] = {at.start_s, at.end_s - 1,
                            at.start_s + (int64_t)random_below(seed, (uint64_t)size)};
        for (int i = 0; i < 3; i++) {
            struct period same = calendar_period(level, inside[i]);
            cr_assert(same_period(&same, &at), "%s, %s %s and %s at %lld", zone, level_name(level),
                      at.label, same.label, (long long)inside[i]);
        }
        struct period next = calendar_period(level, at.end_s);
        cr_assert_eq(next.start_s, at.end_s, "%s, behind %s %s", zone, level_name(level), at.label);
        cr_assert_str_neq(next.label, at.label);
        at = next;
        count++;
    }
    return count;
}

Test(calendar, days_months_and_years_tile_time)
{
    uint64_t seed = 11;
    int64_t end = INT64_C(2208988800); /* 2040 */
    for (size_t z = 0; z < ZONES; z++) {
        use_zone(zones[z]);
        long days = walk(zones[z], LEVEL_DAY, CALENDAR_MIN_S, end, &seed);
        cr_expect(days >= 25566 && days <= 25568, "%s has %ld days in 70 years", zones[z], days);
        walk(zones[z], LEVEL_MONTH, CALENDAR_MIN_S, CALENDAR_MAX_S - 1, &seed);
        long years = walk(zones[z], LEVEL_YEAR, CALENDAR_MIN_S, CALENDAR_MAX_S - 1, &seed);
        cr_expect(years >= 230 && years <= 232, "%s has %ld years", zones[z], years);
    }
}

/* Every hour of the fortnight around each change of the clock. */
Test(calendar, hours_tile_time_where_clocks_are_changed)
{
    uint64_t seed = 12;
    for (size_t z = 0; z < ZONES; z++) {
        use_zone(zones[z]);
        long before = 0;
        for (int64_t at = 0; at < INT64_C(2208988800); at += 86400 * 7) {
            struct tm tm;
            localtime_r(&(time_t){at}, &tm);
            if (at > 0 && tm.tm_gmtoff != before)
                walk(zones[z], LEVEL_HOUR, at - 86400 * 8, at + 86400, &seed);
            before = tm.tm_gmtoff;
        }
    }
}

Test(calendar, an_hour_belongs_to_one_day)
{
    uint64_t seed = 13;
    for (size_t z = 0; z < ZONES; z++) {
        use_zone(zones[z]);
        for (int i = 0; i < 3000; i++) {
            int64_t at = (int64_t)random_below(&seed, INT64_C(2208988800));
            struct period hour = calendar_period(LEVEL_HOUR, at);
            struct period day = calendar_period(LEVEL_DAY, at);
            cr_assert(day.start_s <= hour.start_s && hour.end_s <= day.end_s, "%s at %lld",
                      zones[z], (long long)at);
            cr_assert(hour.year == day.year && hour.month == day.month && hour.day == day.day);
        }
    }
}

static struct period hour_at(const char *text)
{
    return calendar_period(LEVEL_HOUR, parse(text));
}

Test(calendar, hours_follow_the_local_clock)
{
    use_zone("Asia/Kathmandu");
    struct period hour = hour_at("2026-11-22T04:17:43Z"); /* 10:02:43 there */
    cr_expect_eq(hour.start_s, parse("2026-11-22T04:15:00Z"));
    cr_expect_eq(hour.end_s - hour.start_s, 3600);
    cr_expect_eq(strtoll(hour.label, NULL, 10), hour.start_s);

    /* Lord Howe, 2026-04-05: at 02:00 back to 01:30, so that half an hour follows the full one. */
    use_zone("Australia/Lord_Howe");
    hour = hour_at("2026-04-04T14:45:00Z");
    cr_expect_eq(hour.start_s, parse("2026-04-04T14:00:00Z"));
    cr_expect_eq(hour.end_s, parse("2026-04-04T15:00:00Z"));
    hour = hour_at("2026-04-04T15:10:00Z");
    cr_expect_eq(hour.start_s, parse("2026-04-04T15:00:00Z"));
    cr_expect_eq(hour.end_s, parse("2026-04-04T15:30:00Z"));

    /* St. John's, 2009-11-01: at 00:01 back to 23:01, and November has begun all the same. */
    use_zone("America/St_Johns");
    hour = hour_at("2009-11-01T03:00:00Z");
    cr_expect_eq(hour.start_s, parse("2009-11-01T02:30:00Z"));
    cr_expect(hour.month == 11 && hour.day == 1);
    cr_expect_str_eq(calendar_period(LEVEL_MONTH, hour.end_s - 1).label, "2009-11");
}

Test(calendar, years_change_at_the_zone_s_midnight)
{
    use_zone("Asia/Tokyo");
    cr_expect_str_eq(calendar_period(LEVEL_YEAR, parse("2025-12-31T14:59:59Z")).label, "2025");
    cr_expect_str_eq(calendar_period(LEVEL_YEAR, parse("2025-12-31T15:00:00Z")).label, "2026");
    struct period year = calendar_date(LEVEL_YEAR, 2026, 7, 9);
    cr_expect(year.month == 1 && year.day == 1 && year.end_s - year.start_s == 365 * 86400);
    struct period month = calendar_date(LEVEL_MONTH, 2024, 2, 17);
    cr_expect(month.day == 1 && month.end_s - month.start_s == 29 * 86400);
    cr_expect_str_eq(month.label, "2024-02");
}

Test(calendar, a_hundred_thousand_periods_take_well_under_a_second)
{
    uint64_t seed = 14;
    use_zone("America/New_York");
    for (int level = LEVEL_HOUR; level < LEVELS; level++) {
        int64_t sum = 0;
        clock_t before = clock();
        for (int i = 0; i < 100000; i++)
            sum +=
                calendar_period((enum level)level, (int64_t)random_below(&seed, 2000000000)).end_s;
        double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
        cr_expect_lt(seconds, 0.9, "%s: %.2f s", level_name((enum level)level), seconds);
        cr_expect_neq(sum, 0);
    }
}

Test(calendar, only_zones_are_taken_for_zones)
{
    static const char *const bad[] = {
        "",
        "Asia",
        "Asia/Tokio",
        "/etc/localtime",
        "../etc/passwd",
        "Asia//Tokyo",
        "Asia/Tokyo/",
        "leapseconds",
        "zone.tab",
        "right/Asia/Tokyo",
        "JST-9,M1",
        "Asia/Tokyo\n",
        ":Asia/Tokyo",
        "Asia/TokyoTokyoTokyoTokyoTokyoTokyoTokyoTokyoTokyoTokyoTokyoTokyo",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char errmsg[ERRMSG_SIZE] = "";
        cr_expect_eq(calendar_init(bad[i], errmsg), ERR_UNKNOWN, "'%s'", bad[i]);
        cr_expect(strstr(errmsg, "time zone"), "%s", errmsg);
    }
    cr_expect_eq(calendar_init("America/Argentina/Buenos_Aires", NULL), 0);
    cr_expect_eq(calendar_init("Etc/GMT+12", NULL), 0);
}

Test(calendar, times_are_read_in_every_form_of_rfc_3339)
{
    static const struct {
        const char *text;
        int64_t at_s;
    } good[] = {
        {"2026-11-22T04:17:43Z", 1795321063},
        {"2026-11-22t04:17:43z", 1795321063},
        {"2026-11-22 04:17:43Z", 1795321063},
        {"2026-11-22T04:17:43.999999999Z", 1795321063},
        {"2026-11-22T13:17:43+09:00", 1795321063},
        {"2026-11-22T00:47:43-03:30", 1795321063},
        {"2026-11-22T04:17:43-00:00", 1795321063},
        {"1970-01-01T00:00:00Z", 0},
        {"2199-12-31T23:59:59Z", CALENDAR_MAX_S - 1},
        {"2016-12-31T23:59:60Z", 1483228800},
        {"2000-02-29T00:00:00Z", 951782400},
        {"2026", 1767193200}, /* in Tokyo */
        {"2026-11", 1793458800},
        {"2026-11-22", 1795273200},
        {"1970", -32400},
    };
    use_zone("Asia/Tokyo");
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t at = -1;
        cr_expect_eq(calendar_parse(good[i].text, &at, NULL), 0, "%s", good[i].text);
        cr_expect_eq(at, good[i].at_s, "%s is %lld", good[i].text, (long long)at);
    }
}

Test(calendar, what_is_no_time_is_refused)
{
    static const char *const bad[] = {
        "",
        "today",
        "26",
        "20261",
        "2026-",
        "2026-1",
        "2026-13",
        "2026-00",
        "2026-11-",
        "2026-11-31",
        "2026-02-29",
        "2026-11-00",
        "2026-11-22T",
        "2026-11-22T04:17Z",
        "2026-11-22T04:17:43",
        "2026-11-22T24:00:00Z",
        "2026-11-22T04:60:00Z",
        "2026-11-22T04:17:61Z",
        "2026-11-22T04:17:43.Z",
        "2026-11-22T04:17:43+9:00",
        "2026-11-22T04:17:43+24:00",
        "2026-11-22T04:17:43Z ",
        "2026-11T04:17:43Z",
        " 2026",
        "2026 ",
        "-026",
        "+2026",
    };
    use_zone("UTC");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t at;
        char errmsg[ERRMSG_SIZE] = "";
        cr_expect_eq(calendar_parse(bad[i], &at, errmsg), ERR_INVALID, "'%s'", bad[i]);
        cr_expect(strstr(errmsg, "no time"), "%s", errmsg);
    }
}

Test(calendar, a_time_out_of_range_is_told_the_bounds)
{
    static const char *const outside[] = {"9999",
                                          "1969",
                                          "2199-12-31T23:59:59-00:01",
                                          "2200",
                                          "0000",
                                          "1969-12-31",
                                          "1969-12-31T23:59:59Z",
                                          "1970-01-01T00:00:00+00:01",
                                          "2199-12-31T23:59:60Z"};
    use_zone("UTC");
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        int64_t at;
        char errmsg[ERRMSG_SIZE] = "";
        cr_expect_eq(calendar_parse(outside[i], &at, errmsg), ERR_INVALID, "%s", outside[i]);
        cr_expect(strstr(errmsg, outside[i]) && strstr(errmsg, "1970 to 2199"), "%s", errmsg);
    }
    char errmsg[ERRMSG_SIZE] = "";
    int64_t at;
    cr_expect_eq(calendar_parse("2026-02-30", &at, errmsg), ERR_INVALID);
    cr_expect(strstr(errmsg, "is no time"), "%s", errmsg);
}

Test(calendar, rfc3339_comes_back)
{
    uint64_t seed = 15;
    use_zone("America/Havana");
    for (int i = 0; i < 10000; i++) {
        char text[32];
        int64_t at = (int64_t)random_below(&seed, (uint64_t)CALENDAR_MAX_S);
        calendar_rfc3339(at, text);
        cr_assert_eq(parse(text), at, "%s", text);
    }
}

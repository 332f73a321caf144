/* Ranges cut into periods and into the fewest pieces that are kept. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/cover.h"

static int64_t at(const char *text)
{
    char errmsg[ERRMSG_SIZE] = "";
    int64_t at_s;
    cr_assert_eq(calendar_parse(text, &at_s, errmsg), 0, "%s", errmsg);
    return at_s;
}

/* The pieces of one whole range as "year 1, day 2, minutes 3"; they must tile it. */
static void list_pieces(const char *from, const char *to, char *out, size_t size)
{
    int counts[LEVELS + 1] = {0};
    struct cover cover;
    struct store_piece piece;
    int64_t start_s, end_s, next_s = at(from);
    cover_begin(&cover, at(from), at(to), QUERY_WHOLE);
    cr_assert(cover_period(&cover, &start_s, &end_s));
    cr_assert_eq(start_s, at(from));
    cr_assert_eq(end_s, at(to));
    while (cover_piece(&cover, &piece)) {
        cr_assert_eq(piece.start_s, next_s);
        cr_assert_gt(piece.end_s, piece.start_s);
        next_s = piece.end_s;
        counts[piece.minutes ? LEVELS : (int)piece.period.level]++;
        if (!piece.minutes)
            cr_assert(piece.period.start_s == piece.start_s && piece.period.end_s == piece.end_s);
        else
            cr_assert_eq(piece.period.level, LEVEL_DAY);
    }
    cr_assert_eq(next_s, at(to));
    cr_assert_not(cover_period(&cover, &start_s, &end_s));
    snprintf(out, size, "%dy %dm %dd %dh %d'", counts[LEVEL_YEAR], counts[LEVEL_MONTH],
             counts[LEVEL_DAY], counts[LEVEL_HOUR], counts[LEVELS]);
}

struct range {
    char zone[24], from[32], to[32], pieces[32];
};

ParameterizedTestParameters(cover, the_fewest_pieces)
{
    static struct range cases[] = {
        {"UTC", "2020", "2023", "3y 0m 0d 0h 0'"},
        {"UTC", "2020-11", "2023-02", "2y 3m 0d 0h 0'"},
        {"UTC", "2020-01-01", "2020-02-02", "0y 1m 1d 0h 0'"},
        {"UTC", "2020-12-31T23:59:00Z", "2022-01-01T00:01:00Z", "1y 0m 0d 0h 2'"},
        {"UTC", "2020-12-30T22:30:00Z", "2022-02-02T02:02:00Z", "1y 1m 2d 3h 2'"},
        {"Asia/Tokyo", "2019-12-31T15:00:00Z", "2020-12-31T15:00:00Z", "1y 0m 0d 0h 0'"},
        {"Asia/Tokyo", "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z", "0y 0m 0d 24h 0'"},
        {"Asia/Kathmandu", "2020-01-01T00:00:00Z", "2020-01-01T01:00:00Z", "0y 0m 0d 0h 2'"},
        {"Europe/Berlin", "2024-03-31", "2024-04-01", "0y 0m 1d 0h 0'"},
        {"Europe/Berlin", "2024-03-30T22:00:00Z", "2024-03-31T21:00:00Z", "0y 0m 0d 23h 0'"},
        /* The clock goes back by half an hour at 15:00 UTC. */
        {"Australia/Lord_Howe", "2024-04-06T14:00:00Z", "2024-04-06T16:00:00Z", "0y 0m 0d 2h 1'"},
        {"UTC", "2020-01-01T00:00:00Z", "2020-01-01T00:59:00Z", "0y 0m 0d 0h 1'"},
    };
    return cr_make_param_array(struct range, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct range *range, cover, the_fewest_pieces)
{
    char errmsg[ERRMSG_SIZE], pieces[64];
    cr_assert_eq(calendar_init(range->zone, errmsg), 0, "%s", errmsg);
    list_pieces(range->from, range->to, pieces, sizeof pieces);
    cr_assert_str_eq(pieces, range->pieces, "%s %s %s", range->zone, range->from, range->to);
}

struct step {
    char zone[24], from[32], to[32];
    enum query_step step;
    int periods;
};

ParameterizedTestParameters(cover, periods_of_a_step)
{
    static struct step cases[] = {
        {"UTC", "2020", "2023", QUERY_WHOLE, 1},
        {"UTC", "2020", "2023", QUERY_YEAR, 3},
        {"UTC", "2020-06", "2022-06", QUERY_YEAR, 3},
        {"UTC", "2020-01-15", "2020-03-15", QUERY_MONTH, 3},
        {"UTC", "2020", "2021", QUERY_DAY, 366},
        {"Europe/Berlin", "2024-03-31", "2024-04-01", QUERY_HOUR, 23},
        {"Europe/Berlin", "2024-10-27", "2024-10-28", QUERY_HOUR, 25},
        {"Europe/Berlin", "2024-10-27", "2024-10-28", QUERY_MINUTE, 1500},
        {"UTC", "2020-01-01T00:30:00Z", "2020-01-01T02:30:00Z", QUERY_HOUR, 3},
    };
    return cr_make_param_array(struct step, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct step *param, cover, periods_of_a_step)
{
    char errmsg[ERRMSG_SIZE];
    struct cover cover;
    struct store_piece piece;
    int64_t start_s, end_s, next_s;
    int periods = 0;
    cr_assert_eq(calendar_init(param->zone, errmsg), 0, "%s", errmsg);
    next_s = at(param->from);
    cover_begin(&cover, at(param->from), at(param->to), param->step);
    for (; cover_period(&cover, &start_s, &end_s); periods++) {
        cr_assert_eq(start_s, next_s);
        next_s = end_s;
        int64_t within_s = start_s;
        for (; cover_piece(&cover, &piece); within_s = piece.end_s)
            cr_assert_eq(piece.start_s, within_s);
        cr_assert_eq(within_s, end_s);
    }
    cr_assert_eq(next_s, at(param->to));
    cr_assert_eq(periods, param->periods);
}

/* Monrovia's clock was 44 minutes and 30 seconds behind until 1972: its minutes begin at :30 UTC. */
Test(cover, minutes_are_those_of_the_day)
{
    char errmsg[ERRMSG_SIZE];
    cr_assert_eq(calendar_init("Africa/Monrovia", errmsg), 0, "%s", errmsg);
    cr_assert(cover_on_minute(at("1971-06-01")));
    cr_assert_not(cover_on_minute(at("1971-06-01T12:00:00Z")));
    cr_assert(cover_on_minute(at("1971-06-01T12:00:30Z")));
    cr_assert(cover_on_minute(at("2020-06-01T12:00:00Z")));
    cr_assert_not(cover_on_minute(at("2020-06-01T12:00:30Z")));
}

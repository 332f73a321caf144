#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/standing.h"
#include "common/calendar.h"
#include "common/err.h"

#define NOW_S INT64_C(1795262400) /* 2026-11-21 12:00 UTC */

static void answer(struct fetch *fetch, size_t index, const char *text)
{
    fetch_answer(fetch, index, text, strlen(text));
}

/* An hour of the sensor: `start_s` -> totals. */
static void answer_hour(struct fetch *fetch, size_t index, int64_t start_s, uint64_t observed_s,
                        uint64_t dropped)
{
    struct totals totals = {.packets = 1,
                            .records = 1,
                            .active = 1,
                            .observed_ns = observed_s * 1000000000,
                            .kernel_dropped = dropped,
                            .interface_dropped = 1};
    char field[32], text[TOTALS_TEXT_MAX];
    snprintf(field, sizeof field, "%lld", (long long)start_s);
    totals_format(&totals, text);
    answer(fetch, index, field);
    answer(fetch, index, text);
}

static void begin(struct fetch *fetch, size_t *first)
{
    char errmsg[ERRMSG_SIZE];
    cr_assert_eq(calendar_init("UTC", errmsg), 0, "%s", errmsg);
    fetch_init(fetch);
    standing_ask_aggregators(fetch);
    *first = standing_ask(fetch, "s", NOW_S);
    cr_assert_str_eq(fetch->items[*first].key, "darkcount:{s}:head");
    cr_assert_str_eq(fetch->items[*first + 1].key, "darkcount:{s}:status");
    cr_assert_str_eq(fetch->items[*first + 2].key, "darkcount:{s}:hours:2026-11-20");
    cr_assert_str_eq(fetch->items[*first + 3].key, "darkcount:{s}:hours:2026-11-21");
    cr_assert_eq(fetch->count, *first + 4);
}

static struct standing read_it(struct fetch *fetch, size_t first, int64_t from_s)
{
    struct standing standing;
    char errmsg[ERRMSG_SIZE];
    int rc = standing_read(&standing, fetch, first, from_s, NOW_S, errmsg);
    cr_assert_eq(rc, 0, "%s", errmsg);
    fetch_close(fetch);
    return standing;
}

Test(standing, coverage_and_drops_are_of_the_last_day)
{
    struct fetch fetch;
    size_t first;
    begin(&fetch, &first);
    answer(&fetch, first, "1795262339999999999");
    answer_hour(&fetch, first + 2, NOW_S - 90000, 3600, 1000); /* before */
    answer_hour(&fetch, first + 2, NOW_S - 86400, 3600, 10);
    answer_hour(&fetch, first + 3, NOW_S - 3600, 1740, 100);
    struct standing standing = read_it(&fetch, first, 0);
    cr_expect(standing.delivered);
    cr_expect_eq(standing.until_s, NOW_S - 60);
    cr_expect_eq(standing.dropped, 112);
    cr_expect_float_eq(standing.coverage, 5340.0 / (86400 - 60), 1e-12);
}

Test(standing, coverage_is_since_the_enrolment_and_never_above_all)
{
    struct fetch fetch;
    size_t first;
    begin(&fetch, &first);
    answer_hour(&fetch, first + 3, NOW_S - 3600, 600, 0);
    struct standing half = read_it(&fetch, first, NOW_S - 1260);
    cr_expect_float_eq(half.coverage, 0.5, 1e-12);
    begin(&fetch, &first);
    answer_hour(&fetch, first + 3, NOW_S - 3600, 3600, 0);
    struct standing all = read_it(&fetch, first, NOW_S - 3600);
    cr_expect_eq(all.coverage, 1);
}

Test(standing, nothing_is_told_of_a_sensor_that_delivered_nothing)
{
    struct fetch fetch;
    size_t first;
    begin(&fetch, &first);
    struct standing standing = read_it(&fetch, first, NOW_S - 60);
    cr_expect_not(standing.delivered);
    cr_expect(isnan(standing.coverage));
    cr_expect_eq(standing.dropped, 0);
    cr_expect_not(standing.status.connected);
    cr_expect_not(standing.status.refused);
}

Test(standing, damaged_totals_are_an_error)
{
    struct fetch fetch;
    struct standing standing;
    char errmsg[ERRMSG_SIZE];
    size_t first;
    begin(&fetch, &first);
    answer(&fetch, first + 2, "1");
    answer(&fetch, first + 2, "nonsense");
    cr_expect_lt(standing_read(&standing, &fetch, first, 0, NOW_S, errmsg), 0);
    cr_expect(strstr(errmsg, "hours:2026-11-20"), "%s", errmsg);
    fetch_close(&fetch);
}

/* --- connected or not ------------------------------------------------------------------------- */

static struct status_seen seen(const char *const *beats, const char *const *status)
{
    struct fetch fetch;
    struct status_seen result;
    fetch_init(&fetch);
    fetch_ask(&fetch, FETCH_HASH, "a", NULL);
    fetch_ask(&fetch, FETCH_HASH, "s", NULL);
    for (; *beats; beats++)
        answer(&fetch, 0, *beats);
    for (; *status; status++)
        answer(&fetch, 1, *status);
    status_read(&result, &fetch.items[0], &fetch.items[1], 1000);
    fetch_close(&fetch);
    return result;
}

#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})

Test(status, a_connection_stands_while_its_aggregator_beats)
{
    static const struct {
        const char *beat, *connection;
        bool connected;
    } cases[] = {
        {"aa 999", "aa 900 192.0.2.7", true},
        {"aa 981", "aa 900 192.0.2.7", true},
        {"aa 980", "aa 900 192.0.2.7", false},
        {"bb 999", "aa 900 192.0.2.7", false},
        {"aa", "aa 900 192.0.2.7", false},
        {"aa 999", "aa 900", false},
        {"aa 999", "", false},
        {"aa 1005", "aa 900 192.0.2.7", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct status_seen result = seen(WORDS("host:/state", cases[i].beat),
                                         WORDS("connection:host:/state", cases[i].connection));
        cr_expect_eq(result.connected, cases[i].connected, "case %zu", i);
        cr_expect(!result.connected ||
                  (result.since_s == 900 && strcmp(result.peer, "192.0.2.7") == 0));
    }
}

Test(status, the_latest_of_several_connections_is_told)
{
    struct status_seen result =
        seen(WORDS("x", "aa 999", "y", "bb 999", "z", "cc 1"),
             WORDS("connection:x", "aa 900 192.0.2.1", "connection:y", "bb 950 192.0.2.2",
                   "connection:z", "cc 990 192.0.2.3", "connection:w", "aa 995 192.0.2.4"));
    cr_expect(result.connected);
    cr_expect_str_eq(result.peer, "192.0.2.2");
}

Test(status, the_last_error_has_its_time)
{
    struct status_seen result = seen(WORDS("x", "aa 999"), WORDS("error", "500 it was  revoked"));
    cr_expect(result.refused);
    cr_expect_eq(result.error_s, 500);
    cr_expect_str_eq(result.error, "it was  revoked");
    cr_expect_not(seen(WORDS("x", "aa 999"), WORDS("error", "nonsense")).refused);
}

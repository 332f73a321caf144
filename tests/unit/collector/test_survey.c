#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include <stdio.h>
#include <string.h>

#include "collector/survey_private.h"
#include "common/err.h"

Test(survey, durations)
{
    static const struct {
        char text[24];
        uint64_t seconds;
    } durations[] = {{"1s", 1},
                     {"30s", 30},
                     {"10m", 600},
                     {"1h", 3600},
                     {"2d", 172800},
                     {"366d", 31622400},
                     {"0060s", 60},
                     {"8784h", 31622400},
                     {"527040m", 31622400},
                     {"31622400s", 31622400}};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
        uint64_t seconds = 0;
        cr_expect_eq(survey_duration(durations[i].text, &seconds, NULL), 0, "%s",
                     durations[i].text);
        cr_expect_eq(seconds, durations[i].seconds, "%s", durations[i].text);
    }
}

Test(survey, what_is_no_duration)
{
    static const char texts[][32] = {"",
                                     "s",
                                     "10",
                                     "0s",
                                     "1w",
                                     "1H",
                                     "-1s",
                                     "+1s",
                                     " 1s",
                                     "1s ",
                                     "1 s",
                                     "1.5h",
                                     "367d",
                                     "8785h",
                                     "31622401s",
                                     "1m30s",
                                     "9999999999999999999999s",
                                     "213503982334602d" /* wraps to 61,184 s */};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char errmsg[ERRMSG_SIZE] = "";
        uint64_t seconds = 77;
        cr_expect_eq(survey_duration(texts[i], &seconds, errmsg), ERR_INVALID, "\"%s\"", texts[i]);
        cr_expect_eq(seconds, 77, "\"%s\"", texts[i]);
        cr_expect(strstr(errmsg, texts[i]), "\"%s\": %s", texts[i], errmsg);
    }
}

Test(survey, common_time_is_observed_once)
{
    struct survey_span spans[] = {{200, 250}, {0, 10}, {5, 20}, {6, 8}, {20, 30}, {40, 40}};
    cr_assert_eq(survey_covered(spans, 6), 30 + 0 + 50);
    cr_assert_eq(survey_covered(NULL, 0), 0);
}

Test(survey, times_at_both_ends_of_the_scale)
{
    struct survey_span spans[] = {{INT64_MIN, INT64_MIN + 1}, {INT64_MIN, INT64_MAX}};
    cr_assert_eq(survey_covered(spans, 2), UINT64_MAX);
}

/* --- printing --------------------------------------------------------------------------------- */

static struct prefixset *make_set(const char *prefixes)
{
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, prefixes, NULL), 0);
    cr_assert_eq(prefixset_finish(set, NULL), 0);
    return set;
}

/* One packet of raw IP from each address of [first, last]. */
static void light(struct lit *lit, uint32_t first, uint32_t last)
{
    static const uint8_t data[20];
    struct capture_packet frame = {.ts_ns = 1700000000999999999, .data = data};
    struct packet packet = {.family = 4, .protocol = 17, .bytes = 20, .payload = data};
    for (uint32_t address = first; address <= last; address++) {
        packet.src4 = address;
        lit_packet(lit, &packet, 12, &frame);
    }
}

/* Prints with standard output taken by the test. */
static void print(struct survey *survey, enum survey_format format, enum rows_format rows_format)
{
    cr_redirect_stdout();
    cr_redirect_stderr();
    survey_print(survey, format, rows_format);
}

Test(survey, an_exclusion_is_the_fewest_prefixes_that_cover_exactly_the_lit)
{
    struct prefixset *set = make_set("198.51.100.0/24");
    struct survey survey = {.darknet = set, .lit = lit_new(set, 256)};
    light(survey.lit, 0xc6336401, 0xc6336406); /* .1, .2/31, .4/31, .6 */
    light(survey.lit, 0xc6336480, 0xc63364ff);
    print(&survey, SURVEY_EXCLUDE, ROWS_CSV);
    cr_assert_stdout_eq_str("198.51.100.1/32,198.51.100.2/31,198.51.100.4/31,198.51.100.6/32,"
                            "198.51.100.128/25\n");
    cr_assert_not(survey.failed);
    lit_free(survey.lit);
    prefixset_free(set);
}

Test(survey, an_exclusion_of_nothing_is_nothing)
{
    struct prefixset *set = make_set("198.51.100.0/24");
    struct survey survey = {.darknet = set, .lit = lit_new(set, 256)};
    print(&survey, SURVEY_EXCLUDE, ROWS_CSV);
    cr_assert_stdout_eq_str("");
    cr_assert_not(survey.failed);
    lit_free(survey.lit);
    prefixset_free(set);
}

Test(survey, rows_say_who_sent_and_the_summary_how_many)
{
    struct prefixset *set = make_set("198.51.0.0/16");
    struct survey survey = {.darknet = set,
                            .lit = lit_new(set, 256),
                            .live = true,
                            .observed_ns = 3600999999999,
                            .interface_dropped = 2};
    light(survey.lit, 0xc6336407, 0xc6336407);
    print(&survey, SURVEY_ROWS, ROWS_CSV);
    cr_assert_stdout_eq_str("address,packets,bytes,first_seen,last_seen,protocols,link_source\n"
                            "198.51.100.7,1,20,2023-11-14T22:13:20Z,2023-11-14T22:13:20Z,17,\n");
    cr_assert_stderr_eq_str(
        "darkcount: observed 3,600 s, 1 of 65,536 addresses are lit; kernel and interface dropped "
        "2\ndarkcount: 2 packets were dropped before they could be looked at, so that lit "
        "addresses may be missing; repeat the survey, one interface at a time or when there is "
        "less traffic\n");
    cr_assert_not(survey.failed);
    lit_free(survey.lit);
    prefixset_free(set);
}

Test(survey, a_second_that_has_begun_before_1970)
{
    struct prefixset *set = make_set("198.51.0.0/16");
    struct survey survey = {.darknet = set, .lit = lit_new(set, 256)};
    struct capture_packet frame = {.ts_ns = -1};
    struct packet packet = {.family = 4, .protocol = 17, .bytes = 20, .src4 = 0xc6336407};
    lit_packet(survey.lit, &packet, 12, &frame);
    print(&survey, SURVEY_ROWS, ROWS_CSV);
    cr_assert_stdout_eq_str("address,packets,bytes,first_seen,last_seen,protocols,link_source\n"
                            "198.51.100.7,1,20,1969-12-31T23:59:59Z,1969-12-31T23:59:59Z,17,\n");
    lit_free(survey.lit);
    prefixset_free(set);
}

Test(survey, json_says_what_was_observed)
{
    struct prefixset *set = make_set("2001:db8::/32,198.51.100.0/24");
    struct survey survey = {
        .darknet = set, .lit = lit_new(set, 256), .captured = 9, .observed_ns = 999999999};
    print(&survey, SURVEY_ROWS, ROWS_JSON);
    cr_assert_stdout_eq_str("{\n  \"monitored\": 18446744073709551615,\n  \"lit\": 0,\n"
                            "  \"captured\": 9,\n  \"undecodable\": 0,\n"
                            "  \"observed_seconds\": 0,\n  \"rows\": []\n}\n");
    lit_free(survey.lit);
    prefixset_free(set);
}

Test(survey, refused_addresses_make_it_a_failure)
{
    struct prefixset *set = make_set("198.51.100.0/24");
    struct survey survey = {.darknet = set, .lit = lit_new(set, 1)};
    light(survey.lit, 0xc6336407, 0xc6336408);
    print(&survey, SURVEY_EXCLUDE, ROWS_CSV);
    cr_assert_stdout_eq_str("198.51.100.7/32\n");
    cr_assert(survey.failed);
    lit_free(survey.lit);
    prefixset_free(set);
}

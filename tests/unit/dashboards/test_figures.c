/* The yearly figures against tables worked out by hand. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/figures.h"

#define S UINT64_C(1000000000)

/* Equal but for the rounding of a few additions. */
static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fabs(b);
}

static struct figures_sum *begin(const char *zone, int year)
{
    char errmsg[ERRMSG_SIZE];
    struct figures_sum *sum = malloc(sizeof *sum);
    cr_assert_eq(calendar_init(zone, errmsg), 0, "%s", errmsg);
    struct period period = calendar_date(LEVEL_YEAR, year, 1, 1);
    figures_begin(sum, &period);
    return sum;
}

/* A sensor with one version of its inventory, until the next one or the end. */
static struct observing {
    bool any;
    struct inventory_version version;
    struct expect_span span;
    uint64_t observed_ns;
} observing;

static void finish_sensor(struct figures_sum *sum)
{
    if (observing.any && observing.span.first_ns <= observing.span.last_ns)
        cr_assert_eq(figures_expected(sum, &observing.span, observing.observed_ns), 0);
    observing.any = false;
}

static void sensor(struct figures_sum *sum, double addresses, int64_t from_ns, int64_t until_ns,
                   uint64_t restated)
{
    int64_t first_ns = sum->year.start_s * (int64_t)S, last_ns = sum->year.end_s * (int64_t)S - 1;
    finish_sensor(sum);
    observing = (struct observing){.any = true, .version = {.size = addresses}};
    observing.span = (struct expect_span){.version = &observing.version,
                                          .first_ns = from_ns > first_ns ? from_ns : first_ns,
                                          .last_ns = until_ns < last_ns ? until_ns : last_ns};
    figures_restated(sum, restated);
}

/* A sensor that observes from the first to the last nanosecond of the year. */
static void whole_year_sensor(struct figures_sum *sum, double addresses)
{
    sensor(sum, addresses, sum->year.start_s * (int64_t)S, sum->year.end_s * (int64_t)S - 1, 0);
}

static void day(struct figures_sum *sum, int month, int number, uint64_t packets, uint64_t active,
                uint64_t observed_s)
{
    const struct totals totals = {
        .packets = packets,
        .active = active,
        .records = observed_s ? observed_s / 60 + 1 : 0,
        .observed_ns = observed_s * S,
    };
    figures_day(sum, month, number, &totals);
    observing.observed_ns += totals.observed_ns;
}

static struct figures end(struct figures_sum *sum, enum method method)
{
    char errmsg[ERRMSG_SIZE];
    struct figures figures;
    finish_sensor(sum);
    cr_assert_eq(figures_end(sum, method, &figures, errmsg), 0, "%s", errmsg);
    figures_close(sum);
    free(sum);
    return figures;
}

Test(figures, daily_sums_the_quotients_of_the_days)
{
    struct figures_sum *sum = begin("UTC", 2023);
    whole_year_sensor(sum, 10);
    day(sum, 1, 1, 30, 4, 86400);
    day(sum, 1, 2, 10, 5, 86400);
    day(sum, 12, 31, 9, 3, 86400);
    struct figures figures = end(sum, METHOD_DAILY);
    cr_assert(figures.any_data);
    cr_assert_eq(figures.packets, 49);
    cr_assert(near(figures.packets_per_address, 30 / 4. + 10 / 5. + 9 / 3.));
    cr_assert(near(figures.seconds_per_packet, 365 * 86400 / 12.5));
    cr_assert_eq(figures.observed_addresses, 3);
}

/* A whole year but for the time of a day at either end is one; a year from June on is not. */
Test(figures, a_part_of_a_year_has_ends)
{
    struct period first, last;
    struct figures_sum *sum = begin("Asia/Tokyo", 2024);
    sensor(sum, 1, (sum->year.start_s + 43200) * (int64_t)S, (sum->year.end_s - 43200) * (int64_t)S,
           0);
    struct figures figures = end(sum, METHOD_DAILY);
    cr_expect_not(figures_part_of_year(&figures, &first, &last));
    sum = begin("Asia/Tokyo", 2024);
    sensor(sum, 1, INT64_C(1720000000) * S, INT64_C(1730000000) * S, 0);
    sensor(sum, 1, INT64_C(1718000000) * S, INT64_C(1719000000) * S,
           0); /* 2024-06-10T15:13:20+09 */
    figures = end(sum, METHOD_DAILY);
    cr_assert(figures_part_of_year(&figures, &first, &last));
    cr_expect_str_eq(first.label, "2024-06-10");
    cr_expect_str_eq(last.label, "2024-10-27");
    sum = begin("Asia/Tokyo", 2024);
    sensor(sum, 1, INT64_C(1718000000) * S, INT64_C(1718000000) * S, 0);
    figures = end(sum, METHOD_DAILY);
    cr_assert(figures_part_of_year(&figures, &first, &last), "a moment");
    cr_expect_str_eq(last.label, "2024-06-10");
    sum = begin("Asia/Tokyo", 2024);
    figures = end(sum, METHOD_DAILY);
    cr_expect_not(figures_part_of_year(&figures, &first, &last), "of nothing");
}

Test(figures, mean_divides_by_the_mean_of_active_addresses)
{
    struct figures_sum *sum = begin("UTC", 2023);
    whole_year_sensor(sum, 10);
    day(sum, 1, 1, 30, 4, 86400);
    day(sum, 1, 2, 10, 5, 86400);
    day(sum, 1, 3, 0, 0, 86400); /* a true zero counts in the mean */
    cr_assert(near(end(sum, METHOD_MEAN).packets_per_address, 40 / 3.));
}

Test(figures, a_day_of_zero_has_data_and_is_the_last_day_with_data)
{
    struct figures_sum *sum = begin("UTC", 2023);
    whole_year_sensor(sum, 10);
    day(sum, 5, 1, 8, 2, 86400);
    day(sum, 5, 2, 0, 0, 86400);
    struct figures figures = end(sum, METHOD_DAILY);
    cr_assert_eq(figures.observed_addresses, 0);
    cr_assert(near(figures.packets_per_address, 4));
}

Test(figures, a_day_without_records_has_no_data)
{
    struct figures_sum *sum = begin("UTC", 2023);
    whole_year_sensor(sum, 10);
    day(sum, 5, 1, 8, 2, 86400);
    day(sum, 5, 2, 0, 0, 0);
    struct figures figures = end(sum, METHOD_MEAN);
    cr_assert_eq(figures.observed_addresses, 2);
    cr_assert(near(figures.packets_per_address, 4));
}

Test(figures, no_data_is_missing_and_not_zero)
{
    struct figures_sum *sum = begin("UTC", 2023);
    struct figures figures = end(sum, METHOD_DAILY);
    cr_assert_not(figures.any_data);
    cr_assert(isnan(figures.packets_per_address));
    cr_assert(isnan(figures.seconds_per_packet));
    cr_assert(isnan(figures.coverage));
    cr_assert(figures_estimate(&figures));
}

Test(figures, a_year_of_nothing_but_zeros_has_no_denominator)
{
    for (enum method method = METHOD_DAILY; method <= METHOD_MEAN; method++) {
        struct figures_sum *sum = begin("UTC", 2023);
        whole_year_sensor(sum, 10);
        day(sum, 1, 1, 0, 0, 86400);
        struct figures figures = end(sum, method);
        cr_assert(figures.any_data);
        cr_assert_eq(figures.packets, 0);
        cr_assert(isnan(figures.packets_per_address));
        cr_assert(isnan(figures.seconds_per_packet));
    }
}

Test(figures, a_single_packet)
{
    struct figures_sum *sum = begin("UTC", 2023);
    int64_t at = (sum->year.start_s + 5000) * (int64_t)S;
    const struct totals totals = {.packets = 1, .active = 1, .records = 1, .observed_ns = 1};
    struct hll *hosts = calloc(1, sizeof *hosts);
    hll_add(hosts, "host", 4);
    sensor(sum, 256, at, at, 0);
    figures_day(sum, 1, 1, &totals);
    observing.observed_ns = 1;
    figures_hosts(sum, hosts, true);
    struct figures figures = end(sum, METHOD_DAILY);
    cr_assert_eq(figures.packets, 1);
    cr_assert_eq(figures.unique_hosts, 1);
    cr_assert(figures.hosts_known);
    cr_assert_eq(figures.packets_per_address, 1);
    cr_assert_eq(figures.coverage, 1);
    cr_assert_not(figures_estimate(&figures));
    free(hosts);
}

Test(figures, sensors_add_up_by_day)
{
    struct figures_sum *sum = begin("UTC", 2023);
    whole_year_sensor(sum, 100);
    day(sum, 1, 1, 30, 4, 86400);
    day(sum, 12, 30, 10, 5, 86400);
    whole_year_sensor(sum, 50);
    day(sum, 1, 1, 10, 6, 86400);
    day(sum, 12, 31, 14, 7, 86400);
    struct figures figures = end(sum, METHOD_DAILY);
    cr_assert_eq(figures.packets, 64);
    cr_assert(near(figures.packets_per_address, 40 / 10. + 10 / 5. + 14 / 7.));
    cr_assert_eq(figures.observed_addresses, 7);
}

Test(figures, a_leap_year_is_a_day_longer)
{
    struct figures_sum *sum = begin("UTC", 2024);
    whole_year_sensor(sum, 1);
    day(sum, 2, 29, 2, 1, 86400);
    cr_assert(near(end(sum, METHOD_DAILY).seconds_per_packet, 366 * 86400 / 2.));
}

/* Clocks go forward and back within a year, so it has no odd hour; Morocco's 2018 has one: it went
 * to summer time for good. */
Test(figures, the_zone_decides_how_long_a_year_is)
{
    struct figures_sum *sum = begin("Europe/Berlin", 2023);
    whole_year_sensor(sum, 1);
    day(sum, 3, 26, 1, 1, 82800);
    cr_assert(near(end(sum, METHOD_DAILY).seconds_per_packet, 365 * 86400));
    sum = begin("Africa/Casablanca", 2018);
    whole_year_sensor(sum, 1);
    day(sum, 3, 26, 1, 1, 86400);
    cr_assert(near(end(sum, METHOD_DAILY).seconds_per_packet, 365 * 86400 - 3600));
}

Test(figures, coverage_is_weighted_by_addresses)
{
    struct figures_sum *sum = begin("UTC", 2023);
    int64_t from = sum->year.start_s * (int64_t)S;
    sensor(sum, 300, from, from + 86400 * (int64_t)S - 1, 0);
    day(sum, 1, 1, 1, 1, 43200);
    sensor(sum, 100, from, from + 86400 * (int64_t)S - 1, 0);
    day(sum, 1, 1, 1, 1, 86400);
    struct figures figures = end(sum, METHOD_DAILY);
    cr_assert(near(figures.coverage, (300 * 0.5 + 100) / 400));
    cr_assert(figures_estimate(&figures));
}

Test(figures, coverage_of_a_complete_year_is_exactly_one)
{
    /* Darknet sizes whose product with a year's nanoseconds no double holds exactly. */
    for (int i = 1; i < 2000; i += 7) {
        struct figures_sum *sum = begin("Asia/Tokyo", 2023);
        for (int sensor = 0; sensor < 3; sensor++) {
            whole_year_sensor(sum, 3 * i + sensor);
            for (int d = 0; d < 365; d++)
                day(sum, 1 + d / 31, 1 + d % 31, 1, 1, 86400);
        }
        cr_assert_eq(end(sum, METHOD_DAILY).coverage, 1.0);
    }
}

Test(figures, coverage_is_never_above_one)
{
    struct figures_sum *sum = begin("UTC", 2023);
    int64_t from = sum->year.start_s * (int64_t)S;
    sensor(sum, 10, from, from + 60 * (int64_t)S - 1, 0);
    day(sum, 1, 1, 1, 1, 61);
    /* What one sensor has too much does not make up for what the other lacks. */
    sensor(sum, 10, from, from + 60 * (int64_t)S - 1, 0);
    day(sum, 1, 1, 1, 1, 30);
    cr_assert(near(end(sum, METHOD_DAILY).coverage, 0.75));
}

Test(figures, a_sensor_that_was_silent_all_year_lowers_the_coverage)
{
    struct figures_sum *sum = begin("UTC", 2023);
    sensor(sum, 10, 0, 4000000000 * (int64_t)S, 0);
    sensor(sum, 10, sum->year.start_s * (int64_t)S, sum->year.end_s * (int64_t)S - 1, 0);
    day(sum, 1, 1, 1, 1, 365 * 86400);
    cr_assert(near(end(sum, METHOD_DAILY).coverage, 0.5));
}

/* Half a year of 300 addresses, half of 100, of which the second half was not observed. */
Test(figures, coverage_follows_the_inventory)
{
    struct figures_sum *sum = begin("UTC", 2023);
    int64_t from = sum->year.start_s * (int64_t)S, half = from + 180 * 86400 * (int64_t)S;
    sensor(sum, 300, from, half - 1, 0);
    day(sum, 1, 1, 1, 1, 180 * 86400);
    sensor(sum, 100, half, half + 100 * 86400 * (int64_t)S - 1, 0);
    day(sum, 7, 1, 1, 1, 0);
    cr_assert(near(end(sum, METHOD_DAILY).coverage, 180 * 300 / (180 * 300. + 100 * 100)));
}

Test(figures, dropped_and_revision_add_up)
{
    struct figures_sum *sum = begin("UTC", 2023);
    const struct totals totals = {.records = 1, .kernel_dropped = 3, .interface_dropped = 4};
    sensor(sum, 1, 0, 1, 2);
    figures_day(sum, 1, 1, &totals);
    sensor(sum, 1, 0, 1, 5);
    figures_day(sum, 1, 1, &totals);
    struct figures figures = end(sum, METHOD_DAILY);
    cr_assert_eq(figures.dropped, 14);
    cr_assert_eq(figures.revision, 7);
}

Test(figures, hosts_are_a_union)
{
    struct figures_sum *sum = begin("UTC", 2023);
    struct hll *hosts = calloc(2, sizeof *hosts);
    for (int i = 0; i < 600; i++)
        hll_add(&hosts[i % 2], &i, sizeof i);
    for (int i = 0; i < 600; i++)
        hll_add(&hosts[1], &i, sizeof i);
    for (int i = 0; i < 2; i++) {
        whole_year_sensor(sum, 1);
        day(sum, 1, 1, 1, 1, 60);
        figures_hosts(sum, &hosts[i], true);
    }
    struct figures figures = end(sum, METHOD_DAILY);
    cr_assert(figures.hosts_known);
    cr_assert_eq(figures.unique_hosts, hll_count(&hosts[1]));
    free(hosts);
}

Test(figures, a_missing_sketch_makes_the_hosts_unknown)
{
    struct figures_sum *sum = begin("UTC", 2023);
    struct hll *hosts = calloc(1, sizeof *hosts);
    whole_year_sensor(sum, 1);
    day(sum, 1, 1, 1, 1, 60);
    figures_hosts(sum, hosts, false);
    figures_hosts(sum, hosts, true);
    cr_assert_not(end(sum, METHOD_DAILY).hosts_known);
    free(hosts);
}

Test(figures, a_sum_beyond_64_bits_is_refused)
{
    char errmsg[ERRMSG_SIZE];
    struct figures figures;
    struct figures_sum *sum = begin("UTC", 2023);
    whole_year_sensor(sum, 1);
    day(sum, 1, 1, UINT64_MAX, 1, 60);
    day(sum, 1, 2, 1, 1, 60);
    cr_assert_eq(figures_end(sum, METHOD_DAILY, &figures, errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "2023"));
    free(sum);
    sum = begin("UTC", 2023);
    whole_year_sensor(sum, 1);
    day(sum, 1, 1, UINT64_MAX - 1, 1, 60);
    day(sum, 1, 2, 1, 1, 60);
    cr_assert_eq(end(sum, METHOD_DAILY).packets, UINT64_MAX);
}

/* --- inventory -------------------------------------------------------------------------------- */

Test(figures, inventory_divides_each_minute_by_what_was_up)
{
    struct figures_sum *sum = begin("UTC", 2023);
    struct course *course = calloc(2, sizeof *course);
    int64_t from = sum->year.start_s * (int64_t)S;
    for (int i = 0; i < 2; i++) {
        sensor(sum, i ? 100 : 300, from, from + 180 * (int64_t)S - 1, 0);
        day(sum, 1, 1, 1, 1, 120);
    }
    /* Minute 0: both are up; minute 1: only the first; minute 2: only the second. */
    course[0].packets[0] = 600;
    course[1].packets[0] = 200;
    course[0].packets[1] = 900;
    course[1].packets[2] = 0; /* a true zero */
    course[0].observed_ns[0] = course[0].observed_ns[1] = 60 * S;
    course[1].observed_ns[0] = course[1].observed_ns[2] = 60 * S;
    cr_assert_eq(figures_course(sum, 1, 1, 300, 0, COURSE_SLOTS, &course[0]), 0);
    cr_assert_eq(figures_course(sum, 1, 1, 100, 0, COURSE_SLOTS, &course[1]), 0);
    struct figures figures = end(sum, METHOD_INVENTORY);
    cr_assert(near(figures.coverage, 2 / 3.));
    /* One of them was up all the time: nothing is to be made up for. */
    cr_assert(near(figures.packets_per_address, 800 / 400. + 900 / 300. + 0));
    free(course);
}

Test(figures, inventory_makes_up_for_the_time_in_which_no_sensor_was_up)
{
    struct figures_sum *sum = begin("UTC", 2023);
    struct course *course = calloc(2, sizeof *course);
    int64_t from = sum->year.start_s * (int64_t)S;
    /* Of four minutes one is of both, one of the first alone, half a one of the second alone. */
    for (int i = 0; i < 2; i++) {
        sensor(sum, i ? 100 : 300, from, from + 240 * (int64_t)S - 1, 0);
        day(sum, 1, 1, 1, 1, 120);
    }
    course[0].packets[0] = 600;
    course[1].packets[0] = 200;
    course[0].packets[1] = 900;
    course[1].packets[3] = 50;
    course[0].observed_ns[0] = course[0].observed_ns[1] = 60 * S;
    course[1].observed_ns[0] = 60 * S;
    course[1].observed_ns[3] = 30 * S;
    cr_assert_eq(figures_course(sum, 1, 1, 300, 0, COURSE_SLOTS, &course[0]), 0);
    cr_assert_eq(figures_course(sum, 1, 1, 100, 0, COURSE_SLOTS, &course[1]), 0);
    cr_assert(near(end(sum, METHOD_INVENTORY).packets_per_address,
                   (800 / 400. + 900 / 300. + 50 / 100.) / (150 / 240.)));
    free(course);
}

/* A minute of which the second sensor saw only half has its addresses for half of it. */
Test(figures, inventory_weighs_addresses_by_the_time_that_they_were_observed)
{
    struct figures_sum *sum = begin("UTC", 2023);
    struct course *course = calloc(2, sizeof *course);
    int64_t from = sum->year.start_s * (int64_t)S;
    sensor(sum, 300, from, from + 60 * (int64_t)S - 1, 0);
    day(sum, 1, 1, 1, 1, 60);
    sensor(sum, 100, from, from + 60 * (int64_t)S - 1, 0);
    day(sum, 1, 1, 1, 1, 30);
    course[0].packets[0] = 600;
    course[1].packets[0] = 100;
    course[0].observed_ns[0] = 60 * S;
    course[1].observed_ns[0] = 30 * S;
    cr_assert_eq(figures_course(sum, 1, 1, 300, 0, COURSE_SLOTS, &course[0]), 0);
    cr_assert_eq(figures_course(sum, 1, 1, 100, 0, COURSE_SLOTS, &course[1]), 0);
    cr_assert(near(end(sum, METHOD_INVENTORY).packets_per_address, 700 / 350.));
    free(course);
}

/* A minute that only the second version's addresses are of: the first half of the slots is another's. */
Test(figures, inventory_divides_by_the_addresses_of_the_moment)
{
    struct figures_sum *sum = begin("UTC", 2023);
    struct course *course = calloc(1, sizeof *course);
    int64_t from = sum->year.start_s * (int64_t)S;
    for (int i = 0; i < 4; i++) {
        course->packets[i] = 120;
        course->observed_ns[i] = 60 * S;
    }
    sensor(sum, 10, from, from + 120 * (int64_t)S - 1, 0);
    day(sum, 1, 1, 480, 3, 120);
    sensor(sum, 40, from + 120 * (int64_t)S, from + 240 * (int64_t)S - 1, 0);
    observing.observed_ns = 120 * S;
    cr_assert_eq(figures_course(sum, 1, 1, 10, 0, 2, course), 0);
    cr_assert_eq(figures_course(sum, 1, 1, 40, 2, COURSE_SLOTS, course), 0);
    struct figures figures = end(sum, METHOD_INVENTORY);
    cr_assert(near(figures.packets_per_address, 2 * 120 / 10. + 2 * 120 / 40.));
    cr_assert_eq(figures.coverage, 1);
    free(course);
}

/* Between the times of two sensors nothing was expected: nothing is made up for. */
Test(figures, inventory_makes_up_for_expected_time_alone)
{
    struct figures_sum *sum = begin("UTC", 2023);
    struct course *course = calloc(1, sizeof *course);
    int64_t from = sum->year.start_s * (int64_t)S;
    course->packets[0] = 60;
    course->observed_ns[0] = 60 * S;
    sensor(sum, 10, from, from + 120 * (int64_t)S - 1, 0); /* half of it observed */
    day(sum, 1, 1, 60, 3, 60);
    sensor(sum, 10, from + 60 * (int64_t)S, from + 120 * (int64_t)S - 1,
           0); /* within the first's */
    sensor(sum, 10, from + 86400 * (int64_t)S, from + 86460 * (int64_t)S - 1, 0);
    day(sum, 1, 2, 60, 3, 60);
    cr_assert_eq(figures_course(sum, 1, 1, 10, 0, COURSE_SLOTS, course), 0);
    cr_assert_eq(figures_course(sum, 1, 2, 10, 0, COURSE_SLOTS, course), 0);
    cr_assert(near(end(sum, METHOD_INVENTORY).packets_per_address, 12 / (120 / 180.)));
    free(course);
}

Test(figures, inventory_keeps_the_days_apart)
{
    struct figures_sum *sum = begin("UTC", 2023);
    struct course *course = calloc(1, sizeof *course);
    int64_t from = sum->year.start_s * (int64_t)S;
    sensor(sum, 10, from, from + 120 * (int64_t)S - 1, 0);
    day(sum, 1, 1, 30, 3, 60);
    day(sum, 1, 2, 30, 3, 60);
    course->packets[7] = 30;
    course->observed_ns[7] = 60 * S;
    cr_assert_eq(figures_course(sum, 1, 1, 10, 0, COURSE_SLOTS, course), 0);
    cr_assert_eq(figures_course(sum, 1, 2, 10, 0, COURSE_SLOTS, course), 0);
    cr_assert(near(end(sum, METHOD_INVENTORY).packets_per_address, 6));
    free(course);
}

Test(figures, inventory_of_zeros_is_zero_and_of_nothing_is_missing)
{
    struct course *course = calloc(1, sizeof *course);
    course->observed_ns[0] = 60 * S;
    for (int with = 0; with < 2; with++) {
        struct figures_sum *sum = begin("UTC", 2023);
        whole_year_sensor(sum, 10);
        day(sum, 1, 1, 0, 0, 60);
        if (with)
            cr_assert_eq(figures_course(sum, 1, 1, 10, 0, COURSE_SLOTS, course), 0);
        struct figures figures = end(sum, METHOD_INVENTORY);
        cr_assert(with ? figures.packets_per_address == 0 : isnan(figures.packets_per_address));
        cr_assert(isnan(figures.seconds_per_packet));
    }
    free(course);
}

Test(figures, methods_have_names)
{
    for (enum method method = METHOD_DAILY; method <= METHOD_INVENTORY; method++) {
        enum method parsed;
        cr_assert_eq(method_parse(method_name(method), &parsed), 0);
        cr_assert_eq(parsed, method);
    }
    enum method parsed;
    cr_assert_eq(method_parse("Daily", &parsed), ERR_INVALID);
}

/* --- band and growth -------------------------------------------------------------------------- */

static struct figures figures_with(int year, enum method method, double value, double coverage)
{
    return (struct figures){
        .year = year, .method = method, .packets_per_address = value, .coverage = coverage};
}

Test(figures, band_of_what_was_not_observed)
{
    static const struct {
        enum method method;
        double value, coverage, low, high;
    } cases[] = {
        {METHOD_DAILY, 90, 0.75, 90, 120},      {METHOD_MEAN, 90, 0.75, 90, 120},
        {METHOD_INVENTORY, 120, 0.75, 90, 120}, {METHOD_DAILY, 90, 1, NAN, NAN},
        {METHOD_DAILY, 90, 0, NAN, NAN},        {METHOD_DAILY, 90, NAN, NAN, NAN},
        {METHOD_DAILY, NAN, 0.5, NAN, NAN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct figures figures =
            figures_with(2024, cases[i].method, cases[i].value, cases[i].coverage);
        double low, high;
        figures_band(&figures, &low, &high);
        cr_expect(isnan(cases[i].low) ? isnan(low) : low == cases[i].low, "%zu: %g", i, low);
        cr_expect(isnan(cases[i].high) ? isnan(high) : high == cases[i].high, "%zu: %g", i, high);
    }
}

Test(figures, growth_is_of_the_year_before)
{
    struct figures before = figures_with(2023, METHOD_DAILY, 200, 1);
    struct figures year = figures_with(2024, METHOD_DAILY, 300, 1);
    cr_expect_eq(figures_growth(&before, &year), 1.5);
    before.year = 2022;
    cr_expect(isnan(figures_growth(&before, &year)), "not the year before");
    before = figures_with(2023, METHOD_DAILY, 0, 1);
    cr_expect(isnan(figures_growth(&before, &year)), "no multiple of nothing");
    before.packets_per_address = NAN;
    cr_expect(isnan(figures_growth(&before, &year)));
}

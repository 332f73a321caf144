/* Intervals of count under the pressure of memory: the source itself is taken in under another
 * name, so that the memory it believes to hold can be set. What it counts otherwise is in
 * tests/system/count. */
#define breakdown_interval intervals_under_test
#include "collector/breakdown_interval.c" /* NOLINT(bugprone-suspicious-include) */

#include <criterion/criterion.h>

#include <stdio.h>

static struct breakdown_options options = {.width_s = 60};
static struct intervals *all;

static void begin(void)
{
    all = interval_open(&options);
}

static void end(void)
{
    interval_close(all);
}

TestSuite(breakdown_interval, .init = begin, .fini = end);

static void add(int64_t second, uint32_t dst)
{
    struct packet packet = {.family = 4, .src4 = 1, .dst4 = dst, .bytes = 40};
    cr_assert_eq(interval_add(all, &packet, second * 1000000000), TALLY_COUNTED);
}

static void expect(const char *expected)
{
    char *output = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&output, &size);
    struct rows *rows = rows_begin(out, ROWS_CSV, interval_columns);
    cr_assert_eq(interval_check(all, NULL), 0);
    interval_print(all, rows);
    cr_assert_eq(rows_end(rows), 0);
    fclose(out);
    cr_assert_str_eq(output, expected);
    free(output);
}

#define HEADER "start,packets,bytes,active_addresses,unique_hosts\n"

Test(breakdown_interval, a_packet_on_the_boundary_opens_the_next)
{
    struct packet packet = {.family = 4, .bytes = 40};
    add(60, 1);
    interval_add(all, &packet, INT64_C(119999999999));
    interval_add(all, &packet, INT64_C(120000000000));
    interval_add(all, &packet, -1);
    expect(HEADER "1969-12-31T23:59:00Z,1,40,1,1\n"
                  "1970-01-01T00:01:00Z,2,80,2,2\n"
                  "1970-01-01T00:02:00Z,1,40,1,1\n");
}

Test(breakdown_interval, pressure_settles_intervals_and_keeps_their_numbers)
{
    for (uint32_t i = 0; i < 100; i++)
        add(0, i % 10);
    all->held += SETS_MAX;
    add(60, 7);
    all->held -= SETS_MAX;
    cr_assert_eq(all->held, 0);
    expect(HEADER "1970-01-01T00:00:00Z,100,4000,10,1\n"
                  "1970-01-01T00:01:00Z,1,40,1,1\n");
}

Test(breakdown_interval, a_packet_for_a_settled_interval_makes_its_addresses_unknown)
{
    add(0, 1);
    all->held += SETS_MAX;
    add(60, 1);
    all->held -= SETS_MAX;
    add(120, 1);
    add(1, 1);
    add(1, 2);
    expect(HEADER "1970-01-01T00:00:00Z,3,120,,\n"
                  "1970-01-01T00:01:00Z,1,40,1,1\n"
                  "1970-01-01T00:02:00Z,1,40,1,1\n");
    cr_assert_eq(all->unknown, 1);
}

Test(breakdown_interval, trimming_comes_before_settling)
{
    for (uint32_t i = 0; i < 600; i++)
        add(0, i);
    size_t before = all->held;
    cr_assert_geq(before, 1024 * 4); /* 600 addresses in room for 1024 */
    all->held += SETS_MAX / 2 - before + 1000;
    relieve(all);
    cr_assert_not(all->current->settled);
    cr_assert_lt(all->held, SETS_MAX / 2);
}

Test(breakdown_interval, more_intervals_than_the_bound_are_refused)
{
    struct packet packet = {.family = 4, .bytes = 40};
    all->count = INTERVALS_MAX - 1;
    cr_assert_eq(interval_add(all, &packet, 0), TALLY_COUNTED);
    cr_assert_eq(interval_add(all, &packet, INT64_C(60000000000)), TALLY_REFUSED);
    cr_assert_eq(interval_add(all, &packet, 1), TALLY_COUNTED);
}

Test(breakdown_interval, too_many_quiet_intervals_are_refused_before_printing)
{
    char errmsg[ERRMSG_SIZE] = "";
    options.zeros = true;
    add(0, 1);
    add(4000000000, 1);
    cr_assert_eq(interval_check(all, errmsg), ERR_FULL);
    cr_assert(strstr(errmsg, "--width"), "%s", errmsg);
}

/* --- several states ---------------------------------------------------------------------------- */

static struct breakdown_options shared_options = {.width_s = 60, .states = 4};

static void add_to(struct intervals *state, enum tally_result expected)
{
    struct packet packet = {.family = 4, .src4 = 1, .dst4 = 1, .bytes = 40};
    cr_assert_eq(interval_add(state, &packet, 0), expected);
}

Test(breakdown_interval, a_state_that_shares_refuses_instead_of_settling)
{
    struct intervals *one = interval_open(&shared_options);
    add_to(one, TALLY_COUNTED);
    one->held += SETS_MAX / 4 + 1;
    add_to(one, TALLY_REFUSED);
    cr_assert_not(one->current->settled);
    one->held -= SETS_MAX / 4 + 1;
    add_to(one, TALLY_COUNTED);
    interval_close(one);
}

Test(breakdown_interval, states_share_the_bound_on_intervals)
{
    struct intervals *one = interval_open(&shared_options);
    one->count = INTERVALS_MAX / 4;
    add_to(one, TALLY_REFUSED);
    interval_close(one);
}

Test(breakdown_interval, merging_has_the_whole_bound_on_intervals)
{
    struct intervals *into = interval_open(&shared_options), *from = interval_open(&shared_options);
    add_to(from, TALLY_COUNTED);
    into->count = INTERVALS_MAX - 1;
    cr_assert_eq(interval_merge(into, from), 0);
    from->current->number = 1;
    cr_assert_eq(interval_merge(into, from), ERR_FULL);
    interval_close(into);
    interval_close(from);
}

Test(breakdown_interval, merging_is_refused_where_one_state_might_have_settled)
{
    struct intervals *into = interval_open(&shared_options), *from = interval_open(&shared_options);
    add_to(from, TALLY_COUNTED);
    /* An interval with more hosts than are kept exactly once held them all: 256 KiB. */
    for (int64_t i = 0; i < (int64_t)(SETS_MAX / 2 / (4 * HOSTS_EXACT_MAX)); i++) {
        cr_assert_eq(interval_merge(into, from), 0);
        find(into, i)->hosts.sketch = calloc(1, sizeof(struct hll));
    }
    cr_assert_eq(interval_merge(into, from), ERR_FULL);
    interval_close(into);
    interval_close(from);
}

Test(breakdown_interval, merging_what_is_not_known_is_refused)
{
    struct intervals *into = interval_open(&shared_options), *from = interval_open(&shared_options);
    from->unknown = 1;
    cr_assert_eq(interval_merge(into, from), ERR_FULL);
    cr_assert_eq(interval_merge(from, into), ERR_FULL);
    interval_close(into);
    interval_close(from);
}

#include "collector/clockwatch.h"

#include <criterion/criterion.h>

#define S  INT64_C(1000000000)
#define MS INT64_C(1000000)

/* A clockwatch that has seen the clocks at second 1000 of the boot, of which the machine slept 100. */
static const struct clockwatch_reading begin = {1700000000 * S, 1000 * S, 900 * S};

/* What it finds when the clocks have moved on by so much. */
static struct clockwatch_result after(int64_t real_ns, int64_t boot_ns, int64_t monotonic_ns)
{
    struct clockwatch watch = {0};
    const struct clockwatch_reading now = {begin.real_ns + real_ns, begin.boot_ns + boot_ns,
                                           begin.monotonic_ns + monotonic_ns};
    clockwatch_tick(&watch, &begin);
    return clockwatch_tick(&watch, &now);
}

Test(clockwatch, the_first_reading_tells_nothing)
{
    struct clockwatch watch = {0};
    struct clockwatch_result result = clockwatch_tick(&watch, &begin);
    cr_assert_eq(result.stepped_ns, 0);
    cr_assert_eq(result.slept_ns, 0);
    cr_assert_eq(result.passed_ns, 0);
}

Test(clockwatch, time_that_passes_is_no_step)
{
    struct clockwatch_result result = after(500 * MS + 99 * MS, 500 * MS, 500 * MS);
    cr_assert_eq(result.stepped_ns, 0);
    cr_assert_eq(result.slept_ns, 0);
    cr_assert_eq(result.passed_ns, 500 * MS);
}

Test(clockwatch, a_clock_set_ahead_or_back_is_told_by_how_much)
{
    cr_assert_eq(after(3600 * S + 500 * MS, 500 * MS, 500 * MS).stepped_ns, 3600 * S);
    cr_assert_eq(after(500 * MS - 100 * MS, 500 * MS, 500 * MS).stepped_ns, -100 * MS);
}

Test(clockwatch, sleep_is_no_step)
{
    struct clockwatch_result result = after(90 * S, 90 * S, 1 * S);
    cr_assert_eq(result.stepped_ns, 0);
    cr_assert_eq(result.slept_ns, 89 * S);
    cr_assert_eq(result.passed_ns, 1 * S);
}

Test(clockwatch, a_clock_set_while_the_machine_slept)
{
    struct clockwatch_result result = after(95 * S, 90 * S, 1 * S);
    cr_assert_eq(result.stepped_ns, 5 * S);
    cr_assert_eq(result.slept_ns, 89 * S);
}

Test(clockwatch, each_step_is_told_once)
{
    struct clockwatch watch = {0};
    struct clockwatch_reading now = begin;
    clockwatch_tick(&watch, &now);
    now.real_ns += 10 * S;
    cr_assert_eq(clockwatch_tick(&watch, &now).stepped_ns, 10 * S);
    cr_assert_eq(clockwatch_tick(&watch, &now).stepped_ns, 0);
}

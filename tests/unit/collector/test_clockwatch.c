#include <criterion/criterion.h>

#include "collector/clockwatch.h"

#define S    INT64_C(1000000000)
#define REAL (INT64_C(1700000000) * S)

/* What the clocks told `ahead` after the first reading, the three told apart. */
static struct clockwatch_result after(int64_t real_ns, int64_t boot_ns, int64_t monotonic_ns)
{
    struct clockwatch watch = {0};
    struct clockwatch_reading first = {REAL, 900 * S, 500 * S};
    struct clockwatch_reading next = {REAL + real_ns, 900 * S + boot_ns, 500 * S + monotonic_ns};
    clockwatch_tick(&watch, &first);
    return clockwatch_tick(&watch, &next);
}

Test(clockwatch, tells_steps_from_sleep)
{
    static const struct {
        int64_t real, boot, monotonic, stepped, slept;
        char what[32];
    } rows[] = {
        {S / 2, S / 2, S / 2, 0, 0, "a tick"},
        {S / 2, S / 2, S / 2 - 1000, 0, 0, "a tick with jitter"},
        {40 * S, 40 * S, 40 * S, 0, 0, "a process that was stopped"},
        {S / 2 + 3600 * S, S / 2, S / 2, 3600 * S, 0, "a step ahead"},
        {S / 2 - 3600 * S, S / 2, S / 2, -3600 * S, 0, "a step back"},
        {S / 2 + CLOCKWATCH_STEP_NS, S / 2, S / 2, CLOCKWATCH_STEP_NS, 0, "the least step"},
        {S / 2 + CLOCKWATCH_STEP_NS - 1, S / 2, S / 2, 0, 0, "less than a step"},
        {S / 2 - CLOCKWATCH_STEP_NS, S / 2, S / 2, -CLOCKWATCH_STEP_NS, 0, "the least step back"},
        {600 * S, 600 * S, S / 2, 0, 600 * S - S / 2, "sleep"},
        {600 * S - 7 * S, 600 * S, S / 2, -7 * S, 600 * S - S / 2, "sleep with a clock set"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct clockwatch_result result = after(rows[i].real, rows[i].boot, rows[i].monotonic);
        cr_expect_eq(result.stepped_ns, rows[i].stepped, "%s: stepped by %ld", rows[i].what,
                     (long)result.stepped_ns);
        cr_expect_eq(result.slept_ns, rows[i].slept, "%s: slept for %ld", rows[i].what,
                     (long)result.slept_ns);
    }
}

Test(clockwatch, first_reading_tells_nothing_and_each_is_told_once)
{
    struct clockwatch watch = {0};
    struct clockwatch_reading reading = {REAL, 900 * S, 500 * S};
    struct clockwatch_result result = clockwatch_tick(&watch, &reading);
    cr_expect(result.stepped_ns == 0 && result.slept_ns == 0);
    reading.real_ns += 5 * S;
    cr_expect_eq(clockwatch_tick(&watch, &reading).stepped_ns, 5 * S);
    cr_expect_eq(clockwatch_tick(&watch, &reading).stepped_ns, 0);
}

/* The daemon that slews by 500 ppm is no step however long it does. */
Test(clockwatch, slewing_is_no_step)
{
    struct clockwatch watch = {0};
    struct clockwatch_reading reading = {REAL, 900 * S, 500 * S};
    for (int i = 0; i < 7200; i++) {
        struct clockwatch_result result = clockwatch_tick(&watch, &reading);
        cr_assert(result.stepped_ns == 0 && result.slept_ns == 0);
        reading.boot_ns += S / 2;
        reading.monotonic_ns += S / 2;
        reading.real_ns += S / 2 + S / 4000;
    }
}

Test(clockwatch, clocks_of_this_machine_agree)
{
    struct clockwatch watch = {0};
    for (int i = 0; i < 100; i++) {
        struct clockwatch_reading reading = clockwatch_read();
        cr_assert_gt(reading.real_ns, REAL);
        cr_assert_geq(reading.boot_ns, reading.monotonic_ns);
        cr_expect_eq(clockwatch_tick(&watch, &reading).slept_ns, 0);
    }
}

#include <criterion/criterion.h>

#include "common/backoff.h"

Test(backoff, doubles_to_the_greatest)
{
    const uint64_t want[] = {200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    for (unsigned i = 0; i < sizeof want / sizeof *want; i++)
        cr_expect_eq(backoff_ms(i, 200, 10000, (uint32_t)want[i] / 2), want[i]);
}

Test(backoff, at_least_half_of_it_is_waited)
{
    cr_expect_eq(backoff_ms(0, 200, 10000, 0), 100);
    cr_expect_eq(backoff_ms(40, 200, 10000, 0), 5000);
}

Test(backoff, stays_in_bounds_whatever_the_number_is)
{
    for (unsigned failures = 0; failures < 100; failures++)
        for (uint64_t random = 0; random <= UINT32_MAX; random += 99999989) {
            uint64_t ms = backoff_ms(failures, 100, 15000, (uint32_t)random);
            cr_expect(ms >= 50 && ms <= 15000, "%u failures: %lu", failures, ms);
        }
}

Test(backoff, any_number_of_failures_is_the_greatest)
{
    cr_expect_eq(backoff_ms(4000000000u, 200, 10000, 5000), 10000);
}

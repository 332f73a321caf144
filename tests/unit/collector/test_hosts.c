#include <criterion/criterion.h>

#include "collector/hosts.h"

static void add_many(struct hosts *hosts, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        uint32_t address = i * 2654435761u;
        cr_assert_eq(hosts_add(hosts, 4, (const uint8_t *)&address), 0);
    }
}

Test(hosts, exact_up_to_the_bound)
{
    struct hosts hosts;
    uint64_t count = 1;
    hosts_init(&hosts);
    cr_assert_eq(hosts_count(&hosts, &count), 0);
    cr_assert_eq(count, 0);
    for (int round = 0; round < 10; round++)
        add_many(&hosts, 0, HOSTS_EXACT_MAX);
    cr_assert_eq(hosts_count(&hosts, &count), 0);
    cr_assert_eq(count, HOSTS_EXACT_MAX);
    cr_assert_null(hosts.sketch);
    hosts_close(&hosts);
}

Test(hosts, estimated_beyond_in_bounded_memory)
{
    struct hosts hosts;
    uint64_t count;
    hosts_init(&hosts);
    add_many(&hosts, 0, 500000);
    cr_assert_eq(hosts_count(&hosts, &count), 0);
    cr_assert_not_null(hosts.sketch);
    cr_assert_float_eq((double)count, 500000, 500000 * 0.03);
    cr_assert_leq(hosts_memory(&hosts), sizeof(struct hll));
    hosts_close(&hosts);
}

Test(hosts, the_order_does_not_matter)
{
    struct hosts forward, backward;
    uint64_t a, b;
    hosts_init(&forward);
    hosts_init(&backward);
    add_many(&forward, 0, 70000);
    for (uint32_t part = 7; part-- > 0;)
        add_many(&backward, part * 10000, part * 10000 + 10000);
    cr_assert_eq(hosts_count(&forward, &a), 0);
    cr_assert_eq(hosts_count(&backward, &b), 0);
    cr_assert_eq(a, b);
    hosts_close(&forward);
    hosts_close(&backward);
}

/* Merges the hosts [0, middle) and [middle - 1000, end) and expects what adding [0, end) gives. */
static void expect_merged(uint32_t middle, uint32_t end)
{
    struct hosts into, from, whole;
    uint64_t merged, expected;
    hosts_init(&into);
    hosts_init(&from);
    hosts_init(&whole);
    add_many(&into, 0, middle);
    add_many(&from, middle - 1000, end);
    add_many(&whole, 0, end);
    cr_assert_eq(hosts_merge(&into, &from), 0);
    cr_assert_eq(hosts_count(&into, &merged), 0);
    cr_assert_eq(hosts_count(&whole, &expected), 0);
    cr_assert_eq(merged, expected);
    hosts_close(&into);
    hosts_close(&from);
    hosts_close(&whole);
}

Test(hosts, merging_exact_hosts_stays_exact)
{
    expect_merged(30000, HOSTS_EXACT_MAX);
}

Test(hosts, merging_exact_hosts_beyond_the_bound_is_an_estimate)
{
    expect_merged(60000, 120000);
}

Test(hosts, merging_an_estimate_into_exact_hosts_is_an_estimate)
{
    expect_merged(1500, 400000);
}

Test(hosts, merging_exact_hosts_into_an_estimate_and_two_estimates)
{
    expect_merged(400000, 401000);
    expect_merged(400000, 800000);
}

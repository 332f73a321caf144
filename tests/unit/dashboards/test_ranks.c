#include <criterion/criterion.h>

#include "dashboards/ranks.h"

static struct addrvec vec;
static struct ranks ranks;

static void add4(uint32_t address, uint64_t packets)
{
    cr_assert_eq(addrvec_append4(&vec, address, packets), 0);
}

static void assert_prefix(size_t number, uint64_t packets, const uint64_t *counts, size_t count)
{
    const struct ranks_prefix *prefix = &ranks.prefixes[number - 1];
    cr_assert_eq(prefix->packets, packets);
    cr_assert_eq(prefix->count, count);
    cr_assert_arr_eq(prefix->counts, counts, count * sizeof *counts);
}

static void finish(void)
{
    ranks_close(&ranks);
    addrvec_close(&vec);
}

TestSuite(ranks, .fini = finish);

Test(ranks, prefixes_and_addresses_descend_by_packets)
{
    const uint8_t a[16] = {0x20, 0x01, [15] = 1}, b[16] = {0x20, 0x01, [15] = 2},
                  c[16] = {0x20, 0x01, [7] = 1};
    add4(0x0a000001, 5);
    add4(0x0a0000ff, 7);
    add4(0x0a000100, 90); /* the next /24 */
    addrvec_append6(&vec, a, 20);
    addrvec_append6(&vec, b, 30); /* the same /64 */
    addrvec_append6(&vec, c, 1);
    cr_assert_eq(ranks_make(&ranks, &vec), 0);
    cr_assert_eq(ranks.count, 4);
    assert_prefix(1, 90, (uint64_t[]){90}, 1);
    assert_prefix(2, 50, (uint64_t[]){30, 20}, 2);
    assert_prefix(3, 12, (uint64_t[]){7, 5}, 2);
    assert_prefix(4, 1, (uint64_t[]){1}, 1);
}

/* Of prefixes with as many packets the order must not be that of the addresses. */
Test(ranks, of_equals_the_counts_decide)
{
    add4(0x0a000001, 6);
    add4(0x0a000002, 4);
    add4(0x0a000101, 9);
    add4(0x0a000102, 1);
    add4(0x0a000201, 5);
    add4(0x0a000202, 4);
    add4(0x0a000203, 1);
    cr_assert_eq(ranks_make(&ranks, &vec), 0);
    assert_prefix(1, 10, (uint64_t[]){5, 4, 1}, 3);
    assert_prefix(2, 10, (uint64_t[]){9, 1}, 2);
    assert_prefix(3, 10, (uint64_t[]){6, 4}, 2);
}

Test(ranks, of_nothing_are_none)
{
    cr_assert_eq(ranks_make(&ranks, &vec), 0);
    cr_assert_eq(ranks.count, 0);
}

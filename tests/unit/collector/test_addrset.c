#include <criterion/criterion.h>

#include <string.h>

#include "collector/addrset.h"

static void add4(struct addrset *set, uint32_t address)
{
    uint8_t bytes[4] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8),
                        (uint8_t)address};
    cr_assert_eq(addrset_add(set, 4, bytes), 0);
}

Test(addrset, duplicates_count_once)
{
    struct addrset set;
    addrset_init(&set);
    cr_assert_eq(addrset_compact(&set), 0);
    cr_assert_eq(addrset_count(&set), 0);
    for (uint32_t i = 0; i < 1000000; i++)
        add4(&set, (i * 2654435761u) % 7001 * 600001u);
    cr_assert_eq(addrset_compact(&set), 0);
    cr_assert_eq(addrset_count(&set), 7001);
    for (size_t i = 1; i < set.v4.count; i++)
        cr_assert_lt(memcmp(set.v4.addresses + 4 * i - 4, set.v4.addresses + 4 * i, 4), 0);
    addrset_close(&set);
}

Test(addrset, memory_follows_distinct_addresses_not_packets)
{
    struct addrset set;
    addrset_init(&set);
    for (uint32_t i = 0; i < 1000000; i++)
        add4(&set, i % 100);
    cr_assert_leq(addrset_memory(&set), 100 * 4 * 4);
    cr_assert_eq(addrset_compact(&set), 0);
    cr_assert_eq(addrset_memory(&set), 100 * 4);
    add4(&set, 100);
    cr_assert_eq(addrset_compact(&set), 0);
    cr_assert_eq(addrset_count(&set), 101);
    addrset_close(&set);
}

Test(addrset, families_are_apart)
{
    struct addrset set;
    addrset_init(&set);
    for (uint32_t i = 0; i < 3000; i++) {
        uint8_t address[16] = {0x20, 0x01, [7] = (uint8_t)i, [15] = (uint8_t)(i >> 8)};
        cr_assert_eq(addrset_add(&set, 6, address), 0);
        add4(&set, i % 10);
    }
    cr_assert_eq(addrset_compact(&set), 0);
    cr_assert_eq(set.v4.count, 10);
    cr_assert_eq(addrset_count(&set), 3000 + 10);
    addrset_close(&set);
}

Test(addrset, merging_is_the_union_of_both_families)
{
    struct addrset into, from;
    uint8_t v6[16] = {0x20, 0x01};
    addrset_init(&into);
    addrset_init(&from);
    for (uint32_t i = 0; i < 3000; i++) {
        uint32_t address = i + 1000;
        addrset_add(&into, 4, (const uint8_t *)&i);
        addrset_add(&from, 4, (const uint8_t *)&address);
    }
    addrset_add(&into, 6, v6);
    addrset_add(&from, 6, v6);
    v6[15] = 1;
    addrset_add(&from, 6, v6);
    cr_assert_eq(addrset_merge(&into, &from), 0);
    cr_assert_eq(addrset_compact(&into), 0);
    cr_assert_eq(into.v4.count, 4000);
    cr_assert_eq(into.v6.count, 2);
    cr_assert_eq(addrset_count(&from), 3002);
    addrset_close(&into);
    addrset_close(&from);
}

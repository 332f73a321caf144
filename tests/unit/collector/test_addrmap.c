#include <criterion/criterion.h>

#include <string.h>

#include "collector/addrmap.h"

Test(addrmap, sums_come_out_in_ascending_order)
{
    struct addrmap map;
    addrmap_init(&map, 100000);
    for (uint32_t i = 0; i < 50000; i++)
        cr_assert(addrmap_add4(&map, (i * 2654435761u) ^ 0x80000000u, 1, i));
    for (uint32_t i = 0; i < 50000; i += 2)
        cr_assert(addrmap_add4(&map, (i * 2654435761u) ^ 0x80000000u, 2, 0));
    cr_assert_eq(map.count, 50000);
    addrmap_sort(&map);
    uint64_t packets = 0, bytes = 0;
    for (uint32_t i = 0; i < map.count; i++) {
        if (i)
            cr_assert_lt(addrmap_address4(&map.entries[i - 1]), addrmap_address4(&map.entries[i]));
        packets += map.entries[i].packets;
        bytes += map.entries[i].bytes;
    }
    cr_assert_eq(packets, 50000 + 2 * 25000);
    cr_assert_eq(bytes, (uint64_t)49999 * 50000 / 2);
    addrmap_close(&map);
}

Test(addrmap, adding_goes_on_after_sorting)
{
    struct addrmap map;
    addrmap_init(&map, 10);
    cr_assert(addrmap_add4(&map, 9, 1, 1));
    cr_assert(addrmap_add4(&map, 3, 1, 1));
    addrmap_sort(&map);
    cr_assert(addrmap_add4(&map, 9, 5, 1));
    cr_assert_eq(map.count, 2);
    cr_assert_eq(addrmap_address4(&map.entries[1]), 9);
    cr_assert_eq(map.entries[1].packets, 6);
    addrmap_close(&map);
}

Test(addrmap, a_full_map_refuses_new_addresses_and_counts_known_ones)
{
    struct addrmap map;
    addrmap_init(&map, 1500); /* not a power of two */
    for (uint32_t i = 0; i < 1500; i++)
        cr_assert(addrmap_add4(&map, i, 1, 0));
    cr_assert_not(addrmap_add4(&map, 1500, 1, 0));
    cr_assert(addrmap_add4(&map, 1499, 1, 0));
    cr_assert_eq(map.count, 1500);
    addrmap_close(&map);
}

Test(addrmap, clearing_forgets_everything)
{
    struct addrmap map;
    const uint8_t address[16] = {0x20, 0x01, [15] = 1};
    addrmap_init(&map, 10);
    addrmap_clear(&map);
    cr_assert(addrmap_add6(&map, address, 7, 7));
    addrmap_clear(&map);
    cr_assert_eq(map.count, 0);
    cr_assert(addrmap_add6(&map, address, 1, 2));
    cr_assert_eq(map.entries[0].packets, 1);
    cr_assert_eq(memcmp(map.entries[0].address, address, 16), 0);
    addrmap_close(&map);
}

Test(addrmap, merging_adds_sums_and_keeps_the_other_map)
{
    struct addrmap into, from;
    addrmap_init(&into, 5000);
    addrmap_init(&from, 5000);
    for (uint32_t i = 0; i < 4000; i++) {
        cr_assert(addrmap_add4(&into, i, 1, 10));
        cr_assert(addrmap_add4(&from, i + 1000, 2, UINT64_C(1) << 40));
    }
    cr_assert(addrmap_merge(&into, &from));
    addrmap_sort(&into);
    cr_assert_eq(into.count, 5000);
    cr_assert_eq(into.entries[999].packets, 1);
    cr_assert_eq(into.entries[1000].packets, 3);
    cr_assert_eq(into.entries[1000].bytes, (UINT64_C(1) << 40) + 10);
    cr_assert_eq(into.entries[4999].packets, 2);
    cr_assert_eq(from.count, 4000);
    addrmap_close(&into);
    addrmap_close(&from);
}

Test(addrmap, merging_more_than_the_bound_is_said)
{
    struct addrmap into, from;
    addrmap_init(&into, 10);
    addrmap_init(&from, 10);
    for (uint32_t i = 0; i < 6; i++) {
        cr_assert(addrmap_add4(&into, i, 1, 1));
        cr_assert(addrmap_add4(&from, i + 5, 1, 1));
    }
    cr_assert_not(addrmap_merge(&into, &from));
    cr_assert_eq(into.count, 10);
    addrmap_close(&into);
    addrmap_close(&from);
}

/* The map's cells: which address is where, and zero, missing and blank never confused. */
#include <criterion/criterion.h>

#include "common/err.h"
#include "dashboards/map_cells.h"

static void add(struct map_cells *map, const char *list, bool observed)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, list, errmsg), 0, "%s", errmsg);
    cr_assert_eq(prefixset_finish(set, errmsg), 0, "%s", errmsg);
    cr_assert_eq(map_cells_add(map, set, observed), 0);
    prefixset_free(set);
}

static struct addrvec packets_to(const uint32_t *addresses, size_t count)
{
    struct addrvec vec;
    addrvec_init(&vec);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(addrvec_append4(&vec, addresses[i], 100 + i), 0);
    return vec;
}

/* Two sensors whose darknets interleave; the one in the middle is down. */
Test(map_cells, the_four_states)
{
    static const uint32_t with[] = {0x0a000001, 0x0a000100, 0x0a000203};
    struct map_cells map;
    struct addrvec packets = packets_to(with, 3);
    map_cells_init(&map);
    add(&map, "10.0.2.0/30", true);
    add(&map, "10.0.1.0/30", false);
    add(&map, "10.0.0.0/30", true);
    cr_assert_eq(map_cells_fill(&map, &packets, false), 0);
    cr_assert_eq(map.addresses, 12);
    cr_assert_eq(map.per_cell, 1);
    cr_assert_eq(map.order, 2);
    static const double want[16] = {0, 100, 0, 0, -2, -2, -2, -2, 0, 0, 0, 102, -1, -1, -1, -1};
    for (int i = 0; i < 16; i++)
        cr_expect_eq(map.cells[i], want[i], "cell %d: %g", i, map.cells[i]);
    addrvec_close(&packets);
    map_cells_close(&map);
}

/* By real addresses the gap between the prefixes stays, and the square is named. */
Test(map_cells, real_addresses_have_their_own_places)
{
    static const uint32_t with[] = {0xc0000205, 0xc000020e};
    struct map_cells map;
    struct addrvec packets = packets_to(with, 2);
    map_cells_init(&map);
    add(&map, "192.0.2.4/31,192.0.2.14/31", true);
    cr_assert_eq(map_cells_fill(&map, &packets, true), 0);
    cr_assert_str_eq(map.range, "192.0.2.0/28");
    cr_assert_eq(map.order, 2);
    static const double want[16] = {-1, -1, -1, -1, 0, 100, -1, -1, -1, -1, -1, -1, -1, -1, 101, 0};
    for (int i = 0; i < 16; i++)
        cr_expect_eq(map.cells[i], want[i], "cell %d: %g", i, map.cells[i]);
    addrvec_close(&packets);
    map_cells_close(&map);
}

Test(map_cells, a_single_address_is_one_cell)
{
    struct map_cells map;
    struct addrvec none;
    addrvec_init(&none);
    for (int real = 0; real < 2; real++) {
        map_cells_init(&map);
        add(&map, "192.0.2.77", true);
        cr_assert_eq(map_cells_fill(&map, &none, real), 0);
        cr_assert_eq(map.order, 0);
        cr_assert_eq(map.cells[0], 0);
        cr_assert_str_eq(map.range, real ? "192.0.2.77/32" : "");
        map_cells_close(&map);
    }
}

/* More than 65,536 addresses: a cell for each /24, with its mean. */
Test(map_cells, large_darknets_have_a_cell_for_256_addresses)
{
    static const uint32_t with[] = {0x0a000000, 0x0a0000ff, 0x0a03ff00};
    struct map_cells map;
    struct addrvec packets = packets_to(with, 3);
    map_cells_init(&map);
    add(&map, "10.0.0.0/14", true);
    cr_assert_eq(map_cells_fill(&map, &packets, false), 0);
    cr_assert_eq(map.per_cell, 256);
    cr_assert_eq(map.order, 5);
    cr_expect_eq(map.cells[0], 201.0 / 256);
    cr_expect_eq(map.cells[1], 0);
    cr_expect_eq(map.cells[1023], 102.0 / 256);
    map_cells_close(&map);
    map_cells_init(&map);
    add(&map, "0.0.0.0/0", true);
    cr_assert_eq(map_cells_fill(&map, &packets, true), 0);
    cr_expect_str_eq(map.range, "0.0.0.0/0");
    cr_expect_eq(map.per_cell, 65536);
    cr_expect_eq(map.cells[0x0a00], 201.0 / 65536);
    map_cells_close(&map);
    map_cells_init(&map);
    add(&map, "0.0.0.0/0", true);
    cr_assert_eq(map_cells_fill(&map, &packets, false), 0);
    cr_expect_eq(map.cells[0x0a00], 201.0 / 65536);
    addrvec_close(&packets);
    map_cells_close(&map);
}

/* A cell in which some addresses were observed has the mean of those. */
Test(map_cells, a_cell_that_was_observed_in_part)
{
    static const uint32_t with[] = {0x0a000000, 0x0a000080};
    struct map_cells map;
    struct addrvec packets = packets_to(with, 2);
    map_cells_init(&map);
    add(&map, "10.0.0.0/25,10.1.0.0/16", true);
    add(&map, "10.0.0.128/25", false);
    cr_assert_eq(map_cells_fill(&map, &packets, false), 0);
    cr_assert_eq(map.per_cell, 256);
    cr_expect_eq(map.cells[0], 100.0 / 128);
    addrvec_close(&packets);
    map_cells_close(&map);
}

Test(map_cells, ipv6_alone_has_no_map)
{
    struct map_cells map;
    struct addrvec none;
    addrvec_init(&none);
    map_cells_init(&map);
    add(&map, "2001:db8::/48", true);
    cr_assert(map.any6);
    cr_assert_eq(map_cells_fill(&map, &none, false), ERR_UNKNOWN);
    map_cells_close(&map);
}

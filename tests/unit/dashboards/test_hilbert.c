/* The curve: every cell once, each next to the one before, from corner to corner. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "dashboards/hilbert.h"

static void walk(unsigned order)
{
    uint32_t side = 1U << order, x, y, last_x = 0, last_y = 0;
    char *seen = calloc(side, side);
    for (uint32_t at = 0; at < side * side; at++) {
        hilbert_place(order, at, &x, &y);
        cr_assert(x < side && y < side);
        cr_assert_not(seen[y * side + x], "order %u, place %u: a second time", order, at);
        seen[y * side + x] = 1;
        int step = abs((int)x - (int)last_x) + abs((int)y - (int)last_y);
        cr_assert_eq(step, at == 0 ? 0 : 1, "order %u, place %u: %d away", order, at, step);
        last_x = x;
        last_y = y;
    }
    cr_assert(last_x == side - 1 && last_y == 0, "order %u ends at %u, %u", order, last_x, last_y);
    free(seen);
}

Test(hilbert, goes_through_every_cell_by_single_steps)
{
    for (unsigned order = 0; order <= 8; order++)
        walk(order);
}

/* A prefix is a square: the quarters of the curve are the quarters of the square, at every order. */
Test(hilbert, quarters_are_quarters)
{
    static const uint32_t columns[] = {0, 0, 1, 1}, rows[] = {0, 1, 1, 0};
    for (uint32_t at = 0; at < 256; at++) {
        uint32_t x, y;
        hilbert_place(4, at, &x, &y);
        cr_expect(x / 8 == columns[at / 64] && y / 8 == rows[at / 64]);
    }
}

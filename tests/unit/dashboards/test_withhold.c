#include <criterion/criterion.h>

#include "dashboards/withhold.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct withhold_rule three = {3, 3};

Test(withhold, cells_below_either_threshold)
{
    struct withhold_cell cells[] = {
        {100, 3, 3, false}, {200, 2, 9, false}, {300, 9, 2, false}, {400, 9, 9, false}};
    cr_assert_eq(withhold_mark(&three, cells, COUNT(cells)), 2);
    cr_assert_not(cells[0].withheld);
    cr_assert(cells[1].withheld);
    cr_assert(cells[2].withheld);
    cr_assert_not(cells[3].withheld);
}

Test(withhold, a_single_cell_takes_the_smallest_other_with_it)
{
    struct withhold_cell cells[] = {
        {500, 3, 3, false}, {7, 1, 9, false}, {40, 9, 9, false}, {40, 9, 9, false}};
    cr_assert_eq(withhold_mark(&three, cells, COUNT(cells)), 2);
    cr_assert(cells[1].withheld);
    cr_assert(cells[2].withheld, "the first of equals");
    cr_assert_not(cells[3].withheld);
    cr_assert_not(cells[0].withheld);
}

Test(withhold, a_table_of_one_cell_has_no_other_to_take)
{
    struct withhold_cell cells[] = {{7, 1, 1, false}, {0, 0, 0, false}};
    cr_assert_eq(withhold_mark(&three, cells, COUNT(cells)), 1);
    cr_assert(cells[0].withheld);
    cr_assert_not(cells[1].withheld, "a cell without packets hides nothing");
}

Test(withhold, cells_without_packets_are_published)
{
    struct withhold_cell cells[] = {{0, 0, 0, false}, {9, 3, 3, false}};
    cr_assert_eq(withhold_mark(&three, cells, COUNT(cells)), 0);
    cr_assert_not(cells[0].withheld);
}

Test(withhold, what_is_not_known_is_not_held_to_the_rule)
{
    struct withhold_cell cells[] = {{5, 3, WITHHOLD_UNKNOWN, false},
                                    {6, WITHHOLD_UNKNOWN, 3, false},
                                    {7, WITHHOLD_UNKNOWN, WITHHOLD_UNKNOWN, false}};
    cr_assert_eq(withhold_mark(&three, cells, COUNT(cells)), 0);
}

Test(withhold, a_rule_of_zero_publishes_all)
{
    struct withhold_rule none = withhold_rule_of(0, 9);
    struct withhold_cell cells[] = {{5, 1, 1, false}};
    cr_assert_eq(withhold_mark(&none, cells, COUNT(cells)), 0);
}

Test(withhold, a_mark_of_before_does_not_stay)
{
    struct withhold_cell cells[] = {{5, 3, 3, true}, {6, 3, 3, true}};
    cr_assert_eq(withhold_mark(&three, cells, COUNT(cells)), 0);
    cr_assert_not(cells[0].withheld);
}

Test(withhold, needs_every_sensor_where_there_are_fewer_than_k)
{
    cr_assert_eq(withhold_rule_of(3, 10).sensors, 3);
    cr_assert_eq(withhold_rule_of(3, 2).sensors, 2);
    cr_assert_eq(withhold_rule_of(3, 1).sensors, 1);
    cr_assert_eq(withhold_rule_of(3, 1).sources, 3);
}

/* Telescopes of 1 to 4 sensors, and a table with a cell that each number of them saw. */
Test(withhold, one_to_four_sensors)
{
    static const size_t least[] = {[1] = 1, [2] = 2, [3] = 3, [4] = 3};
    for (size_t sensors = 1; sensors <= 4; sensors++) {
        struct withhold_rule rule = withhold_rule_of(3, sensors);
        for (size_t saw = 1; saw <= sensors; saw++) {
            struct withhold_cell cells[] = {{9, saw, WITHHOLD_UNKNOWN, false},
                                            {8, saw, WITHHOLD_UNKNOWN, false}};
            cr_expect_eq(withhold_mark(&rule, cells, COUNT(cells)), saw < least[sensors] ? 2 : 0,
                         "%zu of %zu", saw, sensors);
        }
    }
}

Test(withhold, no_cell_of_a_grid_is_alone_in_its_table_or_course)
{
    /* Three tables of three cells; the last has nothing to hide and must help the others. */
    struct withhold_cell cells[] = {
        {50, 1, 9, true},  {20, 9, 9, false}, {90, 9, 9, false}, /**/
        {60, 9, 9, false}, {30, 9, 9, false}, {0, 9, 9, false},  /**/
        {70, 9, 9, false}, {40, 9, 9, false}, {80, 9, 9, false},
    };
    static const bool want[] = {true, true, false, true, true, false, false, false, false};
    withhold_grid(cells, 3, 3);
    for (size_t i = 0; i < COUNT(cells); i++)
        cr_expect_eq(cells[i].withheld, want[i], "cell %zu", i);
}

Test(withhold, a_grid_without_withheld_cells_stays)
{
    struct withhold_cell cells[] = {{5, 3, 3, false}, {6, 3, 3, false}};
    withhold_grid(cells, 2, 1);
    withhold_grid(cells, 1, 2);
    cr_assert_not(cells[0].withheld || cells[1].withheld);
}

/* Whatever the cells, nobody can compute a withheld one: none is alone unless the table has no other. */
Test(withhold, no_cell_is_ever_withheld_alone)
{
    for (unsigned pattern = 0; pattern < 1u << 10; pattern++) {
        struct withhold_cell cells[5];
        size_t withheld = 0, filled = 0;
        for (unsigned i = 0; i < 5; i++) {
            cells[i] = (struct withhold_cell){pattern >> i & 1 ? 10 - i : 0,
                                              pattern >> (5 + i) & 1 ? 3 : 2, 3, false};
            filled += cells[i].packets > 0;
        }
        size_t told = withhold_mark(&three, cells, 5);
        for (unsigned i = 0; i < 5; i++)
            withheld += cells[i].withheld;
        cr_assert_eq(told, withheld);
        cr_assert(withheld != 1 || filled == 1, "pattern %u", pattern);
    }
}

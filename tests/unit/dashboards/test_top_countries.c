#include <criterion/criterion.h>

#include <string.h>

#include "dashboards/disclose.h"
#include "dashboards/top_countries.h"

#define ROWS 6

static struct query_row rows[ROWS] = {
    {.country = "AT", .sum.packets = 5},
    {.country = "DE", .sum.packets = 9},
    {.country = "JP", .sum.packets = 7},
    {.country = "NL", .sum.packets = 9},
    {.key = QUERY_KEY_UNREADABLE, .sum.packets = 2},
    {.key = QUERY_KEY_OTHER, .sum.packets = 4},
};
static struct withhold_cell cells[ROWS];
static const struct disclose all = {.rows = rows, .cells = cells, .count = ROWS};

Test(top_countries, those_with_most_are_in_their_order_and_the_rest_is_summed)
{
    struct top_countries top = {.most = 2};
    top_countries_take(&top, &all);
    cr_assert_eq(top.count, 2);
    cr_expect_str_eq(top.rows[0].country, "DE"); /* of two with as many the first */
    cr_expect_str_eq(top.rows[1].country, "NL");
    cr_expect_eq(top.others, 12);
    cr_expect_eq(top.unknown, 2);
    cr_expect_eq(top.not_kept, 4);
    cr_expect_eq(top.withheld, 0);
}

Test(top_countries, fewer_than_there_is_room_for_leave_no_others)
{
    struct top_countries top = {.most = TOP_COUNTRIES_MAX};
    top_countries_take(&top, &all);
    cr_assert_eq(top.count, 4);
    cr_expect_str_eq(top.rows[3].country, "AT");
    cr_expect_eq(top.others, 0);
}

Test(top_countries, what_is_withheld_is_in_no_other_sum)
{
    struct top_countries top = {.most = 2};
    struct disclose some = all;
    struct withhold_cell hidden[ROWS] = {[1].withheld = true, [4].withheld = true};
    some.cells = hidden;
    some.sum.packets = 11;
    top_countries_take(&top, &some);
    cr_assert_eq(top.count, 2);
    cr_expect_str_eq(top.rows[0].country, "NL");
    cr_expect_str_eq(top.rows[1].country, "JP");
    cr_expect_eq(top.others, 5);
    cr_expect_eq(top.unknown, 0);
    cr_expect_eq(top.withheld, 11);
}

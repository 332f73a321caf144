#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/inventory_stored.h"

#define S INT64_C(1000000000)

static int take(struct inventory_stored *stored, const char *field, const char *value)
{
    return inventory_stored_take(stored, field, value, strlen(value));
}

static void says(const struct inventory *inventory, const char *wanted)
{
    char *text = inventory_text(inventory);
    cr_expect_str_eq(text, wanted);
    free(text);
}

/* A hash gives its fields in any order. */
Test(inventory_stored, fields_come_in_any_order)
{
    struct inventory_stored stored;
    inventory_stored_init(&stored);
    cr_assert_eq(take(&stored, "300", "-"), 0);
    cr_assert_eq(take(&stored, "restated:2020:2", "1 77"), 0);
    cr_assert_eq(take(&stored, "100", "192.0.2.0/24"), 0);
    cr_assert_eq(take(&stored, "restated:2019:1", "1 78"), 0);
    cr_assert_eq(take(&stored, "restated:2020:1", "1 76"), 0);
    cr_assert_eq(take(&stored, "200", "192.0.2.0/25,2001:db8::/64"), 0);
    cr_assert_eq(take(&stored, "colour", "of a later version"), 0);
    cr_assert_eq(inventory_stored_finish(&stored), 0);
    says(&stored.inventory, "100=192.0.2.0/24 200=192.0.2.0/25,2001:db8::/64 300=-");
    cr_expect_eq(inventory_restatements(&stored, 2020), 2);
    cr_expect_eq(inventory_restatements(&stored, 2019), 1);
    cr_expect_eq(inventory_restatements(&stored, 2021), 0);
    cr_expect_eq(stored.restated[0].year, 2019);
    cr_expect_eq(stored.restated[1].when_s, 76);
    cr_expect_eq(stored.restated[2].k, 2);
    inventory_stored_close(&stored);
}

Test(inventory_stored, damage_is_found)
{
    static const struct {
        const char *field, *value;
        int rc;
    } bad[] = {
        {"0100", "192.0.2.0/24", ERR_DAMAGED},    {"99999999999999999999", "-", ERR_DAMAGED},
        {"100x", "192.0.2.0/24", ERR_DAMAGED},    {"restated:2020", "1 7", ERR_DAMAGED},
        {"restated:2020:0", "1 7", ERR_DAMAGED},  {"restated:2020:1", "2 7", ERR_VERSION},
        {"restated:2020:1", "1", ERR_DAMAGED},    {"restated:2020:1", "1 7 8", ERR_DAMAGED},
        {"restated:2020:1", "1 -7", ERR_DAMAGED}, {"restated:2020:1 ", "1 7", ERR_DAMAGED},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct inventory_stored stored;
        inventory_stored_init(&stored);
        cr_expect_eq(take(&stored, bad[i].field, bad[i].value), bad[i].rc, "%s", bad[i].field);
        inventory_stored_close(&stored);
    }
}

Test(inventory_stored, lists_that_are_none_are_damage)
{
    static const char *const lists[] = {"", "192.0.2.1/24", "192.0.2.0/24 200=192.0.2.0/25",
                                        "192.0.2.0/24,200=192.0.2.0/25", "all"};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct inventory_stored stored;
        inventory_stored_init(&stored);
        cr_assert_eq(take(&stored, "100", lists[i]), 0);
        cr_expect_eq(inventory_stored_finish(&stored), ERR_DAMAGED, "'%s'", lists[i]);
        inventory_stored_close(&stored);
    }
}

Test(inventory_stored, without_enrolment_an_archive_ends_and_a_live_one_does_not)
{
    struct inventory inventory;
    inventory_init(&inventory);
    cr_assert_eq(inventory_implied(&inventory, "192.0.2.0/24", 125 * S, 200 * S, false), 0);
    says(&inventory, "120=192.0.2.0/24 240=-");
    inventory_close(&inventory);
    cr_assert_eq(inventory_implied(&inventory, "192.0.2.0/24", 120 * S, 200 * S, true), 0);
    says(&inventory, "120=192.0.2.0/24");
    inventory_close(&inventory);
}

Test(inventory_stored, what_differs_is_what_a_period_expects)
{
    struct inventory a, b;
    char errmsg[ERRMSG_SIZE];
    cr_assert_eq(calendar_init("Asia/Tokyo", errmsg), 0);
    struct period before = calendar_date(LEVEL_YEAR, 2019, 1, 1);
    struct period year = calendar_date(LEVEL_YEAR, 2020, 1, 1);
    struct period after = calendar_date(LEVEL_YEAR, 2021, 1, 1);
    inventory_init(&a);
    inventory_init(&b);
    cr_assert_eq(inventory_change(&a, before.start_s, "192.0.2.0/24", NULL, errmsg), 0);
    cr_assert_eq(inventory_change(&b, before.start_s, "192.0.2.0/24", NULL, errmsg), 0);
    cr_expect_not(inventory_differs(&a, &b, &year));
    cr_assert_eq(inventory_change(&b, year.end_s - 60, NULL, "192.0.2.0/32", errmsg), 0);
    cr_expect_not(inventory_differs(&a, &b, &before));
    cr_expect(inventory_differs(&a, &b, &year));
    cr_expect(inventory_differs(&a, &b, &after));
    inventory_close(&a);
    inventory_close(&b);
}

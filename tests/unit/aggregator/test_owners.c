#include <criterion/criterion.h>

#include <string.h>

#include "aggregator/owners.h"

static struct owner *join(struct owners *owners, uint8_t epoch)
{
    static int nobody;
    struct owner *owner = owners_join(owners);
    cr_assert(owner);
    owner->data = &nobody;
    memset(owner->open.epoch, epoch, EPOCH_SIZE);
    return owner;
}

static bool count_to_the_end(struct owners *owners)
{
    for (int i = 0; i < OWNERS_BURST; i++) {
        if (owners_next_turn(owners, false) || owners_burst_over(owners))
            return false;
        owners_count(owners);
    }
    return owners_burst_over(owners);
}

Test(owners, one_alone_always_has_the_turn)
{
    struct owners owners = {0};
    struct owner *a = join(&owners, 1);
    for (int i = 0; i < 3 * OWNERS_BURST; i++) {
        cr_assert(owners_turn_for(&owners, a, false));
        owners_count(&owners);
        cr_assert_not(owners_burst_over(&owners));
    }
}

Test(owners, another_has_the_turn_at_once_when_nothing_is_under_way)
{
    struct owners owners = {0};
    struct owner *a = join(&owners, 1), *b = join(&owners, 2);
    cr_expect(owners_turn_for(&owners, a, false));
    cr_expect(owners_turn_for(&owners, b, true));
    cr_expect_not(owners_turn_for(&owners, a, false));
    cr_expect_eq(owners_next_turn(&owners, true), a);
}

Test(owners, another_has_the_turn_after_a_burst)
{
    struct owners owners = {0};
    struct owner *a = join(&owners, 1), *b = join(&owners, 2);
    cr_expect(owners_turn_for(&owners, a, false));
    for (int i = 0; i < OWNERS_BURST; i++) /* nobody waits: these do not count */
        owners_count(&owners);
    cr_expect_not(owners_turn_for(&owners, b, false));
    cr_expect(count_to_the_end(&owners));
    cr_expect_eq(owners_next_turn(&owners, false), b);
    cr_expect(owners_turn_for(&owners, b, false));
    cr_expect_not(owners_burst_over(&owners));
}

Test(owners, who_waits_gets_the_turn_in_order)
{
    struct owners owners = {0};
    struct owner *a = join(&owners, 1), *b = join(&owners, 2), *c = join(&owners, 3);
    cr_expect(owners_turn_for(&owners, b, false));
    cr_expect_not(owners_turn_for(&owners, a, false));
    cr_expect_not(owners_turn_for(&owners, c, false));
    cr_expect_not(owners_turn_for(&owners, a, true), "c waits as well");
    cr_expect(count_to_the_end(&owners));
    cr_expect_eq(owners_next_turn(&owners, false), c);
    cr_expect_not(owners_turn_for(&owners, b, false));
    cr_expect(count_to_the_end(&owners));
    cr_expect_eq(owners_next_turn(&owners, false), a);
    owners_leave(&owners, a);
    cr_expect_eq(owners_next_turn(&owners, false), b);
    cr_expect_null(owners_next_turn(&owners, true));
}

Test(owners, who_was_told_later_is_found_once)
{
    struct owners owners = {0};
    struct owner *a = join(&owners, 1), *b = join(&owners, 2), *c = join(&owners, 3);
    cr_expect(owners_turn_for(&owners, c, false));
    a->waiting = b->waiting = c->waiting = true;
    b->wants_turn = true;
    cr_expect_eq(owners_waiting(&owners), c);
    cr_expect_eq(owners_waiting(&owners), a);
    cr_expect_null(owners_waiting(&owners));
}

Test(owners, places_are_bounded_and_free_again)
{
    struct owners owners = {0};
    struct owner *first = join(&owners, 1);
    for (uint8_t i = 1; i < OWNERS_MAX; i++)
        join(&owners, (uint8_t)(i + 1));
    cr_expect_null(owners_join(&owners));
    cr_expect_eq(owners_of_epoch(&owners, first->open.epoch), first);
    const uint8_t unknown[EPOCH_SIZE] = {0};
    cr_expect_null(owners_of_epoch(&owners, unknown));
    owners_leave(&owners, first);
    cr_expect_eq(owners_join(&owners), first);
}

#include <criterion/criterion.h>

#include "collector/dropcount.h"

Test(dropcount, follows_the_counter)
{
    struct dropcount count = {0};
    cr_expect(dropcount_read(&count, 0));
    cr_expect(dropcount_read(&count, 10));
    cr_expect(dropcount_read(&count, 10));
    cr_expect(dropcount_read(&count, 25));
    cr_expect_eq(count.total, 25);
}

Test(dropcount, goes_on_behind_the_wrap)
{
    struct dropcount count = {0};
    uint64_t total = 0;
    for (int i = 0; i < 20; i++) {
        total += UINT32_C(0x70000000);
        cr_expect(dropcount_read(&count, (uint32_t)total));
        cr_expect_eq(count.total, total);
    }
    cr_expect_gt(total, (uint64_t)UINT32_MAX * 8);
}

Test(dropcount, greatest_step_is_taken_and_a_greater_one_is_not)
{
    struct dropcount count = {0};
    cr_expect(dropcount_read(&count, INT32_MAX));
    cr_expect_eq(count.total, INT32_MAX);
    count = (struct dropcount){0};
    cr_expect_not(dropcount_read(&count, (uint32_t)INT32_MAX + 1));
    cr_expect_eq(count.total, 0);
}

/* A driver that begins anew, or tells nonsense once: counted from there. */
Test(dropcount, counts_on_from_a_step_that_was_discarded)
{
    struct dropcount count = {0};
    cr_expect(dropcount_read(&count, 1000));
    cr_expect_not(dropcount_read(&count, 3));
    cr_expect_eq(count.total, 1000);
    cr_expect(dropcount_read(&count, 8));
    cr_expect_eq(count.total, 1005);
    cr_expect_not(dropcount_read(&count, UINT32_MAX));
    cr_expect(dropcount_read(&count, 3));
    cr_expect_eq(count.total, 1009);
}

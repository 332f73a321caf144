#include "collector/dropcount.h"

#include <criterion/criterion.h>

Test(dropcount, sees_through_the_wrap_of_32_bits)
{
    struct dropcount count = {0};
    for (uint64_t told = 0; told <= UINT64_C(3) << 32; told += 1u << 30) {
        cr_assert(dropcount_read(&count, (uint32_t)told));
        cr_assert_eq(count.total, told);
    }
}

Test(dropcount, the_greatest_step_is_2_to_the_31_less_1)
{
    struct dropcount count = {0};
    cr_assert(dropcount_read(&count, INT32_MAX));
    cr_assert_eq(count.total, INT32_MAX);
    cr_assert_not(dropcount_read(&count, (uint32_t)INT32_MAX * 2 + 1));
    cr_assert_eq(count.total, INT32_MAX);
}

Test(dropcount, goes_on_from_a_counter_that_was_set_back)
{
    struct dropcount count = {0};
    cr_assert(dropcount_read(&count, 1000));
    cr_assert_not(dropcount_read(&count, 10));
    cr_assert(dropcount_read(&count, 15));
    cr_assert_eq(count.total, 1005);
}

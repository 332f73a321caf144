/* A stream that takes only so much, and nothing after its deadline. */
#include <criterion/criterion.h>
#include <string.h>

#include "common/clock.h"
#include "dashboards/capped.h"

static int64_t in_a_minute(void)
{
    return monotonic_ms() + 60000;
}

Test(capped, holds_what_was_written)
{
    struct capped capped;
    FILE *out = capped_open(&capped, 100000, in_a_minute());
    cr_assert_not_null(out);
    for (int i = 0; i < 10000; i++)
        fputs("0123456789", out);
    cr_assert_eq(fclose(out), 0);
    cr_assert_eq(capped.text.size, 100000);
    cr_assert_eq(memcmp(capped.text.bytes + 99990, "0123456789", 10), 0);
    cr_assert_not(capped.too_large);
    cr_assert_not(capped.too_late);
    capped_close(&capped);
}

Test(capped, takes_no_byte_more_than_it_may)
{
    struct capped capped;
    FILE *out = capped_open(&capped, 99999, in_a_minute());
    for (int i = 0; i < 1000000; i++)
        fputs("0123456789", out);
    cr_assert(ferror(out));
    fclose(out);
    cr_assert(capped.too_large);
    cr_assert_leq(capped.text.size, 99999);
    cr_assert_leq(capped.text.room, 2 * 131072);
    capped_close(&capped);
}

Test(capped, takes_nothing_after_its_deadline)
{
    struct capped capped;
    FILE *out = capped_open(&capped, 100, monotonic_ms() - 1);
    fputs("late", out);
    cr_assert_neq(fclose(out), 0);
    cr_assert(capped.too_late);
    cr_assert_not(capped.too_large);
    cr_assert_eq(capped.text.size, 0);
    capped_close(&capped);
}

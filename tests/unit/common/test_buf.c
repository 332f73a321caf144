#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "tests/unit/common/random.h"

Test(buf, numbers_have_the_byte_order_of_their_name)
{
    static const uint8_t expected[] = {
        0xab, 0x04, 0x03, 0x02, 0x01, 0x01, 0x02, 0x03, 0x04, 0x08, 0x07, 0x06, 0x05,
        0x04, 0x03, 0x02, 0x01, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
    };
    struct buf buf;
    buf_init(&buf);
    buf_put_u8(&buf, 0xab);
    buf_put_u32_le(&buf, 0x01020304);
    buf_put_u32_be(&buf, 0x01020304);
    buf_put_u64_le(&buf, 0x0102030405060708);
    buf_put_u64_be(&buf, 0x0102030405060708);
    cr_assert_not(buf.failed);
    cr_assert_eq(buf.size, sizeof expected);
    cr_assert_arr_eq(buf.bytes, expected, sizeof expected);

    struct cursor in = cursor_over(buf.bytes, buf.size);
    cr_expect_eq(cursor_u8(&in), 0xab);
    cr_expect_eq(cursor_u32_le(&in), 0x01020304);
    cr_expect_eq(cursor_u32_be(&in), 0x01020304);
    cr_expect_eq(cursor_u64_le(&in), 0x0102030405060708);
    cr_expect_not(cursor_done(&in), "eight bytes are still to be read");
    cr_expect_eq(cursor_u64_be(&in), 0x0102030405060708);
    cr_expect(cursor_done(&in));
    buf_close(&buf);
}

Test(buf, an_empty_extension_of_an_empty_buffer_succeeds)
{
    struct buf buf;
    buf_init(&buf);
    cr_expect_not_null(buf_extend(&buf, 0), "NULL says that memory ran out");
    buf_put(&buf, NULL, 0);
    cr_expect_not(buf.failed);
    cr_expect_eq(buf.size, 0);
    buf_close(&buf);
}

Test(buf, an_impossible_extension_fails_for_good)
{
    struct buf buf;
    buf_init(&buf);
    buf_put_u8(&buf, 1);
    cr_expect_null(buf_extend(&buf, SIZE_MAX - 4));
    cr_expect(buf.failed);
    buf_put_u8(&buf, 2);
    cr_expect_null(buf_extend(&buf, 1));
    cr_expect_eq(buf.size, 1, "nothing is added after a failure");
    cr_expect_eq(buf.bytes[0], 1);
    buf_close(&buf);
    cr_expect_not(buf.failed, "a closed buffer is as new");
}

/* Random puts and consumes against a plain array that is large enough. */
Test(buf, holds_what_a_plain_array_holds)
{
    static uint8_t model[1 << 20];
    size_t size = 0;
    uint64_t seed = 1;
    struct buf buf;
    buf_init(&buf);
    for (int round = 0; round < 3000; round++) {
        uint8_t bytes[700];
        size_t count = random_below(&seed, sizeof bytes);
        for (size_t i = 0; i < count; i++)
            bytes[i] = (uint8_t)random_next(&seed);
        buf_put(&buf, bytes, count);
        memcpy(model + size, bytes, count);
        size += count;
        if (round % 3 == 0) {
            size_t drop = random_below(&seed, size + 1);
            buf_consume(&buf, drop);
            memmove(model, model + drop, size - drop);
            size -= drop;
        }
        cr_assert_eq(buf.size, size);
        cr_assert(size == 0 || memcmp(buf.bytes, model, size) == 0);
        cr_assert_geq(buf.room, buf.size);
    }
    buf_close(&buf);
}

Test(cursor, never_runs_past_its_end)
{
    static const uint8_t bytes[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (size_t size = 0; size <= sizeof bytes; size++) {
        /* A copy of its exact size, so that a sanitizer sees a read too far. */
        uint8_t *exact = malloc(size + 1);
        memcpy(exact, bytes, size);
        exact = realloc(exact, size ? size : 1);
        struct cursor in = cursor_over(exact, size);
        cr_expect_eq(cursor_u64_be(&in), size == 8 ? 0x0102030405060708 : 0, "of %zu bytes", size);
        cr_expect_eq(in.failed, size < 8);
        cr_expect_eq(cursor_done(&in), size == 8);
        free(exact);
    }
}

Test(cursor, once_failed_stays_failed)
{
    static const uint8_t bytes[4] = {1, 2, 3, 4};
    struct cursor in = cursor_over(bytes, sizeof bytes);
    cr_expect_null(cursor_take(&in, 5));
    cr_expect_null(cursor_take(&in, 1), "a later read fails even where it would fit");
    cr_expect_null(cursor_take(&in, 0));
    cr_expect_eq(cursor_u8(&in), 0);
    cr_expect_not(cursor_done(&in));
    cr_expect_eq(in.at, bytes, "a failed read does not move");
}

Test(cursor, a_huge_size_does_not_wrap)
{
    static const uint8_t bytes[4] = {1, 2, 3, 4};
    struct cursor in = cursor_over(bytes, sizeof bytes);
    cr_expect_null(cursor_take(&in, SIZE_MAX));
    cr_expect(in.failed);
}

Test(cursor, over_nothing_is_done_at_once)
{
    struct cursor in = cursor_over(NULL, 0);
    cr_expect(cursor_done(&in));
    cr_expect_eq(cursor_u32_le(&in), 0);
    cr_expect_not(cursor_done(&in));
}

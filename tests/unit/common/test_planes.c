#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "common/err.h"
#include "common/planes.h"
#include "tests/unit/common/random.h"

/* Encodes, decodes, compares, and checks that the cursor stands behind the form. */
static void round_trip(const uint64_t *values, size_t count, int planes)
{
    struct buf out;
    buf_init(&out);
    buf_put_u8(&out, 0x55);
    cr_assert_eq(planes_encode(&out, values, count), 0);
    buf_put_u8(&out, 0xaa);
    cr_expect_eq(out.bytes[5], planes, "planes of %zu values", count);
    struct cursor in = cursor_over(out.bytes, out.size);
    cursor_u8(&in);
    uint64_t *back;
    size_t count_back;
    cr_assert_eq(planes_decode(&in, &back, &count_back), 0);
    cr_assert_eq(count_back, count);
    cr_assert(count == 0 ? back == NULL : memcmp(back, values, count * sizeof *back) == 0);
    cr_expect_eq(cursor_u8(&in), 0xaa);
    cr_expect(cursor_done(&in));
    free(back);
    buf_close(&out);
}

Test(planes, every_width_comes_back)
{
    static uint64_t values[2500];
    uint64_t seed = 3;
    round_trip(NULL, 0, 0);
    for (int planes = 0; planes <= 8; planes++) {
        static const size_t counts[] = {1, 2, 255, 1023, 1024, 2500};
        for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
            uint64_t mask = planes == 8 ? UINT64_MAX : (UINT64_C(1) << (8 * planes)) - 1;
            for (size_t i = 0; i < counts[c]; i++)
                values[i] = random_next(&seed) & mask;
            values[counts[c] - 1] = mask;
            round_trip(values, counts[c], planes);
        }
    }
}

Test(planes, a_value_at_the_edge_of_a_plane_takes_the_next)
{
    for (int bits = 8; bits < 64; bits += 8) {
        uint64_t below = (UINT64_C(1) << bits) - 1, at = UINT64_C(1) << bits;
        round_trip(&below, 1, bits / 8);
        round_trip(&at, 1, bits / 8 + 1);
    }
}

Test(planes, small_values_take_little)
{
    static uint64_t values[65536];
    uint64_t seed = 4;
    for (size_t i = 0; i < 65536; i++)
        values[i] = random_below(&seed, 16);
    struct buf out;
    buf_init(&out);
    cr_assert_eq(planes_encode(&out, values, 65536), 0);
    cr_expect_lt(out.size, 65536 * 6 / 10, "4 bits of entropy take %zu bytes", out.size);
    buf_close(&out);
}

static int decode_bytes(const void *bytes, size_t size)
{
    uint64_t *values = (uint64_t *)1;
    size_t count;
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, bytes, size);
    struct cursor in = cursor_over(exact, size);
    int rc = planes_decode(&in, &values, &count);
    cr_expect(rc == 0 || (values == NULL && count == 0), "a failure hands nothing out");
    free(exact);
    if (rc == 0)
        free(values);
    return rc;
}

Test(planes, truncated_anywhere_is_damaged)
{
    const uint64_t values[] = {1, 2, 300, UINT64_MAX, 5};
    struct buf out;
    buf_init(&out);
    planes_encode(&out, values, 5);
    for (size_t size = 0; size < out.size; size++)
        cr_expect_eq(decode_bytes(out.bytes, size), ERR_DAMAGED, "%zu of %zu", size, out.size);
    cr_expect_eq(decode_bytes(out.bytes, out.size), 0);
    buf_close(&out);
}

Test(planes, refuses_what_encode_never_writes)
{
    static const struct {
        const char *why;
        uint8_t bytes[16];
        size_t size;
    } table[] = {
        {"more than PLANES_MAX", {0x01, 0, 0, 0x04, 0}, 5},
        {"nine planes", {1, 0, 0, 0, 9, 0, 0, 0, 0}, 9},
        {"planes of nothing", {0, 0, 0, 0, 1, 0, 0, 0, 0}, 9},
        {"no zstd frame", {1, 0, 0, 0, 1, 4, 0, 0, 0, 1, 2, 3, 4}, 13},
        {"an empty zstd frame", {1, 0, 0, 0, 1, 0, 0, 0, 0}, 9},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        cr_expect_eq(decode_bytes(table[i].bytes, table[i].size), ERR_DAMAGED, "%s", table[i].why);
}

/* `count` values of some planes, whose zstd frame holds `held` bytes. */
static int decode_held(uint32_t count, uint8_t planes, size_t held, size_t cut)
{
    uint8_t raw[64] = {1, 2, 3}, frame[256];
    size_t size = ZSTD_compress(frame, sizeof frame, raw, held, 1) - cut;
    struct buf out;
    buf_init(&out);
    buf_put_u32_le(&out, count);
    buf_put_u8(&out, planes);
    buf_put_u32_le(&out, (uint32_t)size);
    buf_put(&out, frame, size);
    int rc = decode_bytes(out.bytes, out.size);
    buf_close(&out);
    return rc;
}

Test(planes, a_frame_of_another_size_is_damaged)
{
    cr_expect_eq(decode_held(40, 1, 40, 0), 0);
    cr_expect_eq(decode_held(40, 1, 39, 0), ERR_DAMAGED);
    cr_expect_eq(decode_held(40, 1, 41, 0), ERR_DAMAGED);
    cr_expect_eq(decode_held(40, 1, 40, 1), ERR_DAMAGED, "a frame without its last byte");
    cr_expect_eq(decode_held(5, 8, 40, 0), 0);
    cr_expect_eq(decode_held(4, 9, 36, 0), ERR_DAMAGED, "nine planes of a sound frame");
    cr_expect_eq(decode_held(0, 1, 0, 0), ERR_DAMAGED, "a sound frame of nothing");
}

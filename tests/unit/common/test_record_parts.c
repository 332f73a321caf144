#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/record_inside.h"
#include "tests/unit/common/random.h"

static void put_number(struct buf *out, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        buf_put_u8(out, (uint8_t)(value | 128));
    buf_put_u8(out, (uint8_t)value);
}

static void put_field(struct buf *out, unsigned number, const void *bytes, size_t size)
{
    put_number(out, number << 3 | 2);
    put_number(out, size);
    buf_put(out, bytes, size);
}

/* The numbers in `bytes`, of which there are `count`. */
static struct record_numbers numbers(const struct buf *bytes, size_t count)
{
    return (struct record_numbers){bytes->bytes, bytes->bytes + bytes->size, count};
}

/* A number of few bits as a rule, so that there are runs of single bytes; at least 1. */
static uint64_t any_number(uint64_t *seed, unsigned most_bits)
{
    unsigned bits = random_below(seed, 12) ? 1 + (unsigned)random_below(seed, 7)
                                           : 1 + (unsigned)random_below(seed, most_bits);
    return 1 + random_below(seed, (UINT64_C(1) << bits) - 1);
}

/* --- filling ---------------------------------------------------------------------------------- */

Test(record_parts, vectors_of_numbers_of_every_length_come_back)
{
    uint64_t seed = 1;
    for (int round = 0; round < 300; round++) {
        struct buf gaps, packets;
        struct addrvec want, got;
        buf_init(&gaps);
        buf_init(&packets);
        addrvec_init(&want);
        addrvec_init(&got);
        uint64_t address = round % 2 ? 0 : any_number(&seed, 31), before = 0;
        for (int i = 0; i < round && address <= UINT32_MAX; i++) {
            uint64_t count = any_number(&seed, 63);
            put_number(&gaps, address - before);
            put_number(&packets, count);
            cr_assert_eq(addrvec_append4(&want, (uint32_t)address, count), 0);
            before = address;
            address += any_number(&seed, 28);
        }
        size_t count = want.count4;
        cr_expect_eq(record_parts_vector(&got, numbers(&gaps, count), numbers(&packets, count)), 0);
        cr_expect_eq(got.count4, count);
        for (size_t i = 0; i < count && i < got.count4; i++) {
            cr_expect_eq(got.address4[i], want.address4[i], "round %d, address %zu", round, i);
            cr_expect_eq(got.packets4[i], want.packets4[i], "round %d, packets %zu", round, i);
        }
        addrvec_close(&want);
        addrvec_close(&got);
        buf_close(&gaps);
        buf_close(&packets);
    }
}

Test(record_parts, tables_of_numbers_of_every_length_come_back)
{
    uint64_t seed = 2;
    for (int round = 0; round < 300; round++) {
        struct buf columns[3];
        struct table want = {0}, got = {0};
        for (int c = 0; c < 3; c++)
            buf_init(&columns[c]);
        uint64_t key = round % 2 ? 0 : any_number(&seed, 16), before = 0;
        for (int i = 0; i < round && key <= UINT16_MAX; i++) {
            struct sum sum = {any_number(&seed, 63), any_number(&seed, 63) - 1};
            put_number(&columns[0], key - before);
            put_number(&columns[1], sum.packets);
            put_number(&columns[2], sum.bytes);
            cr_assert_eq(table_append(&want, (uint16_t)key, sum), 0);
            before = key;
            key += any_number(&seed, 15);
        }
        size_t count = want.count;
        struct record_rows rows = {.found = true,
                                   .key_gap = numbers(&columns[0], count),
                                   .packets = numbers(&columns[1], count),
                                   .bytes = numbers(&columns[2], count)};
        cr_expect_eq(record_parts_table(&got, rows), 0);
        cr_expect_eq(got.count, count);
        for (size_t i = 0; i < count && i < got.count; i++) {
            cr_expect_eq(got.keys[i], want.keys[i], "round %d, row %zu", round, i);
            cr_expect_arr_eq(&got.sums[i], &want.sums[i], sizeof want.sums[i]);
        }
        table_close(&want);
        table_close(&got);
        for (int c = 0; c < 3; c++)
            buf_close(&columns[c]);
    }
}

/* Twenty entries of single bytes, in one of which is what must not be. */
Test(record_parts, what_breaks_a_vector_is_found_in_any_place)
{
    for (size_t at = 0; at < 20; at++) {
        for (int spoilt = 0; spoilt < 4; spoilt++) {
            struct buf columns[2];
            struct addrvec vec;
            addrvec_init(&vec);
            for (int c = 0; c < 2; c++) {
                buf_init(&columns[c]);
                for (size_t i = 0; i < 20; i++)
                    put_number(&columns[c], i == at && spoilt == c             ? 0
                                            : i == at && spoilt == 2 && c == 0 ? UINT32_MAX
                                            : i == at && spoilt == 3 && c == 0 ? UINT64_MAX
                                                                               : 1);
            }
            int rc = record_parts_vector(&vec, numbers(&columns[0], 20), numbers(&columns[1], 20));
            bool fits = at == 0 && spoilt == 0; /* the first gap is an address */
            cr_expect_eq(rc, fits ? 0 : ERR_DAMAGED, "entry %zu, spoilt %d", at, spoilt);
            addrvec_close(&vec);
            buf_close(&columns[0]);
            buf_close(&columns[1]);
        }
    }
}

Test(record_parts, addresses_that_add_up_beyond_32_bits_are_found_among_small_gaps)
{
    for (uint32_t past = 0; past < 3; past++) {
        struct buf columns[2];
        struct addrvec vec;
        addrvec_init(&vec);
        buf_init(&columns[0]);
        buf_init(&columns[1]);
        for (int i = 0; i < 17; i++) {
            put_number(&columns[0], i ? 1 : UINT32_MAX - 16 + past);
            put_number(&columns[1], 1);
        }
        cr_expect_eq(record_parts_vector(&vec, numbers(&columns[0], 17), numbers(&columns[1], 17)),
                     past ? ERR_DAMAGED : 0);
        addrvec_close(&vec);
        buf_close(&columns[0]);
        buf_close(&columns[1]);
    }
}

/* One number, each time the same, with more bytes than it needs or may have. */
Test(record_parts, numbers_longer_than_numbers_can_be_are_refused)
{
    static const uint8_t long_1[] = {0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0};
    static const uint8_t too_long_1[] = {0x81, 0x80, 0x80, 0x80, 0x80, 0x80,
                                         0x80, 0x80, 0x80, 0x80, 0};
    const struct record_numbers one = {(const uint8_t *)"\1", (const uint8_t *)"\1" + 1, 1};
    const struct record_numbers padded = {long_1, long_1 + 10, 1};
    const struct record_numbers longer = {too_long_1, too_long_1 + 11, 1};
    const struct record_numbers left = {long_1, long_1 + 11, 1};
    const struct {
        struct record_numbers a, b, c;
        int rc;
    } table[] = {
        {padded, one, one, 0},           {one, padded, padded, 0},
        {longer, one, one, ERR_DAMAGED}, {one, longer, one, ERR_DAMAGED},
        {left, one, one, ERR_DAMAGED},   {one, left, one, ERR_DAMAGED},
        {one, one, longer, ERR_DAMAGED}, {one, one, left, ERR_DAMAGED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct addrvec vec;
        struct table rows = {0};
        addrvec_init(&vec);
        if (i < 6)
            cr_expect_eq(record_parts_vector(&vec, table[i].a, table[i].b), table[i].rc, "%zu", i);
        const struct record_rows columns = {
            .key_gap = table[i].a, .packets = table[i].b, .bytes = table[i].c};
        cr_expect_eq(record_parts_table(&rows, columns), table[i].rc, "%zu", i);
        addrvec_close(&vec);
        table_close(&rows);
    }
}

Test(record_parts, a_table_of_more_rows_than_keys_is_refused)
{
    struct table rows = {0};
    struct record_numbers many = {NULL, NULL, 65537};
    const struct record_rows columns = {.key_gap = many, .packets = many, .bytes = many};
    cr_expect_eq(record_parts_table(&rows, columns), ERR_DAMAGED);
    table_close(&rows);
}

/* --- finding ---------------------------------------------------------------------------------- */

/* A field of every other type, and one of bytes. */
static const char others[] = "\x08\x80\x01\xa1\x06"
                             "12345678\xa5\x06"
                             "1234\x0a\x02"
                             "hi";
/* Columns of 2, 1 and 1 numbers around a field that the program does not know. */
static const char rows[] = "\x0a\x02\x01\x02\x22\x01x\x12\x02\x80\x01\x1a\x01\x07";

static int find(const struct buf *message)
{
    struct record_parts parts;
    int rc = record_parts_find(&parts, message->bytes, message->size);
    free(parts.rest);
    return rc;
}

Test(record_parts, the_rest_is_the_message_without_the_parts)
{
    static const unsigned fields[] = {23, 16, 24, 17, 33, 25, 34, 26, 27};
    struct record_parts parts;
    struct buf message, rest;
    buf_init(&message);
    buf_init(&rest);
    for (size_t i = 0; i < 9; i++) {
        if (fields[i] >= 23 && fields[i] <= 27)
            put_field(&message, fields[i], rows, sizeof rows - 1);
        else
            put_field(&message, fields[i], "\1\2\3\4\x80\x80\2\6\7\x80\1",
                      fields[i] == 33 ? 0 : 11);
        for (size_t more = 0; more < i % 3; more++) {
            buf_put(&message, others, sizeof others - 1);
            buf_put(&rest, others, sizeof others - 1);
        }
    }
    cr_assert_eq(record_parts_find(&parts, message.bytes, message.size), 0);
    cr_expect_eq(parts.rest_size, rest.size);
    cr_expect_arr_eq(parts.rest, rest.bytes, rest.size);
    cr_expect_eq(parts.address4_packets.count, 8);
    cr_expect_eq(parts.source4_gap.count, 0);
    cr_expect_eq(parts.icmp6.key_gap.count, 2);
    cr_expect_eq(parts.icmp6.packets.count, 1);
    cr_expect_eq(parts.icmp6.bytes.count, 1);
    free(parts.rest);
    buf_close(&message);
    buf_close(&rest);
}

Test(record_parts, a_part_not_packed_in_one_piece_is_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
        int rc;
    } table[] = {
        {"\x82\x01\x02\x01\x01", 5, 0},
        {"\x82\x01\x01\x01\x82\x01\x01\x01", 8, ERR_DAMAGED}, /* gaps in two pieces */
        {"\x82\x01\x00\x82\x01\x00", 6, ERR_DAMAGED},         /* of which none has any */
        {"\x80\x01\x01", 3, ERR_DAMAGED},                     /* not packed */
        {"\x82\x01\x02\x01\x81", 5, ERR_DAMAGED},             /* the last is cut short */
        {"\xc2\x01\x03\x0a\x01\x01", 6, 0},
        {"\xc2\x01\x03\x0a\x01\x01\xc2\x01\x00", 9, ERR_DAMAGED}, /* a table in two pieces */
        {"\xc2\x01\x06\x12\x01\x01\x12\x01\x01", 9, ERR_DAMAGED}, /* a column of one */
        {"\xc2\x01\x02\x18\x01", 5, ERR_DAMAGED},                 /* not packed */
        {"\xc2\x01\x03\x0a\x01\x80", 6, ERR_DAMAGED},             /* cut short */
        {"\xc0\x01\x01", 3, ERR_DAMAGED},                         /* no table */
        {"\x0b\x0c", 2, ERR_DAMAGED},                             /* a group */
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, ERR_DAMAGED}, /* no tag */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct buf message;
        buf_init(&message);
        buf_put(&message, table[i].bytes, table[i].size);
        cr_expect_eq(find(&message), table[i].rc, "message %zu", i);
        buf_close(&message);
    }
}

Test(record_parts, a_message_cut_short_is_refused_unless_a_field_ends_there)
{
    struct buf message;
    buf_init(&message);
    put_field(&message, 16, "\1\2\3", 3);
    put_field(&message, 23, rows, sizeof rows - 1);
    buf_put(&message, others, sizeof others - 1);
    size_t ends[] = {0, 6, 6 + 3 + sizeof rows - 1, 26, 36, 42, 46}, size = message.size, end = 0;
    for (message.size = 0; message.size <= size; message.size++) {
        bool whole = end < 7 && message.size == ends[end];
        end += whole;
        cr_expect_eq(find(&message), whole ? 0 : ERR_DAMAGED, "%zu bytes", message.size);
    }
    cr_expect_eq(end, 7);
    buf_close(&message);
}

/*
 * The parts of a record's message that are taken by hand: the columns of IPv4 addresses and sources and the
 * tables, fields 16, 17, 33, 34 and 23 to 27 of record.proto. They are nearly all of it, and the library
 * would unpack them one number per call, into arrays that would have to be gone through again. Wire
 * format: https://protobuf.dev/programming-guides/encoding/. A writer may pack a column in pieces or not at
 * all, which none does: that is refused, so that each byte is looked at once.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/record_inside.h"

#define VARINT  0
#define FIXED64 1
#define BYTES   2
#define FIXED32 5

#define LAST_BIT  UINT64_C(0x8080808080808080) /* of each of eight bytes */
#define FIRST_BIT UINT64_C(0x0101010101010101)

/* --- the wire format -------------------------------------------------------------------------- */

struct field {
    const uint8_t *from, *until; /* with its tag */
    uint64_t number;
    unsigned type;
    const uint8_t *bytes; /* of type BYTES */
    size_t size;
};

static uint64_t take_varint(struct cursor *in)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(in);
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            return value;
    }
    in->failed = true;
    return 0;
}

static bool next_field(struct cursor *in, struct field *field)
{
    field->from = in->at;
    uint64_t tag = take_varint(in);
    field->number = tag >> 3;
    field->type = tag & 7;
    if (field->type == BYTES)
        field->bytes = cursor_take(in, field->size = take_varint(in));
    else if (field->type == VARINT)
        take_varint(in);
    else if (field->type == FIXED64 || field->type == FIXED32)
        cursor_take(in, field->type == FIXED64 ? 8 : 4);
    else
        in->failed = true;
    field->until = in->at;
    return !in->failed;
}

/* --- finding ---------------------------------------------------------------------------------- */

/* How many numbers end in bytes[0..size): each with a byte whose highest bit is 0. */
static size_t count_numbers(const uint8_t *bytes, size_t size)
{
    size_t count = 0, i = 0;
    for (; i + 8 <= size; i += 8) {
        uint64_t eight;
        memcpy(&eight, bytes + i, sizeof eight);
        count += (~eight >> 7 & FIRST_BIT) * FIRST_BIT >> 56; /* the sum of the bits */
    }
    for (; i < size; i++)
        count += bytes[i] < 128;
    return count;
}

static bool take_numbers(struct record_numbers *numbers, const struct field *field)
{
    if (field->type != BYTES || numbers->at)
        return false;
    *numbers = (struct record_numbers){field->bytes, field->bytes + field->size,
                                       count_numbers(field->bytes, field->size)};
    return field->size == 0 || field->bytes[field->size - 1] < 128;
}

static bool take_witnesses(struct record_rows *rows, const struct field *field)
{
    if (field->type != BYTES || rows->witnesses.bytes)
        return false;
    rows->witnesses = (struct chunk){field->bytes, field->size};
    return true;
}

static bool take_rows(struct record_rows *rows, const struct field *field)
{
    struct record_numbers *const columns[] = {&rows->key_gap, &rows->packets, &rows->bytes};
    if (field->type != BYTES || rows->found)
        return false;
    rows->found = true;
    struct cursor in = cursor_over(field->bytes, field->size);
    struct field column;
    while (!cursor_done(&in)) {
        if (!next_field(&in, &column))
            return false;
        if ((column.number >= 1 && column.number <= 3 &&
             !take_numbers(columns[column.number - 1], &column)) ||
            (column.number == 4 && !take_witnesses(rows, &column)))
            return false;
    }
    return true;
}

/* The column or the table that the field is, or NULL. */
static struct record_numbers *numbers_of(struct record_parts *parts, uint64_t field)
{
    switch (field) {
    case 16:
        return &parts->address4_gap;
    case 17:
        return &parts->address4_packets;
    case 33:
        return &parts->source4_gap;
    case 34:
        return &parts->source4_packets;
    default:
        return NULL;
    }
}

static struct record_rows *rows_of(struct record_parts *parts, uint64_t field)
{
    switch (field) {
    case 23:
        return &parts->protocols;
    case 24:
        return &parts->tcp_ports;
    case 25:
        return &parts->udp_ports;
    case 26:
        return &parts->icmp4;
    case 27:
        return &parts->icmp6;
    default:
        return NULL;
    }
}

static void keep(struct record_parts *parts, const uint8_t *from, const uint8_t *until)
{
    memcpy(parts->rest + parts->rest_size, from, (size_t)(until - from));
    parts->rest_size += (size_t)(until - from);
}

int record_parts_find(struct record_parts *parts, const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    struct field field;
    const uint8_t *from = bytes; /* of what is still to be kept */
    *parts = (struct record_parts){.rest = malloc(size + 1)};
    if (!parts->rest)
        return ERR_NOMEM;
    while (!cursor_done(&in)) {
        if (!next_field(&in, &field))
            return ERR_DAMAGED;
        struct record_numbers *numbers = numbers_of(parts, field.number);
        struct record_rows *rows = rows_of(parts, field.number);
        if ((numbers && !take_numbers(numbers, &field)) || (rows && !take_rows(rows, &field)))
            return ERR_DAMAGED;
        if (!numbers && !rows)
            continue;
        keep(parts, from, field.from);
        from = field.until;
    }
    keep(parts, from, in.end);
    return 0;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static uint64_t next_long(struct record_numbers *numbers)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = *numbers->at++;
        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128)
            break;
    }
    return value;
}

/* The next number. Called once for each that was counted it stays inside, since it passes over at most one
 * end; numbers that are too long leave bytes behind. Of one or two bytes it is had without a branch that
 * would depend on which: small counts and gaps are a mixture of both. */
static inline uint64_t next(struct record_numbers *numbers)
{
    const uint8_t *at = numbers->at;
    if (numbers->end - at < 2 || at[0] & at[1] & 128)
        return next_long(numbers);
    size_t two = at[0] >> 7;
    numbers->at = at + 1 + two;
    return (uint64_t)(at[0] & 127) | (uint64_t)(at[1] & (0 - two)) << 7;
}

static bool finished(const struct record_numbers *numbers)
{
    return numbers->at == numbers->end;
}

/* The next eight numbers as the bytes of one, lowest first, if each of them is one byte and not 0. */
static inline bool peek_eight(const struct record_numbers *numbers, uint64_t *eight)
{
    if (numbers->end - numbers->at < 8)
        return false;
    memcpy(eight, numbers->at, sizeof *eight);
    *eight = le64toh(*eight);
    return ((*eight | (*eight - FIRST_BIT)) & LAST_BIT) == 0;
}

/* Puts eight entries where both columns go on with eight small numbers, as nearly all of them do. */
static inline bool put_eight(uint32_t *address4, uint64_t *packets4, uint64_t *last,
                             struct record_numbers *gaps, struct record_numbers *packets)
{
    uint64_t eight_gaps, eight_packets;
    if (!peek_eight(gaps, &eight_gaps) || !peek_eight(packets, &eight_packets))
        return false;
    for (int i = 0; i < 8; i++, eight_gaps >>= 8, eight_packets >>= 8) {
        *last += eight_gaps & 255;
        address4[i] = (uint32_t)*last;
        packets4[i] = eight_packets & 255;
    }
    gaps->at += 8;
    packets->at += 8;
    return true;
}

int record_parts_vector(struct addrvec *vec, struct record_numbers gaps,
                        struct record_numbers packets)
{
    size_t count = gaps.count, i = 0;
    uint64_t last = 0;
    if (addrvec_reserve4(vec, count) != 0)
        return ERR_NOMEM;
    while (i < count) {
        if (put_eight(vec->address4 + i, vec->packets4 + i, &last, &gaps, &packets)) {
            i += 8;
        } else {
            uint64_t gap = next(&gaps), more = next(&packets);
            if (gap > UINT32_MAX || (i > 0 && gap == 0) || more == 0)
                return ERR_DAMAGED;
            last += gap;
            vec->address4[i] = (uint32_t)last;
            vec->packets4[i++] = more;
        }
        if (last > UINT32_MAX)
            return ERR_DAMAGED;
    }
    vec->count4 = count;
    return finished(&gaps) && finished(&packets) ? 0 : ERR_DAMAGED;
}

int record_parts_table(struct table *table, struct record_rows rows)
{
    size_t count = rows.key_gap.count;
    uint64_t key = 0;
    if (count > UINT16_MAX + 1)
        return ERR_DAMAGED;
    if (table_make(table, count) != 0)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        uint64_t gap = next(&rows.key_gap);
        struct sum sum = {next(&rows.packets), next(&rows.bytes)};
        if (gap > UINT16_MAX || (i > 0 && gap == 0) || sum.packets == 0)
            return ERR_DAMAGED;
        key += gap;
        table->keys[i] = (uint16_t)key;
        table->sums[i] = sum;
        if (key > UINT16_MAX)
            return ERR_DAMAGED;
    }
    return finished(&rows.key_gap) && finished(&rows.packets) && finished(&rows.bytes)
               ? 0
               : ERR_DAMAGED;
}

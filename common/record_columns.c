/*
 * The two columns of an IPv4 address vector as protobuf packs them: fields 16 and 17 of record.proto,
 * tag, length, varints (https://protobuf.dev/programming-guides/encoding/). By hand, because they are
 * nearly all of a record: the library would want an array of gaps and go through everything twice,
 * one number per call.
 */
#include "common/record_inside.h"

#define TAG_GAPS    (16 << 3 | 2)
#define TAG_PACKETS (17 << 3 | 2)

static inline size_t varint_size(uint64_t value)
{
    return (size_t)(63 - __builtin_clzll(value | 1)) / 7 + 1;
}

static inline uint8_t *put_varint(uint8_t *out, uint64_t value)
{
    for (; value >= 128; value >>= 7)
        *out++ = (uint8_t)(value | 128);
    *out++ = (uint8_t)value;
    return out;
}

static inline uint32_t gap(const struct addrvec *vec, size_t i)
{
    return vec->address4[i] - (i ? vec->address4[i - 1] : 0);
}

static size_t gaps_size(const struct addrvec *vec)
{
    size_t size = 0;
    for (size_t i = 0; i < vec->count4; i++)
        size += varint_size(gap(vec, i));
    return size;
}

static size_t packets_size(const struct addrvec *vec)
{
    size_t size = 0;
    for (size_t i = 0; i < vec->count4; i++)
        size += varint_size(vec->packets4[i]);
    return size;
}

static size_t column_size(uint64_t tag, size_t size)
{
    return varint_size(tag) + varint_size(size) + size;
}

void record_columns_measure(struct record_columns *columns, const struct addrvec *vec)
{
    *columns = (struct record_columns){.vec = vec};
    if (vec->count4 == 0)
        return;
    columns->gaps = gaps_size(vec);
    columns->packets = packets_size(vec);
    columns->size =
        column_size(TAG_GAPS, columns->gaps) + column_size(TAG_PACKETS, columns->packets);
}

void record_columns_pack(const struct record_columns *columns, uint8_t *out)
{
    const struct addrvec *vec = columns->vec;
    if (columns->size == 0)
        return;
    out = put_varint(put_varint(out, TAG_GAPS), columns->gaps);
    for (size_t i = 0; i < vec->count4; i++)
        out = put_varint(out, gap(vec, i));
    out = put_varint(put_varint(out, TAG_PACKETS), columns->packets);
    for (size_t i = 0; i < vec->count4; i++)
        out = put_varint(out, vec->packets4[i]);
}

#include "common/planes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "common/err.h"

#define BLOCK ((size_t)1024)

/* The number of low bytes that hold every value. */
static int planes_needed(const uint64_t *values, size_t count)
{
    uint64_t all = 0;
    for (size_t i = 0; i < count; i++)
        all |= values[i];
    int planes = 0;
    for (; all; all >>= 8)
        planes++;
    return planes;
}

/* One plane of BLOCK values: so many that the compiler takes sixteen at a time, and so few that they are
 * still in the cache for the next plane. */
static void split_block(const uint64_t *restrict values, int shift, uint8_t *restrict out)
{
    for (size_t i = 0; i < BLOCK; i++)
        out[i] = (uint8_t)(values[i] >> shift);
}

static void split(const uint64_t *values, size_t count, int planes, uint8_t *out)
{
    size_t at = 0;
    for (; count - at >= BLOCK; at += BLOCK)
        for (int p = 0; p < planes; p++)
            split_block(values + at, 8 * p, out + (size_t)p * count + at);
    for (; at < count; at++)
        for (int p = 0; p < planes; p++)
            out[(size_t)p * count + at] = (uint8_t)(values[at] >> (8 * p));
}

/* The first `want` of `count` numbers, into values that are zero. */
static void join(uint64_t *values, size_t want, size_t count, int planes, const uint8_t *in)
{
    for (int p = 0; p < planes; p++, in += count)
        for (size_t i = 0; i < want; i++)
            values[i] |= (uint64_t)in[i] << (8 * p);
}

/* Appends raw[0..size) as one zstd frame, preceded by its compressed size (u32 LE). */
static int put_compressed(struct buf *out, const uint8_t *raw, size_t size)
{
    size_t bound = ZSTD_compressBound(size);
    size_t at = out->size;
    uint8_t *room = buf_extend(out, 4 + bound);
    if (!room)
        return ERR_NOMEM;
    size_t used = ZSTD_compress(room + 4, bound, raw, size, 1);
    if (ZSTD_isError(used))
        return ERR_NOMEM;
    for (int i = 0; i < 4; i++)
        room[i] = (uint8_t)(used >> (8 * i));
    out->size = at + 4 + used;
    return 0;
}

int planes_encode(struct buf *out, const uint64_t *values, size_t count)
{
    assert(count <= PLANES_MAX);
    int planes = planes_needed(values, count);
    buf_put_u32_le(out, (uint32_t)count);
    buf_put_u8(out, (uint8_t)planes);
    if (planes == 0)
        return out->failed ? ERR_NOMEM : 0;
    size_t size = count * (size_t)planes;
    uint8_t *raw = malloc(size);
    if (!raw)
        return ERR_NOMEM;
    split(values, count, planes, raw);
    int rc = put_compressed(out, raw, size);
    free(raw);
    return rc;
}

/* Decompresses the next compressed block of `in`, which must hold exactly `size` bytes. */
static int take_compressed(struct cursor *in, size_t size, uint8_t **raw)
{
    size_t compressed = cursor_u32_le(in);
    const uint8_t *from = cursor_take(in, compressed);
    if (!from || ZSTD_getFrameContentSize(from, compressed) != size)
        return ERR_DAMAGED;
    *raw = malloc(size);
    if (!*raw)
        return ERR_NOMEM;
    size_t got = ZSTD_decompress(*raw, size, from, compressed);
    if (got == size)
        return 0;
    free(*raw);
    return ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation ? ERR_NOMEM : ERR_DAMAGED;
}

/* A form as it is when it is unpacked: `*raw` (NULL without planes) is to be freed. */
static int take_form(struct cursor *in, size_t *count, int *planes, uint8_t **raw)
{
    *count = cursor_u32_le(in);
    *planes = cursor_u8(in);
    *raw = NULL;
    if (in->failed || *count > PLANES_MAX || *planes > 8 || (*count == 0 && *planes > 0))
        return ERR_DAMAGED;
    return *planes ? take_compressed(in, *count * (size_t)*planes, raw) : 0;
}

int planes_decode_first(struct cursor *in, uint64_t *values, size_t want, size_t *count)
{
    uint8_t *raw;
    int planes;
    int rc = take_form(in, count, &planes, &raw);
    if (rc)
        return rc;
    memset(values, 0, want * sizeof *values);
    if (raw)
        join(values, want < *count ? want : *count, *count, planes, raw);
    free(raw);
    return 0;
}

int planes_decode(struct cursor *in, uint64_t **values, size_t *count)
{
    uint8_t *raw;
    size_t n;
    int planes;
    *values = NULL;
    *count = 0;
    int rc = take_form(in, &n, &planes, &raw);
    if (rc)
        return rc;
    uint64_t *numbers = n ? calloc(n, sizeof *numbers) : NULL;
    if (n && !numbers) {
        free(raw);
        return ERR_NOMEM;
    }
    if (raw)
        join(numbers, n, n, planes, raw);
    free(raw);
    *values = numbers;
    *count = n;
    return 0;
}

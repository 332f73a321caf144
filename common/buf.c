#include "common/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf)
{
    *buf = (struct buf){0};
}

void buf_close(struct buf *buf)
{
    free(buf->bytes);
    buf_init(buf);
}

static bool grow(struct buf *buf, size_t size)
{
    if (buf->bytes && buf->room - buf->size >= size)
        return true;
    if (size > SIZE_MAX / 2 - buf->size)
        return false;
    size_t room = buf->room ? buf->room : 256;
    while (room < buf->size + size)
        room *= 2;
    uint8_t *bytes = realloc(buf->bytes, room);
    if (!bytes)
        return false;
    buf->bytes = bytes;
    buf->room = room;
    return true;
}

uint8_t *buf_extend(struct buf *buf, size_t size)
{
    if (buf->failed || !grow(buf, size)) {
        buf->failed = true;
        return NULL;
    }
    uint8_t *at = buf->bytes + buf->size;
    buf->size += size;
    return at;
}

void buf_put(struct buf *buf, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    uint8_t *at = buf_extend(buf, size);
    if (at)
        memcpy(at, bytes, size);
}

void buf_put_u8(struct buf *buf, uint8_t value)
{
    buf_put(buf, &value, 1);
}

/* Writes the low `size` bytes of `value`, lowest first. */
static void put_le(struct buf *buf, uint64_t value, int size)
{
    uint8_t bytes[8];
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    buf_put(buf, bytes, (size_t)size);
}

/* Writes the low `size` bytes of `value`, highest first. */
static void put_be(struct buf *buf, uint64_t value, int size)
{
    uint8_t bytes[8];
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    buf_put(buf, bytes, (size_t)size);
}

void buf_put_u32_le(struct buf *buf, uint32_t value)
{
    put_le(buf, value, 4);
}

void buf_put_u32_be(struct buf *buf, uint32_t value)
{
    put_be(buf, value, 4);
}

void buf_put_u64_le(struct buf *buf, uint64_t value)
{
    put_le(buf, value, 8);
}

void buf_put_u64_be(struct buf *buf, uint64_t value)
{
    put_be(buf, value, 8);
}

void buf_consume(struct buf *buf, size_t size)
{
    assert(size <= buf->size);
    if (size == 0)
        return;
    memmove(buf->bytes, buf->bytes + size, buf->size - size);
    buf->size -= size;
}

struct cursor cursor_over(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    return (struct cursor){.at = at, .end = at ? at + size : at};
}

const uint8_t *cursor_take(struct cursor *in, size_t size)
{
    if (in->failed || (size_t)(in->end - in->at) < size) {
        in->failed = true;
        return NULL;
    }
    const uint8_t *at = in->at;
    in->at += size;
    return at;
}

static uint64_t take_le(struct cursor *in, int size)
{
    const uint8_t *at = cursor_take(in, (size_t)size);
    uint64_t value = 0;
    for (int i = 0; at && i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static uint64_t take_be(struct cursor *in, int size)
{
    const uint8_t *at = cursor_take(in, (size_t)size);
    uint64_t value = 0;
    for (int i = 0; at && i < size; i++)
        value = value << 8 | at[i];
    return value;
}

uint8_t cursor_u8(struct cursor *in)
{
    return (uint8_t)take_le(in, 1);
}

uint32_t cursor_u32_le(struct cursor *in)
{
    return (uint32_t)take_le(in, 4);
}

uint32_t cursor_u32_be(struct cursor *in)
{
    return (uint32_t)take_be(in, 4);
}

uint64_t cursor_u64_le(struct cursor *in)
{
    return take_le(in, 8);
}

uint64_t cursor_u64_be(struct cursor *in)
{
    return take_be(in, 8);
}

bool cursor_done(const struct cursor *in)
{
    return !in->failed && in->at == in->end;
}

/*
 * Growing byte buffer to write into, and bounded cursor to read from. Every read of foreign bytes
 * goes through the cursor: it never runs past its end, and once a read has failed all later ones
 * fail. Multi-byte numbers are little-endian (_le) or big-endian (_be), as the name says.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *bytes;
    size_t size, room;
    bool failed; /* memory ran out: nothing more is added, check once at the end */
};

void buf_init(struct buf *buf);
void buf_close(struct buf *buf);
/* Room for `size` more bytes at the end, which now belong to the buffer; NULL and failed without
 * memory. */
uint8_t *buf_extend(struct buf *buf, size_t size);
void buf_put(struct buf *buf, const void *bytes, size_t size);
void buf_put_u8(struct buf *buf, uint8_t value);
void buf_put_u32_le(struct buf *buf, uint32_t value);
void buf_put_u32_be(struct buf *buf, uint32_t value);
void buf_put_u64_le(struct buf *buf, uint64_t value);
void buf_put_u64_be(struct buf *buf, uint64_t value);
/* Drops the first `size` bytes (at most those that there are) and moves the rest to the front. */
void buf_consume(struct buf *buf, size_t size);

struct cursor {
    const uint8_t *at, *end;
    bool failed;
};

struct cursor cursor_over(const void *bytes, size_t size);
/* The next `size` bytes, borrowed, or NULL when there are fewer (the cursor is then failed). */
const uint8_t *cursor_take(struct cursor *in, size_t size);
uint8_t cursor_u8(struct cursor *in);
uint32_t cursor_u32_le(struct cursor *in);
uint32_t cursor_u32_be(struct cursor *in);
uint64_t cursor_u64_le(struct cursor *in);
uint64_t cursor_u64_be(struct cursor *in);
/* True when everything was read and nothing failed. */
bool cursor_done(const struct cursor *in);

#endif

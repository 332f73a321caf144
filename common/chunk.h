/*
 * Chunks: no value of the store is longer than CHUNK_SIZE, so that none blocks Redis for long and a
 * slot of a cluster moves without stalls. A longer one is cut: KEY holds the first chunk, `KEY:1`,
 * `KEY:2`, ... the rest (schema_key_chunk), all changed by the same call. Only a value that is cut
 * has the header, whose magic begins no other form. Pure.
 *
 * Form of the first chunk: "DCC1", u32 LE CRC-32C of the whole value, u64 LE its size, then its
 * beginning; every chunk but the last is CHUNK_SIZE long.
 */
#ifndef COMMON_CHUNK_H
#define COMMON_CHUNK_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define CHUNK_SIZE   (((size_t)512 << 10) - 64) /* with Redis's header just within 512 KiB */
#define CHUNK_HEADER 16
#define CHUNKS_MAX   2048

/* A run of bytes, borrowed. */
struct chunk {
    const uint8_t *bytes;
    size_t size;
};

/* The number of chunks of a value of `size` bytes: 1 when it is kept whole. */
size_t chunk_count(size_t size);
/* Chunk `index` of the value, to be written. The header of a first one is written into `header`,
 * which stands before its bytes; the others, and a value that is kept whole, have none (header_size
 * 0). */
struct chunk chunk_cut(const uint8_t *bytes, size_t size, size_t index,
                       uint8_t header[CHUNK_HEADER], size_t *header_size);

/* The number of chunks of the value that begins with `first`: 1 when that is all of it. ERR_DAMAGED
 * for a header that announces what chunk_cut does not write. */
int chunk_announced(struct chunk first);
/* What of a value is in `part`, the beginning of its first chunk or all of it: without the header, if it has one. Of
 * the size `part` has nothing is known. */
struct chunk chunk_beginning(struct chunk part);
/* Appends the value to `out`, the chunks being all that the first announces. ERR_DAMAGED when they
 * are not the chunks of one value; ERR_NOMEM. */
int chunk_join(const struct chunk *chunks, size_t count, struct buf *out);

#endif

#include "common/chunk.h"

#include <string.h>

#include "common/crc32c.h"
#include "common/err.h"

static const char magic[4] = {'D', 'C', 'C', '1'};

size_t chunk_count(size_t size)
{
    return size <= CHUNK_SIZE ? 1 : (CHUNK_HEADER + size + CHUNK_SIZE - 1) / CHUNK_SIZE;
}

static void put_le(uint8_t *out, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

struct chunk chunk_cut(const uint8_t *bytes, size_t size, size_t index,
                       uint8_t header[CHUNK_HEADER], size_t *header_size)
{
    *header_size = 0;
    if (size <= CHUNK_SIZE)
        return (struct chunk){bytes, size};
    if (index == 0) {
        memcpy(header, magic, sizeof magic);
        put_le(header + 4, crc32c(0, bytes, size), 4);
        put_le(header + 8, size, 8);
        *header_size = CHUNK_HEADER;
        return (struct chunk){bytes, CHUNK_SIZE - CHUNK_HEADER};
    }
    size_t at = index * CHUNK_SIZE - CHUNK_HEADER, left = size - at;
    return (struct chunk){bytes + at, left < CHUNK_SIZE ? left : CHUNK_SIZE};
}

/* Reads the header of a value that is cut: 1, and its size and checksum; 0: it is not cut. */
static int take_header(struct chunk first, uint64_t *size, uint32_t *crc)
{
    struct cursor in = cursor_over(first.bytes, first.size);
    const uint8_t *begins = cursor_take(&in, sizeof magic);
    if (!begins || memcmp(begins, magic, sizeof magic) != 0)
        return 0;
    *crc = cursor_u32_le(&in);
    *size = cursor_u64_le(&in);
    if (in.failed || first.size != CHUNK_SIZE || *size <= CHUNK_SIZE ||
        *size > CHUNKS_MAX * CHUNK_SIZE - CHUNK_HEADER)
        return ERR_DAMAGED;
    return 1;
}

int chunk_announced(struct chunk first)
{
    uint64_t size;
    uint32_t crc;
    int cut = take_header(first, &size, &crc);
    return cut < 0 ? cut : cut ? (int)chunk_count(size) : 1;
}

struct chunk chunk_beginning(struct chunk part)
{
    struct cursor in = cursor_over(part.bytes, part.size);
    const uint8_t *header = cursor_take(&in, CHUNK_HEADER);
    if (!header || memcmp(header, magic, sizeof magic) != 0)
        return part;
    return (struct chunk){in.at, (size_t)(in.end - in.at)};
}

int chunk_join(const struct chunk *chunks, size_t count, struct buf *out)
{
    uint64_t size = chunks[0].size;
    uint32_t crc = 0;
    int cut = take_header(chunks[0], &size, &crc);
    if (cut < 0 || count != chunk_count(size))
        return ERR_DAMAGED;
    size_t header = cut ? CHUNK_HEADER : 0, begin = out->size;
    buf_put(out, chunks[0].bytes + header, chunks[0].size - header);
    for (size_t i = 1; i < count; i++)
        buf_put(out, chunks[i].bytes, chunks[i].size);
    if (out->failed)
        return ERR_NOMEM;
    size_t joined = out->size - begin;
    if (joined != size || (cut && crc32c(0, out->bytes + begin, joined) != crc))
        return ERR_DAMAGED;
    return 0;
}

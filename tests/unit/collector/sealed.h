/*
 * Sealed records for tests of what carries them: a right header and checksum around bytes that
 * nobody opens. The bytes depend on epoch and sequence, so that one record is never taken for
 * another.
 */
#ifndef TESTS_UNIT_COLLECTOR_SEALED_H
#define TESTS_UNIT_COLLECTOR_SEALED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/buf.h"
#include "common/crc32c.h"
#include "common/record.h"
#include "tests/unit/common/random.h"

static inline void sealed_check(uint8_t *sealed, size_t size)
{
    uint32_t crc = crc32c(0, sealed + 4, 28);
    crc = crc32c(crc, sealed + RECORD_HEADER_SIZE, size - RECORD_HEADER_SIZE);
    for (int i = 0; i < 4; i++)
        sealed[32 + i] = (uint8_t)(crc >> (24 - 8 * i));
}

/* Appends the record `seq` of the epoch with a payload of `size` bytes. */
static inline void sealed_put(struct buf *out, const uint8_t epoch[EPOCH_SIZE], uint64_t seq,
                              size_t size)
{
    size_t at = out->size;
    buf_put(out, "DCR1", 4);
    buf_put_u32_be(out, (uint32_t)size);
    buf_put_u64_be(out, seq);
    buf_put(out, epoch, EPOCH_SIZE);
    buf_put_u32_be(out, 0);
    uint8_t *payload = buf_extend(out, size);
    uint64_t state = seq * 1000003 + epoch[0];
    for (size_t i = 0; i < size; i++)
        payload[i] = (uint8_t)random_next(&state);
    sealed_check(out->bytes + at, RECORD_HEADER_SIZE + size);
}

/* Makes it one that is merged of so many, the last of which it was. */
static inline void sealed_merge(uint8_t *sealed, size_t size, unsigned records)
{
    sealed[8] = (uint8_t)((records - 1) >> 8);
    sealed[9] = (uint8_t)(records - 1);
    sealed_check(sealed, size);
}

/* Whether the bytes are that record. */
static inline bool sealed_is(const uint8_t *bytes, size_t size, const uint8_t epoch[EPOCH_SIZE],
                             uint64_t seq)
{
    struct buf want;
    buf_init(&want);
    bool same = size >= RECORD_HEADER_SIZE;
    if (same) {
        sealed_put(&want, epoch, seq, size - RECORD_HEADER_SIZE);
        same = memcmp(want.bytes, bytes, size) == 0;
    }
    buf_close(&want);
    return same;
}

#endif

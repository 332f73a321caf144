/*
 * The walk over a segment of the spool. The input is a script: a byte below 128 puts a sound record
 * without payload whose sequence is its lower four bits, any other so many bytes as they stand behind
 * it. What the walk says must cover the bytes from first to last and the sequences from 1 on, once, and
 * every record that it gives must be sound.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "collector/spool_private.h"
#include "common/buf.h"
#include "common/crc32c.h"

static const uint8_t epoch[EPOCH_SIZE] = {7};

static void put_record(struct buf *out, uint64_t seq)
{
    size_t at = out->size;
    buf_put(out, "DCR1", 4);
    buf_put_u32_be(out, 0);
    buf_put_u64_be(out, seq);
    buf_put(out, epoch, EPOCH_SIZE);
    if (!out->failed)
        buf_put_u32_be(out, crc32c(0, out->bytes + at + 4, 28));
}

static void make_segment(struct buf *out, const uint8_t *script, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        size_t number = script[at] & 15;
        if (script[at] < 128) {
            put_record(out, number);
            continue;
        }
        number = number < size - at - 1 ? number : size - at - 1;
        buf_put(out, script + at + 1, number);
        at += number;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct buf segment;
    buf_init(&segment);
    uint64_t limit = size ? bytes[0] & 15 : 0;
    make_segment(&segment, bytes, size);
    struct segment_walk walk = {
        .bytes = segment.bytes, .size = segment.size, .epoch = epoch, .next = 1, .limit = limit};
    struct segment_piece piece;
    enum segment_found found;
    uint64_t next = 1;
    size_t at = 0;
    do {
        found = segment_next(&walk, &piece);
        fuzz_require(piece.at == at && piece.size <= segment.size - at && piece.first == next);
        at += piece.size;
        if (found == SEGMENT_END)
            break;
        fuzz_require(found == SEGMENT_RECORD || piece.size > 0 || piece.last >= piece.first);
        if (found == SEGMENT_RECORD)
            fuzz_require(record_check(segment.bytes + piece.at, piece.size) == 0);
        next = piece.last + 1;
        fuzz_require(limit == 0 || next <= limit);
    } while (found != SEGMENT_END);
    fuzz_require(at == segment.size);
    buf_close(&segment);
    return 0;
}

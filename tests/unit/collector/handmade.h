/*
 * Spools made by hand, of real records: record `seq` is minute `seq` of HANDMADE_BASE_S and has `seq`
 * packets.
 */
#ifndef TESTS_UNIT_COLLECTOR_HANDMADE_H
#define TESTS_UNIT_COLLECTOR_HANDMADE_H

#include <stdint.h>

#include "common/buf.h"
#include "common/record.h"

#define HANDMADE_BASE_S 1795320900 /* a quarter of an hour begins */

extern const uint8_t handmade_epoch[EPOCH_SIZE];

/* Appends the sealed record, whose sensor is observed from `gap_ns` into the minute on. */
void handmade_record(struct buf *out, uint64_t seq, int64_t gap_ns);
/* The segment of records `first` to `last` in the epoch's directory, on disk; `late`: one that begins a
 * second after its minute, or 0. */
void handmade_segment(const char *path, uint64_t first, uint64_t last, uint64_t late);

#endif

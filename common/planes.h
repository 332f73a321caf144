/*
 * An array of 64-bit numbers as byte planes (all lowest bytes, then all second bytes, ...; planes
 * that are zero throughout are left out) under zstd level 1: the compact form of everything in the
 * store that is long and mostly small. Pure.
 *
 * Form: count (u32 LE), planes (u8, 0..8); unless there are none, size (u32 LE) and a zstd frame of
 * count x planes bytes.
 */
#ifndef COMMON_PLANES_H
#define COMMON_PLANES_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* Appends the form of values[0..count) to `out`. count <= PLANES_MAX. ERR_NOMEM. */
int planes_encode(struct buf *out, const uint64_t *values, size_t count);

/* Reads one form from `in` and moves past it; `*values` (to be freed by the caller, NULL when
 * empty) gets `*count` numbers. ERR_DAMAGED, ERR_NOMEM. */
int planes_decode(struct cursor *in, uint64_t **values, size_t *count);
/* The same for a reader of the beginning only: `values` gets the first `want` numbers, zeros where
 * there are fewer, and `*count` how many there are in all. */
int planes_decode_first(struct cursor *in, uint64_t *values, size_t want, size_t *count);

#define PLANES_MAX ((size_t)1 << 26)

#endif

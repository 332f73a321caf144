/*
 * Dense: packets and bytes per index, for the addresses of a darknet in a row. Used by tally, which
 * turns addresses into indices: dense_init, dense_add per batch, dense_settle, then dense_each to
 * read, dense_reset to begin anew, dense_close. Pure.
 *
 * An index takes 4 bytes, for packets and bytes together; what passes out of these goes to 8 more,
 * which the system gives only to parts of the array where that has happened. Both hold 2^43 packets
 * and 2^51 bytes; a packet beyond is refused and counted. Where the array is larger than a cache,
 * packets first gather in bins, one for each region of it, and a full bin is added at once: the
 * region is then in the cache for all of them, which is faster than to fetch each counter from
 * memory, however early it is asked for. Bins take 32 MiB at most.
 */
#ifndef COLLECTOR_DENSE_H
#define COLLECTOR_DENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "collector/pages.h"

#define DENSE_COUNTS_MAX 256

/* Counts of units that have left an index's first 4 bytes. */
struct dense_high {
    uint32_t packets, bytes;
};

struct dense {
    uint32_t size;
    uint32_t regions;
    uint32_t *cells;
    struct dense_high *high;
    uint8_t *hit; /* per region: what of it may not be zero */

    /* Bins, or NULL; per region `bin_room` places, of which `binned` are taken. */
    uint32_t *bins;
    uint32_t *binned;
    uint32_t bin_room;

    uint64_t refused; /* packets since the last reset */
    struct pages cell_pages, high_pages, bin_pages;
};

/* Zeros for `size` (at least 1) indices. False without memory; it is closed then. */
bool dense_init(struct dense *dense, uint32_t size);
/* All zeros is allowed. */
void dense_close(struct dense *dense);
/* Bytes of memory that `size` indices can take, at most. */
size_t dense_memory(uint32_t size);

/* Adds packets whose index is their destination less `base`; those with an index outside of the
 * array are passed over. Returns how many were not. */
size_t dense_add(struct dense *dense, const struct packet_brief *packets, size_t count,
                 uint32_t base);

/* Adds what is in the bins, which merging, reading and `refused` need. */
void dense_settle(struct dense *dense);

/* Adds all of `from`, of the same size. False where it does not fit; `into` has then a part of it. */
bool dense_merge(struct dense *into, const struct dense *from);

/* Addresses, ascending, with their packets (not 0) and bytes. */
struct dense_counts {
    size_t count;
    uint32_t address[DENSE_COUNTS_MAX];
    uint64_t packets[DENSE_COUNTS_MAX], bytes[DENSE_COUNTS_MAX];
};

/* Calls back with every index that has packets, ascending, as an address: `base` more. Settled. The
 * reader may change what it is given. */
typedef void (*dense_reader)(void *user, struct dense_counts *counts);
void dense_each(const struct dense *dense, uint32_t base, dense_reader reader, void *user);

/* Back to all zeros; costs in proportion to the regions that were hit. */
void dense_reset(struct dense *dense);

#endif

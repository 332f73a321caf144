#include "collector/dense.h"

#include <stdlib.h>
#include <string.h>

/* A region's cells are 256 KiB: they stay in the second-level cache while its bin is added. A place
 * in a region, and most packets' bytes, are 16 bits, so that both fit what a bin holds of a packet. */
#define REGION_SHIFT 16
#define REGION_SIZE  (1u << REGION_SHIFT)
#define BRIEF_MAX    0xffff

/* Larger is binned. */
#define DIRECT_MAX (UINT32_C(1) << 18)
#define BINS_MAX   (UINT32_C(32) << 20) /* bytes */
#define BIN_LINES  2048                 /* at most */
#define CACHE_LINE 64

/* A cell: 11 bits of packets, 19 of bytes, and above either a bit that is 1 only within an addition:
 * it carries into the high counters. Bytes of one packet, up to BRIEF_MAX, cannot pass it. */
#define BYTES_BITS    19
#define PACKETS_SHIFT 20
#define PACKETS_BITS  11
#define BYTES_CARRY   (UINT32_C(1) << BYTES_BITS)
#define PACKETS_CARRY (UINT32_C(1) << (PACKETS_SHIFT + PACKETS_BITS))
#define CARRIES       (PACKETS_CARRY | BYTES_CARRY)
#define ONE_PACKET    (UINT32_C(1) << PACKETS_SHIFT)

/* What of a region was written. */
enum hit { HIT_CELLS = 1, HIT_HIGH = 2 };

/* Packets that a bin has room for, where there are so many; 0 where the array is too small for bins.
 * An odd number of cache lines: bins fill evenly, and with an even one their ends would fall on the
 * same few sets of the cache. */
static uint32_t bin_room(uint32_t size, uint32_t regions)
{
    uint32_t lines = BINS_MAX / (regions * CACHE_LINE);
    lines = lines < BIN_LINES ? lines : BIN_LINES;
    return size > DIRECT_MAX ? ((lines - 1) | 1) * (CACHE_LINE / (uint32_t)sizeof(uint32_t)) : 0;
}

static bool init_bins(struct dense *dense)
{
    dense->bin_room = bin_room(dense->size, dense->regions);
    if (dense->bin_room == 0)
        return true;
    dense->binned = calloc(dense->regions, sizeof *dense->binned);
    pages_init(&dense->bin_pages, (size_t)dense->regions * dense->bin_room * sizeof *dense->bins);
    dense->bins = dense->bin_pages.at;
    return dense->binned && dense->bins;
}

static uint32_t region_count(uint32_t size)
{
    return (size - 1) / REGION_SIZE + 1;
}

bool dense_init(struct dense *dense, uint32_t size)
{
    *dense = (struct dense){.size = size, .regions = region_count(size)};
    pages_init(&dense->cell_pages, size * sizeof *dense->cells);
    pages_init(&dense->high_pages, size * sizeof *dense->high);
    dense->cells = dense->cell_pages.at;
    dense->high = dense->high_pages.at;
    dense->hit = calloc(dense->regions, sizeof *dense->hit);
    if (init_bins(dense) && dense->cells && dense->high && dense->hit)
        return true;
    dense_close(dense);
    return false;
}

void dense_close(struct dense *dense)
{
    pages_close(&dense->cell_pages);
    pages_close(&dense->high_pages);
    pages_close(&dense->bin_pages);
    free(dense->hit);
    free(dense->binned);
    *dense = (struct dense){0};
}

size_t dense_memory(uint32_t size)
{
    uint32_t regions = region_count(size);
    return size * (sizeof(uint32_t) + sizeof(struct dense_high)) +
           (size_t)regions * bin_room(size, regions) * sizeof(uint32_t);
}

/* --- adding ----------------------------------------------------------------------------------- */

/* Sets a cell to a sum; its carries, and `more` units, go to the high counters. False, and nothing
 * changed, where these would pass 32 bits. */
static bool carry(struct dense *dense, uint32_t index, uint32_t sum, struct dense_high more)
{
    struct dense_high *high = &dense->high[index];
    uint64_t packets = (uint64_t)high->packets + more.packets + ((sum & PACKETS_CARRY) != 0);
    uint64_t bytes = (uint64_t)high->bytes + more.bytes + ((sum & BYTES_CARRY) != 0);
    if (packets > UINT32_MAX || bytes > UINT32_MAX)
        return false;
    *high = (struct dense_high){(uint32_t)packets, (uint32_t)bytes};
    dense->cells[index] = sum & ~CARRIES;
    dense->hit[index >> REGION_SHIFT] |= HIT_HIGH;
    return true;
}

static inline void add(struct dense *dense, uint32_t index, uint32_t bytes)
{
    uint32_t sum = dense->cells[index] + ONE_PACKET + bytes;
    if (__builtin_expect((sum & CARRIES) != 0, 0))
        dense->refused += !carry(dense, index, sum, (struct dense_high){0});
    else
        dense->cells[index] = sum;
}

/* A packet of more bytes than BRIEF_MAX. */
static void add_large(struct dense *dense, uint32_t index, uint32_t bytes)
{
    uint32_t sum = dense->cells[index] + ONE_PACKET + (bytes & (BYTES_CARRY - 1));
    struct dense_high units = {.bytes = bytes >> BYTES_BITS};
    dense->refused += !carry(dense, index, sum, units);
}

static void empty_bin(struct dense *dense, uint32_t region)
{
    const uint32_t *bin = &dense->bins[(size_t)region * dense->bin_room];
    uint32_t first = region << REGION_SHIFT, count = dense->binned[region];
    for (uint32_t i = 0; i < count; i++)
        add(dense, first + (bin[i] >> 16), bin[i] & BRIEF_MAX);
    dense->hit[region] |= HIT_CELLS;
    dense->binned[region] = 0;
}

static inline void put_in_bin(struct dense *dense, uint32_t index, uint32_t bytes)
{
    uint32_t region = index >> REGION_SHIFT;
    uint32_t place = dense->binned[region]++;
    dense->bins[(size_t)region * dense->bin_room + place] = index << 16 | bytes;
    if (place + 1 == dense->bin_room)
        empty_bin(dense, region);
}

/* Inlined once with bins and once without. */
static inline size_t add_all(struct dense *dense, const struct packet_brief *packets, size_t count,
                             uint32_t base, bool binned)
{
    uint32_t size = dense->size;
    size_t added = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t index = packets[i].dst4 - base, bytes = packets[i].bytes;
        if (index >= size)
            continue;
        added++;
        if (__builtin_expect(bytes > BRIEF_MAX, 0))
            add_large(dense, index, bytes);
        else if (binned)
            put_in_bin(dense, index, bytes);
        else
            add(dense, index, bytes);
    }
    return added;
}

size_t dense_add(struct dense *dense, const struct packet_brief *packets, size_t count,
                 uint32_t base)
{
    if (dense->bins)
        return add_all(dense, packets, count, base, true);
    for (uint32_t region = 0; region < dense->regions; region++)
        dense->hit[region] |= HIT_CELLS;
    return add_all(dense, packets, count, base, false);
}

void dense_settle(struct dense *dense)
{
    for (uint32_t region = 0; dense->bins && region < dense->regions; region++)
        if (dense->binned[region])
            empty_bin(dense, region);
}

static uint32_t region_end(const struct dense *dense, uint32_t region)
{
    return region + 1 == dense->regions ? dense->size : (region + 1) << REGION_SHIFT;
}

/* Two cells' sum has no more than the carries beyond a cell. */
static bool merge_region(struct dense *into, const struct dense *from, uint32_t region)
{
    bool has_high = (from->hit[region] & HIT_HIGH) != 0;
    uint32_t end = region_end(from, region);
    into->hit[region] |= from->hit[region] & HIT_CELLS;
    for (uint32_t index = region << REGION_SHIFT; index < end; index++) {
        struct dense_high more = has_high ? from->high[index] : (struct dense_high){0};
        uint32_t sum = into->cells[index] + from->cells[index];
        if ((sum & CARRIES) == 0 && (more.packets | more.bytes) == 0)
            into->cells[index] = sum;
        else if (!carry(into, index, sum, more))
            return false;
    }
    return true;
}

bool dense_merge(struct dense *into, const struct dense *from)
{
    for (uint32_t region = 0; region < from->regions; region++)
        if (from->hit[region] && !merge_region(into, from, region))
            return false;
    return true;
}

/* --- reading and clearing --------------------------------------------------------------------- */

/* Fills `counts` from the indices [first, last), at most DENSE_COUNTS_MAX. An index without packets
 * is overwritten by the next: a branch would be guessed wrong half of the time. */
static inline void read_group(const struct dense *dense, uint32_t first, uint32_t last,
                              uint32_t base, bool has_high, struct dense_counts *counts)
{
    size_t count = 0;
    for (uint32_t index = first; index < last; index++) {
        uint64_t packets = dense->cells[index] >> PACKETS_SHIFT;
        uint64_t bytes = dense->cells[index] & (BYTES_CARRY - 1);
        if (has_high) {
            packets += (uint64_t)dense->high[index].packets << PACKETS_BITS;
            bytes += (uint64_t)dense->high[index].bytes << BYTES_BITS;
        }
        counts->address[count] = base + index;
        counts->packets[count] = packets;
        counts->bytes[count] = bytes;
        count += packets != 0;
    }
    counts->count = count;
}

static void read_region(const struct dense *dense, uint32_t region, uint32_t base,
                        dense_reader reader, void *user)
{
    struct dense_counts counts;
    uint32_t last, end = region_end(dense, region);
    for (uint32_t first = region << REGION_SHIFT; first < end; first = last) {
        last = end - first < DENSE_COUNTS_MAX ? end : first + DENSE_COUNTS_MAX;
        if (dense->hit[region] & HIT_HIGH)
            read_group(dense, first, last, base, true, &counts);
        else
            read_group(dense, first, last, base, false, &counts);
        if (counts.count)
            reader(user, &counts);
    }
}

void dense_each(const struct dense *dense, uint32_t base, dense_reader reader, void *user)
{
    for (uint32_t region = 0; region < dense->regions; region++)
        if (dense->hit[region])
            read_region(dense, region, base, reader, user);
}

static void clear_region(struct dense *dense, uint32_t region)
{
    uint32_t first = region << REGION_SHIFT, count = region_end(dense, region) - first;
    memset(&dense->cells[first], 0, count * sizeof *dense->cells);
    if (dense->hit[region] & HIT_HIGH)
        memset(&dense->high[first], 0, count * sizeof *dense->high);
    dense->hit[region] = 0;
}

void dense_reset(struct dense *dense)
{
    dense->refused = 0;
    for (uint32_t region = 0; region < dense->regions; region++) {
        if (dense->bins)
            dense->binned[region] = 0;
        if (dense->hit[region])
            clear_region(dense, region);
    }
}

#include "collector/tally.h"

#include <stdlib.h>
#include <string.h>

#include "collector/addrmap.h"
#include "collector/pages.h"
#include "common/err.h"

/* Increments wait here until their counters are in the cache. 64 hides the latency of memory; more
 * was no faster. */
#define PENDING 64

/* Addresses per mark: tally_reset clears and tally_each visits only blocks that were hit. */
#define BLOCK_SHIFT 10
#define BLOCK_SIZE  (1u << BLOCK_SHIFT)

struct pending {
    uint32_t index, bytes;
};

/* What is kept of an address, and shares a cache line, where bytes are kept. */
struct cell {
    uint32_t packets, bytes;
};

struct tally {
    const struct prefixset *darknet;
    bool keep_bytes;
    uint64_t sum, refused; /* packets */

    /* Dense: one of the two is there; neither where IPv4 is sparse or absent. */
    uint32_t *packets;
    struct cell *cells;
    struct pages pages;
    uint8_t *hit;   /* one per block */
    uint32_t size;  /* addresses */
    bool one_range; /* index = address - base */
    uint32_t base;
    uint32_t waiting;
    struct pending pending[PENDING];
    struct addrmap carried; /* by index: what has passed 2^32 and left the counter */

    struct addrmap sparse4, sparse6;
};

/* Addresses to be counted in the dense array. */
static uint32_t dense_size(const struct prefixset *darknet)
{
    uint64_t size = prefixset_count4(darknet);
    return size > TALLY_DENSE_MAX ? 0 : (uint32_t)size;
}

size_t tally_memory(const struct prefixset *darknet, bool bytes)
{
    return dense_size(darknet) * (bytes ? sizeof(struct cell) : sizeof(uint32_t));
}

static bool make_dense(struct tally *tally)
{
    tally->size = dense_size(tally->darknet);
    if (tally->size == 0)
        return true;
    pages_init(&tally->pages, tally_memory(tally->darknet, tally->keep_bytes));
    if (tally->keep_bytes)
        tally->cells = tally->pages.at;
    else
        tally->packets = tally->pages.at;
    tally->hit = calloc((tally->size + BLOCK_SIZE - 1) >> BLOCK_SHIFT, 1);
    tally->base = prefixset_address4(tally->darknet, 0);
    tally->one_range =
        prefixset_address4(tally->darknet, tally->size - 1) - tally->base == tally->size - 1;
    return tally->pages.at && tally->hit;
}

struct tally *tally_new(const struct prefixset *darknet, bool bytes)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (!tally)
        return NULL;
    tally->darknet = darknet;
    tally->keep_bytes = bytes;
    addrmap_init(&tally->sparse4, TALLY_SPARSE_MAX);
    addrmap_init(&tally->sparse6, TALLY_SPARSE_MAX);
    addrmap_init(&tally->carried, TALLY_SPARSE_MAX);
    if (!make_dense(tally)) {
        tally_free(tally);
        return NULL;
    }
    return tally;
}

void tally_free(struct tally *tally)
{
    if (!tally)
        return;
    addrmap_close(&tally->sparse4);
    addrmap_close(&tally->sparse6);
    addrmap_close(&tally->carried);
    pages_close(&tally->pages);
    free(tally->hit);
    free(tally);
}

/* --- dense counters --------------------------------------------------------------------------- */

/* Adds a packet to counters that are 32 bits wide; what passes out of them is kept on the side.
 * False, and nothing added, where there is no room for that. */
static inline bool add_packet(struct tally *tally, uint32_t index)
{
    uint32_t packets = tally->packets[index] + 1;
    if (packets == 0 && !addrmap_add4(&tally->carried, index, UINT64_C(1) << 32, 0))
        return false;
    tally->packets[index] = packets;
    return true;
}

static inline bool add_cell(struct tally *tally, uint32_t index, uint32_t bytes)
{
    struct cell *cell = &tally->cells[index];
    struct cell sum = {.packets = cell->packets + 1, .bytes = cell->bytes + bytes};
    bool packets_passed = sum.packets == 0, bytes_passed = sum.bytes < bytes;
    if (__builtin_expect(packets_passed | bytes_passed, 0) &&
        !addrmap_add4(&tally->carried, index, (uint64_t)packets_passed << 32,
                      (uint64_t)bytes_passed << 32))
        return false;
    *cell = sum;
    return true;
}

static inline void apply(struct tally *tally, struct pending one)
{
    bool added =
        tally->cells ? add_cell(tally, one.index, one.bytes) : add_packet(tally, one.index);
    if (!added) {
        tally->sum--;
        tally->refused++;
        return;
    }
    tally->hit[one.index >> BLOCK_SHIFT] = 1;
}

static void settle(struct tally *tally)
{
    uint32_t count = tally->waiting < PENDING ? tally->waiting : PENDING;
    for (uint32_t i = 0; i < count; i++)
        apply(tally, tally->pending[i]);
    tally->waiting = 0;
}

/* Puts the increment in the place of the one that has waited for PENDING packets, which is applied. */
static inline void defer(struct tally *tally, uint32_t index, uint32_t bytes)
{
    if (tally->cells)
        __builtin_prefetch(&tally->cells[index], 1);
    else
        __builtin_prefetch(&tally->packets[index], 1);
    struct pending *slot = &tally->pending[tally->waiting % PENDING];
    if (tally->waiting >= PENDING)
        apply(tally, *slot);
    *slot = (struct pending){.index = index, .bytes = bytes};
    /* Stays at or above PENDING once the ring is full. */
    if (++tally->waiting == 2 * PENDING)
        tally->waiting = PENDING;
}

/* --- adding ----------------------------------------------------------------------------------- */

static bool in_darknet(const struct prefixset *darknet, const struct packet *packet)
{
    return packet->family == 4 ? prefixset_has4(darknet, packet->dst4)
                               : prefixset_has6(darknet, packet->dst6);
}

static enum tally_result add_sparse(struct tally *tally, const struct packet *packet)
{
    if (!in_darknet(tally->darknet, packet))
        return TALLY_OFF_DARKNET;
    uint32_t bytes = tally->keep_bytes ? packet->bytes : 0;
    bool added = packet->family == 4 ? addrmap_add4(&tally->sparse4, packet->dst4, 1, bytes)
                                     : addrmap_add6(&tally->sparse6, packet->dst6, 1, bytes);
    tally->sum += added;
    tally->refused += !added;
    return added ? TALLY_COUNTED : TALLY_REFUSED;
}

static inline uint32_t index_of(const struct tally *tally, uint32_t address)
{
    if (!tally->one_range)
        return prefixset_index4(tally->darknet, address);
    uint32_t index = address - tally->base;
    return index < tally->size ? index : PREFIX_NONE;
}

static inline enum tally_result add_dense(struct tally *tally, uint32_t address, uint32_t bytes)
{
    uint32_t index = index_of(tally, address);
    if (index == PREFIX_NONE)
        return TALLY_OFF_DARKNET;
    tally->sum++;
    defer(tally, index, bytes);
    return TALLY_COUNTED;
}

enum tally_result tally_add(struct tally *tally, const struct packet *packet)
{
    if (packet->family != 4 || !tally->size)
        return add_sparse(tally, packet);
    return add_dense(tally, packet->dst4, packet->bytes);
}

void tally_add4(struct tally *tally, const struct tally_item *items, size_t count,
                uint64_t results[TALLY_RESULTS])
{
    if (tally->size) {
        uint64_t before = tally->sum + tally->refused;
        for (size_t i = 0; i < count; i++)
            add_dense(tally, items[i].address, items[i].bytes);
        uint64_t counted = tally->sum + tally->refused - before;
        results[TALLY_COUNTED] += counted;
        results[TALLY_OFF_DARKNET] += count - counted;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct packet packet = {.family = 4, .dst4 = items[i].address, .bytes = items[i].bytes};
        results[add_sparse(tally, &packet)]++;
    }
}

/* --- merging ---------------------------------------------------------------------------------- */

void tally_share(struct tally *tally, unsigned tallies)
{
    tally->sparse4.max = tally->sparse6.max = TALLY_SPARSE_MAX / tallies;
}

/* Adds to a counter of 32 bits and returns what passes out of it. */
static inline uint64_t add32(uint32_t *counter, uint32_t more)
{
    uint64_t sum = (uint64_t)*counter + more;
    *counter = (uint32_t)sum;
    return sum - *counter;
}

static bool merge_counter(struct tally *into, const struct tally *from, uint32_t index)
{
    uint64_t packets, bytes = 0;
    if (into->cells) {
        packets = add32(&into->cells[index].packets, from->cells[index].packets);
        bytes = add32(&into->cells[index].bytes, from->cells[index].bytes);
    } else {
        packets = add32(&into->packets[index], from->packets[index]);
    }
    return (packets | bytes) == 0 || addrmap_add4(&into->carried, index, packets, bytes);
}

static bool merge_dense(struct tally *into, const struct tally *from)
{
    for (uint32_t index = 0; index < from->size; index++) {
        uint32_t block = index >> BLOCK_SHIFT;
        if (!from->hit[block]) {
            index |= BLOCK_SIZE - 1;
            continue;
        }
        into->hit[block] = 1;
        if (!merge_counter(into, from, index))
            return false;
    }
    return addrmap_merge(&into->carried, &from->carried);
}

int tally_merge(struct tally *into, struct tally *from)
{
    settle(into);
    settle(from);
    tally_share(into, 1);
    bool merged = into->refused + from->refused == 0 && merge_dense(into, from) &&
                  addrmap_merge(&into->sparse4, &from->sparse4) &&
                  addrmap_merge(&into->sparse6, &from->sparse6);
    into->sum += from->sum;
    return merged ? 0 : ERR_FULL;
}

/* --- clearing --------------------------------------------------------------------------------- */

static uint32_t block_end(const struct tally *tally, uint32_t first)
{
    return tally->size - first < BLOCK_SIZE ? tally->size : first + BLOCK_SIZE;
}

static void clear_block(struct tally *tally, uint32_t first)
{
    size_t count = block_end(tally, first) - first;
    if (tally->cells)
        memset(&tally->cells[first], 0, count * sizeof *tally->cells);
    else
        memset(&tally->packets[first], 0, count * sizeof *tally->packets);
    tally->hit[first >> BLOCK_SHIFT] = 0;
}

void tally_reset(struct tally *tally)
{
    tally->waiting = 0;
    for (uint64_t first = 0; first < tally->size; first += BLOCK_SIZE)
        if (tally->hit[first >> BLOCK_SHIFT])
            clear_block(tally, (uint32_t)first);
    addrmap_clear(&tally->carried);
    addrmap_clear(&tally->sparse4);
    addrmap_clear(&tally->sparse6);
    tally->sum = tally->refused = 0;
}

uint64_t tally_packets(const struct tally *tally)
{
    return tally->sum;
}

uint64_t tally_refused(const struct tally *tally)
{
    return tally->refused;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A place in the sorted list of what was carried; indices are asked for in ascending order. */
struct carries {
    const struct addrmap_entry *at, *end;
};

/* Adds what was carried out of the counters at `index`. */
static void add_carried(struct carries *carries, uint32_t index, uint64_t *packets, uint64_t *bytes)
{
    while (carries->at < carries->end && addrmap_address4(carries->at) < index)
        carries->at++;
    if (carries->at == carries->end || addrmap_address4(carries->at) != index)
        return;
    *packets += carries->at->packets;
    *bytes += carries->at->bytes;
}

static void each_in_block(const struct tally *tally, uint32_t first, struct carries *carries,
                          const struct tally_reader *reader)
{
    for (uint32_t index = first; index < block_end(tally, first); index++) {
        uint64_t packets = tally->cells ? tally->cells[index].packets : tally->packets[index];
        uint64_t bytes = tally->cells ? tally->cells[index].bytes : 0;
        if (carries->at < carries->end)
            add_carried(carries, index, &packets, &bytes);
        if (packets)
            reader->address4(reader->user,
                             tally->one_range ? tally->base + index
                                              : prefixset_address4(tally->darknet, index),
                             packets, bytes);
    }
}

static void each_sparse4(struct tally *tally, const struct tally_reader *reader)
{
    addrmap_sort(&tally->sparse4);
    for (uint32_t i = 0; i < tally->sparse4.count; i++) {
        const struct addrmap_entry *entry = &tally->sparse4.entries[i];
        reader->address4(reader->user, addrmap_address4(entry), entry->packets, entry->bytes);
    }
}

static void each_sparse6(struct tally *tally, const struct tally_reader *reader)
{
    addrmap_sort(&tally->sparse6);
    for (uint32_t i = 0; i < tally->sparse6.count; i++) {
        const struct addrmap_entry *entry = &tally->sparse6.entries[i];
        reader->address6(reader->user, entry->address, entry->packets, entry->bytes);
    }
}

void tally_each(struct tally *tally, const struct tally_reader *reader)
{
    settle(tally);
    addrmap_sort(&tally->carried);
    struct carries carries = {tally->carried.entries,
                              tally->carried.entries + tally->carried.count};
    for (uint64_t first = 0; first < tally->size; first += BLOCK_SIZE)
        if (tally->hit[first >> BLOCK_SHIFT])
            each_in_block(tally, (uint32_t)first, &carries, reader);
    each_sparse4(tally, reader);
    each_sparse6(tally, reader);
}

struct filling {
    struct addrvec *vec;
    int result; /* the first error */
};

static void fill4(void *user, uint32_t address, uint64_t packets, uint64_t bytes)
{
    struct filling *filling = user;
    (void)bytes;
    if (filling->result == 0)
        filling->result = addrvec_append4(filling->vec, address, packets);
}

static void fill6(void *user, const uint8_t address[16], uint64_t packets, uint64_t bytes)
{
    struct filling *filling = user;
    (void)bytes;
    if (filling->result == 0)
        filling->result = addrvec_append6(filling->vec, address, packets);
}

int tally_addresses(struct tally *tally, struct addrvec *vec)
{
    struct filling filling = {.vec = vec};
    tally_each(tally, &(struct tally_reader){fill4, fill6, &filling});
    return filling.result;
}

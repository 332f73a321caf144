#include "collector/tally.h"

#include <stdlib.h>
#include <string.h>

#include "collector/addrmap.h"
#include "common/err.h"

/* Increments wait here until their counters are in the cache. 64 hides the latency of memory; more
 * was no faster. */
#define PENDING 64

/* Addresses per mark: tally_reset clears and tally_each visits only blocks that were hit. */
#define BLOCK_SHIFT 10
#define BLOCK_SIZE  (1u << BLOCK_SHIFT)

/* Addresses that can pass 2^32 packets between two resets; at 100 million packets a second that is
 * ten days of nothing else. */
#define CARRIES_MAX 32

struct pending {
    uint32_t index, bytes;
};

/* 2^32 packets each, carried out of the counter at `index`. */
struct carry {
    uint32_t index, times;
};

struct tally {
    const struct prefixset *darknet;
    bool keep_bytes;
    uint64_t sum, refused; /* packets */

    /* Dense; `packets` is NULL where IPv4 is sparse or absent. */
    uint32_t *packets;
    uint64_t *bytes; /* NULL unless kept */
    uint8_t *hit;    /* one per block */
    uint32_t size;   /* addresses */
    uint32_t waiting;
    struct pending pending[PENDING];
    struct carry carries[CARRIES_MAX];
    uint32_t carry_count;

    struct addrmap sparse4, sparse6;
};

static bool make_dense(struct tally *tally)
{
    uint64_t size = prefixset_count4(tally->darknet);
    if (size == 0 || size > TALLY_DENSE_MAX)
        return true;
    tally->size = (uint32_t)size;
    tally->packets = calloc(tally->size, sizeof *tally->packets);
    tally->bytes = tally->keep_bytes ? calloc(tally->size, sizeof *tally->bytes) : NULL;
    tally->hit = calloc((tally->size + BLOCK_SIZE - 1) >> BLOCK_SHIFT, 1);
    return tally->packets && tally->hit && (tally->bytes || !tally->keep_bytes);
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
    free(tally->packets);
    free(tally->bytes);
    free(tally->hit);
    free(tally);
}

/* --- dense counters --------------------------------------------------------------------------- */

/* The counter at `index` stands at its maximum and is to take one more packet. */
static bool carry(struct tally *tally, uint32_t index)
{
    uint32_t i = 0;
    while (i < tally->carry_count && tally->carries[i].index != index)
        i++;
    if (i == CARRIES_MAX)
        return false;
    if (i == tally->carry_count)
        tally->carries[tally->carry_count++] = (struct carry){.index = index};
    tally->carries[i].times++;
    return true;
}

static uint64_t carried(const struct tally *tally, uint32_t index)
{
    for (uint32_t i = 0; i < tally->carry_count; i++)
        if (tally->carries[i].index == index)
            return (uint64_t)tally->carries[i].times << 32;
    return 0;
}

static inline void apply(struct tally *tally, struct pending one)
{
    uint32_t *packets = &tally->packets[one.index];
    if (*packets == UINT32_MAX && !carry(tally, one.index)) {
        tally->sum--;
        tally->refused++;
        return;
    }
    ++*packets; /* wraps to 0 after a carry */
    if (tally->bytes)
        tally->bytes[one.index] += one.bytes;
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
    __builtin_prefetch(&tally->packets[index], 1);
    if (tally->bytes)
        __builtin_prefetch(&tally->bytes[index], 1);
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

enum tally_result tally_add(struct tally *tally, const struct packet *packet)
{
    if (packet->family != 4 || !tally->packets)
        return add_sparse(tally, packet);
    uint32_t index = prefixset_index4(tally->darknet, packet->dst4);
    if (index == PREFIX_NONE)
        return TALLY_OFF_DARKNET;
    tally->sum++;
    defer(tally, index, packet->bytes);
    return TALLY_COUNTED;
}

/* --- clearing --------------------------------------------------------------------------------- */

static uint32_t block_end(const struct tally *tally, uint32_t first)
{
    return tally->size - first < BLOCK_SIZE ? tally->size : first + BLOCK_SIZE;
}

static void clear_block(struct tally *tally, uint32_t first)
{
    size_t count = block_end(tally, first) - first;
    memset(&tally->packets[first], 0, count * sizeof *tally->packets);
    if (tally->bytes)
        memset(&tally->bytes[first], 0, count * sizeof *tally->bytes);
    tally->hit[first >> BLOCK_SHIFT] = 0;
}

void tally_reset(struct tally *tally)
{
    tally->waiting = 0;
    for (uint64_t first = 0; first < tally->size; first += BLOCK_SIZE)
        if (tally->hit[first >> BLOCK_SHIFT])
            clear_block(tally, (uint32_t)first);
    tally->carry_count = 0;
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

static void each_in_block(const struct tally *tally, uint32_t first,
                          const struct tally_reader *reader)
{
    for (uint32_t index = first; index < block_end(tally, first); index++) {
        uint64_t packets = tally->packets[index];
        if (tally->carry_count)
            packets += carried(tally, index);
        if (packets)
            reader->address4(reader->user, prefixset_address4(tally->darknet, index), packets,
                             tally->bytes ? tally->bytes[index] : 0);
    }
}

void tally_each(struct tally *tally, const struct tally_reader *reader)
{
    settle(tally);
    for (uint64_t first = 0; first < tally->size; first += BLOCK_SIZE)
        if (tally->hit[first >> BLOCK_SHIFT])
            each_in_block(tally, (uint32_t)first, reader);
    addrmap_sort(&tally->sparse4);
    for (uint32_t i = 0; i < tally->sparse4.count; i++) {
        const struct addrmap_entry *entry = &tally->sparse4.entries[i];
        reader->address4(reader->user, addrmap_address4(entry), entry->packets, entry->bytes);
    }
    addrmap_sort(&tally->sparse6);
    for (uint32_t i = 0; i < tally->sparse6.count; i++) {
        const struct addrmap_entry *entry = &tally->sparse6.entries[i];
        reader->address6(reader->user, entry->address, entry->packets, entry->bytes);
    }
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

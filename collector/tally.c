#include "collector/tally.h"

#include <stdlib.h>

#include "collector/addrmap.h"
#include "common/err.h"

/* Packets of tally_add wait here, to be added together. */
#define PENDING 64

struct tally {
    const struct prefixset *darknet;
    bool keep_bytes;
    uint64_t sum, refused; /* packets; what `dense` has refused is in the sum */

    /* IPv4, unless `dense.size` is 0: then it is sparse or absent. */
    struct dense dense;
    bool one_range; /* index = address - base */
    uint32_t base;
    uint32_t waiting;
    struct packet_brief pending[PENDING]; /* with indices for addresses */

    struct addrmap sparse4, sparse6;
};

/* Addresses to be counted in the dense array. */
static uint32_t dense_size(const struct prefixset *darknet)
{
    uint64_t size = prefixset_count4(darknet);
    return size > TALLY_DENSE_MAX ? 0 : (uint32_t)size;
}

size_t tally_memory(const struct prefixset *darknet)
{
    uint32_t size = dense_size(darknet);
    return size ? dense_memory(size) : 0;
}

static bool make_dense(struct tally *tally)
{
    uint32_t size = dense_size(tally->darknet);
    if (size == 0)
        return true;
    tally->base = prefixset_address4(tally->darknet, 0);
    tally->one_range = prefixset_address4(tally->darknet, size - 1) - tally->base == size - 1;
    return dense_init(&tally->dense, size);
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
    dense_close(&tally->dense);
    free(tally);
}

/* --- adding ----------------------------------------------------------------------------------- */

bool tally_in_darknet(const struct prefixset *darknet, const struct packet *packet)
{
    return packet->family == 4 ? prefixset_has4(darknet, packet->dst4)
                               : prefixset_has6(darknet, packet->dst6);
}

static enum tally_result add_sparse(struct tally *tally, const struct packet *packet)
{
    if (!tally_in_darknet(tally->darknet, packet))
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
    return index < tally->dense.size ? index : PREFIX_NONE;
}

static void add_pending(struct tally *tally)
{
    dense_add(&tally->dense, tally->pending, tally->waiting, 0);
    tally->waiting = 0;
}

/* Whether the address is of the darknet; not asked where IPv4 is sparse. */
static inline bool put_pending(struct tally *tally, uint32_t address, uint32_t bytes)
{
    uint32_t index = index_of(tally, address);
    if (index == PREFIX_NONE)
        return false;
    tally->sum++;
    tally->pending[tally->waiting++] = (struct packet_brief){index, tally->keep_bytes ? bytes : 0};
    if (tally->waiting == PENDING)
        add_pending(tally);
    return true;
}

enum tally_result tally_add(struct tally *tally, const struct packet *packet)
{
    if (packet->family != 4 || !tally->dense.size)
        return add_sparse(tally, packet);
    return put_pending(tally, packet->dst4, packet->bytes) ? TALLY_COUNTED : TALLY_OFF_DARKNET;
}

static void add4_sparse(struct tally *tally, const struct packet_brief *packets, size_t count,
                        uint64_t results[TALLY_RESULTS])
{
    for (size_t i = 0; i < count; i++) {
        struct packet packet = {.family = 4, .dst4 = packets[i].dst4, .bytes = packets[i].bytes};
        results[add_sparse(tally, &packet)]++;
    }
}

/* How many were of the darknet. */
static size_t add4_dense(struct tally *tally, const struct packet_brief *packets, size_t count)
{
    if (!tally->one_range || !tally->keep_bytes) {
        size_t added = 0;
        for (size_t i = 0; i < count; i++)
            added += put_pending(tally, packets[i].dst4, packets[i].bytes);
        return added;
    }
    size_t added = dense_add(&tally->dense, packets, count, tally->base);
    tally->sum += added;
    return added;
}

void tally_add4(struct tally *tally, const struct packet_brief *packets, size_t count,
                uint64_t results[TALLY_RESULTS])
{
    if (!tally->dense.size) {
        add4_sparse(tally, packets, count, results);
        return;
    }
    size_t added = add4_dense(tally, packets, count);
    results[TALLY_COUNTED] += added;
    results[TALLY_OFF_DARKNET] += count - added;
}

static void settle(struct tally *tally)
{
    if (!tally->dense.size)
        return;
    add_pending(tally);
    dense_settle(&tally->dense);
}

void tally_share(struct tally *tally, unsigned tallies)
{
    tally->sparse4.max = tally->sparse6.max = TALLY_SPARSE_MAX / tallies;
}

int tally_merge(struct tally *into, struct tally *from)
{
    settle(into);
    settle(from);
    tally_share(into, 1);
    bool merged = tally_refused(into) + tally_refused(from) == 0 &&
                  dense_merge(&into->dense, &from->dense) &&
                  addrmap_merge(&into->sparse4, &from->sparse4) &&
                  addrmap_merge(&into->sparse6, &from->sparse6);
    into->sum += from->sum;
    return merged ? 0 : ERR_FULL;
}

void tally_reset(struct tally *tally)
{
    tally->waiting = 0;
    dense_reset(&tally->dense);
    addrmap_clear(&tally->sparse4);
    addrmap_clear(&tally->sparse6);
    tally->sum = tally->refused = 0;
}

uint64_t tally_packets(const struct tally *tally)
{
    return tally->sum - tally->dense.refused;
}

uint64_t tally_refused(const struct tally *tally)
{
    return tally->refused + tally->dense.refused;
}

/* --- reading ---------------------------------------------------------------------------------- */

struct dense_reading {
    const struct tally *tally;
    const struct tally_reader *reader;
};

/* Where the darknet is several ranges, addresses are read as indices. */
static void read_dense(void *user, struct dense_counts *counts)
{
    const struct dense_reading *reading = user;
    if (!reading->tally->one_range)
        for (size_t i = 0; i < counts->count; i++)
            counts->address[i] = prefixset_address4(reading->tally->darknet, counts->address[i]);
    reading->reader->addresses4(reading->reader->user, counts);
}

static void each_dense(const struct tally *tally, const struct tally_reader *reader)
{
    struct dense_reading reading = {tally, reader};
    dense_each(&tally->dense, tally->one_range ? tally->base : 0, read_dense, &reading);
}

static void each_sparse4(struct tally *tally, const struct tally_reader *reader)
{
    struct dense_counts counts = {0};
    addrmap_sort(&tally->sparse4);
    for (uint32_t i = 0; i < tally->sparse4.count; i++) {
        const struct addrmap_entry *entry = &tally->sparse4.entries[i];
        counts.address[counts.count] = addrmap_address4(entry);
        counts.packets[counts.count] = entry->packets;
        counts.bytes[counts.count++] = entry->bytes;
        if (counts.count < DENSE_COUNTS_MAX && i + 1 < tally->sparse4.count)
            continue;
        reader->addresses4(reader->user, &counts);
        counts.count = 0;
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
    each_dense(tally, reader);
    each_sparse4(tally, reader);
    each_sparse6(tally, reader);
}

struct filling {
    struct addrvec *vec;
    int result; /* the first error */
};

static void fill4(void *user, const struct dense_counts *counts)
{
    struct filling *filling = user;
    for (size_t i = 0; filling->result == 0 && i < counts->count; i++)
        filling->result = addrvec_append4(filling->vec, counts->address[i], counts->packets[i]);
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

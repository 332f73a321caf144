/*
 * How waiting packets get into the counters, so that the next process can finish it for one that was
 * killed in the middle (collector/interval_load.c).
 *
 * Every table takes the items in their order, a counter is raised by one store, and what all tables
 * sum to without the batch stands in the valid commit. What a table sums to beyond that
 * is therefore the number of items that it has taken already, and the others are applied. (The tables of
 * sources take all items while they are kept, and sum to what the addresses do.) Then a
 * second commit is filled in and made the valid one by a single store.
 */
#include "collector/interval_private.h"

#define INLINE static inline __attribute__((always_inline))

/* Where everything is: in registers, which a barrier does not make the compiler load again. */
struct tables_at {
    struct image *image;
    uint32_t *packets;
    uint8_t *dense_hit;
    struct place *places;
};

INLINE void settle_address(struct tables_at at, uint32_t where)
{
    if (where & SPARSE) {
        at.places[where & ~SPARSE].packets++;
    } else {
        at.dense_hit[where >> DENSE_BLOCK_SHIFT] = 1;
        interval_barrier();
        at.packets[where]++;
    }
    interval_barrier();
}

/* What a packet adds to a counter of packets and bytes, and the bit that it sets. */
struct share {
    pair sum, witness;
};

INLINE struct share share_of(const struct item *item, struct hll_place host)
{
    uint64_t witness = (uint64_t)hll_witness(host) << PAIR_BYTES_BITS;
    return (struct share){.sum = {1, item->bytes}, .witness = {0, witness}};
}

INLINE void settle_pair(pair *at, struct share share)
{
    *at = (*at + share.sum) | share.witness;
    interval_barrier();
}

INLINE void settle_detail(struct image *image, unsigned detail, uint16_t key, struct share share)
{
    image->detail_hit[detail][key / KEY_BLOCK] = 1;
    interval_barrier();
    settle_pair(&image->details[detail][key], share);
}

/* Raising a register twice is raising it once. */
INLINE void settle_host(struct image *image, struct hll_place place)
{
    uint8_t *at = &image->hosts.registers[place.index];
    if (*at < place.rank)
        *at = place.rank;
}

/* The items from `first` on. */
INLINE void settle_sources(struct interval *interval, size_t first, size_t count)
{
    const struct image *image = interval->image;
    struct sources *sources = &interval->sources;
    source4 *table = sources_table4(sources);
    uint32_t mask = sources_mask4(sources), fresh = 0;
    for (size_t i = first; i < count; i++) {
        const struct item *item = &image->items[i];
        if (item->kind & ITEM_SKETCHED)
            sources_add6(sources, image->sources6[i]);
        else
            fresh += sources_add4(table, mask, interval->slots[i], item->source);
        interval_barrier();
    }
    sources->count4 += fresh;
}

/* Item `i`, in the tables that have not taken it; `taken` counts for the tables by key. */
INLINE void settle_item(struct tables_at at, size_t i, const struct applied *applied,
                        uint64_t taken[DETAILS + 1])
{
    struct image *image = at.image;
    const struct item *item = &image->items[i];
    struct hll_place host = item_host(item);
    struct share share = share_of(item, host);
    if (!applied || i >= applied->addresses)
        settle_address(at, item->where);
    if (!applied || i >= applied->classes)
        settle_pair(&image->classes[item_class(item)], share);
    if (!applied || i >= applied->protocols)
        settle_pair(&image->protocols[item->protocol], share);
    unsigned detail = item_detail(item);
    uint64_t nth = taken[detail]++;
    if (detail < DETAILS && (!applied || nth >= applied->details[detail]))
        settle_detail(image, detail, item->key, share);
    settle_host(image, host);
}

INLINE void settle(struct interval *interval, const struct applied *applied)
{
    struct image *image = interval->image;
    const struct tables_at at = {image, interval->packets, interval->dense_hit, interval->places};
    const struct commit *commit = &image->commits[image->current];
    struct commit *next = &image->commits[1 - image->current];
    size_t count = commit->waiting;
    uint64_t taken[DETAILS + 1] = {0};
    for (size_t i = 0; i < count; i++)
        settle_item(at, i, applied, taken);
    if (sources_kept(&interval->sources))
        settle_sources(interval, applied ? applied->sources : 0, count);
    next->packets = commit->packets + count;
    for (int detail = 0; detail < DETAILS; detail++)
        next->details[detail] = commit->details[detail] + taken[detail];
    next->waiting = 0;
    interval_barrier();
    image->current = 1 - image->current;
    interval_barrier();
}

/* Apart, so that the usual case asks nothing of `applied`. */
void interval_settle(struct interval *interval, const struct applied *applied)
{
    if (applied)
        settle(interval, applied);
    else
        settle(interval, NULL);
}

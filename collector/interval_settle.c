/*
 * How waiting packets get into the counters, so that the next process can finish it for one that was
 * killed in the middle (collector/interval_load.c).
 *
 * Every table is gone through in the order of the items, a counter is raised by one store, and what
 * all tables sum to without the batch stands in the valid commit. What a table sums to beyond that
 * is therefore the number of items that it has taken already, and the others are applied. Then a
 * second commit is filled in and made the valid one by a single store.
 */
#include "collector/interval_private.h"

static void settle_addresses(struct interval *interval, const struct item *items, size_t first,
                             size_t count)
{
    uint32_t *packets = interval->packets;
    for (size_t i = first; i < count; i++) {
        uint32_t where = items[i].where;
        if (where & SPARSE) {
            interval->places[where & ~SPARSE].packets++;
        } else {
            interval->dense_hit[where >> DENSE_BLOCK_SHIFT] = 1;
            interval_barrier();
            packets[where]++;
        }
        interval_barrier();
    }
}

static void settle_classes(struct image *image, const struct item *items, size_t first,
                           size_t count)
{
    for (size_t i = first; i < count; i++) {
        image->classes[items[i].class] += (pair){1, items[i].bytes};
        interval_barrier();
    }
}

static void settle_protocols(struct image *image, const struct item *items, size_t first,
                             size_t count)
{
    for (size_t i = first; i < count; i++) {
        image->protocols[items[i].protocol] += (pair){1, items[i].bytes};
        interval_barrier();
    }
}

/* `taken` tells how many were applied already and counts in the others. */
static void settle_details(struct image *image, const struct item *items, size_t count,
                           const uint64_t applied[DETAILS], uint64_t taken[DETAILS])
{
    for (size_t i = 0; i < count; i++) {
        const struct item *item = &items[i];
        if (item->detail >= DETAILS || taken[item->detail]++ < applied[item->detail])
            continue;
        image->detail_hit[item->detail][item->key / KEY_BLOCK] = 1;
        interval_barrier();
        image->details[item->detail][item->key] += (pair){1, item->bytes};
        interval_barrier();
    }
}

/* Raising a register twice is raising it once. */
static void settle_hosts(struct image *image, const struct item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = &image->hosts.registers[items[i].host];
        *at = *at < items[i].rank ? items[i].rank : *at;
    }
}

void interval_settle(struct interval *interval, const struct applied *applied)
{
    static const struct applied none;
    struct image *image = interval->image;
    const struct commit *commit = &image->commits[image->current];
    struct commit *next = &image->commits[1 - image->current];
    size_t count = commit->waiting;
    uint64_t taken[DETAILS] = {0};
    if (!applied)
        applied = &none;
    settle_addresses(interval, image->items, applied->addresses, count);
    settle_classes(image, image->items, applied->classes, count);
    settle_protocols(image, image->items, applied->protocols, count);
    settle_details(image, image->items, count, applied->details, taken);
    settle_hosts(image, image->items, count);
    next->packets = commit->packets + count;
    for (int detail = 0; detail < DETAILS; detail++)
        next->details[detail] = commit->details[detail] + taken[detail];
    next->waiting = 0;
    interval_barrier();
    image->current = 1 - image->current;
    interval_barrier();
}

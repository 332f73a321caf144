/*
 * How waiting packets get into the counters, and how that is finished for a process that was killed
 * in the middle.
 *
 * Every table is gone through in the order of the items, a counter is raised by one store, and what
 * all tables sum to without the batch stands in the valid commit. What a table sums to beyond that
 * is therefore the number of items that it has taken already, and the others are applied. Then a
 * second commit is filled in and made the valid one by a single store. A process can only be killed
 * between two stores as the processor makes them, and another sees them in that order, so all that
 * is asked of the compiler is to keep it (`barrier`).
 */
#include <string.h>

#include "collector/interval_private.h"
#include "common/err.h"

static inline void barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

/* --- applying --------------------------------------------------------------------------------- */

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
            barrier();
            packets[where]++;
        }
        barrier();
    }
}

static void settle_classes(struct image *image, const struct item *items, size_t first,
                           size_t count)
{
    for (size_t i = first; i < count; i++) {
        image->classes[items[i].class] += (pair){1, items[i].bytes};
        barrier();
    }
}

static void settle_protocols(struct image *image, const struct item *items, size_t first,
                             size_t count)
{
    for (size_t i = first; i < count; i++) {
        image->protocols[items[i].protocol] += (pair){1, items[i].bytes};
        barrier();
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
        barrier();
        image->details[item->detail][item->key] += (pair){1, item->bytes};
        barrier();
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
    barrier();
    image->current = 1 - image->current;
    barrier();
}

/* --- finishing what another process began ----------------------------------------------------- */

static uint64_t sum_addresses(const struct interval *interval)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < interval->image->dense; i++)
        sum += interval->packets[i];
    for (uint32_t i = 0; i < interval->image->places; i++)
        sum += interval->places[i].packets;
    return sum;
}

static uint64_t sum_pairs(const pair *pairs, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += pairs[i][0];
    return sum;
}

/* Whether a table that sums to `sum` has taken up to `waiting` items more than `before`. */
static bool part_taken(uint64_t sum, uint64_t before, uint64_t waiting, uint64_t *taken)
{
    *taken = sum - before;
    return sum >= before && *taken <= waiting;
}

static bool item_valid(const struct interval *interval, const struct item *item)
{
    uint32_t where = item->where & ~SPARSE;
    return where < (item->where & SPARSE ? interval->image->places : interval->image->dense) &&
           item->class < PACKET_CLASSES && item->detail <= DETAILS &&
           item->host < HLL_REGISTERS && item->rank <= HLL_REGISTER_MAX;
}

int interval_finish(struct interval *interval, char *errmsg)
{
    struct image *image = interval->image;
    struct applied applied;
    bool valid = image->current <= 1;
    const struct commit *commit = &image->commits[valid ? image->current : 0];
    uint64_t waiting = commit->waiting;
    valid = valid && waiting <= INTERVAL_BATCH;
    for (uint64_t i = 0; valid && i < waiting; i++)
        valid = item_valid(interval, &image->items[i]);
    valid = valid &&
            part_taken(sum_addresses(interval), commit->packets, waiting, &applied.addresses) &&
            part_taken(sum_pairs(image->classes, PACKET_CLASSES), commit->packets, waiting,
                       &applied.classes) &&
            part_taken(sum_pairs(image->protocols, 256), commit->packets, waiting,
                       &applied.protocols);
    for (int detail = 0; valid && detail < DETAILS; detail++)
        valid = part_taken(sum_pairs(image->details[detail], KEYS), commit->details[detail],
                           waiting, &applied.details[detail]);
    if (!valid)
        return err_set(errmsg, ERR_DAMAGED, "counters in %s: they do not add up", interval->path);
    interval_settle(interval, &applied);
    return 0;
}

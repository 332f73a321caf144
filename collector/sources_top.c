/* The sources with the most packets of what several threads counted. */
#include <stdlib.h>
#include <string.h>

#include "collector/addrmap.h"
#include "collector/sources.h"
#include "common/err.h"

struct source {
    uint64_t packets;
    uint8_t family;      /* 4 or 6 */
    uint8_t address[16]; /* network byte order; IPv4 in the first 4 bytes, the rest 0 */
};

/* The best so far: a heap with the worst of them on top. */
struct top {
    struct source *sources;
    size_t count, most;
    uint64_t offered;
};

static int compare_addresses(const struct source *a, const struct source *b)
{
    return a->family != b->family ? a->family - b->family : memcmp(a->address, b->address, 16);
}

/* Whether `a` is kept rather than `b`. */
static bool is_better(const struct source *a, const struct source *b)
{
    return a->packets != b->packets ? a->packets > b->packets : compare_addresses(a, b) < 0;
}

static void rise(struct top *top, const struct source *source)
{
    size_t at = top->count++;
    for (; at > 0 && is_better(&top->sources[(at - 1) / 2], source); at = (at - 1) / 2)
        top->sources[at] = top->sources[(at - 1) / 2];
    top->sources[at] = *source;
}

/* Puts a source in the place of the worst. */
static void sink(struct top *top, const struct source *source)
{
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < top->count; at = child) {
        if (child + 1 < top->count && is_better(&top->sources[child], &top->sources[child + 1]))
            child++;
        if (is_better(&top->sources[child], source))
            break;
        top->sources[at] = top->sources[child];
    }
    top->sources[at] = *source;
}

static void offer(struct top *top, const struct source *source)
{
    top->offered++;
    if (top->count < top->most)
        rise(top, source);
    else if (is_better(source, &top->sources[0]))
        sink(top, source);
}

/* --- where they come from --------------------------------------------------------------------- */

typedef bool taker(void *user, const struct source *source);

static bool each4(const struct sources *sources, taker *take, void *user)
{
    const source4 *table = sources_table4(sources);
    bool taken = true;
    for (uint64_t i = 0; taken && sources->count4 && i < UINT64_C(1) << sources->bits4; i++) {
        struct source source = {.packets = table[i] >> 32, .family = 4};
        uint32_t address = (uint32_t)table[i];
        memcpy(source.address, &address, sizeof address);
        taken = table[i] == 0 || take(user, &source);
    }
    return taken;
}

static bool each6(const struct sources *sources, taker *take, void *user)
{
    const struct source6 *table = sources_table6(sources);
    bool taken = true;
    for (uint64_t i = 0; taken && sources->count6 && i < UINT64_C(1) << sources->bits6; i++) {
        struct source source = {.packets = table[i].packets, .family = 6};
        memcpy(source.address, table[i].address, 16);
        taken = table[i].packets == 0 || take(user, &source);
    }
    return taken;
}

static bool each(const struct sources *sources, taker *take, void *user)
{
    return each4(sources, take, user) && each6(sources, take, user);
}

static bool take_offered(void *user, const struct source *source)
{
    offer(user, source);
    return true;
}

/* --- several ---------------------------------------------------------------------------------- */

struct sum {
    struct addrmap map4, map6;
};

static bool take_summed(void *user, const struct source *source)
{
    struct sum *sum = user;
    struct addrmap_entry *entry =
        addrmap_entry(source->family == 4 ? &sum->map4 : &sum->map6, source->address);
    if (entry)
        entry->packets += source->packets;
    return entry != NULL;
}

static void offer_map(struct top *top, uint8_t family, const struct addrmap *map)
{
    for (uint32_t i = 0; i < map->count; i++) {
        struct source source = {.packets = map->entries[i].packets, .family = family};
        memcpy(source.address, map->entries[i].address, 16);
        offer(top, &source);
    }
}

/* A table of them that is full holds more than there may be. */
static int offer_sum(struct top *top, const struct sources *const *sources, size_t count)
{
    struct sum sum;
    bool taken = true;
    addrmap_init(&sum.map4, SOURCES_MAX + 1);
    addrmap_init(&sum.map6, SOURCES_MAX + 1);
    for (size_t i = 0; taken && i < count; i++)
        taken = each(sources[i], take_summed, &sum);
    bool full = sum.map4.count > SOURCES_MAX || sum.map6.count > SOURCES_MAX;
    if (taken || full) {
        offer_map(top, 4, &sum.map4);
        offer_map(top, 6, &sum.map6);
    }
    addrmap_close(&sum.map4);
    addrmap_close(&sum.map6);
    return taken || full ? 0 : ERR_NOMEM;
}

static int offer_all(struct top *top, const struct sources *const *sources, size_t count)
{
    const struct sources *only = NULL;
    size_t filled = 0;
    for (size_t i = 0; i < count; i++)
        if (sources[i]->count4 + sources[i]->count6 > 0) {
            only = sources[i];
            filled++;
        }
    if (filled > 1)
        return offer_sum(top, sources, count);
    if (filled == 1)
        each(only, take_offered, top);
    return 0;
}

/* --- the vector ------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    return compare_addresses(a, b);
}

static int append(struct addrvec *out, const struct source *source)
{
    const uint8_t *at = source->address;
    if (source->family == 6)
        return addrvec_append6(out, at, source->packets);
    return addrvec_append4(
        out, (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3],
        source->packets);
}

static int append_top(struct addrvec *out, struct top *top)
{
    int rc = 0;
    qsort(top->sources, top->count, sizeof *top->sources, compare);
    for (size_t i = 0; rc == 0 && i < top->count; i++)
        rc = append(out, &top->sources[i]);
    return rc;
}

int sources_top(const struct sources *const *sources, size_t count, size_t most,
                struct addrvec *out)
{
    struct top top = {.most = most};
    for (size_t i = 0; i < count; i++)
        if (!sources_kept(sources[i]))
            return 0;
    top.sources = malloc(most * sizeof *top.sources);
    if (!top.sources)
        return ERR_NOMEM;
    int rc = offer_all(&top, sources, count);
    if (rc == 0 && top.offered <= SOURCES_MAX)
        rc = append_top(out, &top);
    free(top.sources);
    return rc;
}

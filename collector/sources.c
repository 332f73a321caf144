#include "collector/sources.h"

#include <string.h>

#include "collector/interval_private.h"
#include "common/err.h"

static inline uint64_t slots_of(uint32_t bits)
{
    return UINT64_C(1) << bits;
}

/* --- tables ----------------------------------------------------------------------------------- */

void sources_init(struct sources *sources)
{
    *sources = (struct sources){.bits4 = SOURCES_BITS_MIN, .bits6 = SOURCES_BITS_MIN};
    addrhash_init(&sources->hash);
    sources->hash.secret[1] |= 1; /* a factor: not 0 */
}

void sources_point(struct sources *sources, struct region *region, struct sources_head *head,
                   source4 *tables4, struct source6 *tables6)
{
    sources->region = region;
    sources->head = head;
    sources->tables4 = tables4;
    sources->tables6 = tables6;
    sources->bits4 = sources->bits6 = SOURCES_BITS_MIN;
    sources->count4 = sources->count6 = 0;
}

/* Makes a table touchable. */
static bool reserve(struct sources *sources, const void *table, size_t size)
{
    size_t at = (size_t)((const uint8_t *)table - sources->region->at);
    return region_reserve(sources->region, at, size) == 0;
}

static bool reserve4(struct sources *sources)
{
    return reserve(sources, sources_table4(sources), slots_of(sources->bits4) * sizeof(source4));
}

static bool reserve6(struct sources *sources)
{
    return reserve(sources, sources_table6(sources),
                   slots_of(sources->bits6) * sizeof(struct source6));
}

void sources_lose(struct sources *sources)
{
    sources->head->state = SOURCES_LOST;
}

void sources_open(struct sources *sources)
{
    struct sources_head *head = sources->head;
    bool room = !sources->tables6 || reserve6(sources);
    head->hash = sources->hash;
    head->bits4 = sources->bits4;
    head->bits6 = sources->bits6;
    head->state = sources->off ? SOURCES_OFF : room ? SOURCES_KEPT : SOURCES_LOST;
}

/* A table that was far too large is a smaller one in the next interval. */
static uint32_t next_bits(uint32_t bits, uint32_t count)
{
    uint32_t less = bits - SOURCES_BITS_STEP;
    return bits > SOURCES_BITS_MIN && count < slots_of(less) / 4 ? less : bits;
}

void sources_clear(struct sources *sources)
{
    if (sources->count4)
        memset(sources_table4(sources), 0, slots_of(sources->bits4) * sizeof(source4));
    if (sources->count6)
        memset(sources_table6(sources), 0, slots_of(sources->bits6) * sizeof(struct source6));
    sources->bits4 = next_bits(sources->bits4, sources->count4);
    sources->bits6 = next_bits(sources->bits6, sources->count6);
    sources->count4 = sources->count6 = 0;
}

/* --- growing ---------------------------------------------------------------------------------- */

/* The slot of an address, or the free one where it belongs. */
static uint64_t find4(const struct sources *sources, uint32_t address)
{
    const source4 *table = sources_table4(sources);
    uint64_t mask = slots_of(sources->bits4) - 1, slot = sources_slot4(sources, address);
    while (table[slot] != 0 && (uint32_t)table[slot] != address)
        slot = (slot + 1) & mask;
    return slot;
}

static uint64_t find6(const struct sources *sources, const uint8_t address[16])
{
    const struct source6 *table = sources_table6(sources);
    uint64_t mask = slots_of(sources->bits6) - 1, slot = addrhash(&sources->hash, address) & mask;
    while (table[slot].packets && memcmp(table[slot].address, address, 16) != 0)
        slot = (slot + 1) & mask;
    return slot;
}

void sources_add6(struct sources *sources, const uint8_t address[16])
{
    struct source6 *source = &sources_table6(sources)[find6(sources, address)];
    if (source->packets == 0) {
        memcpy(source->address, address, 16);
        interval_barrier(); /* it is whole before it counts */
        sources->count6++;
    }
    source->packets++;
}

/* Puts all of a table into one of the next size, which is valid from one store on. */
static bool grow4(struct sources *sources)
{
    source4 *from = sources_table4(sources);
    uint64_t slots = slots_of(sources->bits4);
    sources->bits4 += SOURCES_BITS_STEP;
    if (!reserve4(sources)) {
        sources->bits4 -= SOURCES_BITS_STEP;
        return false;
    }
    source4 *to = sources_table4(sources);
    for (uint64_t i = 0; i < slots; i++)
        if (from[i])
            to[find4(sources, (uint32_t)from[i])] = from[i];
    interval_barrier();
    sources->head->bits4 = sources->bits4;
    interval_barrier();
    memset(from, 0, slots * sizeof *from);
    return true;
}

static bool grow6(struct sources *sources)
{
    struct source6 *from = sources_table6(sources);
    uint64_t slots = slots_of(sources->bits6);
    sources->bits6 += SOURCES_BITS_STEP;
    if (!reserve6(sources)) {
        sources->bits6 -= SOURCES_BITS_STEP;
        return false;
    }
    struct source6 *to = sources_table6(sources);
    for (uint64_t i = 0; i < slots; i++)
        if (from[i].packets)
            to[find6(sources, from[i].address)] = from[i];
    interval_barrier();
    sources->head->bits6 = sources->bits6;
    interval_barrier();
    memset(from, 0, slots * sizeof *from);
    return true;
}

/* Whether a batch of new sources might make a table more than half full. */
static bool is_tight(uint32_t bits, uint32_t count)
{
    return bits < SOURCES_BITS_MAX && count + INTERVAL_BATCH > slots_of(bits) / 2;
}

void sources_reserve(struct sources *sources)
{
    if (__builtin_expect(sources->count4 + sources->count6 > SOURCES_MAX, 0) ||
        (__builtin_expect(is_tight(sources->bits4, sources->count4), 0) && !grow4(sources)) ||
        (__builtin_expect(is_tight(sources->bits6, sources->count6), 0) && !grow6(sources)))
        sources_lose(sources);
}

/* --- what a killed process left --------------------------------------------------------------- */

static bool bits_valid(uint32_t bits)
{
    return bits >= SOURCES_BITS_MIN && bits <= SOURCES_BITS_MAX &&
           (bits - SOURCES_BITS_MIN) % SOURCES_BITS_STEP == 0;
}

static bool table_held(const struct sources *sources, const void *table, size_t size, size_t held)
{
    size_t at = (size_t)((const uint8_t *)table - sources->region->at);
    return at + size <= held;
}

/* Counts the slots in use; false where there are too many to find a free one, or one of them would not be
 * found by its address. */
static bool check4(struct sources *sources)
{
    const source4 *table = sources_table4(sources);
    uint64_t slots = slots_of(sources->bits4);
    for (uint64_t i = 0; i < slots; i++)
        sources->count4 += table[i] != 0;
    bool valid = sources->count4 <= slots / 2 + INTERVAL_BATCH;
    for (uint64_t i = 0; valid && i < slots; i++)
        valid = table[i] == 0 || (table[i] >> 32 && find4(sources, (uint32_t)table[i]) == i);
    return valid;
}

static bool check6(struct sources *sources)
{
    const struct source6 *table = sources_table6(sources);
    uint64_t slots = slots_of(sources->bits6);
    for (uint64_t i = 0; i < slots; i++)
        sources->count6 += table[i].packets != 0;
    bool valid = sources->count6 <= slots / 2 + INTERVAL_BATCH;
    for (uint64_t i = 0; valid && i < slots; i++)
        valid = table[i].packets == 0 || find6(sources, table[i].address) == i;
    return valid;
}

static bool load4(struct sources *sources, size_t held)
{
    return bits_valid(sources->bits4) &&
           table_held(sources, sources_table4(sources), slots_of(sources->bits4) * sizeof(source4),
                      held) &&
           check4(sources);
}

static bool load6(struct sources *sources, size_t held)
{
    if (!sources->tables6)
        return true;
    return bits_valid(sources->bits6) &&
           table_held(sources, sources_table6(sources),
                      slots_of(sources->bits6) * sizeof(struct source6), held) &&
           check6(sources);
}

void sources_load(struct sources *sources, size_t held)
{
    sources->hash = sources->head->hash;
    sources->bits4 = sources->head->bits4;
    sources->bits6 = sources->head->bits6;
    if (sources_kept(sources) && load4(sources, held) && load6(sources, held))
        return;
    sources->bits4 = sources->bits6 = SOURCES_BITS_MIN;
    sources->count4 = sources->count6 = 0;
    if (sources_kept(sources))
        sources_lose(sources);
}

uint64_t sources_packets(const struct sources *sources)
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < slots_of(sources->bits4); i++)
        sum += sources_table4(sources)[i] >> 32;
    for (uint64_t i = 0; sources->tables6 && i < slots_of(sources->bits6); i++)
        sum += sources_table6(sources)[i].packets;
    return sum;
}

#include "collector/addrmap.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 1024

void addrmap_init(struct addrmap *map, uint32_t max)
{
    memset(map, 0, sizeof *map);
    map->max = max;
    addrhash_init(&map->hash);
}

void addrmap_close(struct addrmap *map)
{
    free(map->entries);
    free(map->slots);
    map->entries = NULL;
    map->slots = NULL;
    map->count = map->room = 0;
}

/* The slot that holds the address, or the free one where it belongs. */
static inline uint32_t *find(const struct addrmap *map, const uint8_t address[16])
{
    uint32_t mask = 2 * map->room - 1, slot = (uint32_t)addrhash(&map->hash, address) & mask;
    while (map->slots[slot] && memcmp(map->entries[map->slots[slot] - 1].address, address, 16) != 0)
        slot = (slot + 1) & mask;
    return &map->slots[slot];
}

static void fill_slots(struct addrmap *map)
{
    for (uint32_t i = 0; i < map->count; i++)
        *find(map, map->entries[i].address) = i + 1;
}

static bool grow(struct addrmap *map)
{
    uint32_t room = map->room ? 2 * map->room : ROOM_MIN;
    if (map->count >= map->max)
        return false;
    uint32_t *slots = calloc(2 * (size_t)room, sizeof *slots);
    struct addrmap_entry *entries = slots ? realloc(map->entries, room * sizeof *entries) : NULL;
    if (!entries) {
        free(slots);
        return false;
    }
    free(map->slots);
    map->slots = slots;
    map->entries = entries;
    map->room = room;
    fill_slots(map);
    return true;
}

struct addrmap_entry *addrmap_entry(struct addrmap *map, const uint8_t address[16])
{
    uint32_t *slot = map->room ? find(map, address) : NULL;
    if (slot && *slot)
        return &map->entries[*slot - 1];
    if (map->count >= map->max)
        return NULL;
    if (map->count == map->room) {
        if (!grow(map))
            return NULL;
        slot = find(map, address);
    }
    struct addrmap_entry *entry = &map->entries[map->count++];
    memcpy(entry->address, address, 16);
    entry->packets = entry->bytes = 0;
    *slot = map->count;
    return entry;
}

static bool add(struct addrmap *map, const uint8_t address[16], uint64_t packets, uint64_t bytes)
{
    struct addrmap_entry *entry = addrmap_entry(map, address);
    if (!entry)
        return false;
    entry->packets += packets;
    entry->bytes += bytes;
    return true;
}

bool addrmap_add4(struct addrmap *map, uint32_t address, uint64_t packets, uint64_t bytes)
{
    uint8_t key[16] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16), (uint8_t)(address >> 8),
                       (uint8_t)address};
    return add(map, key, packets, bytes);
}

bool addrmap_add6(struct addrmap *map, const uint8_t address[16], uint64_t packets, uint64_t bytes)
{
    return add(map, address, packets, bytes);
}

bool addrmap_merge(struct addrmap *into, const struct addrmap *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct addrmap_entry *entry = &from->entries[i];
        if (!add(into, entry->address, entry->packets, entry->bytes))
            return false;
    }
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct addrmap_entry *left = a, *right = b;
    return memcmp(left->address, right->address, 16);
}

void addrmap_sort(struct addrmap *map)
{
    if (map->count < 2)
        return;
    qsort(map->entries, map->count, sizeof *map->entries, compare);
    memset(map->slots, 0, 2 * (size_t)map->room * sizeof *map->slots);
    fill_slots(map);
}

void addrmap_clear(struct addrmap *map)
{
    if (map->count)
        memset(map->slots, 0, 2 * (size_t)map->room * sizeof *map->slots);
    map->count = 0;
}

uint32_t addrmap_address4(const struct addrmap_entry *entry)
{
    const uint8_t *at = entry->address;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

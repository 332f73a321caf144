#include "collector/addrmap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define ROOM_MIN 1024

static void make_secret(uint64_t secret[3])
{
    if (getrandom(secret, 3 * sizeof secret[0], 0) == (ssize_t)(3 * sizeof secret[0]))
        return;
    /* Without a random source the table is still right, only easier to attack. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    for (int i = 0; i < 3; i++)
        secret[i] = ((uint64_t)now.tv_nsec + (uint64_t)i) * UINT64_C(0x9e3779b97f4a7c15);
}

void addrmap_init(struct addrmap *map, uint32_t max)
{
    memset(map, 0, sizeof *map);
    map->max = max;
    make_secret(map->secret);
}

void addrmap_close(struct addrmap *map)
{
    free(map->entries);
    free(map->slots);
    map->entries = NULL;
    map->slots = NULL;
    map->count = map->room = 0;
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two rounds of multiply and fold, keyed; the construction of W. Yi's wyhash. */
static inline uint32_t slot_of(const struct addrmap *map, const uint8_t address[16])
{
    uint64_t word[2];
    memcpy(word, address, sizeof word);
    uint64_t hash = fold(word[0] ^ map->secret[0], word[1] ^ map->secret[1]);
    return (uint32_t)fold(hash ^ map->secret[2], UINT64_C(0xa0761d6478bd642f)) &
           (2 * map->room - 1);
}

/* The slot that holds the address, or the free one where it belongs. */
static inline uint32_t *find(const struct addrmap *map, const uint8_t address[16])
{
    uint32_t mask = 2 * map->room - 1, slot = slot_of(map, address);
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

static bool add(struct addrmap *map, const uint8_t address[16], uint64_t packets, uint64_t bytes)
{
    uint32_t *slot = map->room ? find(map, address) : NULL;
    if (!slot || *slot == 0) {
        if (map->count >= map->max)
            return false;
        if (map->count == map->room) {
            if (!grow(map))
                return false;
            slot = find(map, address);
        }
        struct addrmap_entry *entry = &map->entries[map->count++];
        memcpy(entry->address, address, 16);
        entry->packets = entry->bytes = 0;
        *slot = map->count;
    }
    map->entries[*slot - 1].packets += packets;
    map->entries[*slot - 1].bytes += bytes;
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

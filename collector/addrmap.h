/*
 * Address map: packets and bytes per address in a bounded hash table, for everything that is too
 * wide for a dense array: IPv6, darknets beyond 2^26 addresses, sources. One map holds one family.
 * The hash is keyed with a random secret, so that a sender cannot choose addresses that collide;
 * what comes out is sorted, so that it does not depend on the secret. Pure but for asking the
 * system for the secret (collector/addrhash.h).
 *
 * Memory: at most 48 bytes an address held, growing by doubling up to the bound.
 */
#ifndef COLLECTOR_ADDRMAP_H
#define COLLECTOR_ADDRMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/addrhash.h"

struct addrmap_entry {
    uint8_t address[16]; /* network byte order; IPv4 in the first 4 bytes, the rest 0 */
    uint64_t packets, bytes;
};

struct addrmap {
    struct addrmap_entry *entries; /* in order of arrival until addrmap_sort */
    uint32_t *slots;               /* index into entries plus 1; 0 is free */
    uint32_t count, room;          /* entries; there are 2 x room slots */
    uint32_t max;
    struct addrhash hash;
};

/* An empty map of at most `max` addresses (1 .. 2^30); takes no memory yet. */
void addrmap_init(struct addrmap *map, uint32_t max);
void addrmap_close(struct addrmap *map);

/* Adds to an address. False when it is a new one and there is no room for it. */
bool addrmap_add4(struct addrmap *map, uint32_t address, uint64_t packets, uint64_t bytes);
bool addrmap_add6(struct addrmap *map, const uint8_t address[16], uint64_t packets, uint64_t bytes);

/* The entry of an address (network byte order, IPv4 in the first 4 bytes, the rest 0), added with zeros
 * where it is new. NULL when there is no room; valid until another is added. */
struct addrmap_entry *addrmap_entry(struct addrmap *map, const uint8_t address[16]);

/* Adds every address of `from`, which stays as it was; the maps are two, of the same family. False
 * when there was no room for all; those before are added. */
bool addrmap_merge(struct addrmap *into, const struct addrmap *from);

/* Sorts the entries by address; adding may go on afterwards. */
void addrmap_sort(struct addrmap *map);
/* Forgets all addresses and keeps the memory. */
void addrmap_clear(struct addrmap *map);

/* The IPv4 address of an entry, host byte order. */
uint32_t addrmap_address4(const struct addrmap_entry *entry);

#endif

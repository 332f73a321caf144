/*
 * Address hash: the keyed hash of the tables of addresses (collector/addrmap.h, collector/lit.h).
 * The key is a random secret of each table, so that a sender cannot choose addresses that collide;
 * nothing that is printed or stored may depend on it. addrhash_init once, then addrhash per address.
 */
#ifndef COLLECTOR_ADDRHASH_H
#define COLLECTOR_ADDRHASH_H

#include <stdint.h>
#include <string.h>

struct addrhash {
    uint64_t secret[3];
};

/* Asks the system for a secret. Without a random source the hash is still right, only easier to
 * attack. */
void addrhash_init(struct addrhash *hash);

static inline uint64_t addrhash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The hash of an address, all of whose bits are equally good. Two rounds of multiply and fold,
 * keyed; the construction of W. Yi's wyhash. */
static inline uint64_t addrhash(const struct addrhash *hash, const uint8_t address[16])
{
    uint64_t word[2];
    memcpy(word, address, sizeof word);
    uint64_t folded = addrhash_fold(word[0] ^ hash->secret[0], word[1] ^ hash->secret[1]);
    return addrhash_fold(folded ^ hash->secret[2], UINT64_C(0xa0761d6478bd642f));
}

#endif

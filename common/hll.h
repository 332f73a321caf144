/*
 * Unique hosts: a HyperLogLog with 2^14 registers that counts exactly as Redis does (MurmurHash64A
 * with Redis's seed, elements are the address bytes in network order: 4 or 16), so that a sketch
 * made by a sensor is merged and counted by PFMERGE and PFCOUNT as if Redis had made it. Standard
 * error 0.81 %. Estimator: O. Ertl, "New cardinality estimation algorithms for HyperLogLog
 * sketches", 2017, arXiv:1702.01284, as Redis uses since 5.0. Pure.
 */
#ifndef COMMON_HLL_H
#define COMMON_HLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HLL_REGISTERS    16384
#define HLL_REGISTER_MAX 51    /* 64 - 14 + 1: no hash gives more */
#define HLL_REDIS_SIZE   12304 /* 16 bytes of header, 16384 registers of 6 bits */

struct hll {
    uint8_t registers[HLL_REGISTERS]; /* 0 .. HLL_REGISTER_MAX */
};

void hll_clear(struct hll *hll);

/* Where an element goes: adding it raises the register `index` to `rank` if it is lower. */
struct hll_place {
    uint16_t index;
    uint8_t rank;
};
struct hll_place hll_place(const void *element, size_t size);
/* Returns whether a register changed. */
bool hll_add(struct hll *hll, const void *element, size_t size);
/* dst = union of dst and src, which are two; returns whether dst changed. */
bool hll_merge(struct hll *dst, const struct hll *src);
/* The estimated number of distinct elements; equals what PFCOUNT says of the same registers. */
uint64_t hll_count(const struct hll *hll);

/* Redis's dense representation, exactly HLL_REDIS_SIZE bytes, its cached count marked stale. */
void hll_to_redis(const struct hll *hll, uint8_t out[HLL_REDIS_SIZE]);
/* ERR_DAMAGED unless `bytes` is a dense representation with every register in range. */
int hll_from_redis(struct hll *hll, const void *bytes, size_t size);

#define HLL_INDEX_BITS 14
#define HLL_RANK_BITS  (64 - HLL_INDEX_BITS) /* hash bits that a register's rank is taken from */
#define HLL_MURMUR     UINT64_C(0xc6a4a7935bd1e995) /* MurmurHash's multiplier */
#define HLL_SEED       UINT64_C(0xadc83b19)         /* hllPatLen in Redis's hyperloglog.c */

/* The place of a hash. The guard bit ends the run of zeros at the register's maximum. */
static inline struct hll_place hll_place_of(uint64_t hash)
{
    uint64_t rest = hash >> HLL_INDEX_BITS | UINT64_C(1) << HLL_RANK_BITS;
    return (struct hll_place){.index = hash & (HLL_REGISTERS - 1),
                              .rank = (uint8_t)(__builtin_ctzll(rest) + 1)};
}

/* hll_place of the 4 bytes of an IPv4 address as they lie in memory (network order), inline: a sensor
 * asks it of every packet. */
static inline struct hll_place hll_place4(uint32_t address)
{
    uint64_t hash = ((HLL_SEED ^ 4 * HLL_MURMUR) ^ address) * HLL_MURMUR;
    hash = (hash ^ hash >> 47) * HLL_MURMUR;
    return hll_place_of(hash ^ hash >> 47);
}

/* The bit of a set of eight that stands for the element of that place: as many bits as are set, so many
 * distinct elements there were at the least. Sets of the same elements are equal, in whatever order and
 * from however many parts they are united by OR. */
static inline uint8_t hll_witness(struct hll_place place)
{
    return (uint8_t)(1u << (place.index & 7));
}

/* MurmurHash2, 64-bit version for 64-bit platforms, by Austin Appleby (public domain algorithm). */
uint64_t murmurhash64a(const void *key, size_t size, uint64_t seed);

#endif

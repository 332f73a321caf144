#include "common/hll.h"

#include <math.h>
#include <string.h>

#include "common/err.h"

#define REGISTER_BITS 6
#define REDIS_HEADER  16

static uint64_t load_le(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

uint64_t murmurhash64a(const void *key, size_t size, uint64_t seed)
{
    const uint64_t m = HLL_MURMUR;
    const uint8_t *at = key;
    uint64_t hash = seed ^ (size * m);
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t k = load_le(at, 8) * m;
        k = (k ^ k >> 47) * m;
        hash = (hash ^ k) * m;
    }
    if (size > 0)
        hash = (hash ^ load_le(at, size)) * m;
    hash = (hash ^ hash >> 47) * m;
    return hash ^ hash >> 47;
}

void hll_clear(struct hll *hll)
{
    memset(hll, 0, sizeof *hll);
}

struct hll_place hll_place(const void *element, size_t size)
{
    uint32_t address;
    if (size != sizeof address)
        return hll_place_of(murmurhash64a(element, size, HLL_SEED));
    memcpy(&address, element, sizeof address);
    return hll_place4(address);
}

bool hll_add(struct hll *hll, const void *element, size_t size)
{
    struct hll_place place = hll_place(element, size);
    if (place.rank <= hll->registers[place.index])
        return false;
    hll->registers[place.index] = place.rank;
    return true;
}

/* Without a branch and without aliasing, so that the compiler takes 16 registers at a time: every
 * record is merged into four levels. Returns a non-zero value when a register changed. */
static uint8_t merge(uint8_t *restrict to, const uint8_t *restrict from)
{
    uint8_t changed = 0;
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        uint8_t most = to[i] > from[i] ? to[i] : from[i];
        changed |= (uint8_t)(most ^ to[i]);
        to[i] = most;
    }
    return changed;
}

bool hll_merge(struct hll *dst, const struct hll *src)
{
    return merge(dst->registers, src->registers) != 0;
}

/* Ertl 2017, algorithm 6: sigma, the correction for registers that are still 0. */
static double sigma(double x)
{
    if (x == 1.0)
        return INFINITY;
    double y = 1, z = x, before;
    do {
        x *= x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);
    return z;
}

/* Ertl 2017, algorithm 6: tau, the correction for registers at their maximum. */
static double tau(double x)
{
    if (x == 0.0 || x == 1.0)
        return 0.0;
    double y = 1.0, z = 1 - x, before;
    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);
    return z / 3;
}

uint64_t hll_count(const struct hll *hll)
{
    const double m = HLL_REGISTERS, alpha_inf = 0.721347520444481703680; /* 1 / (2 ln 2) */
    size_t with[HLL_REGISTER_MAX + 1] = {0}; /* registers that hold each rank */
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        with[hll->registers[i]]++;
    double z = m * tau((m - (double)with[HLL_REGISTER_MAX]) / m);
    for (int rank = HLL_RANK_BITS; rank >= 1; rank--)
        z = (z + (double)with[rank]) * 0.5;
    z += m * sigma((double)with[0] / m);
    double estimate = alpha_inf * m * m / z;
    /* No set gives a sketch so full; a hostile sensor's may, and it must not overflow. */
    return estimate < 0x1p63 ? (uint64_t)llroundl(estimate) : INT64_MAX;
}

void hll_to_redis(const struct hll *hll, uint8_t out[HLL_REDIS_SIZE])
{
    memset(out, 0, HLL_REDIS_SIZE);
    memcpy(out, "HYLL", 4); /* byte 4: 0 = dense */
    out[15] = 0x80;         /* cached cardinality is stale */
    uint8_t *packed = out + REDIS_HEADER;
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        size_t bit = i * REGISTER_BITS;
        unsigned value = (unsigned)hll->registers[i] << (bit % 8);
        packed[bit / 8] |= (uint8_t)value;
        if (value > 0xff)
            packed[bit / 8 + 1] |= (uint8_t)(value >> 8);
    }
}

int hll_from_redis(struct hll *hll, const void *bytes, size_t size)
{
    const uint8_t *in = bytes;
    if (size != HLL_REDIS_SIZE || memcmp(in, "HYLL", 5) != 0)
        return ERR_DAMAGED;
    const uint8_t *packed = in + REDIS_HEADER;
    for (size_t i = 0; i < HLL_REGISTERS; i++) {
        size_t bit = i * REGISTER_BITS;
        unsigned value = packed[bit / 8];
        if (bit % 8 > 8 - REGISTER_BITS)
            value |= (unsigned)packed[bit / 8 + 1] << 8;
        value = value >> (bit % 8) & 0x3f;
        if (value > HLL_REGISTER_MAX)
            return ERR_DAMAGED;
        hll->registers[i] = (uint8_t)value;
    }
    return 0;
}

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "common/hll.h"
#include "tests/unit/common/redis.h"

/* Three standard errors, 1.04 / sqrt(registers) each: P. Flajolet et al., "HyperLogLog", 2007. */
#define TOLERANCE (3 * 1.04 / sqrt(HLL_REGISTERS))
#define MOST      10000000

/* Writes the n-th of distinct addresses, at most 16 bytes, and returns its size. Each is a
 * one-to-one function of n, so that n elements are n different ones without a table to prove it. */
typedef size_t (*element)(uint32_t n, uint8_t *address);

static void store32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* One after the other, as a scanner's own network would be. */
static size_t sequential4(uint32_t n, uint8_t *address)
{
    store32(address, UINT32_C(0x0b000000) + n);
    return 4;
}

/* All over the Internet: an odd factor and shifts are invertible. */
static size_t random4(uint32_t n, uint8_t *address)
{
    n *= UINT32_C(0x9e3779b1);
    n ^= n >> 15;
    n *= UINT32_C(0x85ebca6b);
    store32(address, n ^ n >> 13);
    return 4;
}

/* Sixteen /8, each filled from its beginning: what forged sources look like. */
static size_t blocks4(uint32_t n, uint8_t *address)
{
    store32(address, (n % 16 * 13 + 1) << 24 | n / 16);
    return 4;
}

/* The first addresses of a /64. */
static size_t sequential6(uint32_t n, uint8_t *address)
{
    memcpy(address, "\x20\x01\x0d\xb8\0\0\0\1\0\0\0\0", 12);
    store32(address + 12, n);
    return 16;
}

/* Interface identifiers by chance in many networks. */
static size_t random6(uint32_t n, uint8_t *address)
{
    memcpy(address, "\x20\x01\x0d\xb8", 4);
    random4(n, address + 4);
    random4(~n, address + 8);
    random4(n ^ 0x5555, address + 12);
    return 16;
}

static void expect_close(const struct hll *hll, uint32_t exact, const char *name)
{
    double count = (double)hll_count(hll), error = (count - exact) / exact;
    cr_expect(fabs(error) <= TOLERANCE, "%s: %u counted as %.0f, %+.2f %%", name, exact, count,
              100 * error);
}

static void compare(struct redis *redis, const char *name, element nth)
{
    static struct hll hll;
    uint8_t address[16];
    hll_clear(&hll);
    for (uint32_t n = 0, power = 100; n < MOST; power *= 10) {
        while (n < power) {
            size_t size = nth(n++, address);
            hll_add(&hll, address, size);
        }
        expect_close(&hll, n, name);
        redis_set_hll(redis, name, &hll);
        cr_expect_eq(redis_pfcount(redis, name), hll_count(&hll), "%s: %u", name, n);
    }
}

Test(hll_accuracy, within_three_standard_errors_to_ten_million_and_the_same_in_redis)
{
    struct redis redis;
    redis_start(&redis);
    compare(&redis, "sequential IPv4", sequential4);
    compare(&redis, "random IPv4", random4);
    compare(&redis, "IPv4 in /8 blocks", blocks4);
    compare(&redis, "sequential IPv6", sequential6);
    compare(&redis, "random IPv6", random6);
    redis_stop(&redis);
}

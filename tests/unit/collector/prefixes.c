#include "tests/unit/collector/prefixes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "tests/unit/common/random.h"

struct prefixset *prefixes_of(const char *list)
{
    char errmsg[ERRMSG_SIZE];
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, list, errmsg), 0, "%s", errmsg);
    cr_assert_eq(prefixset_finish(set, errmsg), 0, "%s", errmsg);
    return set;
}

struct prefixset *prefixes_random4(uint64_t *state, size_t count, unsigned shortest)
{
    char errmsg[ERRMSG_SIZE], text[64];
    struct prefixset *set = prefixset_new();
    for (size_t i = 0; i < count; i++) {
        unsigned length = shortest + (unsigned)random_below(state, 33 - shortest);
        uint32_t mask = length ? UINT32_MAX << (32 - length) : 0;
        uint32_t address = (uint32_t)random_next(state) & mask;
        snprintf(text, sizeof text, "%u.%u.%u.%u/%u", address >> 24, address >> 16 & 255,
                 address >> 8 & 255, address & 255, length);
        cr_assert_eq(prefixset_add(set, text, errmsg), 0, "%s", errmsg);
    }
    cr_assert_eq(prefixset_finish(set, errmsg), 0, "%s", errmsg);
    return set;
}

static void random_address6(uint64_t *state, uint8_t address[16])
{
    /* Few values, so that prefixes share words. */
    for (int i = 0; i < 16; i++)
        address[i] = (uint8_t)(random_below(state, 3) == 0 ? random_next(state) : i % 4 ? 0 : 0x20);
}

struct prefixset *prefixes_random6(uint64_t *state, size_t count, unsigned shortest)
{
    char errmsg[ERRMSG_SIZE], text[64];
    struct prefixset *set = prefixset_new();
    for (size_t i = 0; i < count; i++) {
        uint8_t a[16];
        unsigned length = shortest + (unsigned)random_below(state, 129 - shortest);
        random_address6(state, a);
        for (unsigned bit = length; bit < 128; bit++)
            a[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
        int size = 0;
        for (int j = 0; j < 16; j += 2)
            size += snprintf(text + size, sizeof text - (size_t)size, "%x%s", a[j] << 8 | a[j + 1],
                             j < 14 ? ":" : "");
        snprintf(text + size, sizeof text - (size_t)size, "/%u", length);
        cr_assert_eq(prefixset_add(set, text, errmsg), 0, "%s", errmsg);
    }
    cr_assert_eq(prefixset_finish(set, errmsg), 0, "%s", errmsg);
    return set;
}

size_t prefixes_ranges4(const struct prefixset *set)
{
    uint32_t first, last;
    size_t count = 0;
    while (prefixset_range4(set, count, &first, &last))
        count++;
    return count;
}

size_t prefixes_ranges6(const struct prefixset *set)
{
    uint8_t first[16], last[16];
    size_t count = 0;
    while (prefixset_range6(set, count, first, last))
        count++;
    return count;
}

uint32_t prefixes_pick4(uint64_t *state, const struct prefixset *set, size_t ranges)
{
    uint32_t first, last;
    uint64_t kind = random_below(state, 6);
    if (kind == 5 || !prefixset_range4(set, random_below(state, ranges), &first, &last))
        return (uint32_t)random_next(state);
    return kind == 0   ? first
           : kind == 1 ? first - 1
           : kind == 2 ? last
           : kind == 3 ? last + 1
                       : first + (uint32_t)random_below(state, (uint64_t)last - first + 1);
}

static void step6(uint8_t address[16], int step)
{
    for (int i = 15; i >= 0; i--) {
        address[i] = (uint8_t)(address[i] + step);
        if (address[i] != (step > 0 ? 0 : 0xff))
            return;
    }
}

void prefixes_pick6(uint64_t *state, const struct prefixset *set, size_t ranges, uint8_t out[16])
{
    uint8_t last[16];
    uint64_t kind = random_below(state, 6);
    if (kind == 5 || !prefixset_range6(set, random_below(state, ranges), out, last)) {
        random_address6(state, out);
        return;
    }
    if (kind == 2 || kind == 3)
        memcpy(out, last, 16);
    if (kind == 1)
        step6(out, -1);
    if (kind == 3)
        step6(out, 1);
    if (kind == 4)
        out[8 + random_below(state, 8)] = (uint8_t)random_next(state);
}

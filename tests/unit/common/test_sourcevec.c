#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/sourcevec.h"
#include "tests/unit/common/random.h"

/* A source as the naive model has it. */
struct source {
    uint8_t address[17]; /* family, then the address */
    uint64_t packets;
};

static int by_packets(const void *a, const void *b)
{
    const struct source *x = a, *y = b;
    if (x->packets != y->packets)
        return x->packets < y->packets ? 1 : -1;
    return memcmp(x->address, y->address, sizeof x->address);
}

static int by_address(const void *a, const void *b)
{
    return memcmp(((const struct source *)a)->address, ((const struct source *)b)->address, 17);
}

static size_t list(const struct addrvec *vec, struct source *out)
{
    size_t count = 0;
    for (size_t i = 0; i < vec->count4; i++) {
        out[count] = (struct source){{4}, vec->packets4[i]};
        for (int b = 0; b < 4; b++)
            out[count].address[1 + b] = (uint8_t)(vec->address4[i] >> (24 - 8 * b));
        count++;
    }
    for (size_t i = 0; i < vec->count6; i++) {
        out[count] = (struct source){{6}, vec->packets6[i]};
        memcpy(out[count++].address + 1, vec->address6[i], 16);
    }
    return count;
}

/* Up to `most` sources of both families, with counts of many ties and a few that are large. */
static void make(struct addrvec *vec, uint64_t *state, size_t most)
{
    size_t count = random_below(state, most + 1);
    uint32_t at = (uint32_t)random_below(state, 50);
    uint8_t at6[16] = {0x20};
    for (size_t i = 0; i < count; i++) {
        uint64_t packets = random_below(state, 20) ? 1 + random_below(state, 4)
                                                   : 1 + random_next(state) % ((uint64_t)1 << 40);
        if (random_below(state, 3)) {
            at += 1 + (uint32_t)random_below(state, 3);
            cr_assert_eq(addrvec_append4(vec, at, packets), 0);
        } else {
            at6[14] = (uint8_t)(i >> 8), at6[15] = (uint8_t)i;
            cr_assert_eq(addrvec_append6(vec, at6, packets), 0);
        }
    }
}

Test(sourcevec, trimming_keeps_those_with_the_most_packets)
{
    static struct source before[600], after[600];
    uint64_t state = 1;
    for (int round = 0; round < 2000; round++) {
        struct addrvec vec;
        addrvec_init(&vec);
        make(&vec, &state, 500);
        size_t count = list(&vec, before), bound = random_below(&state, 300);
        qsort(before, count, sizeof *before, by_packets);
        count = count < bound ? count : bound;
        qsort(before, count, sizeof *before, by_address);
        sourcevec_trim(&vec, bound);
        cr_assert_eq(list(&vec, after), count);
        for (size_t i = 0; i < count; i++)
            cr_assert(by_address(&before[i], &after[i]) == 0 &&
                          before[i].packets == after[i].packets,
                      "round %d, source %zu", round, i);
        addrvec_close(&vec);
    }
}

Test(sourcevec, counts_as_large_as_can_be_are_trimmed)
{
    struct addrvec vec;
    addrvec_init(&vec);
    for (uint32_t i = 0; i < 10; i++)
        addrvec_append4(&vec, i, i < 5 ? UINT64_MAX : UINT64_MAX - 1);
    sourcevec_trim(&vec, 7);
    cr_assert_eq(vec.count4, 7);
    cr_assert_eq(vec.address4[6], 6);
    sourcevec_trim(&vec, 3);
    cr_assert_eq(vec.count4, 3);
    cr_assert_eq(vec.address4[2], 2);
    addrvec_close(&vec);
}

/* What is kept is never more than there was, never more than twice the bound, and all there was until
 * there were more. */
Test(sourcevec, adding_is_exact_until_there_are_more_than_twice_the_bound)
{
    uint64_t state = 2;
    for (int round = 0; round < 100; round++) {
        size_t bound = 20 + random_below(&state, 200);
        struct addrvec kept, all;
        addrvec_init(&kept);
        addrvec_init(&all);
        for (int i = 0; i < 40; i++) {
            struct addrvec more;
            addrvec_init(&more);
            make(&more, &state, 60);
            cr_assert_eq(sourcevec_add(&kept, &more, bound), 0);
            cr_assert_eq(addrvec_add(&all, &more), 0);
            addrvec_close(&more);
            if (addrvec_active(&all) <= 2 * bound)
                cr_assert_eq(addrvec_packets(&kept), addrvec_packets(&all));
            cr_assert_null(sourcevec_broken(&kept, bound, addrvec_packets(&all)));
            cr_assert_geq(addrvec_active(&kept),
                          addrvec_active(&all) < bound ? addrvec_active(&all) : bound);
            cr_assert_eq(addrvec_missing(&all, &kept), 0);
        }
        addrvec_close(&kept);
        addrvec_close(&all);
    }
}

Test(sourcevec, too_many_or_too_much_is_broken)
{
    struct addrvec vec;
    addrvec_init(&vec);
    addrvec_append4(&vec, 1, 5);
    addrvec_append6(&vec, (const uint8_t[16]){1}, 3);
    cr_assert_null(sourcevec_broken(&vec, 1, 8));
    cr_assert_not_null(sourcevec_broken(&vec, 1, 7));
    addrvec_append4(&vec, 2, 1);
    cr_assert_null(sourcevec_broken(&vec, 2, 9));
    cr_assert_not_null(sourcevec_broken(&vec, 1, 9));
    addrvec_append4(&vec, 3, UINT64_MAX);
    cr_assert_not_null(sourcevec_broken(&vec, 9, UINT64_MAX), "the sum wraps");
    addrvec_close(&vec);
}

Test(sourcevec, hours_and_days_have_them)
{
    cr_assert_eq(sourcevec_bound(LEVEL_HOUR), SOURCEVEC_HOUR);
    cr_assert_eq(sourcevec_bound(LEVEL_DAY), SOURCEVEC_DAY);
    cr_assert_eq(sourcevec_bound(LEVEL_MONTH), 0);
    cr_assert_eq(sourcevec_bound(LEVEL_YEAR), 0);
}

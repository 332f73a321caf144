#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "common/addrvec.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/planes.h"
#include "tests/unit/common/random.h"

/* The model: a count for each of a few hundred addresses of each family, spread over the whole
 * space. */
#define MODEL 600

struct model {
    uint64_t packets4[MODEL], packets6[MODEL];
};

static uint32_t model_address4(size_t i)
{
    return i == MODEL - 1 ? UINT32_MAX : (uint32_t)(i * (UINT32_MAX / MODEL));
}

/* Neighbours differ in the lowest byte, in the middle, or at the top, so that a comparison that
 * looks at too little is wrong. */
static void model_address6(size_t i, uint8_t address[16])
{
    memset(address, 0, 16);
    address[0] = (uint8_t)(i / 100);
    address[7] = (uint8_t)(i / 10 % 10);
    address[8] = (uint8_t)(i % 10 / 3 * 80);
    address[15] = (uint8_t)(i % 10 % 3 * 100);
}

static void fill(struct addrvec *vec, const struct model *model)
{
    for (size_t i = 0; i < MODEL; i++) {
        uint8_t address[16];
        model_address6(i, address);
        if (model->packets4[i])
            cr_assert_eq(addrvec_append4(vec, model_address4(i), model->packets4[i]), 0);
        if (model->packets6[i])
            cr_assert_eq(addrvec_append6(vec, address, model->packets6[i]), 0);
    }
}

static void expect_equal(const struct addrvec *vec, const struct model *model)
{
    size_t at4 = 0, at6 = 0;
    uint64_t packets = 0;
    for (size_t i = 0; i < MODEL; i++) {
        uint8_t address[16];
        model_address6(i, address);
        packets += model->packets4[i] + model->packets6[i];
        if (model->packets4[i]) {
            cr_assert(at4 < vec->count4 && vec->address4[at4] == model_address4(i));
            cr_assert_eq(vec->packets4[at4++], model->packets4[i]);
        }
        if (model->packets6[i]) {
            cr_assert(at6 < vec->count6 && memcmp(vec->address6[at6], address, 16) == 0);
            cr_assert_eq(vec->packets6[at6++], model->packets6[i]);
        }
    }
    cr_assert_eq(vec->count4, at4);
    cr_assert_eq(vec->count6, at6);
    cr_assert_eq(addrvec_active(vec), at4 + at6);
    cr_assert_eq(addrvec_packets(vec), packets);
}

/* Each address with a chance of `chance` in 256. */
static void random_model(struct model *model, uint64_t *seed, unsigned chance)
{
    memset(model, 0, sizeof *model);
    for (size_t i = 0; i < MODEL; i++) {
        if (random_below(seed, 256) < chance)
            model->packets4[i] = 1 + random_below(seed, UINT64_C(1) << random_below(seed, 50));
        if (random_below(seed, 256) < chance)
            model->packets6[i] = 1 + random_below(seed, UINT64_C(1) << random_below(seed, 50));
    }
}

Test(addrvec, add_is_what_a_map_does)
{
    static const unsigned chances[] = {0, 2, 30, 128, 250, 256};
    uint64_t seed = 5;
    for (int round = 0; round < 60; round++) {
        struct model sum = {0}, part;
        struct addrvec total;
        addrvec_init(&total);
        for (int i = 0; i < 8; i++) {
            struct addrvec vec;
            addrvec_init(&vec);
            random_model(&part, &seed, chances[random_below(&seed, 6)]);
            fill(&vec, &part);
            cr_assert_eq(addrvec_add(&total, &vec), 0);
            expect_equal(&vec, &part);
            for (size_t a = 0; a < MODEL; a++) {
                sum.packets4[a] += part.packets4[a];
                sum.packets6[a] += part.packets6[a];
            }
            expect_equal(&total, &sum);
            addrvec_close(&vec);
        }
        addrvec_close(&total);
    }
}

/* Also where the two are of very different length, so that far addresses are sought. */
Test(addrvec, missing_and_difference_are_what_a_map_says)
{
    uint64_t seed = 4;
    for (int round = 0; round < 300; round++) {
        struct model a = {0}, b = {0}, only = {0};
        struct addrvec va, vb, difference;
        uint64_t in_a = 1 + random_below(&seed, 40), in_b = 1 + random_below(&seed, 40);
        uint64_t count = 0;
        for (size_t i = 0; i < MODEL; i++) {
            a.packets4[i] = random_below(&seed, in_a) == 0 ? 1 + random_below(&seed, 9) : 0;
            a.packets6[i] = random_below(&seed, in_a) == 0 ? 1 + random_below(&seed, 9) : 0;
            b.packets4[i] = random_below(&seed, in_b) == 0;
            b.packets6[i] = random_below(&seed, in_b) == 0;
            only.packets4[i] = b.packets4[i] ? 0 : a.packets4[i];
            only.packets6[i] = b.packets6[i] ? 0 : a.packets6[i];
            count += (only.packets4[i] > 0) + (only.packets6[i] > 0);
        }
        addrvec_init(&va);
        addrvec_init(&vb);
        addrvec_init(&difference);
        fill(&va, &a);
        fill(&vb, &b);
        cr_assert_eq(addrvec_missing(&vb, &va), count);
        cr_assert_eq(addrvec_difference(&difference, &va, &vb), 0);
        expect_equal(&difference, &only);
        addrvec_close(&va);
        addrvec_close(&vb);
        addrvec_close(&difference);
    }
}

Test(addrvec, add_to_itself_doubles)
{
    struct model model;
    uint64_t seed = 6;
    struct addrvec vec;
    addrvec_init(&vec);
    random_model(&model, &seed, 100);
    fill(&vec, &model);
    cr_assert_eq(addrvec_add(&vec, &vec), 0);
    for (size_t i = 0; i < MODEL; i++) {
        model.packets4[i] *= 2;
        model.packets6[i] *= 2;
    }
    expect_equal(&vec, &model);
    addrvec_close(&vec);
}

Test(addrvec, encoding_comes_back)
{
    static const unsigned chances[] = {0, 1, 128, 256};
    uint64_t seed = 7;
    for (size_t i = 0; i < sizeof chances / sizeof chances[0]; i++) {
        struct model model;
        struct addrvec vec, back;
        uint8_t *bytes, *again;
        size_t size, size_again;
        addrvec_init(&vec);
        addrvec_init(&back);
        random_model(&model, &seed, chances[i]);
        fill(&vec, &model);
        cr_assert_eq(addrvec_encode(&vec, &bytes, &size), 0);
        cr_assert_eq(addrvec_decode(&back, bytes, size), 0);
        expect_equal(&back, &model);
        cr_assert_eq(addrvec_encode(&back, &again, &size_again), 0);
        cr_expect(size == size_again && memcmp(bytes, again, size) == 0);
        free(bytes);
        free(again);
        addrvec_close(&vec);
        addrvec_close(&back);
    }
}

Test(addrvec, the_whole_range_of_both_families_comes_back)
{
    static const uint8_t low[16] = {0};
    uint8_t high[16];
    memset(high, 0xff, 16);
    struct addrvec vec, back;
    addrvec_init(&vec);
    addrvec_init(&back);
    addrvec_append4(&vec, 0, UINT64_MAX - 3);
    addrvec_append4(&vec, UINT32_MAX, 1);
    addrvec_append6(&vec, low, 1);
    addrvec_append6(&vec, high, 1);
    uint8_t *bytes;
    size_t size;
    cr_assert_eq(addrvec_encode(&vec, &bytes, &size), 0);
    cr_assert_eq(addrvec_decode(&back, bytes, size), 0);
    cr_expect_eq(back.address4[1], UINT32_MAX);
    cr_expect_eq(back.packets4[0], UINT64_MAX - 3);
    cr_expect_arr_eq(back.address6[1], high, 16);
    cr_expect_eq(addrvec_packets(&back), UINT64_MAX);
    free(bytes);
    addrvec_close(&vec);
    addrvec_close(&back);
}

Test(addrvec, truncated_or_prolonged_is_damaged)
{
    struct model model;
    uint64_t seed = 8;
    struct addrvec vec, back;
    uint8_t *bytes;
    size_t size;
    addrvec_init(&vec);
    random_model(&model, &seed, 20);
    fill(&vec, &model);
    cr_assert_eq(addrvec_encode(&vec, &bytes, &size), 0);
    for (size_t cut = 0; cut <= size + 1; cut++) {
        uint8_t *exact = calloc(1, cut ? cut : 1);
        memcpy(exact, bytes, cut < size ? cut : size);
        addrvec_init(&back);
        cr_expect_eq(addrvec_decode(&back, exact, cut), cut == size ? 0 : ERR_DAMAGED, "%zu", cut);
        cr_expect(cut == size || (back.count4 == 0 && back.address4 == NULL));
        addrvec_close(&back);
        free(exact);
    }
    free(bytes);
    addrvec_close(&vec);
}

/* A vector made by hand: five columns of two numbers each, or fewer. */
struct columns {
    const char *why;
    size_t counts[5];
    uint64_t values[5][2];
};

static int decode_columns(const struct columns *columns)
{
    struct buf out;
    struct addrvec vec;
    buf_init(&out);
    addrvec_init(&vec);
    for (int i = 0; i < 5; i++)
        planes_encode(&out, columns->values[i], columns->counts[i]);
    int rc = addrvec_decode(&vec, out.bytes, out.size);
    addrvec_close(&vec);
    buf_close(&out);
    return rc;
}

Test(addrvec, decode_refuses_what_breaks_the_invariant)
{
    static const struct columns good = {
        "", {2, 2, 2, 2, 2}, {{1, 0}, {1, 1}, {1, 1}, {1, 2}, {1, 1}}};
    static const struct columns bad[] = {
        {"counts of other length", {2, 1, 0, 0, 0}, {{1, 1}, {1}}},
        {"a count of 0", {2, 2, 0, 0, 0}, {{1, 1}, {1, 0}}},
        {"an address beyond IPv4", {1, 1, 0, 0, 0}, {{UINT64_C(1) << 32}, {1}}},
        {"gaps beyond IPv4", {2, 2, 0, 0, 0}, {{UINT32_MAX, 0}, {1, 1}}},
        {"a gap that wraps", {2, 2, 0, 0, 0}, {{5, UINT64_MAX - 3}, {1, 1}}},
        {"halves of other length", {0, 0, 2, 1, 2}, {{0}, {0}, {1, 2}, {1}, {1, 1}}},
        {"IPv6 counts of other length", {0, 0, 2, 2, 1}, {{0}, {0}, {1, 2}, {1, 1}, {1}}},
        {"more IPv6 counts than addresses", {0, 0, 1, 1, 2}, {{0}, {0}, {1}, {1}, {1, 1}}},
        {"an IPv6 count of 0", {0, 0, 2, 2, 2}, {{0}, {0}, {1, 2}, {1, 1}, {0, 1}}},
        {"the same IPv6 address twice", {0, 0, 2, 2, 2}, {{0}, {0}, {1, 1}, {1, 1}, {1, 1}}},
        {"descending low halves", {0, 0, 2, 2, 2}, {{0}, {0}, {1, 1}, {2, 1}, {1, 1}}},
        {"descending high halves", {0, 0, 2, 2, 2}, {{0}, {0}, {256, 255}, {1, 2}, {1, 1}}},
    };
    cr_expect_eq(decode_columns(&good), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_eq(decode_columns(&bad[i]), ERR_DAMAGED, "%s", bad[i].why);
}

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/hll.h"
#include "tests/unit/common/random.h"
#include "tests/unit/common/redis.h"

Test(hll, murmurhash64a_has_its_published_value)
{
    /* SMHasher's verification: hash keys {}, {0}, {0,1}, ... with seed 256 - n, then hash the
     * hashes. */
    uint8_t key[256], hashes[256 * 8];
    for (int n = 0; n < 256; n++) {
        key[n] = (uint8_t)n;
        uint64_t hash = murmurhash64a(key, (size_t)n, (uint64_t)(256 - n));
        for (int i = 0; i < 8; i++)
            hashes[n * 8 + i] = (uint8_t)(hash >> (8 * i));
    }
    cr_expect_eq((uint32_t)murmurhash64a(hashes, sizeof hashes, 0), 0x1f0d3804u);
}

Test(hll, add_and_merge_say_whether_something_changed)
{
    struct hll a, b;
    hll_clear(&a);
    hll_clear(&b);
    cr_expect(hll_add(&a, "\xc0\0\2\1", 4));
    cr_expect_not(hll_add(&a, "\xc0\0\2\1", 4));
    cr_expect_eq(hll_count(&a), 1);
    cr_expect_not(hll_merge(&a, &b));
    cr_expect(hll_merge(&b, &a));
    cr_expect_not(hll_merge(&b, &a));
    cr_expect_arr_eq(a.registers, b.registers, HLL_REGISTERS);
}

Test(hll, an_empty_sketch_counts_nothing)
{
    struct hll hll;
    hll_clear(&hll);
    cr_expect_eq(hll_count(&hll), 0);
}

Test(hll, an_impossibly_full_sketch_does_not_overflow)
{
    struct hll hll;
    for (int rank = 40; rank <= HLL_REGISTER_MAX; rank++) {
        memset(hll.registers, rank, HLL_REGISTERS);
        uint64_t count = hll_count(&hll);
        cr_expect(count > UINT64_C(1) << rank && count <= INT64_MAX, "rank %d: %llu", rank,
                  (unsigned long long)count);
    }
}

Test(hll, redis_form_comes_back_and_is_checked)
{
    struct hll hll, back;
    uint8_t form[HLL_REDIS_SIZE + 1];
    uint64_t seed = 9;
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        hll.registers[i] = (uint8_t)random_below(&seed, HLL_REGISTER_MAX + 1);
    hll_to_redis(&hll, form);
    cr_assert_eq(hll_from_redis(&back, form, HLL_REDIS_SIZE), 0);
    cr_expect_arr_eq(hll.registers, back.registers, HLL_REGISTERS);
    cr_expect_eq(form[15], 0x80, "the cached count is stale");
    cr_expect_eq(hll_from_redis(&back, form, HLL_REDIS_SIZE - 1), ERR_DAMAGED);
    cr_expect_eq(hll_from_redis(&back, form, HLL_REDIS_SIZE + 1), ERR_DAMAGED);
    cr_expect_eq(hll_from_redis(&back, form, 0), ERR_DAMAGED);
    form[4] = 1;
    cr_expect_eq(hll_from_redis(&back, form, HLL_REDIS_SIZE), ERR_DAMAGED, "sparse");
    form[4] = 0;
    form[0] = 'h';
    cr_expect_eq(hll_from_redis(&back, form, HLL_REDIS_SIZE), ERR_DAMAGED, "no HYLL");
}

Test(hll, a_register_out_of_range_is_refused_wherever_it_stands)
{
    static const size_t places[] = {0, 1, 2, 3, 4, 8191, HLL_REGISTERS - 2, HLL_REGISTERS - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct hll hll, back;
        uint8_t form[HLL_REDIS_SIZE];
        hll_clear(&hll);
        hll.registers[places[i]] = HLL_REGISTER_MAX;
        hll_to_redis(&hll, form);
        cr_expect_eq(hll_from_redis(&back, form, sizeof form), 0);
        cr_expect_arr_eq(hll.registers, back.registers, HLL_REGISTERS);
        hll.registers[places[i]] = HLL_REGISTER_MAX + 1;
        hll_to_redis(&hll, form);
        cr_expect_eq(hll_from_redis(&back, form, sizeof form), ERR_DAMAGED, "at %zu", places[i]);
    }
}

/* --- against a real Redis --------------------------------------------------------------------- */

/* Adds the elements [from, to) to a sketch of ours and to `key`. Elements are 4 or 16 bytes. */
static void add_both(struct redis *redis, const char *key, struct hll *hll, size_t from, size_t to,
                     size_t size)
{
    static uint8_t words[2000 * 16];
    for (size_t done = from; done < to;) {
        size_t count = to - done < 2000 ? to - done : 2000;
        for (size_t i = 0; i < count; i++, done++) {
            uint64_t state = done;
            for (size_t at = 0; at < size; at += 4) {
                uint32_t part = at ? (uint32_t)random_next(&state) : (uint32_t)(done * 2654435761u);
                memcpy(words + i * size + at, &part, 4);
            }
            hll_add(hll, words + i * size, size);
        }
        redis_send(redis, "PFADD", key, words, count, size);
        redis_number(redis);
    }
}

static void expect_same_registers(struct redis *redis, const char *key, const struct hll *hll)
{
    uint8_t ours[HLL_REDIS_SIZE], theirs[HLL_REDIS_SIZE];
    struct hll back;
    redis_get_hll(redis, key, theirs);
    hll_to_redis(hll, ours);
    cr_expect_arr_eq(ours + 16, theirs + 16, HLL_REDIS_SIZE - 16, "the registers of %s", key);
    cr_expect_arr_eq(ours, theirs, 8);
    cr_assert_eq(hll_from_redis(&back, theirs, sizeof theirs), 0);
    cr_expect_arr_eq(back.registers, hll->registers, HLL_REGISTERS);
}

static void compare_growth(struct redis *redis, size_t size)
{
    static const size_t steps[] = {0, 1, 2, 100, 1000, 10000, 50000, 100000, 1000000};
    struct hll hll;
    char key[32];
    hll_clear(&hll);
    snprintf(key, sizeof key, "grown-%zu", size);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (i)
            add_both(redis, key, &hll, steps[i - 1], steps[i], size);
        uint64_t count = hll_count(&hll);
        cr_expect_eq(count, redis_pfcount(redis, key), "%zu elements", steps[i]);
        redis_set_hll(redis, "ours", &hll);
        cr_expect_eq(count, redis_pfcount(redis, "ours"), "%zu elements, our form", steps[i]);
        cr_expect_float_eq((double)count, (double)steps[i], 0.03 * (double)steps[i] + 0.5);
        if (steps[i] >= 10000) /* Redis's own form is dense by then */
            expect_same_registers(redis, key, &hll);
    }
}

Test(hll, counts_and_registers_are_those_of_redis)
{
    struct redis redis;
    redis_start(&redis);
    compare_growth(&redis, 4);
    compare_growth(&redis, 16);
    redis_stop(&redis);
}

Test(hll, merges_as_redis_does)
{
    static const size_t ranges[][2] = {{0, 10}, {5, 3000}, {2000, 60000}, {0, 60000}};
    struct redis redis;
    struct hll all;
    redis_start(&redis);
    hll_clear(&all);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct hll part;
        char key[16];
        hll_clear(&part);
        snprintf(key, sizeof key, "part-%zu", i);
        add_both(&redis, key, &part, ranges[i][0], ranges[i][1], 4);
        redis_set_hll(&redis, "ours", &part);
        hll_merge(&all, &part);
        redis_send(&redis, "PFMERGE", i % 2 ? "from-ours" : "from-theirs", i % 2 ? "ours" : key, 1,
                   i % 2 ? 4 : strlen(key));
        redis_number(&redis);
    }
    redis_send(&redis, "PFMERGE", "from-ours", "from-theirs", 1, strlen("from-theirs"));
    redis_number(&redis);
    cr_expect_eq(hll_count(&all), redis_pfcount(&redis, "from-ours"));
    expect_same_registers(&redis, "from-ours", &all);
    redis_stop(&redis);
}

/* Registers as no few elements make them: each rank up to the highest takes its part in the count. */
Test(hll, sketches_with_the_highest_ranks_count_as_in_redis)
{
    struct redis redis;
    uint64_t seed = 22;
    redis_start(&redis);
    for (int lowest = 0; lowest <= 46; lowest += 2) {
        struct hll hll;
        for (size_t i = 0; i < HLL_REGISTERS; i++)
            hll.registers[i] =
                (uint8_t)(lowest + random_below(&seed, (uint64_t)(HLL_REGISTER_MAX - lowest + 1)));
        redis_set_hll(&redis, "ours", &hll);
        cr_expect_eq(hll_count(&hll), redis_pfcount(&redis, "ours"), "ranks from %d", lowest);
    }
    redis_stop(&redis);
}

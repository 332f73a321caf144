#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "collector/dense.h"

/* The first is added to directly, the others through bins; the last region of each is cut short, of
 * the last one to a single index. */
static const uint32_t sizes[] = {70000, 300000, (5u << 16) + 1};

#define SIZES         (sizeof sizes / sizeof sizes[0])
#define SIZE_MAX_USED ((5u << 16) + 1)
#define BASE          0x0a000000u

static struct dense dense;

static void begin(uint32_t size)
{
    cr_assert(dense_init(&dense, size));
}

static void add(struct dense *to, uint32_t index, uint32_t bytes, int times)
{
    struct packet_brief packet = {BASE + index, bytes};
    for (int i = 0; i < times; i++)
        cr_assert_eq(dense_add(to, &packet, 1, BASE), 1);
    dense_settle(to);
}

/* What was read, by index. */
static struct {
    uint64_t packets[SIZE_MAX_USED], bytes[SIZE_MAX_USED];
    uint32_t active;
} seen;

static void see(void *user, struct dense_counts *counts)
{
    uint64_t *next = user;
    cr_assert(counts->count > 0 && counts->count <= DENSE_COUNTS_MAX);
    for (size_t i = 0; i < counts->count; i++) {
        uint32_t index = counts->address[i] - BASE;
        cr_assert_geq(index, *next, "not ascending");
        cr_assert_gt(counts->packets[i], 0);
        *next = (uint64_t)index + 1;
        seen.packets[index] = counts->packets[i];
        seen.bytes[index] = counts->bytes[i];
        seen.active++;
    }
}

static void read_all(const struct dense *from)
{
    uint64_t next = 0;
    memset(&seen, 0, sizeof seen);
    dense_each(from, BASE, see, &next);
}

static void expect(const struct dense *from, uint32_t index, uint64_t packets, uint64_t bytes)
{
    read_all(from);
    cr_assert_eq(seen.packets[index], packets, "%lu packets", seen.packets[index]);
    cr_assert_eq(seen.bytes[index], bytes, "%lu bytes", seen.bytes[index]);
}

static uint64_t state = 1;

/* SplitMix64, by S. Vigna (public domain). */
static uint32_t random_below(uint32_t bound)
{
    uint64_t value = state += UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((value ^ (value >> 31)) >> 11) % bound;
}

/* Few and many packets an index, of every size up to what 32 bits hold. */
static uint32_t random_bytes(void)
{
    switch (random_below(40)) {
    case 0:
        return UINT32_MAX - random_below(10);
    case 1:
        return 65535 + random_below(3);
    default:
        return 40 + random_below(1460);
    }
}

static uint32_t random_index(uint32_t size)
{
    return random_below(3) ? random_below(size + 10) : size - 1 - random_below(8);
}

static struct {
    uint64_t packets[SIZE_MAX_USED], bytes[SIZE_MAX_USED];
} model;

/* Adds packets at random, to the model too; also outside of the array. */
static void add_random(struct dense *to, int batches)
{
    enum { COUNT = 500 };
    for (int batch = 0; batch < batches; batch++) {
        struct packet_brief packets[COUNT];
        size_t within = 0;
        for (int i = 0; i < COUNT; i++) {
            uint32_t index = random_index(to->size), bytes = random_bytes();
            packets[i] = (struct packet_brief){BASE + index, bytes};
            if (index >= to->size)
                continue;
            within++;
            model.packets[index]++;
            model.bytes[index] += bytes;
        }
        cr_assert_eq(dense_add(to, packets, COUNT, BASE), within);
    }
    dense_settle(to);
}

static void expect_model(const struct dense *from)
{
    read_all(from);
    cr_assert_eq(from->refused, 0);
    for (uint32_t i = 0; i < from->size; i++) {
        cr_assert_eq(seen.packets[i], model.packets[i], "index %u of %u: %lu packets, not %lu", i,
                     from->size, seen.packets[i], model.packets[i]);
        cr_assert_eq(seen.bytes[i], model.bytes[i], "index %u of %u: %lu bytes, not %lu", i,
                     from->size, seen.bytes[i], model.bytes[i]);
    }
}

/* Far more than a bin and than a cell hold. */
Test(dense, counts_as_a_plain_array_of_64_bits_does)
{
    for (size_t i = 0; i < SIZES; i++) {
        begin(sizes[i]);
        memset(&model, 0, sizeof model);
        add_random(&dense, 3000);
        expect_model(&dense);
        add_random(&dense, 100);
        expect_model(&dense);
        dense_close(&dense);
    }
}

Test(dense, reset_forgets_all)
{
    for (size_t i = 0; i < SIZES; i++) {
        begin(sizes[i]);
        for (int round = 0; round < 3; round++) {
            struct packet_brief unsettled = {BASE + 7, 40};
            memset(&model, 0, sizeof model);
            add_random(&dense, 200);
            expect_model(&dense);
            dense_add(&dense, &unsettled, 1, BASE);
            dense_reset(&dense);
            dense_settle(&dense);
            read_all(&dense);
            cr_assert_eq(seen.active, 0);
        }
        dense_close(&dense);
    }
}

Test(dense, merged_is_as_if_counted_together)
{
    for (size_t i = 0; i < SIZES; i++) {
        struct dense other;
        begin(sizes[i]);
        cr_assert(dense_init(&other, sizes[i]));
        memset(&model, 0, sizeof model);
        add_random(&dense, 500);
        add_random(&other, 1500);
        cr_assert(dense_merge(&dense, &other));
        expect_model(&dense);
        dense_close(&other);
        dense_close(&dense);
    }
}

Test(dense, a_cell_carries_packets_and_bytes)
{
    begin(256);
    add(&dense, 7, 0, 2047);
    cr_assert_eq(dense.high[7].packets, 0);
    add(&dense, 7, 0, 1);
    cr_assert_eq(dense.high[7].packets, 1);
    expect(&dense, 7, 2048, 0);
    add(&dense, 8, 65535, 9);
    cr_assert_eq(dense.high[8].bytes, 1);
    expect(&dense, 8, 9, UINT64_C(9) * 65535);
    dense_close(&dense);
}

/* 2^32 and what follows, without waiting for so many. */
Test(dense, counters_go_on_beyond_32_bits)
{
    begin(256);
    add(&dense, 7, 40, 2048);
    dense.high[7] = (struct dense_high){(1 << 21) - 1, (1 << 13) - 1};
    uint64_t packets = (UINT64_C(1) << 32) - 2048, bytes = (UINT64_C(1) << 32) - (1 << 19);
    expect(&dense, 7, packets, bytes + 81920);
    add(&dense, 7, 1000, 4096);
    expect(&dense, 7, packets + 4096, bytes + 81920 + 4096000);
    dense_close(&dense);
}

Test(dense, what_finds_no_room_is_refused_and_the_counter_stays)
{
    begin(300000);
    add(&dense, 7, 65535, 8);
    dense.high[7].bytes = UINT32_MAX;
    dense.hit[0] = 3;
    uint64_t bytes = ((uint64_t)UINT32_MAX << 19) + 8 * 65535;
    add(&dense, 7, 65535, 2);
    add(&dense, 7, 1 << 30, 1);
    cr_assert_eq(dense.refused, 3);
    expect(&dense, 7, 8, bytes);
    add(&dense, 9, 0, 2047);
    dense.high[9].packets = UINT32_MAX;
    add(&dense, 9, 0, 1);
    cr_assert_eq(dense.refused, 4);
    expect(&dense, 9, (UINT64_C(1) << 43) - 1, 0);
    dense_close(&dense);
}

Test(dense, merging_into_an_empty_one_gives_the_other)
{
    struct dense other;
    begin(300000);
    cr_assert(dense_init(&other, 300000));
    add(&other, 200000, 40, 2);
    cr_assert(dense_merge(&dense, &other));
    expect(&dense, 200000, 2, 80);
    cr_assert_eq(seen.active, 1);
    dense_close(&other);
    dense_close(&dense);
}

Test(dense, a_merge_without_room_is_told)
{
    struct dense other;
    begin(256);
    cr_assert(dense_init(&other, 256));
    add(&dense, 7, 0, 1024);
    add(&other, 7, 0, 1023);
    dense.high[7].packets = UINT32_MAX;
    dense.hit[0] = 3;
    cr_assert(dense_merge(&dense, &other));
    expect(&dense, 7, (UINT64_C(1) << 43) - 1, 0);
    cr_assert_not(dense_merge(&dense, &other));
    dense_close(&other);
    dense_close(&dense);
}

/* The passing of 2^32 packets and bytes, without waiting for so many: the source itself is taken in under
 * other names, so that its counters can be set. */
#define tally_new       carry_new
#define tally_free      carry_free
#define tally_add       carry_add
#define tally_add4      carry_add4
#define tally_reset     carry_reset
#define tally_packets   carry_packets
#define tally_refused   carry_refused
#define tally_each      carry_each
#define tally_addresses carry_addresses
#define tally_share     carry_share
#define tally_merge     carry_merge
#define tally_memory    carry_memory
#include "collector/tally.c" /* NOLINT(bugprone-suspicious-include) */

#include <criterion/criterion.h>

static struct prefixset *set;
static struct tally *tally;

static void begin(void)
{
    set = prefixset_new();
    cr_assert_eq(prefixset_add(set, "10.0.0.0/24", NULL), 0);
    cr_assert_eq(prefixset_finish(set, NULL), 0);
    tally = tally_new(set, true);
}

static void end(void)
{
    tally_free(tally);
    prefixset_free(set);
}

TestSuite(tally_carry, .init = begin, .fini = end);

static void add(uint32_t index, int times)
{
    struct packet packet = {.family = 4, .dst4 = 0x0a000000 + index, .bytes = 40};
    for (int i = 0; i < times; i++)
        tally_add(tally, &packet);
}

struct seen {
    uint64_t packets, bytes;
};

static void see4(void *user, uint32_t address, uint64_t packets, uint64_t bytes)
{
    struct seen *seen = user;
    cr_assert_eq(address, 0x0a000007);
    seen->packets += packets;
    seen->bytes += bytes;
}

static void expect(uint64_t packets, uint64_t bytes)
{
    struct seen seen = {0};
    tally_each(tally, &(struct tally_reader){.address4 = see4, .user = &seen});
    cr_assert_eq(seen.packets, packets);
    cr_assert_eq(seen.bytes, bytes);
}

Test(tally_carry, counters_go_on_beyond_32_bits)
{
    tally->cells[7].packets = UINT32_MAX - 1;
    add(7, 3);
    expect((UINT64_C(1) << 32) + 1, 120);
    tally->cells[7] = (struct cell){UINT32_MAX, UINT32_MAX - 39};
    add(7, 1);
    expect(UINT64_C(2) << 32, UINT64_C(1) << 32);
    tally_reset(tally);
    expect(0, 0);
}

Test(tally_carry, packets_go_on_beyond_32_bits_without_bytes)
{
    tally_free(tally);
    tally = tally_new(set, false);
    tally->packets[7] = UINT32_MAX - 1;
    add(7, 3);
    expect((UINT64_C(1) << 32) + 1, 0);
}

Test(tally_carry, what_finds_no_room_is_refused_and_the_counter_stays)
{
    tally->carried.max = 1;
    tally->cells[7].packets = tally->cells[9].packets = UINT32_MAX;
    tally->cells[8].bytes = UINT32_MAX;
    for (uint32_t index = 7; index < 10; index++)
        add(index, 1);
    settle(tally);
    cr_assert_eq(tally_refused(tally), 2);
    cr_assert_eq(tally_packets(tally), 1);
    cr_assert_eq(tally->cells[8].packets, 0);
    cr_assert_eq(tally->cells[8].bytes, UINT32_MAX);
    cr_assert_eq(tally->cells[9].packets, UINT32_MAX);
}

/* A counter of 2^32 - 1 and one of 2^32 + 3, in tallies with and without bytes. */
Test(tally_carry, merged_counters_pass_2_to_the_32)
{
    struct tally *other = tally_new(set, true);
    add(7, 1);
    settle(tally);
    tally->cells[7] = (struct cell){.packets = UINT32_MAX, .bytes = UINT32_MAX - 5};
    struct packet packet = {.family = 4, .dst4 = 0x0a000007, .bytes = 40};
    tally_add(other, &packet);
    settle(other);
    other->cells[7] = (struct cell){.packets = 3, .bytes = 6};
    cr_assert(addrmap_add4(&other->carried, 7, UINT64_C(1) << 32, UINT64_C(2) << 32));
    cr_assert_eq(tally_merge(tally, other), 0);
    expect((UINT64_C(2) << 32) + 2, UINT64_C(3) << 32);
    tally_free(other);
}

Test(tally_carry, merging_completes_what_was_deferred)
{
    struct tally *other = tally_new(set, true);
    struct packet packet = {.family = 4, .dst4 = 0x0a000007, .bytes = 40};
    add(7, 2);
    tally_add(other, &packet);
    cr_assert_eq(tally_merge(tally, other), 0);
    cr_assert_eq(tally_packets(tally), 3);
    expect(3, 120);
    tally_free(other);
}

Test(tally_carry, merging_after_a_refusal_is_an_error)
{
    struct tally *other = tally_new(set, true);
    other->refused = 1;
    cr_assert_eq(tally_merge(tally, other), ERR_FULL);
    tally_free(other);
}

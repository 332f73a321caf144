/* The passing of 2^32 packets, without waiting for so many: the source itself is taken in under
 * other names, so that its counters can be set. */
#define tally_new       carry_new
#define tally_free      carry_free
#define tally_add       carry_add
#define tally_reset     carry_reset
#define tally_packets   carry_packets
#define tally_refused   carry_refused
#define tally_each      carry_each
#define tally_addresses carry_addresses
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

static uint64_t first_count(void)
{
    struct addrvec vec;
    addrvec_init(&vec);
    cr_assert_eq(tally_addresses(tally, &vec), 0);
    uint64_t count = vec.count4 ? vec.packets4[0] : 0;
    addrvec_close(&vec);
    return count;
}

Test(tally_carry, a_counter_goes_on_beyond_32_bits)
{
    tally->packets[7] = UINT32_MAX - 1;
    add(7, 3);
    cr_assert_eq(first_count(), (UINT64_C(1) << 32) + 1);
    tally->packets[7] = UINT32_MAX;
    add(7, 1);
    cr_assert_eq(first_count(), UINT64_C(2) << 32);
    tally_reset(tally);
    cr_assert_eq(first_count(), 0);
}

Test(tally_carry, what_finds_no_room_is_refused_and_the_counter_stays)
{
    for (uint32_t i = 0; i <= CARRIES_MAX; i++) {
        tally->packets[i] = UINT32_MAX;
        add(i, 1);
    }
    settle(tally);
    cr_assert_eq(tally_refused(tally), 1);
    cr_assert_eq(tally_packets(tally), CARRIES_MAX);
    cr_assert_eq(tally->packets[CARRIES_MAX], UINT32_MAX);
    cr_assert_eq(first_count(), UINT64_C(1) << 32);
}

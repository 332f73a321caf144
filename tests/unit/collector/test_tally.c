#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/tally.h"
#include "common/err.h"

static struct prefixset *darknet(const char *list)
{
    char errmsg[ERRMSG_SIZE];
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, list, errmsg), 0);
    cr_assert_eq(prefixset_finish(set, errmsg), 0);
    return set;
}

static struct packet packet4(uint32_t dst, uint32_t bytes)
{
    return (struct packet){.family = 4, .dst4 = dst, .bytes = bytes};
}

/* What a tally gave when read: as text, "address packets bytes;...". */
static char seen[4096];

static void see4(void *user, const struct dense_counts *counts)
{
    (void)user;
    for (size_t i = 0; i < counts->count; i++) {
        size_t used = strlen(seen);
        snprintf(seen + used, sizeof seen - used, "%08x %lu %lu;", counts->address[i],
                 counts->packets[i], counts->bytes[i]);
    }
}

static void see6(void *user, const uint8_t address[16], uint64_t packets, uint64_t bytes)
{
    (void)user;
    size_t used = strlen(seen);
    snprintf(seen + used, sizeof seen - used, "%02x..%02x %lu %lu;", address[0], address[15],
             packets, bytes);
}

static void expect(struct tally *tally, const char *expected)
{
    seen[0] = '\0';
    tally_each(tally, &(struct tally_reader){see4, see6, NULL});
    cr_assert_str_eq(seen, expected);
}

static enum tally_result add4(struct tally *tally, uint32_t dst, uint32_t bytes)
{
    struct packet packet = packet4(dst, bytes);
    return tally_add(tally, &packet);
}

Test(tally, addresses_come_out_in_ascending_order)
{
    struct prefixset *set = darknet("10.0.0.0/24,10.9.0.0/16");
    struct tally *tally = tally_new(set, true);
    cr_assert_eq(add4(tally, 0x0a09ffff, 40), TALLY_COUNTED);
    cr_assert_eq(add4(tally, 0x0a000001, 60), TALLY_COUNTED);
    cr_assert_eq(add4(tally, 0x0a09ffff, 1500), TALLY_COUNTED);
    cr_assert_eq(add4(tally, 0x0a000100, 60), TALLY_OFF_DARKNET);
    expect(tally, "0a000001 1 60;0a09ffff 2 1540;");
    cr_assert_eq(tally_packets(tally), 3);
    /* reading changes nothing, and adding goes on */
    add4(tally, 0x0a000001, 60);
    expect(tally, "0a000001 2 120;0a09ffff 2 1540;");
    tally_free(tally);
    prefixset_free(set);
}

/* One range, several ranges, and more addresses than are counted densely; a /12 of counters is large
 * enough for huge pages. */
Test(tally, a_batch_is_its_packets_one_after_the_other)
{
    static const char *const lists[] = {"10.0.0.0/12", "10.0.0.0/14,10.8.0.0/16", "0.0.0.0/0"};
    enum { COUNT = 5000 };
    for (size_t list = 0; list < 3; list++) {
        static struct packet_brief items[COUNT];
        static char expected[4096];
        struct prefixset *set = darknet(lists[list]);
        struct tally *single = tally_new(set, true), *batch = tally_new(set, true);
        uint64_t results[TALLY_RESULTS] = {0}, sums[TALLY_RESULTS] = {0};
        for (uint32_t i = 0; i < COUNT; i++) {
            items[i] = (struct packet_brief){0x0a000000 + i % 64 * 0x8000, i};
            sums[add4(single, items[i].dst4, i)]++;
        }
        for (uint32_t i = 0, size = 0; i < COUNT; i += size++)
            tally_add4(batch, items + i, i + size < COUNT ? size : COUNT - i, results);
        seen[0] = '\0';
        tally_each(single, &(struct tally_reader){see4, see6, NULL});
        strcpy(expected, seen);
        expect(batch, expected);
        cr_assert_gt(strlen(expected), 100);
        cr_assert_eq(tally_packets(batch), sums[TALLY_COUNTED]);
        cr_assert_eq(memcmp(results, sums, sizeof sums), 0);
        tally_free(single);
        tally_free(batch);
        prefixset_free(set);
    }
}

Test(tally, bytes_are_kept_only_where_asked_for)
{
    struct prefixset *set = darknet("10.0.0.0/24,2001:db8::/32");
    struct tally *tally = tally_new(set, false);
    struct packet packet = {
        .family = 6, .dst6 = (const uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = 9}, .bytes = 77};
    add4(tally, 0x0a000001, 60);
    cr_assert_eq(tally_add(tally, &packet), TALLY_COUNTED);
    expect(tally, "0a000001 1 0;20..09 1 0;");
    tally_free(tally);
    prefixset_free(set);
}

/* Far more packets than can wait, to many addresses. */
Test(tally, every_packet_is_counted)
{
    struct prefixset *set = darknet("10.0.0.0/15");
    struct tally *tally = tally_new(set, true);
    static uint64_t expected[131072];
    uint32_t random = 1;
    for (int i = 0; i < 1000003; i++) {
        random = random * 1664525 + 1013904223;
        expected[random >> 15]++;
        add4(tally, 0x0a000000 + (random >> 15), 40);
    }
    struct addrvec vec;
    addrvec_init(&vec);
    cr_assert_eq(tally_addresses(tally, &vec), 0);
    cr_assert_eq(tally_packets(tally), 1000003);
    cr_assert_eq(addrvec_packets(&vec), 1000003);
    for (size_t i = 0; i < vec.count4; i++)
        cr_assert_eq(vec.packets4[i], expected[vec.address4[i] - 0x0a000000]);
    addrvec_close(&vec);
    tally_free(tally);
    prefixset_free(set);
}

Test(tally, reset_forgets_counted_and_waiting_packets)
{
    struct prefixset *set = darknet("10.0.0.0/16,2001:db8::/32");
    struct tally *tally = tally_new(set, true);
    struct packet packet = {.family = 6, .dst6 = (const uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = 9}};
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 1000; i++)
            add4(tally, 0x0a000000 + i * 65, 40);
        tally_add(tally, &packet);
        tally_reset(tally);
        cr_assert_eq(tally_packets(tally), 0);
        add4(tally, 0x0a000041, 40);
        cr_assert_eq(tally_packets(tally), 1);
        expect(tally, "0a000041 1 40;");
        tally_reset(tally);
        expect(tally, "");
    }
    tally_free(tally);
    prefixset_free(set);
}

Test(tally, a_darknet_beyond_the_dense_bound_is_counted_sparsely)
{
    struct prefixset *set = darknet("0.0.0.0/0");
    struct tally *tally = tally_new(set, true);
    add4(tally, UINT32_MAX, 2);
    add4(tally, 0, 1);
    add4(tally, UINT32_MAX, 2);
    expect(tally, "00000000 1 1;ffffffff 2 4;");
    tally_reset(tally);
    expect(tally, "");
    tally_free(tally);
    prefixset_free(set);
}

Test(tally, what_a_full_table_refuses_is_counted)
{
    struct prefixset *set = darknet("0.0.0.0/0");
    struct tally *tally = tally_new(set, false);
    for (uint32_t i = 0; i < TALLY_SPARSE_MAX; i++)
        cr_assert_eq(add4(tally, i * 3, 1), TALLY_COUNTED);
    cr_assert_eq(add4(tally, 1, 1), TALLY_REFUSED);
    cr_assert_eq(add4(tally, 3, 1), TALLY_COUNTED);
    cr_assert_eq(tally_refused(tally), 1);
    cr_assert_eq(tally_packets(tally), (uint64_t)TALLY_SPARSE_MAX + 1);
    tally_free(tally);
    prefixset_free(set);
}

Test(tally, families_do_not_mix)
{
    struct prefixset *set = darknet("2001:db8::/32");
    struct tally *tally = tally_new(set, true);
    struct packet in = {.family = 6, .dst6 = (const uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = 9}};
    struct packet out = {.family = 6, .dst6 = (const uint8_t[16]){0x20, 2}};
    cr_assert_eq(add4(tally, 0x20010db8, 1), TALLY_OFF_DARKNET);
    cr_assert_eq(tally_add(tally, &out), TALLY_OFF_DARKNET);
    cr_assert_eq(tally_add(tally, &in), TALLY_COUNTED);
    expect(tally, "20..09 1 0;");
    tally_free(tally);
    prefixset_free(set);
}

Test(tally, merging_completes_what_was_deferred)
{
    struct prefixset *set = darknet("10.0.0.0/24");
    struct tally *into = tally_new(set, true), *from = tally_new(set, true);
    add4(into, 0x0a000007, 40);
    add4(from, 0x0a000007, 60);
    add4(from, 0x0a000009, 60);
    cr_assert_eq(tally_merge(into, from), 0);
    cr_assert_eq(tally_packets(into), 3);
    expect(into, "0a000007 2 100;0a000009 1 60;");
    expect(from, "0a000007 1 60;0a000009 1 60;");
    tally_free(from);
    tally_free(into);
    prefixset_free(set);
}

Test(tally, merging_after_a_refusal_is_an_error)
{
    struct prefixset *set = darknet("0.0.0.0/0");
    struct tally *into = tally_new(set, true), *from = tally_new(set, true);
    tally_share(from, TALLY_SPARSE_MAX); /* room for one address */
    cr_assert_eq(add4(from, 7, 40), TALLY_COUNTED);
    cr_assert_eq(add4(from, 8, 40), TALLY_REFUSED);
    cr_assert_eq(tally_merge(into, from), ERR_FULL);
    tally_free(from);
    tally_free(into);
    prefixset_free(set);
}

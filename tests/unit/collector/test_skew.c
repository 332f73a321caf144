/* What skew tells of counts that are written by hand; random traffic is in test_skew_traffic.c. */
#include "tests/unit/collector/skewed.h"

static void fill_all(struct sky *sky, uint64_t packets)
{
    for (unsigned prefix = 0; prefix < 4; prefix++)
        sky_fill(sky, prefix, packets);
}

/* --- addresses -------------------------------------------------------------------------------- */

/* Tells so many hours in which one address gets `packets` in each and all others `others`. */
static void tell_odd(struct sky *sky, unsigned hours, unsigned host, uint64_t packets,
                     uint64_t others)
{
    for (unsigned slot = 0; slot < hours * SKEW_HOUR_SLOTS; slot++) {
        if (slot % SKEW_HOUR_SLOTS == 2) {
            fill_all(sky, others);
            sky->packets[host] = packets;
        }
        sky_tell(sky);
    }
}

Test(skew, address_far_above_the_others_is_told_after_eight_hours_and_every_eight_hours)
{
    struct sky sky;
    sky_open(&sky);
    tell_odd(&sky, 7, 300, 80, 10);
    cr_expect_eq(sky.skewed, 0);
    tell_odd(&sky, 1, 300, 80, 10);
    cr_expect_eq(sky.skewed, 1);
    cr_expect_eq(sky.address, DARK_BASE + 300);
    cr_expect_eq(sky.alarm_packets, 80);
    tell_odd(&sky, 7, 300, 80, 10);
    cr_expect_eq(sky.skewed, 1);
    tell_odd(&sky, 1, 300, 80, 10);
    cr_expect_eq(sky.skewed, 2);
    cr_expect_eq(sky.silent, 0);
    sky_close(&sky);
}

Test(skew, packets_of_the_hour_are_added)
{
    struct sky sky;
    sky_open(&sky);
    for (int slot = 0; slot < 8 * SKEW_HOUR_SLOTS; slot++) {
        fill_all(&sky, 10);
        sky.packets[5] = 80;
        sky_tell(&sky);
    }
    cr_expect_eq(sky.skewed, 1);
    cr_expect_eq(sky.alarm_packets, 480);
    sky_close(&sky);
}

Test(skew, factors_and_medians)
{
    static const struct {
        uint64_t packets, others;
        unsigned told; /* in eight hours */
    } cases[] = {
        {79, 10, 0},
        {80, 10, 1},
        {7, 0, 0},
        {8, 0, 1},
        {8, 1, 1},
        {0, 9, 0},
        {0, 10, 1},
        {1, 20, 1},
        {2, 20, 0},
        {1, 19, 0},
        {0, 0, 0},
        {UINT64_MAX, 10, 1},
        {UINT64_C(1) << 32, 5, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sky sky;
        sky_open(&sky);
        tell_odd(&sky, 8, 1023, cases[i].packets, cases[i].others);
        cr_expect_eq(sky.skewed, cases[i].told, "case %zu: %u", i, sky.skewed);
        sky_close(&sky);
    }
}

/* A tenth of the addresses that get much raises what is far above. */
Test(skew, tail_of_the_others_is_the_measure)
{
    static const struct {
        uint64_t packets;
        unsigned told;
    } cases[] = {{199, 0}, {200, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sky sky;
        sky_open(&sky);
        for (int slot = 0; slot < 8 * SKEW_HOUR_SLOTS; slot++) {
            if (slot % SKEW_HOUR_SLOTS == 0) {
                fill_all(&sky, 10);
                for (int host = 0; host < 25; host++)
                    sky.packets[host * 7] = 50;
                sky.packets[255] = cases[i].packets;
            }
            sky_tell(&sky);
        }
        cr_expect_eq(sky.skewed, cases[i].told, "%lu packets", cases[i].packets);
        sky_close(&sky);
    }
}

Test(skew, one_hour_like_the_others_begins_anew)
{
    struct sky sky;
    sky_open(&sky);
    for (int round = 0; round < 5; round++) {
        tell_odd(&sky, 7, 300, 100, 10);
        tell_odd(&sky, 1, 300, 20, 10);
    }
    for (int round = 0; round < 5; round++) {
        tell_odd(&sky, 7, 300, 100, 10);
        tell_odd(&sky, 7, 300, 0, 10);
    }
    cr_expect_eq(sky.skewed, 0);
    sky_close(&sky);
}

/* Wherever it begins it meets less than eight hours. */
Test(skew, burst_of_six_hours_is_none)
{
    struct sky sky;
    sky_open(&sky);
    for (int minute = 0; minute < 1000; minute++) {
        fill_all(&sky, 1);
        if (minute >= 59 && minute < 59 + 360)
            sky.packets[7] = sky.packets[900] = 5000;
        sky_tell_as(&sky, SKEW_SLOT_NS / 10, 0);
    }
    cr_expect_eq(sky.skewed, 0);
    sky_close(&sky);
}

Test(skew, two_populations_have_no_outliers)
{
    static const struct {
        unsigned hosts, told;
        uint64_t packets;
    } cases[] = {{25, 25, 0}, {26, 0, 0}, {25, 25, 100}, {26, 0, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sky sky;
        sky_open(&sky);
        for (int slot = 0; slot < 8 * SKEW_HOUR_SLOTS; slot++) {
            fill_all(&sky, 10);
            for (unsigned host = 0; host < cases[i].hosts; host++)
                sky.packets[256 + host] = cases[i].packets;
            sky_tell(&sky);
        }
        cr_expect_eq(sky.skewed, cases[i].told, "case %zu: %u", i, sky.skewed);
        sky_close(&sky);
    }
}

/* --- prefixes --------------------------------------------------------------------------------- */

/* Tells `slots` records in which the second /24 gets nothing or `packets`, and the others one. */
static void tell_second(struct sky *sky, unsigned slots, uint64_t packets)
{
    while (slots-- > 0) {
        sky->packets[0] = sky->packets[512] = sky->packets[768] = 1;
        sky->packets[256] = packets;
        sky_tell(sky);
    }
}

Test(skew, prefix_that_falls_silent_is_told_within_the_hour_and_then_hourly)
{
    struct sky sky;
    sky_open(&sky);
    tell_second(&sky, 24 * SKEW_HOUR_SLOTS, 1);
    tell_second(&sky, 5, 0);
    cr_expect_eq(sky.silent, 0);
    tell_second(&sky, 1, 0);
    cr_expect_eq(sky.silent, 1);
    cr_expect_eq(sky.address, DARK_BASE + 256);
    cr_expect_eq(sky.record.alarms[0].length, 24);
    tell_second(&sky, 5, 0);
    cr_expect_eq(sky.silent, 1);
    tell_second(&sky, 7, 0);
    cr_expect_eq(sky.silent, 3);
    tell_second(&sky, 24 * SKEW_HOUR_SLOTS, 1);
    cr_expect_eq(sky.silent, 3, "it is over");
    tell_second(&sky, 4 * 18, 0);
    cr_expect_eq(sky.silent, 3, "it was silent for 18 slots before");
    tell_second(&sky, 1, 0);
    cr_expect_eq(sky.silent, 4);
    cr_expect_eq(sky.skewed, 0);
    sky_close(&sky);
}

Test(skew, silence_is_told_the_later_the_less_is_known)
{
    static const struct {
        unsigned known, period, first; /* a packet in every so-manieth slot of so many */
    } cases[] = {{0, 1, 73}, {6, 1, 18}, {24, 1, 10}, {144, 2, 31}, {1000, 1, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sky sky;
        sky_open(&sky);
        for (unsigned slot = 1; slot <= cases[i].known; slot++)
            tell_second(&sky, 1, slot % cases[i].period == 0);
        tell_second(&sky, 100, 0);
        cr_expect_eq(sky.first_slot - cases[i].known, cases[i].first, "case %zu: %u", i,
                     sky.first_slot - cases[i].known);
        sky_close(&sky);
    }
}

/* Two weeks with packets in every second slot, and then three in every one. */
Test(skew, past_fades)
{
    struct sky sky;
    sky_open(&sky);
    for (int slot = 0; slot < 14 * 24 * SKEW_HOUR_SLOTS; slot++)
        tell_second(&sky, 1, slot % 2);
    tell_second(&sky, 21 * 24 * SKEW_HOUR_SLOTS, 1);
    cr_expect_eq(sky.silent, 0);
    tell_second(&sky, 6, 0);
    cr_expect_eq(sky.silent, 1);
    sky_close(&sky);
}

/* A /24 with packets once in twelve hours, for two years. */
Test(skew, rarely_hit_prefix_is_told_in_its_first_silence_alone)
{
    struct sky sky;
    sky_open(&sky);
    for (unsigned slot = 0; slot < 2 * 365 * 24 * SKEW_HOUR_SLOTS; slot++)
        tell_second(&sky, 1, slot % (12 * SKEW_HOUR_SLOTS) == 0);
    cr_expect_eq(sky.silent, 6, "%u", sky.silent);
    cr_expect_leq(sky.first_slot, 72);
    sky_close(&sky);
}

Test(skew, silence_of_most_is_none)
{
    struct sky sky;
    sky_open(&sky);
    tell_second(&sky, 24 * SKEW_HOUR_SLOTS, 1);
    for (int slot = 0; slot < 24 * SKEW_HOUR_SLOTS; slot++) {
        sky.packets[0] = 1;
        sky_tell(&sky);
    }
    for (int slot = 0; slot < 24 * SKEW_HOUR_SLOTS; slot++)
        sky_tell(&sky);
    cr_expect_eq(sky.silent, 0);
    sky_close(&sky);
}

/* --- time ------------------------------------------------------------------------------------- */

/* Hours in which hardly anything was observed are minutes. */
Test(skew, time_not_observed_is_no_silence)
{
    struct sky sky;
    sky_open(&sky);
    tell_second(&sky, 24 * SKEW_HOUR_SLOTS, 1);
    for (int record = 0; record < 24 * 60; record++) {
        sky.record.last_ns += INT64_C(60000000000); /* a gap */
        sky.packets[0] = sky.packets[512] = sky.packets[768] = 1;
        sky_tell_as(&sky, 1000000000, 0);
    }
    cr_expect_eq(sky.silent, 0, "24 minutes were observed");
    tell_second(&sky, 4, 0);
    cr_expect_eq(sky.silent, 1, "and now over an hour");
    sky_close(&sky);
}

Test(skew, time_with_an_interface_down_is_no_silence)
{
    struct sky sky;
    sky_open(&sky);
    tell_second(&sky, 24 * SKEW_HOUR_SLOTS, 1);
    for (int slot = 0; slot < 24 * SKEW_HOUR_SLOTS; slot++) {
        sky.packets[0] = sky.packets[512] = sky.packets[768] = 1;
        sky_tell_as(&sky, SKEW_SLOT_NS, RECORD_INTERFACE_DOWN);
    }
    cr_expect_eq(sky.silent, 0);
    sky_close(&sky);
}

/* --- bounds ----------------------------------------------------------------------------------- */

/* Tells 13 hours of `darknet` in which one address of each prefix given (by its first three bytes)
 * gets 100,000 packets in a slot. The alarms of addresses and prefixes. */
struct told {
    uint64_t skewed, silent;
};

static struct told tell_of(const char *darknet, const uint32_t *prefixes, size_t count)
{
    char errmsg[1024] = "";
    struct told told = {0};
    struct record record;
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, darknet, errmsg), 0, "%s", errmsg);
    cr_assert_eq(prefixset_finish(set, errmsg), 0);
    struct skew *skew = skew_new(set);
    cr_assert_not_null(skew);
    record_init(&record);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(addrvec_append4(&record.addresses, prefixes[i] << 8 | 1, 100000), 0);
    record.last_ns = SKEW_SLOT_NS - 1;
    for (int slot = 0; slot < 13 * SKEW_HOUR_SLOTS; slot++) {
        record.alarm_count = record.alarms_omitted = 0;
        skew_record(skew, &record);
        for (size_t i = 0; i < record.alarm_count; i++)
            if (record.alarms[i].kind == RECORD_ALARM_SKEW)
                told.skewed++;
            else
                told.silent++;
    }
    record_close(&record);
    skew_free(skew);
    prefixset_free(set);
    return told;
}

Test(skew, small_and_large_darknets)
{
    static const struct {
        const char *darknet;
        bool skewed, silent;
    } cases[] = {
        {"10.0.0.0/28,10.0.1.0/28", true, false},
        {"10.0.0.0/29,10.0.0.8/30,10.0.1.0/29,10.0.1.8/30", false, false},
        {"10.0.0.0/25,10.0.1.0/25,10.0.5.0/25", true, false},
        {"10.0.0.0/25,10.0.1.0/25,10.0.2.128/25", true, false}, /* too few neighbours */
        {"10.0.0.0/25,10.0.1.0/25,10.0.2.0/25,10.0.3.0/25", true, true},
        {"10.0.0.0/25,10.0.1.0/25,10.0.2.0/25,10.0.3.0/26", true, false},
        {"10.0.0.0/30,10.0.0.128/27,10.0.1.0/25,10.0.2.0/25,10.0.3.0/25,10.0.4.0/25", true, true},
        {"2001:db8::/32", false, false},
    };
    static const uint32_t prefixes[] = {0x0a0000, 0x0a0001, 0x0a0002};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told = tell_of(cases[i].darknet, prefixes, 3);
        cr_expect_eq(told.skewed > 0, cases[i].skewed, "%s: %lu", cases[i].darknet, told.skewed);
        cr_expect_eq(told.silent > 0, cases[i].silent, "%s: %lu", cases[i].darknet, told.silent);
    }
}

/* 4,096 /24s have their addresses compared, one more has not. */
Test(skew, many_prefixes_are_told_without_addresses)
{
    uint32_t *half = calloc(2048, sizeof *half);
    for (uint32_t i = 0; i < 2048; i++)
        half[i] = 0x0a0000 + 2 * i;
    cr_expect_gt(tell_of("10.0.0.0/12", half, 1).skewed, 0);
    cr_expect_eq(tell_of("10.0.0.0/12,10.16.0.0/24", half, 1).skewed, 0);
    struct told told = tell_of("10.0.0.0/12", half, 2048);
    cr_expect_gt(told.silent, 0);
    free(half);
}

Test(skew, too_many_prefixes_are_let_be)
{
    const size_t half = SKEW_PREFIXES_MAX / 2 + 1;
    uint32_t *prefixes = calloc(half, sizeof *prefixes);
    for (uint32_t i = 0; i < half; i++)
        prefixes[i] = 0x080000 + i;
    cr_expect_gt(tell_of("8.0.0.0/6", prefixes, half).silent, 0);
    cr_expect_eq(tell_of("8.0.0.0/6,12.0.0.0/24", prefixes, half).silent, 0);
    cr_expect_eq(tell_of("0.0.0.0/0", prefixes, half).silent, 0);
    free(prefixes);
}

/* The addresses of a /24 that are not the darknet's have no part in its median. */
Test(skew, part_of_a_prefix)
{
    char errmsg[1024] = "";
    struct record record;
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, "10.0.0.64/28", errmsg), 0, "%s", errmsg);
    cr_assert_eq(prefixset_finish(set, errmsg), 0);
    struct skew *skew = skew_new(set);
    record_init(&record);
    for (uint32_t host = 65; host < 80; host++)
        cr_assert_eq(addrvec_append4(&record.addresses, 0x0a000000 + host, 100), 0);
    record.last_ns = SKEW_SLOT_NS - 1;
    for (int slot = 0; slot < 8 * SKEW_HOUR_SLOTS; slot++)
        skew_record(skew, &record);
    cr_expect_eq(record.alarm_count, 1);
    cr_expect_eq(record.alarms[0].address[3], 64);
    record_close(&record);
    skew_free(skew);
    prefixset_free(set);
}

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "collector/decode.h"
#include "common/err.h"
#include "tests/unit/collector/meters.h"
#include "tests/unit/common/random.h"

#define S        INT64_C(1000000000)
#define RAW      101 /* DLT_RAW as pcap_datalink gives it on files */
#define MOST     1024
#define START    (INT64_C(1700000040) * S) /* on a minute */
#define LAST_DAY (INT64_C(7258118399) * S)

/* What a sink was given, without what is on the heap. */
struct seen {
    size_t count;
    struct record records[MOST]; /* addresses and tables emptied */
    uint64_t packets;
    int fail_at; /* the record that is answered with ERR_FULL; 0: none */
    size_t calls;
};

static struct seen seen;
static struct prefixset *darknet;
static struct meter *meter;

static int sink(void *user, struct record *record)
{
    struct seen *into = user;
    cr_assert(into->count < MOST);
    if (++into->calls == (size_t)into->fail_at)
        return ERR_FULL;
    cr_assert_eq(record->captured, record->packets + record->off_darknet + record->not_ip +
                                       record->undecodable + record->late + record->refused);
    cr_assert_eq(addrvec_packets(&record->addresses), record->packets);
    cr_assert_str_eq(record->sensor, "tester");
    /* Sealing proves every other rule of a record. */
    char errmsg[ERRMSG_SIZE];
    struct buf sealed;
    buf_init(&sealed);
    record->seq = into->count + 1;
    cr_assert_eq(record_seal(record, &sealed, errmsg), 0, "%s", errmsg);
    buf_close(&sealed);
    into->packets += record->packets;
    into->records[into->count] = *record;
    addrvec_init(&into->records[into->count].addresses);
    memset(&into->records[into->count].tables, 0, sizeof record->tables);
    into->count++;
    return 0;
}

static void make(bool keep_late, int64_t max_quiet_ns)
{
    char errmsg[ERRMSG_SIZE];
    darknet = prefixset_new();
    cr_assert_eq(prefixset_add(darknet, "198.51.100.0/24", errmsg), 0);
    cr_assert_eq(prefixset_finish(darknet, errmsg), 0);
    memset(&seen, 0, sizeof seen);
    struct meter_options options = {.sensor = "tester",
                                    .darknet = darknet,
                                    .keep_late = keep_late,
                                    .max_quiet_ns = max_quiet_ns,
                                    .sink = sink,
                                    .user = &seen};
    cr_assert_eq(meter_new(&meter, &options, errmsg), 0);
}

static void drop(void)
{
    meter_free(meter);
    prefixset_free(darknet);
}

/* One UDP datagram's IP header and 8 bytes, to the address. */
static int feed_to(int64_t ts_ns, uint8_t net, uint8_t host)
{
    uint8_t bytes[28] = {0x45, 0, 0,   28, 0,   0,    0,   0,  64,  17,
                         0,    0, 203, 0,  113, host, 198, 51, net, host};
    struct capture_packet packet = {ts_ns, sizeof bytes, sizeof bytes, bytes};
    return meter_put(meter, RAW, &packet);
}

static int feed(int64_t ts_ns)
{
    return feed_to(ts_ns, 100, 7);
}

static void check(size_t index, int64_t start_ns, uint64_t packets, int64_t first_ns,
                  int64_t last_ns)
{
    cr_assert_lt(index, seen.count);
    const struct record *record = &seen.records[index];
    cr_assert_eq(record->start_s * S, start_ns, "record %zu begins at %ld", index,
                 (long)record->start_s);
    cr_assert_eq(record->packets, packets, "record %zu has %lu packets", index,
                 (unsigned long)record->packets);
    cr_assert_eq(record->first_ns, first_ns, "record %zu from %ld", index, (long)record->first_ns);
    cr_assert_eq(record->last_ns, last_ns, "record %zu to %ld", index, (long)record->last_ns);
}

Test(meter, packet_on_the_boundary_opens_the_next_interval)
{
    make(true, 3600 * S);
    cr_assert_eq(meter_begin(meter, START), 0);
    feed(START);
    feed(START + 60 * S - 1);
    feed(START + 60 * S);
    cr_assert_eq(meter_end(meter, START + 60 * S), 0);
    cr_assert_eq(seen.count, 2);
    check(0, START, 2, START, START + 60 * S - 1);
    check(1, START + 60 * S, 1, START + 60 * S, START + 60 * S);
    drop();
}

Test(meter, first_and_last_intervals_are_partial)
{
    make(true, 3600 * S);
    meter_begin(meter, START + 10 * S);
    feed(START + 10 * S);
    cr_assert_eq(meter_end(meter, START + 130 * S), 0);
    cr_assert_eq(seen.count, 3);
    check(0, START, 1, START + 10 * S, START + 60 * S - 1);
    check(1, START + 60 * S, 0, START + 60 * S, START + 120 * S - 1);
    check(2, START + 120 * S, 0, START + 120 * S, START + 130 * S);
    drop();
}

Test(meter, quiet_intervals_are_true_zeros)
{
    make(true, 3600 * S);
    meter_begin(meter, START);
    feed(START);
    feed(START + 600 * S);
    meter_end(meter, START + 600 * S);
    cr_assert_eq(seen.count, 11);
    int64_t span = 0;
    for (size_t i = 0; i < seen.count; i++) {
        cr_assert_eq(seen.records[i].packets, i == 0 || i == 10);
        span += seen.records[i].last_ns - seen.records[i].first_ns + 1;
    }
    cr_assert_eq(span, 600 * S + 1);
    drop();
}

/* Silence of exactly max_quiet is a zero, a nanosecond more is a gap. */
Test(meter, longer_silence_leaves_a_gap)
{
    make(true, 300 * S);
    meter_begin(meter, START + S);
    feed(START + S);
    feed(START + 301 * S);
    cr_assert_eq(seen.count, 5);
    feed(START + 601 * S + 1);
    cr_assert_eq(seen.count, 6);
    check(5, START + 300 * S, 1, START + 300 * S, START + 301 * S);
    meter_end(meter, START + 601 * S + 2);
    cr_assert_eq(seen.count, 7);
    check(6, START + 600 * S, 1, START + 601 * S + 1, START + 601 * S + 2);
    drop();
}

Test(meter, silence_within_one_interval_is_no_gap)
{
    make(true, 5 * S);
    meter_begin(meter, START);
    feed(START);
    feed(START + 50 * S);
    meter_end(meter, START + 50 * S);
    cr_assert_eq(seen.count, 1);
    check(0, START, 2, START, START + 50 * S);
    drop();
}

Test(meter, late_packet_of_a_capture_is_kept_in_a_record_of_its_own)
{
    make(true, 3600 * S);
    meter_begin(meter, START);
    feed(START + 61 * S);
    feed(START + 59 * S);
    feed(START + 58 * S);
    feed(START + 125 * S);
    feed(START + 62 * S);
    meter_end(meter, START + 125 * S);
    cr_assert_eq(seen.count, 5);
    check(0, START, 0, START, START + 60 * S - 1);
    check(1, START + 60 * S, 1, START + 60 * S, START + 120 * S - 1);
    check(2, START, 2, START + 59 * S, START + 59 * S);
    check(3, START + 120 * S, 1, START + 120 * S, START + 125 * S);
    check(4, START + 60 * S, 1, START + 62 * S, START + 62 * S);
    cr_assert_eq(seen.packets, 5);
    drop();
}

Test(meter, late_packet_of_a_live_sensor_is_counted_as_late)
{
    make(false, 120 * S);
    meter_begin(meter, START);
    cr_assert_eq(meter_advance(meter, START + 61 * S), 0);
    cr_assert_eq(seen.count, 1);
    feed(START + 59 * S);
    meter_end(meter, START + 62 * S);
    cr_assert_eq(seen.count, 2);
    check(1, START + 60 * S, 0, START + 60 * S, START + 62 * S);
    cr_assert_eq(seen.records[1].late, 1);
    cr_assert_eq(seen.records[1].captured, 1);
    drop();
}

/* Two interfaces are read one after the other: the first's packets of the new minute come before
 * the second's of the old one. */
Test(meter, live_interval_waits_for_its_last_packets)
{
    make(false, 120 * S);
    meter_begin(meter, START);
    feed(START + 60 * S + 1);
    feed(START + 60 * S - 1);
    cr_assert_eq(seen.count, 0);
    cr_assert_eq(meter_advance(meter, START + 59 * S + S / 2), 0);
    cr_assert_eq(seen.count, 0);
    feed(START + 60 * S - 2);
    cr_assert_eq(meter_advance(meter, START + 60 * S), 0);
    cr_assert_eq(seen.count, 1);
    check(0, START, 2, START, START + 60 * S - 1);
    feed(START + 60 * S + 2);
    meter_end(meter, START + 63 * S);
    cr_assert_eq(seen.count, 2);
    check(1, START + 60 * S, 2, START + 60 * S, START + 63 * S);
    drop();
}

Test(meter, live_packet_two_intervals_on_seals)
{
    make(false, 120 * S);
    meter_begin(meter, START);
    feed(START + 1);
    feed(START + 61 * S);
    feed(START + 121 * S);
    cr_assert_eq(seen.count, 2);
    check(0, START, 1, START, START + 60 * S - 1);
    check(1, START + 60 * S, 1, START + 60 * S, START + 120 * S - 1);
    meter_end(meter, START + 121 * S);
    check(2, START + 120 * S, 1, START + 120 * S, START + 121 * S);
    drop();
}

Test(meter, live_packet_ahead_is_sealed_at_the_end)
{
    make(false, 120 * S);
    meter_begin(meter, START);
    feed(START + 61 * S);
    cr_assert_eq(meter_end(meter, START + 30 * S), 0); /* the clock was set back */
    cr_assert_eq(seen.count, 2);
    check(0, START, 0, START, START + 60 * S - 1);
    check(1, START + 60 * S, 1, START + 60 * S, START + 61 * S);
    drop();
}

Test(meter, live_packet_after_a_suspension_leaves_a_gap)
{
    make(false, 30 * S);
    meter_begin(meter, START);
    feed(START + 20 * S);
    feed(START + 60 * S + 5 * S); /* 45 s of silence, into the next interval */
    cr_assert_eq(seen.count, 1);
    check(0, START, 1, START, START + 20 * S);
    meter_end(meter, START + 66 * S);
    check(1, START + 60 * S, 1, START + 65 * S, START + 66 * S);
    drop();
}

/* A gap that follows a packet ahead of the open interval loses neither of the two. */
Test(meter, gap_behind_a_packet_ahead)
{
    make(false, 120 * S);
    meter_begin(meter, START);
    feed(START + 1);
    feed(START + 70 * S);
    meter_advance(meter, START + 1000 * S);
    cr_assert_eq(seen.count, 2);
    check(0, START, 1, START, START + 60 * S - 1);
    check(1, START + 60 * S, 1, START + 60 * S, START + 70 * S);
    meter_end(meter, START + 1001 * S);
    check(2, START + 960 * S, 0, START + 1000 * S, START + 1001 * S);
    drop();
}

Test(meter, clock_that_steps_back_seals_nothing_and_loses_nothing)
{
    make(false, 120 * S);
    meter_begin(meter, START);
    meter_advance(meter, START + 70 * S);
    cr_assert_eq(seen.count, 1);
    for (int64_t at = -3600; at < 60; at += 10)
        cr_assert_eq(meter_advance(meter, START + at * S), 0);
    cr_assert_eq(seen.count, 1);
    feed(START - 3600 * S);
    feed(START + 71 * S);
    meter_end(meter, START - 3600 * S);
    cr_assert_eq(seen.count, 2);
    check(1, START + 60 * S, 1, START + 60 * S, START + 71 * S);
    cr_assert_eq(seen.records[1].late, 1);
    drop();
}

Test(meter, clock_that_steps_ahead_leaves_a_gap)
{
    make(false, 120 * S);
    meter_begin(meter, START);
    meter_advance(meter, START + 10 * S);
    meter_advance(meter, START + 86400 * S);
    cr_assert_eq(seen.count, 1);
    check(0, START, 0, START, START + 10 * S);
    meter_end(meter, START + 86401 * S);
    check(1, START + 86400 * S, 0, START + 86400 * S, START + 86401 * S);
    drop();
}

Test(meter, time_stamps_out_of_range_are_undecodable)
{
    make(true, 3600 * S);
    cr_assert_eq(meter_begin(meter, -1), ERR_INVALID);
    cr_assert_eq(meter_begin(meter, LAST_DAY + S), ERR_INVALID);
    cr_assert_eq(meter_begin(meter, START), 0);
    static const int64_t wrong[] = {INT64_MIN, -1, INT64_C(7258118400) * S, INT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(feed(wrong[i]), 0);
        cr_assert_eq(meter_advance(meter, wrong[i]), 0);
    }
    feed(START);
    meter_end(meter, START);
    cr_assert_eq(seen.count, 1);
    check(0, START, 1, START, START);
    cr_assert_eq(seen.records[0].undecodable, 4);
    cr_assert_eq(seen.records[0].captured, 5);
    drop();
}

Test(meter, last_minute_of_the_calendar)
{
    make(true, 3600 * S);
    cr_assert_eq(meter_begin(meter, LAST_DAY), 0);
    feed(LAST_DAY + S - 1);
    cr_assert_eq(meter_end(meter, LAST_DAY + S - 1), 0);
    cr_assert_eq(seen.count, 1);
    cr_assert_eq(seen.packets, 1);
    drop();
}

Test(meter, every_packet_has_one_reason)
{
    make(true, 3600 * S);
    meter_begin(meter, START);
    feed_to(START, 100, 1);
    feed_to(START, 101, 1);
    uint8_t arp[4] = {0x00, 0, 0, 0};
    meter_put(meter, RAW, &(struct capture_packet){START, 4, 4, arp});
    uint8_t cut[4] = {0x45, 0, 0, 20};
    meter_put(meter, RAW, &(struct capture_packet){START, 4, 60, cut});
    uint8_t frame[16] = {[12] = 0x08, [13] = 0x06};
    meter_put(meter, 1, &(struct capture_packet){START, 16, 16, frame});
    meter_dropped(meter, 3, 4);
    meter_end(meter, START);
    const struct record *record = &seen.records[0];
    cr_assert_eq(record->captured, 5);
    cr_assert_eq(record->packets, 1);
    cr_assert_eq(record->bytes, 28);
    cr_assert_eq(record->off_darknet, 1);
    cr_assert_eq(record->not_ip + record->undecodable, 3);
    cr_assert_geq(record->not_ip, 1);
    cr_assert_eq(record->kernel_dropped, 3);
    cr_assert_eq(record->interface_dropped, 4);
    cr_assert_eq(hll_count(&record->hosts), 1);
    drop();
}

Test(meter, drops_and_hosts_begin_anew_with_each_interval)
{
    make(true, 3600 * S);
    meter_begin(meter, START);
    feed(START);
    meter_dropped(meter, 1, 2);
    feed_to(START + 60 * S, 101, 1);
    meter_end(meter, START + 60 * S);
    cr_assert_eq(seen.records[1].kernel_dropped, 0);
    cr_assert_eq(seen.records[1].interface_dropped, 0);
    cr_assert_eq(seen.records[1].packets, 0);
    cr_assert_eq(seen.records[1].off_darknet, 1);
    cr_assert_eq(hll_count(&seen.records[1].hosts), 0);
    drop();
}

Test(meter, error_of_the_sink_ends_it)
{
    make(true, 3600 * S);
    seen.fail_at = 2;
    meter_begin(meter, START);
    cr_assert_eq(feed(START), 0);
    cr_assert_eq(feed(START + 600 * S), ERR_FULL);
    cr_assert_eq(feed(START + 1200 * S), ERR_FULL);
    cr_assert_eq(meter_advance(meter, START + 1200 * S), ERR_FULL);
    cr_assert_eq(meter_end(meter, START + 1200 * S), ERR_FULL);
    cr_assert_eq(seen.calls, 2);
    drop();
}

Test(meter, end_without_begin_gives_nothing)
{
    make(true, 3600 * S);
    cr_assert_eq(meter_end(meter, START), 0);
    cr_assert_eq(seen.count, 0);
    drop();
}

static void shuffle(int64_t *times, size_t count, uint64_t *state)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = random_below(state, i);
        int64_t swap = times[i - 1];
        times[i - 1] = times[j];
        times[j] = swap;
    }
}

/* A record of one moment whose interval has a record already is one of late packets. */
static bool is_late(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (seen.records[i].start_s == seen.records[index].start_s)
            return true;
    return false;
}

/* Whatever the order: a capture loses nothing, and its records of time span it exactly once. */
Test(meter, shuffled_capture_keeps_every_packet_and_its_span)
{
    uint64_t state = 20261122;
    for (int round = 0; round < 60; round++) {
        int64_t times[300], first = INT64_MAX, last = 0, spans = 0;
        size_t count = 1 + random_below(&state, 300);
        int64_t width = (int64_t)random_below(&state, 1800) * S + 1;
        for (size_t i = 0; i < count; i++) {
            times[i] = START + (int64_t)random_below(&state, (uint64_t)width);
            first = times[i] < first ? times[i] : first;
            last = times[i] > last ? times[i] : last;
        }
        shuffle(times, count, &state);
        make(true, 24 * 3600 * S);
        meter_begin(meter, first);
        for (size_t i = 0; i < count; i++)
            cr_assert_eq(feed(times[i]), 0);
        cr_assert_eq(meter_end(meter, last), 0);
        for (size_t i = 0; i < seen.count; i++)
            if (!is_late(i))
                spans += seen.records[i].last_ns - seen.records[i].first_ns + 1;
        cr_assert_eq(seen.packets, count, "round %d", round);
        cr_assert_eq(spans, last - first + 1, "round %d", round);
        drop();
    }
}

/* Live, packets and ticks of a clock that jumps: each packet is in packets or late, intervals
 * ascend, none is sealed twice. */
Test(meter, live_in_any_order_counts_or_calls_late)
{
    uint64_t state = 7;
    for (int round = 0; round < 60; round++) {
        make(false, 120 * S);
        int64_t now = START;
        uint64_t fed = 0, captured = 0;
        meter_begin(meter, now);
        for (int i = 0; i < 400; i++) {
            now += (int64_t)random_below(&state, 20) * S - 4 * S;
            if (random_below(&state, 50) == 0)
                now += (int64_t)random_below(&state, 1200) * S - 600 * S;
            fed++;
            cr_assert_eq(feed(now - (int64_t)random_below(&state, 5 * S)), 0);
            if (random_below(&state, 3) == 0)
                cr_assert_eq(meter_advance(meter, now - S), 0);
        }
        cr_assert_eq(meter_end(meter, now), 0);
        for (size_t i = 0; i < seen.count; i++) {
            captured += seen.records[i].packets + seen.records[i].late;
            cr_assert(i == 0 || seen.records[i].start_s > seen.records[i - 1].start_s);
        }
        cr_assert_eq(captured, fed, "round %d", round);
        drop();
    }
}

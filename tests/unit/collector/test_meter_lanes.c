/* Several lanes, what live sensors ask for, and threads that count while others seal. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/interval.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/meters.h"
#include "tests/unit/common/random.h"

#define S     INT64_C(1000000000)
#define RAW   101                       /* DLT_RAW as pcap_datalink gives it on files */
#define START (INT64_C(1700000040) * S) /* on a minute */
#define MOST  4096

/* Everything that the sink got: the sealed records one behind the other, and what they sum to. */
struct taken {
    size_t count;
    int64_t start_s[MOST], first_ns[MOST], last_ns[MOST];
    uint64_t packets[MOST];
    uint32_t flags[MOST];
    uint64_t captured, kernel_dropped, interface_dropped, late, undecodable;
    struct buf sealed;
    bool fails;
    void (*meanwhile)(void); /* called while a record is made */
};

static struct taken taken;
static struct prefixset *darknet;
static struct meter *meter;

static int sink(void *user, struct record *record)
{
    char errmsg[ERRMSG_SIZE];
    struct taken *into = user;
    if (into->fails)
        return ERR_FULL;
    if (into->meanwhile)
        into->meanwhile();
    cr_assert_lt(into->count, MOST);
    size_t at = into->count++;
    record->seq = into->count;
    cr_assert_eq(record_seal(record, &into->sealed, errmsg), 0, "%s", errmsg);
    into->start_s[at] = record->start_s;
    into->first_ns[at] = record->first_ns;
    into->last_ns[at] = record->last_ns;
    into->packets[at] = record->packets;
    into->flags[at] = record->flags;
    into->captured += record->captured;
    into->kernel_dropped += record->kernel_dropped;
    into->interface_dropped += record->interface_dropped;
    into->late += record->late;
    into->undecodable += record->undecodable;
    return 0;
}

static void make(struct meter_options options)
{
    char errmsg[ERRMSG_SIZE];
    darknet = prefixset_new();
    cr_assert_eq(prefixset_add(darknet, "198.51.100.0/24,2001:db8::/64", errmsg), 0);
    cr_assert_eq(prefixset_finish(darknet, errmsg), 0);
    buf_close(&taken.sealed);
    memset(&taken, 0, sizeof taken);
    buf_init(&taken.sealed);
    options.sensor = "tester";
    options.darknet = darknet;
    options.sink = sink;
    options.user = &taken;
    cr_assert_eq(meter_new(&meter, &options, errmsg), 0);
    cr_assert_eq(errmsg[0], '\0', "%s", errmsg);
}

static struct meter_options live(unsigned lanes)
{
    return (struct meter_options){.lanes = lanes, .max_quiet_ns = 10 * S};
}

static void drop(void)
{
    meter_free(meter);
    prefixset_free(darknet);
}

/* One datagram, its source, host and port of `random`. */
static void put(unsigned lane, int64_t ts_ns, uint64_t random)
{
    uint8_t bytes[28] = {0x45, [3] = 28, [9] = 17, [12] = 203, 0, 113, 0, 198, 51, 100};
    bytes[15] = (uint8_t)random;
    bytes[19] = (uint8_t)(random >> 8);
    bytes[23] = (uint8_t)(random >> 16);
    struct capture_packet packet = {ts_ns, sizeof bytes, sizeof bytes, bytes};
    cr_assert_eq(meter_packet(meter, lane, RAW, &packet), 0);
}

static void feed(unsigned lane, int64_t ts_ns)
{
    meter_enter(meter, lane);
    put(lane, ts_ns, (uint64_t)ts_ns);
    meter_leave(meter, lane);
}

static uint64_t packets(void)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < taken.count; i++)
        sum += taken.packets[i];
    return sum;
}

static void check(size_t index, int64_t start_ns, uint64_t want, int64_t first_ns, int64_t last_ns)
{
    cr_assert_lt(index, taken.count);
    cr_expect_eq(taken.start_s[index] * S, start_ns, "record %zu: start", index);
    cr_expect_eq(taken.packets[index], want, "record %zu: %lu packets", index,
                 (unsigned long)taken.packets[index]);
    cr_expect_eq(taken.first_ns[index], first_ns, "record %zu: from %ld", index,
                 (long)(taken.first_ns[index] - START));
    cr_expect_eq(taken.last_ns[index], last_ns, "record %zu: to %ld", index,
                 (long)(taken.last_ns[index] - START));
}

/* --- several lanes ---------------------------------------------------------------------------- */

#define ROUNDS  20   /* seconds 10 apart: some minutes */
#define A_ROUND 2000 /* packets */

/* Counts the stream of a round in `lane`: those of its packets that `choice` gives it. */
static void count_round(unsigned lane, unsigned lanes, int round, uint64_t choice)
{
    uint64_t seed = (uint64_t)round;
    for (int i = 0; i < A_ROUND; i++) {
        uint64_t random = random_next(&seed);
        if (random_below(&choice, lanes) != lane)
            continue;
        put(lane, START + round * 10 * S + i, random);
    }
}

struct counter {
    unsigned lane, lanes;
    int round;
    uint64_t choice;
};

static void *count_thread(void *user)
{
    struct counter *counter = user;
    meter_enter(meter, counter->lane);
    count_round(counter->lane, counter->lanes, counter->round, counter->choice);
    meter_leave(meter, counter->lane);
    return NULL;
}

static struct buf count_with(unsigned lanes, uint64_t choice)
{
    make(live(lanes));
    cr_assert_eq(meter_begin(meter, START), 0);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[8];
        struct counter counters[8];
        for (unsigned lane = 0; lane < lanes; lane++) {
            counters[lane] = (struct counter){lane, lanes, round, choice + (uint64_t)round};
            cr_assert_eq(pthread_create(&threads[lane], NULL, count_thread, &counters[lane]), 0);
        }
        for (unsigned lane = 0; lane < lanes; lane++)
            pthread_join(threads[lane], NULL);
        meter_dropped(meter, 3, 1);
        cr_assert_eq(meter_advance(meter, START + round * 10 * S + S), 0);
    }
    cr_assert_eq(meter_end(meter, START + ROUNDS * 10 * S), 0);
    cr_expect_eq(packets(), ROUNDS * A_ROUND);
    cr_expect_eq(taken.kernel_dropped, 3 * ROUNDS);
    struct buf sealed = taken.sealed;
    buf_init(&taken.sealed);
    drop();
    return sealed;
}

Test(meter_lanes, which_thread_counted_cannot_be_told)
{
    struct buf want = count_with(1, 1);
    for (unsigned lanes = 2; lanes <= 8; lanes *= 2) {
        struct buf have = count_with(lanes, lanes);
        cr_expect_eq(have.size, want.size, "%u lanes", lanes);
        cr_expect(have.size == want.size && memcmp(have.bytes, want.bytes, want.size) == 0,
                  "%u lanes", lanes);
        buf_close(&have);
    }
    buf_close(&want);
}

/* --- sealing while others count --------------------------------------------------------------- */

static atomic_bool stop;
static atomic_int_fast64_t clock_ns; /* the live sensor's */
static uint64_t fed[8];

static void *count_live(void *user)
{
    unsigned lane = *(unsigned *)user;
    uint64_t seed = lane;
    while (!atomic_load(&stop)) {
        meter_enter(meter, lane);
        for (int i = 0; i < 50; i++, fed[lane]++)
            put(lane, atomic_load(&clock_ns) + i, random_next(&seed));
        meter_leave(meter, lane);
        sched_yield();
    }
    return NULL;
}

/* A clock of 700 ms a step, in which everything happens that a live sensor does. */
static void live_through(int steps)
{
    uint64_t state = 4;
    for (int step = 0; step < steps; step++) {
        int64_t now = atomic_fetch_add(&clock_ns, 7 * S / 10) + 7 * S / 10;
        switch (random_below(&state, 12)) {
        case 0:
            cr_assert_eq(meter_pause(meter, now - S), 0);
            cr_assert_eq(meter_begin(meter, now), 0);
            break;
        case 1:
            cr_assert_eq(meter_pause(meter, now), 0);
            break;
        case 2:
            atomic_fetch_add(&clock_ns, 75 * S);
            break;
        case 3:
            meter_flag(meter, RECORD_CLOCK_SUSPECT);
            break;
        default:
            meter_dropped(meter, 1, 2);
            cr_assert_eq(meter_advance(meter, now - S), 0);
        }
        sched_yield();
    }
}

/* Every packet is in a record, once, and no moment is told twice. */
Test(meter_lanes, nothing_is_lost_while_intervals_are_sealed, .timeout = 300)
{
    pthread_t threads[3];
    unsigned lanes[3] = {0, 1, 2};
    make(live(3));
    atomic_store(&clock_ns, START);
    cr_assert_eq(meter_begin(meter, START), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, count_live, &lanes[i]), 0);
    /* How many records there are depends on how often the threads come to run. */
    for (int round = 0; round < 100 && taken.count <= 30; round++)
        live_through(150);
    atomic_store(&stop, true);
    uint64_t sum = 0;
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        sum += fed[i];
    }
    cr_assert_eq(meter_end(meter, atomic_load(&clock_ns)), 0);
    cr_expect_gt(taken.count, 30);
    cr_expect_eq(taken.captured, sum, "%lu of %lu", (unsigned long)taken.captured,
                 (unsigned long)sum);
    for (size_t i = 1; i < taken.count; i++)
        cr_assert_gt(taken.first_ns[i], taken.last_ns[i - 1], "record %zu", i);
    drop();
}

Test(meter_lanes, packet_behind_a_pause_begins_anew)
{
    make(live(2));
    meter_begin(meter, START);
    feed(0, START + S);
    cr_assert_eq(meter_pause(meter, START + 30 * S), 0);
    feed(1, START + 31 * S);
    cr_assert_eq(meter_end(meter, START + 40 * S), 0);
    cr_assert_eq(taken.count, 2);
    check(0, START, 1, START, START + 30 * S);
    check(1, START, 1, START + 31 * S, START + 40 * S);
    drop();
}

static void feed_ahead_while_sealing(void)
{
    taken.meanwhile = NULL;
    feed(1, START + 125 * S); /* ahead of what is open then: [60, 120) */
}

/* A packet ahead that comes while an interval before a gap is sealed is neither lost nor in another's
 * minute. */
Test(meter_lanes, packet_ahead_during_sealing_moves_the_gap)
{
    make(live(2));
    meter_begin(meter, START);
    feed(0, START + 50 * S);
    feed(0, START + 59 * S);
    feed(0, START + 62 * S);
    feed(0, START + 72 * S);
    feed(0, START + 82 * S);
    feed(0, START + 92 * S);
    feed(0, START + 102 * S);
    feed(0, START + 112 * S);
    feed(0, START + 118 * S);
    taken.meanwhile = feed_ahead_while_sealing;
    cr_assert_eq(meter_advance(meter, START + 1000 * S), 0);
    cr_assert_eq(meter_end(meter, START + 1001 * S), 0);
    cr_expect_eq(packets(), 10);
    cr_assert_eq(taken.count, 4);
    check(0, START, 2, START, START + 60 * S - 1);
    check(1, START + 60 * S, 7, START + 60 * S, START + 120 * S - 1);
    check(2, START + 120 * S, 1, START + 120 * S, START + 125 * S);
    check(3, START + 960 * S, 0, START + 1000 * S, START + 1001 * S);
    drop();
}

/* --- pausing ---------------------------------------------------------------------------------- */

Test(meter_lanes, pause_leaves_its_time_out)
{
    make(live(2));
    meter_begin(meter, START);
    feed(1, START + 5 * S);
    cr_assert_eq(meter_pause(meter, START + 10 * S), 0);
    cr_assert_eq(meter_pause(meter, START + 20 * S), 0);
    cr_assert_eq(meter_advance(meter, START + 500 * S), 0);
    cr_expect_eq(taken.count, 1);
    check(0, START, 1, START, START + 10 * S);
    cr_assert_eq(meter_begin(meter, START + 600 * S), 0);
    cr_assert_eq(meter_end(meter, START + 610 * S), 0);
    cr_expect_eq(taken.count, 2);
    check(1, START + 600 * S, 0, START + 600 * S, START + 610 * S);
    drop();
}

/* With a packet of the next minute counted already. */
Test(meter_lanes, pause_seals_what_is_ahead)
{
    make(live(2));
    meter_begin(meter, START);
    feed(0, START + 55 * S);
    feed(1, START + 61 * S);
    cr_assert_eq(meter_pause(meter, START + 60 * S), 0);
    cr_assert_eq(taken.count, 2);
    check(0, START, 1, START, START + 60 * S - 1);
    check(1, START + 60 * S, 1, START + 60 * S, START + 61 * S);
    cr_assert_eq(meter_begin(meter, START + 300 * S), 0);
    feed(1, START + 361 * S - 60 * S);
    cr_assert_eq(meter_end(meter, START + 302 * S), 0);
    check(2, START + 300 * S, 1, START + 300 * S, START + 302 * S);
    drop();
}

Test(meter_lanes, what_is_told_during_a_pause_goes_into_the_next_interval)
{
    make(live(2));
    meter_begin(meter, START);
    cr_assert_eq(meter_pause(meter, START + S), 0);
    meter_dropped(meter, 5, 7);
    meter_flag(meter, RECORD_INTERFACE_DOWN);
    feed(1, -1); /* a packet without a time */
    cr_expect_eq(taken.kernel_dropped, 0);
    meter_begin(meter, START + 70 * S);
    cr_assert_eq(meter_end(meter, START + 71 * S), 0);
    cr_assert_eq(taken.count, 2);
    cr_expect_eq(taken.kernel_dropped, 5);
    cr_expect_eq(taken.interface_dropped, 7);
    cr_expect_eq(taken.undecodable, 1);
    cr_expect_eq(taken.flags[0], 0);
    cr_expect_eq(taken.flags[1], RECORD_INTERFACE_DOWN);
    drop();
}

/* Nothing of before the pause is opened again, be it the clock or a packet that says so. */
Test(meter_lanes, clock_set_back_during_a_pause_opens_nothing_that_was_sealed)
{
    make(live(1));
    meter_begin(meter, START + 90 * S);
    cr_assert_eq(meter_pause(meter, START + 100 * S), 0);
    meter_begin(meter, START);
    feed(0, START + 3 * S);
    feed(0, START + 101 * S);
    cr_assert_eq(meter_end(meter, START + 4 * S), 0);
    cr_assert_eq(taken.count, 2);
    check(0, START + 60 * S, 0, START + 90 * S, START + 100 * S);
    check(1, START + 60 * S, 1, START + 100 * S + 1, START + 101 * S);
    cr_expect_eq(taken.late, 1);
    drop();
}

/* --- splitting -------------------------------------------------------------------------------- */

Test(meter_lanes, full_counters_seal_early)
{
    struct meter_options options = live(2);
    options.split_at = 640;
    make(options);
    meter_begin(meter, START);
    for (int i = 0; i < 1700; i++)
        feed(1, START + i);
    cr_assert_eq(meter_end(meter, START + S), 0);
    cr_assert_eq(taken.count, 3);
    check(0, START, 640, START, START + 639);
    check(1, START, 640, START + 640, START + 1279);
    check(2, START, 420, START + 1280, START + S);
    drop();
}

/* The other lane is in the next minute already: no span reaches beyond its own. */
Test(meter_lanes, full_counters_with_packets_ahead)
{
    struct meter_options options = live(2);
    options.split_at = 640;
    make(options);
    meter_begin(meter, START);
    feed(0, START + 55 * S);
    feed(0, START + 63 * S);
    for (int i = 0; i < 700; i++)
        feed(1, START + 56 * S + i);
    cr_assert_eq(meter_end(meter, START + 64 * S), 0);
    cr_expect_eq(packets(), 702);
    cr_assert_eq(taken.count, 3);
    check(0, START, 641, START, START + 60 * S - 1);
    check(1, START, 60, START + 60 * S - 1, START + 60 * S - 1);
    check(2, START + 60 * S, 1, START + 60 * S, START + 64 * S);
    drop();
}

/* --- files ------------------------------------------------------------------------------------ */

static uint64_t next_seq(void *user)
{
    (void)user;
    return taken.count + 1;
}

Test(meter_lanes, end_leaves_no_file)
{
    char folder[64], path[96];
    folder_make(folder);
    struct meter_options options = live(2);
    options.dir = folder;
    options.next_seq = next_seq;
    make(options);
    snprintf(path, sizeof path, "%s/open-1-0", folder);
    cr_expect_eq(access(path, F_OK), 0);
    meter_begin(meter, START);
    feed(1, START + S);
    cr_assert_eq(meter_end(meter, START + 2 * S), 0);
    drop();
    cr_expect_eq(rmdir(folder), 0, "something was left in %s", folder);
    folder_remove(folder);
}

/* What the sink did not take is in the file still, for recover. */
Test(meter_lanes, interval_that_could_not_be_sealed_stays_in_its_file)
{
    char folder[64], path[96], errmsg[ERRMSG_SIZE];
    folder_make(folder);
    struct meter_options options = live(1);
    options.dir = folder;
    options.next_seq = next_seq;
    make(options);
    meter_begin(meter, START);
    feed(0, START + S);
    taken.fails = true;
    cr_expect_eq(meter_end(meter, START + 2 * S), ERR_FULL);
    meter_free(meter);
    uint64_t left = 0;
    for (int slot = 0; slot < 3; slot++) {
        struct interval *interval;
        snprintf(path, sizeof path, "%s/open-0-%d", folder, slot);
        cr_assert_eq(interval_load(&interval, darknet, path, errmsg), 0, "%s", errmsg);
        left += interval_is_open(interval) ? interval_packets(interval) : 0;
        interval_free(interval);
    }
    cr_expect_eq(left, 1);
    prefixset_free(darknet);
    folder_remove(folder);
}

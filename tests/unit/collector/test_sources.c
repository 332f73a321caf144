#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector/interval_private.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/stream_of.h"

#define DARKNET "198.51.100.0/24,2001:db8::/32"

static char folder[64], path[96], errmsg[ERRMSG_SIZE];
static struct prefixset *darknet;

static void begin(void)
{
    folder_make(folder);
    snprintf(path, sizeof path, "%s/" INTERVAL_FILE "0-0", folder);
    darknet = stream_darknet(DARKNET);
}

static void end(void)
{
    prefixset_free(darknet);
    folder_remove(folder);
}

TestSuite(sources, .init = begin, .fini = end, .timeout = 200);

static struct interval *make(const char *where)
{
    struct interval *interval;
    cr_assert_eq(interval_new(&interval, darknet, where, errmsg), 0);
    interval_open(interval, STREAM_START, STREAM_START);
    return interval;
}

static void add4(struct interval *interval, uint32_t source)
{
    uint8_t bytes[20] = {0x45, [3] = 20, [9] = 47, [16] = 198, 51, 100, 1};
    for (int i = 0; i < 4; i++)
        bytes[12 + i] = (uint8_t)(source >> (24 - 8 * i));
    struct packet packet;
    cr_assert_eq(decode(STREAM_RAW, bytes, 20, 20, &packet), DECODE_IP);
    interval_add(interval, &packet, STREAM_START);
}

static void add6(struct interval *interval, uint32_t source)
{
    uint8_t bytes[40] = {0x60, [6] = 59, [7] = 64, [8] = 0x20, 1, 0x0d, 0xb9};
    memcpy(bytes + 24, (uint8_t[]){0x20, 1, 0x0d, 0xb8}, 4);
    for (int i = 0; i < 4; i++)
        bytes[20 + i] = (uint8_t)(source >> (24 - 8 * i));
    struct packet packet;
    cr_assert_eq(decode(STREAM_RAW, bytes, 40, 40, &packet), DECODE_IP);
    interval_add(interval, &packet, STREAM_START);
}

/* The sources that intervals give, to be closed. */
static struct addrvec sources_of(struct interval **intervals, size_t count)
{
    struct record *record = malloc(sizeof *record);
    record_init(record);
    cr_assert_eq(interval_record(intervals, count, record), 0);
    struct addrvec vec = record->sources;
    addrvec_init(&record->sources);
    record_close(record);
    free(record);
    return vec;
}

static void expect_none(struct interval *interval)
{
    struct addrvec vec = sources_of(&interval, 1);
    cr_expect_eq(addrvec_active(&vec), 0);
    addrvec_close(&vec);
}

static void expect_row4(const struct addrvec *vec, size_t row, uint32_t address, uint64_t packets)
{
    cr_assert_lt(row, vec->count4);
    cr_expect_eq(vec->address4[row], address, "row %zu: %x", row, vec->address4[row]);
    cr_expect_eq(vec->packets4[row], packets, "row %zu", row);
}

/* --- what is kept ----------------------------------------------------------------------------- */

Test(sources, each_packet_is_counted_by_its_source)
{
    struct interval *interval = make(NULL);
    for (int i = 0; i < 300; i++)
        add4(interval, 0xcb007101);
    add4(interval, 0);
    add4(interval, UINT32_MAX);
    add4(interval, UINT32_MAX);
    add6(interval, 7);
    add6(interval, 9);
    add6(interval, 7);
    struct addrvec vec = sources_of(&interval, 1);
    cr_expect_eq(vec.count4, 3);
    expect_row4(&vec, 0, 0, 1);
    expect_row4(&vec, 1, 0xcb007101, 300);
    expect_row4(&vec, 2, UINT32_MAX, 2);
    cr_assert_eq(vec.count6, 2);
    cr_expect_eq(vec.packets6[0], 2);
    cr_expect_eq(vec.address6[0][15], 7);
    cr_expect_eq(vec.packets6[1], 1);
    addrvec_close(&vec);
    interval_free(interval);
}

/* What is not to the darknet has no source in it. */
Test(sources, packets_off_the_darknet_have_none)
{
    struct interval *interval = make(NULL);
    uint8_t bytes[20] = {0x45, [3] = 20, [9] = 47, [12] = 203, 0, 113, 1, 8, 8, 8, 8};
    struct packet packet;
    cr_assert_eq(decode(STREAM_RAW, bytes, 20, 20, &packet), DECODE_IP);
    interval_add(interval, &packet, STREAM_START);
    expect_none(interval);
    interval_free(interval);
}

/* Of more than a record has room for: by packets, then the lower address, IPv4 before IPv6. */
Test(sources, those_with_the_most_packets_are_kept)
{
    struct interval *interval = make(NULL);
    enum { MOST = RECORD_SOURCES_MAX };
    for (uint32_t i = 2 * MOST; i-- > 0;)
        add4(interval, 0x01000000 + i * 3);
    for (uint32_t i = 0; i < 10; i++)
        add6(interval, i);
    add4(interval, 0x01000000 + (2 * MOST - 1) * 3); /* the last of the address order, twice */
    add6(interval, 4);
    struct addrvec vec = sources_of(&interval, 1);
    cr_assert_eq(vec.count4, MOST - 1);
    cr_assert_eq(vec.count6, 1);
    cr_expect_eq(vec.address6[0][15], 4);
    cr_expect_eq(vec.packets6[0], 2);
    for (uint32_t i = 0; i < MOST - 2; i++)
        expect_row4(&vec, i, 0x01000000 + i * 3, 1);
    expect_row4(&vec, MOST - 2, 0x01000000 + (2 * MOST - 1) * 3, 2);
    addrvec_close(&vec);
    interval_free(interval);
}

Test(sources, ipv4_comes_before_ipv6_where_there_is_no_room_for_both)
{
    struct interval *interval = make(NULL);
    for (uint32_t i = 0; i < 10; i++)
        add6(interval, i);
    for (uint32_t i = 0; i < RECORD_SOURCES_MAX - 3; i++)
        add4(interval, 0xcb000000 + i);
    struct addrvec vec = sources_of(&interval, 1);
    cr_expect_eq(vec.count4, RECORD_SOURCES_MAX - 3);
    cr_assert_eq(vec.count6, 3);
    cr_expect_eq(vec.address6[2][15], 2);
    addrvec_close(&vec);
    interval_free(interval);
}

static uint32_t skewed(uint64_t *seed, uint32_t below)
{
    uint64_t limit = random_below(seed, below) + 1;
    return (uint32_t)random_below(seed, limit);
}

/* The same packets in any order, in one interval or several, in a file or not: the same record. */
Test(sources, neither_order_nor_lanes_change_a_byte)
{
    enum { PACKETS = 60000 };
    uint32_t *order = malloc(PACKETS * sizeof *order);
    struct buf want = {0};
    uint64_t seed = 3;
    for (int i = 0; i < PACKETS; i++)
        order[i] = skewed(&seed, 30000);
    for (size_t lanes = 1; lanes <= 4; lanes++) {
        struct interval *parts[4];
        for (size_t lane = 0; lane < lanes; lane++)
            parts[lane] = make(lanes == 2 && lane == 0 ? path : NULL);
        for (uint32_t i = PACKETS - 1; i > 0; i--) {
            uint32_t other = (uint32_t)random_below(&seed, i + 1), held = order[i];
            order[i] = order[other];
            order[other] = held;
        }
        for (int i = 0; i < PACKETS; i++)
            (order[i] % 16 ? add4 : add6)(parts[random_below(&seed, lanes)],
                                          order[i] * UINT32_C(2654435761) >> 1 | 0x40000000);
        struct buf have = stream_sealed_of(parts, lanes);
        if (lanes == 1)
            want = have;
        cr_expect(stream_same(&want, &have), "%zu lanes", lanes);
        if (lanes > 1)
            buf_close(&have);
        for (size_t lane = 0; lane < lanes; lane++)
            interval_free(parts[lane]);
    }
    buf_close(&want);
    free(order);
}

Test(sources, opened_again_they_are_forgotten)
{
    struct interval *interval = make(path);
    for (int round = 0; round < 5; round++) {
        uint32_t count = round == 1 ? 50000 : 10;
        for (uint32_t i = 0; i < count; i++) {
            add4(interval, 0xcb000000 + i);
            add6(interval, i);
        }
        struct addrvec vec = sources_of(&interval, 1);
        cr_expect_eq(addrvec_active(&vec), count > 10 ? RECORD_SOURCES_MAX : 20);
        cr_expect_eq(addrvec_packets(&vec), count > 10 ? RECORD_SOURCES_MAX : 20);
        addrvec_close(&vec);
        interval_open(interval, STREAM_START, STREAM_START);
    }
    cr_expect_lt(interval->sources.bits4, 17, "a table is not made smaller");
    interval_discard(interval);
}

Test(sources, unwanted_they_are_not_counted)
{
    struct interval *interval;
    cr_assert_eq(interval_new(&interval, darknet, NULL, errmsg), 0);
    interval_without_sources(interval);
    interval_open(interval, STREAM_START, STREAM_START);
    for (uint32_t i = 0; i < 100; i++) {
        add4(interval, i);
        add6(interval, i);
    }
    expect_none(interval);
    cr_expect_eq(interval_packets(interval), 200);
    interval_free(interval);
}

/* --- the bound -------------------------------------------------------------------------------- */

static void add_many(struct interval *interval, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        add4(interval, (first + i) * UINT32_C(2654435761) >> 1 | 0x40000000);
}

Test(sources, as_many_as_there_may_be_are_kept_and_one_more_is_not)
{
    struct interval *interval = make(NULL);
    add_many(interval, 0, SOURCES_MAX - 5);
    for (uint32_t i = 0; i < 5; i++)
        add6(interval, i);
    add_many(interval, 100, 300);
    struct addrvec vec = sources_of(&interval, 1);
    cr_expect_eq(addrvec_active(&vec), RECORD_SOURCES_MAX);
    cr_expect_eq(addrvec_packets(&vec), RECORD_SOURCES_MAX + 300);
    addrvec_close(&vec);
    add6(interval, 5);
    expect_none(interval);
    add_many(interval, 0, 200); /* batches later */
    expect_none(interval);
    cr_expect_eq(interval_packets(interval), SOURCES_MAX + 1 + 300 + 200);
    interval_open(interval, STREAM_START, STREAM_START);
    add_many(interval, 0, 200);
    vec = sources_of(&interval, 1);
    cr_expect_eq(addrvec_active(&vec), 200);
    addrvec_close(&vec);
    interval_free(interval);
}

/* None of the lanes has too many. */
Test(sources, bound_is_that_of_all_lanes)
{
    struct interval *parts[3] = {make(NULL), make(NULL), make(NULL)};
    add_many(parts[0], 0, SOURCES_MAX / 2);
    add_many(parts[1], SOURCES_MAX / 4, SOURCES_MAX / 2);
    add_many(parts[2], SOURCES_MAX / 2, SOURCES_MAX / 2);
    struct addrvec vec = sources_of(parts, 3);
    cr_expect_eq(addrvec_active(&vec), RECORD_SOURCES_MAX);
    cr_expect_eq(addrvec_packets(&vec), 2 * RECORD_SOURCES_MAX);
    addrvec_close(&vec);
    add_many(parts[0], SOURCES_MAX, 1);
    vec = sources_of(parts, 3);
    cr_expect_eq(addrvec_active(&vec), 0);
    addrvec_close(&vec);
    for (int i = 0; i < 3; i++)
        interval_free(parts[i]);
}

/* A full disk in the middle of an interval: this one keeps none, and counts everything else. */
Test(sources, table_that_cannot_grow_costs_the_sources_alone)
{
    prefixset_free(darknet);
    darknet = stream_darknet("198.51.100.0/24"); /* the next table is at the end of the file */
    struct interval *interval = make(path);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit, full = {0, 0};
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    full.rlim_max = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &full), 0);
    add_many(interval, 0, 5000);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect_none(interval);
    cr_expect_eq(interval_packets(interval), 5000);
    interval_open(interval, STREAM_START, STREAM_START);
    add_many(interval, 0, 5000);
    struct addrvec vec = sources_of(&interval, 1);
    cr_expect_eq(addrvec_active(&vec), RECORD_SOURCES_MAX);
    addrvec_close(&vec);
    interval_discard(interval);
}

/* --- what a killed process left --------------------------------------------------------------- */

/* Leaves a file with `count` sources of each family; what it gives when it is loaded. */
static struct interval *left(uint32_t count, void (*spoil)(struct interval *))
{
    struct interval *interval = make(path);
    for (uint32_t i = 0; i < count; i++) {
        add4(interval, 0xcb000000 + i);
        add6(interval, i);
    }
    if (spoil)
        spoil(interval);
    interval_free(interval);
    cr_assert_eq(interval_load(&interval, darknet, path, errmsg), 0, "%s", errmsg);
    return interval;
}

Test(sources, what_was_left_has_them)
{
    static const uint32_t counts[] = {0, 1, 31, 33, 200, 2000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct interval *interval = left(counts[i], NULL);
        struct addrvec vec = sources_of(&interval, 1);
        cr_expect_eq(vec.count4, counts[i]);
        cr_expect_eq(vec.count6, counts[i]);
        cr_expect_eq(addrvec_packets(&vec), 2 * counts[i]);
        addrvec_close(&vec);
        interval_discard(interval);
    }
}

static source4 *used4(struct interval *interval)
{
    source4 *slot = sources_table4(&interval->sources);
    while (*slot == 0)
        slot++;
    return slot;
}
static void more_than_packets(struct interval *interval)
{
    *used4(interval) += UINT64_C(1000) << 32;
}
static void less_than_packets(struct interval *interval)
{
    *used4(interval) = 0;
}
static void where_it_is_not_found(struct interval *interval)
{
    *used4(interval) ^= 0xffff;
}
static void an_address_twice(struct interval *interval)
{
    source4 *slot = used4(interval), *other = slot + 1;
    while (*other == 0)
        other++;
    *other = (*other & ~(source4)UINT32_MAX) | (uint32_t)*slot;
}
static void a_full_table(struct interval *interval)
{
    source4 *table = sources_table4(&interval->sources);
    for (uint64_t i = 0; i < UINT64_C(1) << interval->sources.bits4; i++)
        table[i] = i + 1 + (UINT64_C(1) << 32);
}
static void full_table6(struct interval *interval)
{
    struct source6 *table = sources_table6(&interval->sources);
    for (uint64_t i = 0; i < UINT64_C(1) << interval->sources.bits6; i++)
        table[i].packets = 1;
}
static void too_small(struct interval *interval)
{
    interval->image->sources.bits4 = SOURCES_BITS_MIN - 1;
}
static void too_large(struct interval *interval)
{
    interval->image->sources.bits6 = UINT32_MAX;
}
static void beyond_the_file(struct interval *interval)
{
    interval->image->sources.bits6 = SOURCES_BITS_MAX;
}
static void no_state(struct interval *interval)
{
    interval->image->sources.state = 77;
}

Test(sources, what_cannot_be_believed_costs_the_sources_alone)
{
    static void (*const spoils[])(struct interval *) = {
        more_than_packets, less_than_packets, where_it_is_not_found,
        an_address_twice,  a_full_table,      full_table6,
        too_small,         too_large,         beyond_the_file,
        no_state};
    for (size_t i = 0; i < sizeof spoils / sizeof spoils[0]; i++) {
        struct interval *interval = left(200, spoils[i]);
        struct addrvec vec = sources_of(&interval, 1);
        cr_expect_eq(addrvec_active(&vec), 0, "spoil %zu", i);
        cr_expect_eq(interval_packets(interval), 400);
        addrvec_close(&vec);
        interval_close(interval);
        interval_discard(interval);
    }
}

/* Of lanes one of which has lost them there are none: they would not be those with the most packets. */
Test(sources, lane_without_them_costs_those_of_all)
{
    struct interval *parts[2] = {left(200, too_small), make(NULL)};
    add4(parts[1], 1);
    struct addrvec vec = sources_of(parts, 2);
    cr_expect_eq(addrvec_active(&vec), 0);
    addrvec_close(&vec);
    interval_free(parts[0]);
    interval_free(parts[1]);
}

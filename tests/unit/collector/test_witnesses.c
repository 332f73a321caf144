/* The witnesses of sources in a record are those that its packets set, however they were counted. */
#include "collector/interval_private.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/stream_of.h"

#define PACKETS 90 /* a batch and a part of one; few enough for rows of a few sources */
#define SEEDS   20

/* What a record must say, recounted. */
struct wanted {
    uint8_t classes[PACKET_CLASSES], protocols[PROTOCOLS], details[DETAILS][KEYS];
};

/* The bit that the packet's source sets, by the hash as its definition says it. */
static uint8_t bit_of(const struct packet *packet)
{
    uint8_t source[16];
    for (int i = 0; i < 4; i++)
        source[i] = (uint8_t)(packet->src4 >> (24 - 8 * i));
    if (packet->family == 6)
        memcpy(source, packet->src6, 16);
    return (uint8_t)(1 << murmurhash64a(source, packet->family == 6 ? 16 : 4, HLL_SEED) % 8);
}

static void want(struct wanted *wanted, struct packet packet)
{
    uint8_t bit = bit_of(&packet);
    decode_transport(&packet);
    uint16_t icmp = (uint16_t)(packet.icmp_type << 8 | packet.icmp_code);
    wanted->classes[packet.class] |= bit;
    wanted->protocols[packet.protocol] |= bit;
    if (packet.has_ports && packet.protocol == PROTOCOL_TCP)
        wanted->details[DETAIL_TCP][packet.dst_port] |= bit;
    if (packet.has_ports && packet.protocol == PROTOCOL_UDP)
        wanted->details[DETAIL_UDP][packet.dst_port] |= bit;
    if (packet.has_icmp)
        wanted->details[packet.family == 4 ? DETAIL_ICMP4 : DETAIL_ICMP6][icmp] |= bit;
}

static bool is_darknet(const struct prefixset *darknet, const struct packet *packet)
{
    return packet->family == 6 ? prefixset_has6(darknet, packet->dst6)
                               : prefixset_has4(darknet, packet->dst4);
}

static struct wanted *want_stream(const struct darknet_case *row, const struct prefixset *darknet,
                                  uint64_t seed)
{
    struct wanted *wanted = calloc(1, sizeof *wanted);
    cr_assert(wanted);
    for (int i = 0; i < PACKETS; i++) {
        struct packet packet = stream_packet(row, &seed);
        if (is_darknet(darknet, &packet))
            want(wanted, packet);
    }
    return wanted;
}

static void expect_table(const struct table *table, const uint8_t *wanted, size_t keys,
                         const char *name)
{
    size_t rows = 0;
    for (size_t key = 0; key < keys; key++)
        rows += wanted[key] != 0;
    cr_expect_eq(table->count, rows, "%s", name);
    for (size_t i = 0; i < table->count; i++)
        cr_expect_eq(table->witnesses[i], wanted[table->keys[i]], "%s: key %u", name,
                     table->keys[i]);
}

static void expect(const struct tables *tables, const struct wanted *wanted, const char *name)
{
    cr_expect_arr_eq(tables->class_witnesses, wanted->classes, PACKET_CLASSES, "%s", name);
    expect_table(&tables->protocols, wanted->protocols, PROTOCOLS, name);
    expect_table(&tables->tcp_ports, wanted->details[DETAIL_TCP], KEYS, name);
    expect_table(&tables->udp_ports, wanted->details[DETAIL_UDP], KEYS, name);
    expect_table(&tables->icmp4, wanted->details[DETAIL_ICMP4], KEYS, name);
    expect_table(&tables->icmp6, wanted->details[DETAIL_ICMP6], KEYS, name);
}

static struct interval *make(const struct prefixset *darknet, const char *path, bool sources)
{
    struct interval *interval;
    char errmsg[ERRMSG_SIZE];
    cr_assert_eq(interval_new(&interval, darknet, path, errmsg), 0, "%s", errmsg);
    if (!sources)
        interval_without_sources(interval);
    interval_open(interval, STREAM_START, STREAM_START);
    return interval;
}

static void expect_of(struct interval **intervals, size_t count, const struct wanted *wanted,
                      const char *name)
{
    struct record *record = malloc(sizeof *record);
    record_init(record);
    cr_assert_eq(interval_record(intervals, count, record), 0);
    cr_expect_null(tables_broken(&record->tables, record->packets, record->bytes), "%s", name);
    expect(&record->tables, wanted, name);
    record_close(record);
    free(record);
}

Test(witnesses, of_a_record_are_those_of_its_packets)
{
    for (size_t i = 0; i < SEEDS * DARKNET_CASES; i++) {
        const struct darknet_case *row = &darknet_cases[i % DARKNET_CASES];
        struct prefixset *darknet = stream_darknet(row->prefixes);
        struct wanted *wanted = want_stream(row, darknet, i);
        struct interval *interval = make(darknet, NULL, true);
        uint64_t seed = i;
        stream_add(interval, row, &seed, PACKETS);
        expect_of(&interval, 1, wanted, row->name);
        interval_free(interval);
        free(wanted);
        prefixset_free(darknet);
    }
}

/* Dealt out to several, and their batches finished at other packets. */
Test(witnesses, do_not_depend_on_who_counted_what)
{
    for (size_t i = 0; i < SEEDS * DARKNET_CASES; i++) {
        const struct darknet_case *row = &darknet_cases[i % DARKNET_CASES];
        struct prefixset *darknet = stream_darknet(row->prefixes);
        struct wanted *wanted = want_stream(row, darknet, i);
        struct interval *parts[3];
        uint64_t seed = i, choice = 5;
        for (size_t part = 0; part < 3; part++)
            parts[part] = make(darknet, NULL, true);
        for (int packet = 0; packet < PACKETS; packet++)
            stream_add(parts[random_below(&choice, 3)], row, &seed, 1);
        expect_of(parts, 3, wanted, row->name);
        for (size_t part = 0; part < 3; part++)
            interval_free(parts[part]);
        free(wanted);
        prefixset_free(darknet);
    }
}

/* The last batch is finished by whoever finds the file. */
Test(witnesses, of_counters_that_were_left_are_whole)
{
    const struct darknet_case *row = &darknet_cases[3];
    struct prefixset *darknet = stream_darknet(row->prefixes);
    struct wanted *wanted = want_stream(row, darknet, 8);
    char folder[64], path[96], errmsg[ERRMSG_SIZE];
    folder_make(folder);
    snprintf(path, sizeof path, "%s/" INTERVAL_FILE "0-0", folder);
    struct interval *interval = make(darknet, path, true);
    uint64_t seed = 8;
    stream_add(interval, row, &seed, PACKETS);
    cr_assert_neq(interval->image->commits[interval->image->current].waiting, 0);
    interval_free(interval);
    cr_assert_eq(interval_load(&interval, darknet, path, errmsg), 0, "%s", errmsg);
    expect_of(&interval, 1, wanted, "left");
    interval_free(interval);
    free(wanted);
    prefixset_free(darknet);
    folder_remove(folder);
}

Test(witnesses, are_not_told_without_sources)
{
    const struct darknet_case *row = &darknet_cases[3];
    struct prefixset *darknet = stream_darknet(row->prefixes);
    struct interval *interval = make(darknet, NULL, false);
    struct record *record = malloc(sizeof *record);
    uint64_t seed = 8;
    stream_add(interval, row, &seed, PACKETS);
    record_init(record);
    cr_assert_eq(interval_record(&interval, 1, record), 0);
    cr_expect_gt(record->tables.tcp_ports.count, 0);
    for (size_t i = 0; i < record->tables.tcp_ports.count; i++)
        cr_expect_eq(record->tables.tcp_ports.witnesses[i], 0);
    for (int class = 0; class < PACKET_CLASSES; class ++)
        cr_expect_eq(record->tables.class_witnesses[class], 0);
    cr_expect_null(tables_broken(&record->tables, record->packets, record->bytes));
    record_close(record);
    free(record);
    interval_free(interval);
    prefixset_free(darknet);
}

/* Sources that no longer fit into their tables have their bits all the same. */
Test(witnesses, are_told_where_the_sources_are_too_many_to_keep)
{
    const struct darknet_case *row = &darknet_cases[0];
    struct prefixset *darknet = stream_darknet(row->prefixes);
    struct wanted *wanted = want_stream(row, darknet, 4);
    struct interval *interval = make(darknet, NULL, true);
    uint64_t seed = 4;
    stream_add(interval, row, &seed, PACKETS / 2);
    interval_settle(interval, NULL);
    sources_lose(&interval->sources);
    stream_add(interval, row, &seed, PACKETS / 2);
    expect_of(&interval, 1, wanted, "lost");
    interval_free(interval);
    free(wanted);
    prefixset_free(darknet);
}

/* Bytes of packets as large as there may be stay clear of the bits. */
Test(witnesses, leave_the_bytes_as_they_are)
{
    struct prefixset *darknet = stream_darknet("198.51.100.0/24");
    struct interval *interval = make(darknet, NULL, true);
    struct image *image = interval->image;
    uint8_t bytes[20] = {0x45, [2] = 0xff, 0xff, [9] = 47};
    struct packet packet;
    memcpy(bytes + 12, "\xcb\x00\x71\x09\xc6\x33\x64\x01", 8);
    cr_assert_eq(decode(STREAM_RAW, bytes, 20, 65535, &packet), DECODE_IP);
    cr_assert_eq(packet.bytes, 65535);
    interval_add(interval, &packet, STREAM_START);
    interval_settle(interval, NULL);
    image->protocols[47] += (pair){0, 65535 * INTERVAL_PACKETS_MAX}; /* as of so many */
    cr_expect_eq(pair_bytes(image->protocols[47]), 65535 * (INTERVAL_PACKETS_MAX + 1));
    cr_expect_eq(pair_witnesses(image->protocols[47]), bit_of(&packet));
    interval_free(interval);
    prefixset_free(darknet);
}

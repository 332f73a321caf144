#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "tests/unit/collector/meters.h"
#include "tests/unit/common/random.h"

#define S     INT64_C(1000000000)
#define RAW   101 /* DLT_RAW as pcap_datalink gives it on files */
#define MOST  4
#define START (INT64_C(1700000040) * S) /* on a minute */

static struct prefixset *darknet;
static struct meter *meter;
static struct record records[MOST]; /* as they were opened after sealing */
static size_t count;

static int sink(void *user, struct record *record)
{
    char errmsg[ERRMSG_SIZE];
    struct buf sealed;
    (void)user;
    cr_assert(count < MOST);
    buf_init(&sealed);
    record->seq = count + 1;
    cr_assert_eq(record_seal(record, &sealed, errmsg), 0, "%s", errmsg);
    cr_assert_eq(record_open(&records[count++], sealed.bytes, sealed.size, errmsg), 0, "%s",
                 errmsg);
    buf_close(&sealed);
    return 0;
}

static void begin_with(bool without_sources)
{
    darknet = prefixset_new();
    cr_assert_eq(prefixset_add(darknet, "198.51.100.0/24,2001:db8::/32", NULL), 0);
    cr_assert_eq(prefixset_finish(darknet, NULL), 0);
    char errmsg[ERRMSG_SIZE];
    struct meter_options options = {.sensor = "tester",
                                    .darknet = darknet,
                                    .keep_late = true,
                                    .without_sources = without_sources,
                                    .max_quiet_ns = 3600 * S,
                                    .sink = sink};
    cr_assert_eq(meter_new(&meter, &options, errmsg), 0);
    cr_assert_eq(meter_begin(meter, START), 0);
}

static void begin(void)
{
    begin_with(false);
}

static void end(int64_t last_ns)
{
    cr_assert_eq(meter_end(meter, last_ns), 0);
    meter_free(meter);
    prefixset_free(darknet);
}

static void drop(void)
{
    for (size_t i = 0; i < count; i++)
        record_close(&records[i]);
    count = 0;
}

/* --- packets ---------------------------------------------------------------------------------- */

/* A packet to 198.51.100.HOST with `payload` behind the header; `fragment` is its offset field. */
static void feed4(int64_t ts_ns, uint8_t protocol, uint16_t fragment, const char *payload,
                  uint8_t size)
{
    uint8_t bytes[20 + 64] = {0x45, 0, 0, (uint8_t)(20 + size), [8] = 64, [9] = protocol, 203, 0};
    bytes[6] = (uint8_t)(fragment >> 8);
    bytes[7] = (uint8_t)fragment;
    memcpy(bytes + 12, "\xcb\x00\x71\x01\xc6\x33\x64\x07", 8);
    memcpy(bytes + 20, payload, size);
    struct capture_packet packet = {ts_ns, 20u + size, 20u + size, bytes};
    cr_assert_eq(meter_put(meter, RAW, &packet), 0);
}

/* The same to 2001:db8::1. */
static void feed6(int64_t ts_ns, uint8_t next, const char *payload, uint8_t size)
{
    uint8_t bytes[40 + 64] = {0x60, [5] = size, [6] = next, [7] = 64, [8] = 0x20, [23] = 9};
    memcpy(bytes + 24, "\x20\x01\x0d\xb8", 4);
    bytes[39] = 1;
    memcpy(bytes + 40, payload, size);
    struct capture_packet packet = {ts_ns, 40u + size, 40u + size, bytes};
    cr_assert_eq(meter_put(meter, RAW, &packet), 0);
}

#define TCP_TO_23(flags) "\x10\x00\x00\x17\0\0\0\0\0\0\0\0\x50" flags "\0\0\0\0\0\0", 20
#define UDP_TO_53        "\x10\x00\x00\x35\0\x08\0\0", 8
#define ECHO_REQUEST     "\x08\x00\0\0\0\0\0\0", 8
#define PORT_UNREACHABLE "\x01\x04\0\0\0\0\0\0", 8 /* ICMPv6; over IPv4 a type of no class */

static void expect_sum(struct sum sum, uint64_t packets, uint64_t bytes, const char *what)
{
    cr_expect_eq(sum.packets, packets, "%s: %lu packets", what, (unsigned long)sum.packets);
    cr_expect_eq(sum.bytes, bytes, "%s: %lu bytes", what, (unsigned long)sum.bytes);
}

static void expect_row(const struct table *table, uint16_t key, uint64_t packets, uint64_t bytes)
{
    char what[32];
    snprintf(what, sizeof what, "key %u", key);
    expect_sum(table_at(table, key), packets, bytes, what);
}

/* --- tests ------------------------------------------------------------------------------------ */

Test(meter_tables, every_packet_is_in_its_rows)
{
    begin();
    feed4(START, 6, 0, TCP_TO_23("\x02"));
    feed4(START, 6, 0, TCP_TO_23("\x02"));
    feed4(START, 6, 0, TCP_TO_23("\x14"));
    feed6(START, 6, TCP_TO_23("\x12"));
    feed4(START, 17, 0, UDP_TO_53);
    feed6(START, 17, UDP_TO_53);
    feed4(START, 1, 0, ECHO_REQUEST);
    feed6(START, 58, PORT_UNREACHABLE);
    feed4(START, 47, 0, "gre", 3);
    end(START);
    const struct tables *tables = &records[0].tables;
    expect_sum(tables->classes[CLASS_TCP_SYN], 2, 80, "tcp-syn");
    expect_sum(tables->classes[CLASS_TCP_RST], 1, 40, "tcp-rst");
    expect_sum(tables->classes[CLASS_TCP_SYNACK], 1, 60, "tcp-synack");
    expect_sum(tables->classes[CLASS_UDP], 2, 28 + 48, "udp");
    expect_sum(tables->classes[CLASS_ICMP_ECHO_REQUEST], 1, 28, "icmp-echo-request");
    expect_sum(tables->classes[CLASS_ICMP_BACKSCATTER], 1, 48, "icmp-backscatter");
    expect_sum(tables->classes[CLASS_OTHER], 1, 23, "other");
    cr_expect_eq(tables->protocols.count, 5);
    expect_row(&tables->protocols, 47, 1, 23);
    expect_row(&tables->tcp_ports, 23, 4, 180);
    expect_row(&tables->udp_ports, 53, 2, 76);
    expect_row(&tables->icmp4, 8 << 8, 1, 28);
    expect_row(&tables->icmp6, 1 << 8 | 4, 1, 48);
    cr_expect_eq(tables->tcp_ports.count + tables->udp_ports.count, 2);
    cr_expect_eq(tables->icmp4.count + tables->icmp6.count, 2);
    drop();
}

/* Later fragments and packets cut short are in class and protocol, and in no table of ports. */
Test(meter_tables, what_cannot_be_read_has_no_port)
{
    begin();
    feed4(START, 6, 0x2000, TCP_TO_23("\x02")); /* the first fragment of more */
    feed4(START, 6, 3, TCP_TO_23("\x02"));
    feed4(START, 6, 0, "\x10\x00\x00", 3);
    feed4(START, 17, 0x2001, UDP_TO_53);
    feed6(START, 44, "\x11\0\0\x08\0\0\0\0\x10\x00\x00\x35", 12); /* a later fragment of UDP */
    feed4(START, 1, 1, ECHO_REQUEST);
    feed4(START, 1, 0, "\x08", 1);
    end(START);
    const struct tables *tables = &records[0].tables;
    expect_row(&tables->protocols, 6, 3, 40 + 40 + 23);
    expect_row(&tables->tcp_ports, 23, 1, 40);
    cr_expect_eq(tables->tcp_ports.count, 1);
    expect_row(&tables->protocols, 17, 2, 28 + 52);
    cr_expect_eq(tables->udp_ports.count, 0);
    expect_row(&tables->protocols, 1, 2, 28 + 21);
    expect_sum(tables->classes[CLASS_ICMP_OTHER], 2, 49, "icmp-other");
    cr_expect_eq(tables->icmp4.count, 0);
    drop();
}

/* SCTP and its like have ports as well, which are not TCP's or UDP's. */
Test(meter_tables, ports_of_other_protocols_are_not_counted)
{
    begin();
    feed4(START, 132, 0, UDP_TO_53);
    feed4(START, 136, 0, UDP_TO_53);
    feed6(START, 33, TCP_TO_23("\x02"));
    end(START);
    cr_expect_eq(records[0].tables.protocols.count, 3);
    cr_expect_eq(records[0].tables.tcp_ports.count + records[0].tables.udp_ports.count, 0);
    drop();
}

Test(meter_tables, sources_are_those_of_the_interval)
{
    begin();
    for (int i = 0; i < 3; i++)
        feed4(START, 47, 0, "", 0);
    feed6(START, 47, "", 0);
    feed4(START + 60 * S, 47, 0, "", 0);
    end(START + 60 * S);
    cr_assert_eq(count, 2);
    cr_assert_eq(records[0].sources.count4, 1);
    cr_expect_eq(records[0].sources.address4[0], 0xcb007101);
    cr_expect_eq(records[0].sources.packets4[0], 3);
    cr_expect_eq(records[0].sources.count6, 1);
    cr_expect_eq(addrvec_packets(&records[1].sources), 1);
    drop();
}

Test(meter_tables, sources_that_are_not_wanted_are_in_no_record)
{
    begin_with(true);
    feed4(START, 47, 0, "", 0);
    feed4(START + 60 * S, 47, 0, "", 0);
    end(START + 60 * S);
    cr_assert_eq(count, 2);
    for (size_t i = 0; i < count; i++) {
        cr_expect_eq(records[i].packets, 1);
        cr_expect_eq(addrvec_active(&records[i].sources), 0);
    }
    drop();
}

Test(meter_tables, each_interval_has_its_own)
{
    begin();
    feed4(START, 17, 0, UDP_TO_53);
    feed4(START + 60 * S, 6, 0, TCP_TO_23("\x02"));
    feed4(START + 1, 1, 0, ECHO_REQUEST); /* late, in a record of its own */
    end(START + 120 * S);
    cr_assert_eq(count, 4);
    expect_row(&records[0].tables.udp_ports, 53, 1, 28);
    cr_expect_eq(records[0].tables.protocols.count, 1);
    expect_row(&records[1].tables.tcp_ports, 23, 1, 40);
    cr_expect_eq(records[1].tables.protocols.count, 1);
    for (size_t i = 2; i < 4; i++) {
        bool late = records[i].start_s * S == START;
        expect_row(&records[i].tables.icmp4, 8 << 8, late, late ? 28 : 0);
        cr_expect_eq(records[i].tables.protocols.count, late);
    }
    drop();
}

/* Whatever comes, sealing finds that every rule holds. */
Test(meter_tables, sums_hold_for_random_packets)
{
    static const uint8_t protocols[] = {1, 6, 17, 58, 0, 44, 60, 132, 255};
    uint64_t seed = 5;
    begin();
    for (int i = 0; i < 200000; i++) {
        char payload[64];
        for (size_t at = 0; at < sizeof payload; at += 8) {
            uint64_t random = random_next(&seed) & random_next(&seed);
            memcpy(payload + at, &random, 8);
        }
        uint8_t protocol = protocols[random_below(&seed, sizeof protocols)];
        uint8_t size = (uint8_t)random_below(&seed, sizeof payload + 1);
        if (i % 2)
            feed4(START, protocol, random_below(&seed, 4) == 0, payload, size);
        else
            feed6(START, protocol, payload, size);
    }
    end(START);
    cr_assert_eq(records[0].packets, 200000);
    cr_expect_gt(records[0].tables.tcp_ports.count, 100);
    cr_expect_gt(records[0].tables.udp_ports.count, 100);
    cr_expect_gt(records[0].tables.icmp4.count, 100);
    cr_expect_gt(records[0].tables.icmp6.count, 100);
    drop();
}

/*
 * A stream of random packets for tests of counting, the same on every run, and the record that an
 * interval gives: two that counted the same packets give the same bytes.
 */
#ifndef TESTS_UNIT_COLLECTOR_STREAM_OF_H
#define TESTS_UNIT_COLLECTOR_STREAM_OF_H

#include <criterion/criterion.h>
#include <string.h>

#include "collector/decode.h"
#include "collector/interval.h"
#include "common/buf.h"
#include "common/err.h"
#include "tests/unit/common/random.h"

#define STREAM_RAW   101 /* DLT_RAW as pcap_datalink gives it on files */
#define STREAM_START (INT64_C(1700000040) * 1000000000) /* on a minute */

static const struct darknet_case {
    const char *name, *prefixes;
    bool v4, v6;
} darknet_cases[] = {
    {"dense", "198.51.0.0/16", true, false},
    {"several", "198.51.0.0/17,198.51.192.0/18,203.0.113.0/24", true, false},
    {"sparse", "2001:db8::/32", false, true},
    {"mixed", "198.51.0.0/16,2001:db8::/32", true, true},
    {"huge", "198.51.0.0/16,0.0.0.0/5", true, false},
};
#define DARKNET_CASES (sizeof darknet_cases / sizeof darknet_cases[0])

static inline struct prefixset *stream_darknet(const char *prefixes)
{
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, prefixes, NULL), 0);
    cr_assert_eq(prefixset_finish(set, NULL), 0);
    return set;
}

/* A packet of every kind to 198.51.0.0/16 or to 2001:db8::/120, its ports and types among a few, so
 * that counters are hit again. Its bytes stay until the next one. */
static inline struct packet stream_packet(const struct darknet_case *darknet, uint64_t *seed)
{
    static const uint8_t protocols[] = {6, 17, 1, 58, 47, 132};
    static uint8_t bytes[64];
    uint64_t random = random_next(seed), other = random_next(seed);
    bool v6 = darknet->v6 && (!darknet->v4 || random & 1);
    size_t header = v6 ? 40 : 20;
    uint8_t *payload = bytes + header, protocol = protocols[random >> 1 & 7 % sizeof protocols];
    memset(bytes, 0, sizeof bytes);
    bytes[0] = v6 ? 0x60 : 0x45;
    bytes[v6 ? 5 : 3] = (uint8_t)(24 + (v6 ? 0 : 20) + (random >> 4 & 3));
    bytes[v6 ? 6 : 9] = protocol;
    memcpy(bytes + (v6 ? 20 : 12), &other, 4);
    bytes[12] = v6 ? 0 : 128 | (bytes[12] & 63); /* no source is in a darknet */
    if (v6)
        memcpy(bytes + 24, "\x20\x01\x0d\xb8", 4);
    else
        memcpy(bytes + 16, (uint8_t[]){198, 51, (uint8_t)(random >> 40)}, 3);
    bytes[header - 1] = (uint8_t)(random >> 8);
    payload[3] = (uint8_t)(random >> 16 & 3);
    payload[0] = protocol == 1 || protocol == 58 ? (uint8_t)(random >> 18 & 3) : 0;
    payload[12] = 0x50;
    payload[13] = (uint8_t)(random >> 20 & 0x16);
    struct packet packet;
    uint32_t size = (uint32_t)header + 24;
    cr_assert_eq(decode(STREAM_RAW, bytes, size, size, &packet), DECODE_IP);
    return packet;
}

/* What decode_plain() would tell of a packet behind an Ethernet header; false where it takes none such. */
static inline bool stream_plain(struct packet packet, struct packet_plain *plain)
{
    decode_transport(&packet);
    if (packet.family != 4 || packet.class > CLASS_UDP)
        return false;
    *plain = (struct packet_plain){.src4 = packet.src4,
                                   .dst4 = packet.dst4,
                                   .bytes = packet.bytes,
                                   .dst_port = packet.dst_port,
                                   .protocol = packet.protocol,
                                   .class = (uint8_t)packet.class};
    return true;
}

/* Adds a packet in one of the two ways; which cannot be told from what is counted. */
static inline void stream_add_packet(struct interval *interval, struct packet packet, bool plainly)
{
    struct packet_plain plain;
    if (plainly && stream_plain(packet, &plain))
        interval_add_plain(interval, &plain, STREAM_START);
    else
        interval_add(interval, &packet, STREAM_START);
}

/* Adds the next `count` packets of the stream, every other one plainly where it can be. */
static inline void stream_add(struct interval *interval, const struct darknet_case *darknet,
                              uint64_t *seed, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        stream_add_packet(interval, stream_packet(darknet, seed), i % 2);
    }
}

/* What `count` intervals give, sealed with the same name, span and sequence. */
static inline struct buf stream_sealed_of(struct interval **intervals, size_t count)
{
    struct record *record = malloc(sizeof *record);
    char errmsg[ERRMSG_SIZE];
    struct buf sealed;
    buf_init(&sealed);
    record_init(record);
    cr_assert_eq(interval_record(intervals, count, record), 0);
    strcpy(record->sensor, "tester");
    record->seq = 1;
    record->width_s = 60;
    record->first_ns = record->last_ns = STREAM_START;
    cr_assert_eq(record_seal(record, &sealed, errmsg), 0, "%s", errmsg);
    record_close(record);
    free(record);
    return sealed;
}

static inline struct buf stream_sealed(struct interval *interval)
{
    return stream_sealed_of(&interval, 1);
}

static inline bool stream_same(const struct buf *a, const struct buf *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

#endif

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/lit.h"
#include "common/err.h"

#define ETHERNET 1
#define RAW      12

static struct prefixset *darknet;
static struct lit *lit;

static void begin(void)
{
    darknet = prefixset_new();
    cr_assert_eq(prefixset_add(darknet, "198.51.100.0/24,2001:db8::/64", NULL), 0);
    cr_assert_eq(prefixset_exclude(darknet, "198.51.100.9", NULL), 0);
    cr_assert_eq(prefixset_finish(darknet, NULL), 0);
    lit = lit_new(darknet, 8);
    cr_assert_not_null(lit);
}

static void end(void)
{
    lit_free(lit);
    prefixset_free(darknet);
}

TestSuite(lit, .init = begin, .fini = end);

/* --- frames ----------------------------------------------------------------------------------- */

static uint32_t ip4(const char *text)
{
    uint32_t address;
    cr_assert_eq(inet_pton(AF_INET, text, &address), 1);
    return ntohl(address);
}

/* A frame as capture gives it: Ethernet from a MAC address that ends in `mac`, then 28 bytes. */
struct sent {
    uint8_t bytes[42];
    struct capture_packet frame;
};

static struct capture_packet *frame_at(struct sent *sent, int64_t ts_ns, uint8_t mac)
{
    memset(sent, 0, sizeof *sent);
    sent->bytes[6] = 2;
    sent->bytes[11] = mac;
    sent->bytes[12] = 8;
    sent->frame =
        (struct capture_packet){.ts_ns = ts_ns, .caplen = 42, .len = 42, .data = sent->bytes};
    return &sent->frame;
}

/* An IPv4 packet of 28 bytes. */
static void send4(const char *source, uint8_t protocol, int64_t ts_ns, uint8_t mac)
{
    struct sent sent;
    struct packet packet = {.family = 4, .protocol = protocol, .bytes = 28, .src4 = ip4(source)};
    const struct capture_packet *frame = frame_at(&sent, ts_ns, mac);
    packet.payload = sent.bytes + 34;
    lit_packet(lit, &packet, ETHERNET, frame);
}

/* An IPv6 packet of raw IP, without a link layer; `next`, then `extension` of 8 bytes. */
static void send6(const char *source, uint8_t next, const uint8_t extension[8])
{
    uint8_t address[16], destination[16] = {0};
    struct packet packet = {.family = 6, .protocol = next, .bytes = 48};
    struct capture_packet frame = {.ts_ns = 1, .caplen = 8, .len = 8, .data = extension};
    cr_assert_eq(inet_pton(AF_INET6, source, address), 1);
    packet.src6 = address;
    packet.dst6 = destination;
    packet.payload = extension;
    packet.payload_size = 8;
    lit_packet(lit, &packet, RAW, &frame);
}

static void send_arp(const char *sender, int64_t ts_ns, uint8_t mac)
{
    static const uint8_t head[] = {0, 1, 8, 0, 6, 4, 0, 1};
    struct sent sent;
    struct capture_packet *frame = frame_at(&sent, ts_ns, mac);
    uint32_t address = htonl(ip4(sender));
    sent.bytes[13] = 6;
    memcpy(sent.bytes + 14, head, sizeof head);
    memcpy(sent.bytes + 28, &address, 4);
    lit_arp(lit, ETHERNET, frame);
}

/* --- evidence as text ------------------------------------------------------------------------- */

struct text {
    char at[4096];
    size_t used;
};

static void write_evidence(void *user, const struct lit_evidence *evidence)
{
    struct text *text = user;
    char address[INET6_ADDRSTRLEN];
    inet_ntop(evidence->family == 4 ? AF_INET : AF_INET6, evidence->address, address,
              sizeof address);
    char *out = text->at + text->used;
    size_t room = sizeof text->at - text->used;
    size_t used =
        (size_t)snprintf(out, room, "%s %d/%d %d-%d", address, (int)evidence->packets,
                         (int)evidence->bytes, (int)evidence->first_ns, (int)evidence->last_ns);
    if (evidence->arp)
        used += (size_t)snprintf(out + used, room - used, " arp");
    for (unsigned protocol = 0; protocol < 256; protocol++)
        if (lit_protocol(evidence, (uint8_t)protocol))
            used += (size_t)snprintf(out + used, room - used, " %u", protocol);
    if (evidence->has_link_source)
        used += (size_t)snprintf(out + used, room - used, " :%02x%s", evidence->link_source[5],
                                 evidence->more_link_sources ? "+" : "");
    used += (size_t)snprintf(out + used, room - used, "\n");
    text->used += used;
}

static void expect(const char *expected)
{
    struct text text = {.used = 0};
    text.at[0] = '\0';
    lit_take(lit, write_evidence, &text);
    cr_assert_str_eq(text.at, expected);
}

/* --- tests ------------------------------------------------------------------------------------ */

Test(lit, only_sources_in_the_darknet_are_evidence)
{
    send4("198.51.101.1", 6, 1, 1);
    send4("198.51.100.9", 6, 1, 1); /* excluded */
    send_arp("198.51.101.1", 1, 1);
    send_arp("198.51.100.9", 1, 1);
    send_arp("0.0.0.0", 1, 1);
    send6("2001:db9::1", 58, (const uint8_t[8]){0});
    cr_assert_eq(lit_count(lit), 0);
    expect("");
    send4("198.51.100.0", 6, 1, 1);
    expect("198.51.100.0 1/28 1-1 6 :01\n");
}

Test(lit, evidence_of_an_address_is_added_up)
{
    send4("198.51.100.7", 6, 50, 1);
    send4("198.51.100.7", 255, 40, 1);
    send4("198.51.100.7", 0, 60, 1);
    send_arp("198.51.100.7", 30, 1);
    cr_assert_eq(lit_count(lit), 1);
    expect("198.51.100.7 4/84 30-60 arp 0 6 255 :01\n");
}

Test(lit, arp_alone_is_evidence)
{
    send_arp("198.51.100.7", 5, 1);
    expect("198.51.100.7 1/0 5-5 arp :01\n");
}

Test(lit, a_second_link_source_is_told)
{
    send4("198.51.100.7", 6, 1, 1);
    send_arp("198.51.100.7", 2, 2);
    send4("198.51.100.7", 6, 3, 2);
    send4("198.51.100.8", 6, 3, 2);
    expect("198.51.100.7 3/56 1-3 arp 6 :02+\n198.51.100.8 1/28 3-3 6 :02\n");
}

Test(lit, times_before_1970)
{
    send4("198.51.100.7", 6, -5, 1);
    send4("198.51.100.7", 6, -9, 1);
    expect("198.51.100.7 2/56 -9--5 6 :01\n");
}

Test(lit, ipv6_with_the_protocol_behind_its_extensions)
{
    static const uint8_t hop_by_hop[8] = {58, 0}, icmp[8] = {135};
    send6("2001:db8::5", 0, hop_by_hop); /* neighbour discovery as MLD has it */
    send6("2001:db8::5", 17, icmp);
    expect("2001:db8::5 2/96 1-1 17 58\n");
}

Test(lit, ipv4_first_and_addresses_ascend)
{
    send6("2001:db8::", 58, (const uint8_t[8]){0});
    send4("198.51.100.200", 6, 1, 1);
    send4("198.51.100.3", 6, 1, 1);
    expect("198.51.100.3 1/28 1-1 6 :01\n198.51.100.200 1/28 1-1 6 :01\n2001:db8:: 1/48 1-1 58\n");
}

Test(lit, taking_begins_anew)
{
    send4("198.51.100.7", 6, 1, 1);
    expect("198.51.100.7 1/28 1-1 6 :01\n");
    cr_assert_eq(lit_count(lit), 0);
    expect("");
    send4("198.51.100.7", 17, 9, 2);
    expect("198.51.100.7 1/28 9-9 17 :02\n");
}

Test(lit, what_finds_no_room_is_refused_and_counted)
{
    char source[INET_ADDRSTRLEN];
    for (int i = 10; i < 20; i++) {
        snprintf(source, sizeof source, "198.51.100.%d", i);
        send4(source, 6, 1, 1);
    }
    send_arp("198.51.100.20", 1, 1);
    send4("198.51.100.10", 6, 1, 1); /* one that has its room */
    cr_assert_eq(lit_count(lit), 8);
    cr_assert_eq(lit_refused(lit), 3);
    lit_take(lit, write_evidence, &(struct text){.used = 0});
    cr_assert_eq(lit_refused(lit), 0);
}

/* 198.51.100.7 and 2001:db8 + the same bytes would be one entry if the family did not count. */
Test(lit, families_are_told_apart)
{
    struct prefixset *all = prefixset_new();
    cr_assert_eq(prefixset_add(all, "0.0.0.0/0,::/0", NULL), 0);
    cr_assert_eq(prefixset_finish(all, NULL), 0);
    lit_free(lit);
    lit = lit_new(all, 8);
    send4("198.51.100.7", 6, 1, 1);
    send6("c633:6407::", 58, (const uint8_t[8]){0});
    expect("198.51.100.7 1/28 1-1 6 :01\nc633:6407:: 1/48 1-1 58\n");
    lit_free(lit);
    prefixset_free(all);
    lit = NULL;
}

static void add_packets(void *user, const struct lit_evidence *evidence)
{
    uint64_t *sums = user;
    uint32_t address = (uint32_t)evidence->address[1] << 16 | (uint32_t)evidence->address[2] << 8 |
                       evidence->address[3];
    cr_assert_eq(address, sums[0]++, "addresses ascend without a gap");
    cr_assert_eq(evidence->packets, 2);
}

Test(lit, a_hundred_thousand_addresses_each_keep_their_own)
{
    static const uint8_t data[20];
    struct capture_packet frame = {.caplen = sizeof data, .len = sizeof data, .data = data};
    struct packet packet = {.family = 4, .protocol = 17, .bytes = 20, .payload = data};
    struct prefixset *all = prefixset_new();
    uint64_t next = 0;
    cr_assert_eq(prefixset_add(all, "10.0.0.0/8", NULL), 0);
    cr_assert_eq(prefixset_finish(all, NULL), 0);
    lit_free(lit);
    lit = lit_new(all, LIT_MAX);
    for (uint32_t i = 0; i < 200000; i++) {
        packet.src4 = 0x0a000000 + i * 7919 % 100000; /* 7919 is prime to 100,000 */
        lit_packet(lit, &packet, RAW, &frame);
    }
    cr_assert_eq(lit_count(lit), 100000);
    lit_take(lit, add_packets, &next);
    cr_assert_eq(next, 100000);
    lit_free(lit);
    prefixset_free(all);
    lit = NULL;
}

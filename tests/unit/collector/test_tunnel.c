#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "collector/tunnel.h"
#include "tests/unit/collector/tunnels.h"

#define RAW      12
#define ENDPOINT 0xcb007163 /* 203.0.113.99 */

static struct prefixset *endpoints;

static void begin(void)
{
    endpoints = prefixset_new();
    cr_assert_eq(prefixset_add(endpoints, TUNNEL_ENDPOINTS, NULL), 0);
    cr_assert_eq(prefixset_finish(endpoints, NULL), 0);
}

static void end(void)
{
    prefixset_free(endpoints);
}

TestSuite(tunnel, .init = begin, .fini = end);

static enum decode_result enter_part(const struct prefixset *set, const struct crafted *frame,
                                     uint32_t caplen, struct packet *packet)
{
    uint8_t *copy = malloc(caplen ? caplen : 1);
    memcpy(copy, frame->bytes, caplen);
    memset(packet, 0xa5, sizeof *packet);
    enum decode_result result = tunnel_decode(set, RAW, copy, caplen, frame->size, packet);
    if (result == DECODE_IP) {
        decode_transport(packet);
        if (packet->family == 6)
            packet->dst4 = packet->dst6[15]; /* what is borrowed ends here */
    }
    free(copy);
    return result;
}

static enum decode_result enter(const struct crafted *frame, struct packet *packet)
{
    return enter_part(endpoints, frame, frame->size, packet);
}

static void is_inner(const struct packet *packet, int family, const char *what)
{
    cr_assert_eq(packet->family, family, "%s", what);
    cr_assert_eq(packet->dst4, family == 4 ? DST4 : 7, "%s", what);
    cr_assert_eq(packet->bytes, family == 4 ? 40 : 60, "%s", what);
    cr_assert_eq(packet->class, CLASS_TCP_SYN, "%s", what);
    cr_assert(packet->has_ports && packet->dst_port == 23, "%s", what);
}

/* --- what leads to an inner packet ------------------------------------------------------------ */

Test(tunnel, every_tunnel_leads_to_the_inner_packet)
{
    for (int outer = 4; outer <= 6; outer += 2) {
        for (size_t i = 0; i < TUNNELS; i++) {
            struct crafted frame;
            struct packet packet;
            make_tunnel(&frame, outer, &tunnels[i]);
            cr_assert_eq(enter(&frame, &packet), DECODE_IP, "%s", tunnels[i].header);
            is_inner(&packet, tunnels[i].family, tunnels[i].header);
        }
    }
}

/* Never the outer packet, wherever the frame was cut. */
Test(tunnel, a_cut_frame_counts_once_the_inner_header_is_whole)
{
    for (int outer = 4; outer <= 6; outer += 2) {
        for (size_t i = 0; i < TUNNELS; i++) {
            struct crafted frame;
            struct packet packet;
            make_tunnel(&frame, outer, &tunnels[i]);
            for (uint32_t caplen = 0; caplen < frame.size; caplen++) {
                enum decode_result result = enter_part(endpoints, &frame, caplen, &packet);
                if (caplen >= frame.size - 20)
                    cr_assert_eq(result, DECODE_IP, "%s cut to %u", tunnels[i].header, caplen);
                else
                    cr_assert_eq(result, DECODE_UNDECODABLE, "%s cut to %u", tunnels[i].header,
                                 caplen);
            }
        }
    }
}

Test(tunnel, a_tunnel_to_another_address_stays_a_packet)
{
    struct prefixset *others = prefixset_new();
    cr_assert_eq(prefixset_add(others, "203.0.113.0/27,2001:db8::98", NULL), 0);
    cr_assert_eq(prefixset_finish(others, NULL), 0);
    for (int outer = 4; outer <= 6; outer += 2) {
        for (size_t i = 0; i < TUNNELS; i++) {
            const struct prefixset *sets[] = {others, NULL};
            struct crafted frame;
            struct packet packet;
            make_tunnel(&frame, outer, &tunnels[i]);
            for (int set = 0; set < 2; set++) {
                cr_assert_eq(enter_part(sets[set], &frame, frame.size, &packet), DECODE_IP);
                cr_assert_eq(packet.dst4, outer == 4 ? ENDPOINT : 0x99, "case %zu", i);
                cr_assert_eq(packet.bytes, frame.size);
                cr_assert_eq(packet.protocol, tunnels[i].protocol);
            }
        }
    }
    prefixset_free(others);
}

Test(tunnel, an_end_point_may_be_a_prefix)
{
    struct prefixset *wide = prefixset_new();
    struct crafted frame;
    struct packet packet;
    cr_assert_eq(prefixset_add(wide, "203.0.113.96/28", NULL), 0);
    cr_assert_eq(prefixset_finish(wide, NULL), 0);
    make_tunnel(&frame, 4, &tunnels[2]);
    cr_assert_eq(enter_part(wide, &frame, frame.size, &packet), DECODE_IP);
    is_inner(&packet, 4, "prefix");
    prefixset_free(wide);
}

Test(tunnel, other_packets_to_an_end_point_stay_packets)
{
    static const struct inner cases[] = {
        {PROTOCOL_ICMP, "0800 0000 0001 0001", 0}, /* ping */
        {PROTOCOL_TCP, "3039 0016 00000000 00000000 5002", 0},
        {PROTOCOL_UDP, "3039 0035 0008 0000", 0},
        {PROTOCOL_UDP, "12b5 3039 0010 0000 08000000 00000700", 0}, /* from VXLAN's port */
        {47, "3001 880b 0000 0001 00000001", 4},                    /* version 1: PPTP */
        {94, "", 4},
    };
    for (int outer = 4; outer <= 6; outer += 2) {
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct crafted frame;
            struct packet packet;
            make_tunnel(&frame, outer, &cases[i]);
            cr_assert_eq(enter(&frame, &packet), DECODE_IP, "case %zu", i);
            cr_assert_eq(packet.dst4, outer == 4 ? ENDPOINT : 0x99, "case %zu", i);
            cr_assert_eq(packet.bytes, frame.size, "case %zu", i);
            cr_assert_eq(packet.protocol, cases[i].protocol, "case %zu", i);
        }
    }
}

/* As decode() leaves it, which does not walk extension headers. */
Test(tunnel, an_ordinary_packet_is_as_decode_gives_it)
{
    static const struct inner ping = {60, "3a00 0104 00000000 8000 0000 0001 0001", 0};
    struct crafted frame;
    struct packet packet, plain;
    make_tunnel(&frame, 6, &ping);
    cr_assert_eq(decode(RAW, frame.bytes, frame.size, frame.size, &plain), DECODE_IP);
    cr_assert_eq(tunnel_decode(endpoints, RAW, frame.bytes, frame.size, frame.size, &packet),
                 DECODE_IP);
    cr_assert_eq(packet.protocol, 60);
    cr_assert_eq(packet.payload, plain.payload);
    cr_assert_eq(packet.payload_size, plain.payload_size);
}

/* --- what does not ---------------------------------------------------------------------------- */

Test(tunnel, frames_of_other_protocols_are_not_ip)
{
    static const struct inner cases[] = {
        {47, "1000 88be 00000001 10010000 00000000" ETHERNET "0806 0001 0800 0604 0001", 0},
        {47, "0000 6558 0180c2000000 020000000001 0026 424203 0000 0000 00", 0},
        {17, "c001 12b5 0000 0000  08000000 00000700" ETHERNET "0806 0001 0800 0604", 0},
        {47, "0000 880b ff03 0021", 4},         /* PPP */
        {47, "0000 0000", 0},                   /* a keep-alive */
        {47, "0000 0300 aaaa03000000 0800", 4}, /* no 802.3 length there */
        {47, "1000 22eb 00000001 20010000 00000000 00000400" ETHERNET "0800", 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct crafted frame;
        struct packet packet;
        make_tunnel(&frame, 4, &cases[i]);
        cr_assert_eq(enter(&frame, &packet), DECODE_NOT_IP, "case %zu", i);
    }
}

Test(tunnel, headers_that_are_not_what_they_should_be_are_undecodable)
{
    static const struct inner cases[] = {
        {4, "", 6},
        {41, "", 4},
        {47, "0000 0800", 6},
        {47, "4000 0800", 4},                                            /* routing */
        {47, "0800 0800", 4},                                            /* strict source route */
        {47, "0400 0800", 4},                                            /* recursion */
        {47, "2000 0800", 0},                                            /* ends before its key */
        {47, "1000 88be 00000001 20010000 00000000" ETHERNET "0800", 4}, /* version 2 as type II */
        {47, "1000 22eb 00000001 10010000 00000000 00000000" ETHERNET "0800", 4},
        {47, "1000 22eb 00000001 20010000 00000000 00000801 0000", 0},
        {17, "c001 12b5 0000 0000  00000000 00000700" ETHERNET "0800", 4}, /* no identifier */
        {17, "c001 12b5 0008 0000", 0},
        {17, "c001", 0},
        {4, "44000028 00000000 40060000 c0000201 c6336407", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct crafted frame;
        struct packet packet;
        make_tunnel(&frame, 4, &cases[i]);
        cr_assert_eq(enter(&frame, &packet), DECODE_UNDECODABLE, "case %zu", i);
    }
}

/* Ethernet pads short frames, with whatever it has. */
Test(tunnel, padding_behind_the_outer_packet_is_no_inner_packet)
{
    struct crafted frame = {0};
    struct packet packet;
    put_outer(&frame, 4, 47, 4);
    put_hex(&frame, "0000 0800");
    put_inner(&frame, 4);
    cr_assert_eq(enter(&frame, &packet), DECODE_UNDECODABLE);
}

/* --- fragments -------------------------------------------------------------------------------- */

Test(tunnel, the_first_fragment_counts_and_later_ones_are_undecodable)
{
    for (size_t i = 0; i < TUNNELS; i++) {
        struct crafted frame;
        struct packet packet;
        make_tunnel(&frame, 4, &tunnels[i]);
        frame.bytes[6] = 0x20; /* more fragments */
        cr_assert_eq(enter(&frame, &packet), DECODE_IP);
        is_inner(&packet, tunnels[i].family, tunnels[i].header);
        frame.bytes[7] = 1; /* offset 8 */
        cr_assert_eq(enter(&frame, &packet), DECODE_UNDECODABLE, "case %zu", i);
    }
}

Test(tunnel, a_later_fragment_of_another_protocol_stays_a_packet)
{
    static const struct inner ping = {PROTOCOL_ICMP, "0800 0000 0001 0001", 0};
    struct crafted frame;
    struct packet packet;
    make_tunnel(&frame, 4, &ping);
    frame.bytes[7] = 1;
    cr_assert_eq(enter(&frame, &packet), DECODE_IP);
    cr_assert_eq(packet.dst4, ENDPOINT);
}

Test(tunnel, ipv6_extension_headers_are_walked)
{
    static const struct inner limit = {60, "2f00 0401 0401 0000  0000 0800", 4}, /* RFC 2473 */
        first = {44, "2f00 0001 00000001 0000 0800", 4},
                              later = {44, "2f00 0009 00000001 0000 0800", 4},
                              cut = {60, "2f03 0401 0401 0000", 0};
    struct crafted frame;
    struct packet packet;
    make_tunnel(&frame, 6, &limit);
    cr_assert_eq(enter(&frame, &packet), DECODE_IP);
    is_inner(&packet, 4, "encapsulation limit");
    make_tunnel(&frame, 6, &first);
    cr_assert_eq(enter(&frame, &packet), DECODE_IP);
    is_inner(&packet, 4, "first fragment");
    make_tunnel(&frame, 6, &later);
    cr_assert_eq(enter(&frame, &packet), DECODE_UNDECODABLE);
    make_tunnel(&frame, 6, &cut);
    cr_assert_eq(enter(&frame, &packet), DECODE_UNDECODABLE);
}

/* --- tunnels in tunnels ----------------------------------------------------------------------- */

/* GRE in GRE, `depth` times, to end points of both families by turns. */
static void make_nested(struct crafted *frame, int depth)
{
    frame->size = 0;
    for (int left = depth; left > 0; left--) {
        int family = left % 2 ? 4 : 6;
        uint32_t inside = 4 + 40;
        for (int i = 1; i < left; i++)
            inside += 4 + (i % 2 ? 20 : 40);
        put_outer(frame, family, 47, inside);
        put_hex(frame, left % 2 && left > 1 ? "0000 86dd" : "0000 0800");
    }
    put_inner(frame, 4);
}

Test(tunnel, tunnels_may_nest_to_a_bound)
{
    for (int depth = 1; depth <= TUNNEL_DEPTH_MAX; depth++) {
        struct crafted frame;
        struct packet packet;
        make_nested(&frame, depth);
        cr_assert_eq(enter(&frame, &packet), DECODE_IP, "depth %d", depth);
        is_inner(&packet, 4, "nested");
    }
    struct crafted frame;
    struct packet packet;
    make_nested(&frame, TUNNEL_DEPTH_MAX + 1);
    cr_assert_eq(enter(&frame, &packet), DECODE_UNDECODABLE);
}

/* Somebody else's tunnel inside of ours is a packet to the darknet as any other. */
Test(tunnel, an_inner_tunnel_to_another_address_is_the_packet)
{
    struct crafted frame = {0};
    struct packet packet;
    put_outer(&frame, 4, 47, 4 + 20 + 4 + 40);
    put_hex(&frame, "0000 0800");
    put_ipv4(&frame, 47, 20 + 4 + 40, 0);
    put_hex(&frame, "0000 0800");
    put_inner(&frame, 4);
    cr_assert_eq(enter(&frame, &packet), DECODE_IP);
    cr_assert_eq(packet.dst4, DST4);
    cr_assert_eq(packet.protocol, 47);
    cr_assert_eq(packet.bytes, 64);
}

/* --- lengths ---------------------------------------------------------------------------------- */

Test(tunnel, an_inner_length_of_zero_is_what_the_outer_packet_holds)
{
    struct crafted frame = {0};
    struct packet packet;
    put_outer(&frame, 4, 47, 4 + 1000);
    put_hex(&frame, "0000 0800");
    put_ipv4(&frame, PROTOCOL_TCP, 0, 0);
    put_tcp(&frame, 2);
    cr_assert_eq(tunnel_decode(endpoints, RAW, frame.bytes, frame.size, 1024, &packet), DECODE_IP);
    cr_assert_eq(packet.bytes, 1000);
    frame.size = 0;
    put_outer(&frame, 6, 60, 8 + 4 + 1000);
    put_hex(&frame, "2f00 0401 0401 0000  0000 0800");
    put_ipv4(&frame, PROTOCOL_TCP, 0, 0);
    cr_assert_eq(tunnel_decode(endpoints, RAW, frame.bytes, frame.size, 1052, &packet), DECODE_IP);
    cr_assert_eq(packet.bytes, 1000);
}

/* Bytes that mean nothing behind each tunnel's header: the sanitizers watch. */
Test(tunnel, noise_is_survived)
{
    uint64_t state = 7;
    unsigned decoded = 0;
    for (int round = 0; round < 100000; round++) {
        struct crafted frame;
        struct packet packet;
        make_tunnel(&frame, round % 2 ? 4 : 6, &tunnels[(size_t)round % TUNNELS]);
        for (int flips = 0; flips < 3; flips++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            frame.bytes[(state >> 40) % frame.size] = (uint8_t)(state >> 56);
        }
        decoded += enter_part(endpoints, &frame, (uint32_t)(state >> 32) % frame.size, &packet) ==
                   DECODE_IP;
    }
    cr_assert_gt(decoded, 100);
}

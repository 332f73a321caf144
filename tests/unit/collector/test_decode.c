#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/decode.h"
#include "tests/unit/collector/links.h"

#define ETHERNET 1
#define RAW      12

/* What the shortcut takes, decode() must take with the same outcome. */
static void check_shortcut(int linktype, const uint8_t *data, uint32_t caplen,
                           enum decode_result result, const struct packet *packet)
{
    struct packet_brief brief;
    int offset = decode_shortcut(linktype);
    if (offset < 0 || !decode_ipv4_at(offset, data, caplen, &brief))
        return;
    cr_assert_eq(result, DECODE_IP);
    cr_assert_eq(packet->family, 4);
    cr_assert_eq(packet->dst4, brief.dst4);
    cr_assert_eq(packet->bytes, brief.bytes);
}

/* Likewise decode_plain(), of all that decode_transport() filled in. */
static void check_plain(int linktype, const uint8_t *data, uint32_t caplen,
                        enum decode_result result, const struct packet *packet)
{
    struct packet_plain plain;
    if (!decode_plain(linktype, data, caplen, &plain))
        return;
    cr_assert_eq(result, DECODE_IP);
    cr_assert_eq(packet->family, 4);
    cr_assert_eq(packet->src4, plain.src4);
    cr_assert_eq(packet->dst4, plain.dst4);
    cr_assert_eq(packet->bytes, plain.bytes);
    cr_assert_eq(packet->protocol, plain.protocol);
    cr_assert_eq((int)packet->class, plain.class);
    cr_assert(packet->has_ports);
    cr_assert_eq(packet->dst_port, plain.dst_port);
}

/* Decodes the first `caplen` bytes, and layer 4 where there is IP. The packet's pointers are not to
 * be used afterwards. */
static enum decode_result decode_part(int linktype, const struct crafted *frame, uint32_t caplen,
                                      struct packet *packet)
{
    uint8_t *copy = malloc(caplen ? caplen : 1);
    memcpy(copy, frame->bytes, caplen);
    memset(packet, 0xa5, sizeof *packet);
    enum decode_result result = decode(linktype, copy, caplen, frame->size, packet);
    check_shortcut(linktype, copy, caplen, result, packet);
    if (result == DECODE_IP)
        decode_transport(packet);
    check_plain(linktype, copy, caplen, result, packet);
    free(copy);
    return result;
}

static enum decode_result decode_all(int linktype, const struct crafted *frame,
                                     struct packet *packet)
{
    return decode_part(linktype, frame, frame->size, packet);
}

/* --- link layers ------------------------------------------------------------------------------ */

Test(decode, every_link_layer_leads_to_the_ip_header)
{
    for (size_t i = 0; i < LINK_CASES; i++) {
        struct crafted frame;
        struct packet packet;
        make_link(&frame, &link_cases[i]);
        cr_assert(decode_supported(link_cases[i].linktype));
        enum decode_result result = decode_all(link_cases[i].linktype, &frame, &packet);
        if (link_cases[i].family == 0) {
            cr_assert_neq(result, DECODE_IP, "case %zu", i);
            continue;
        }
        cr_assert_eq(result, DECODE_IP, "case %zu", i);
        cr_assert_eq(packet.family, link_cases[i].family, "case %zu", i);
        cr_assert_eq(packet.bytes, link_cases[i].family == 4 ? 40 : 60, "case %zu", i);
        cr_assert_eq(packet.class, CLASS_TCP_SYN, "case %zu", i);
        cr_assert(packet.has_ports);
        cr_assert_eq(packet.src_port, 12345);
        cr_assert_eq(packet.dst_port, 23);
        if (packet.family == 4) {
            cr_assert_eq(packet.src4, SRC4);
            cr_assert_eq(packet.dst4, DST4);
        }
    }
}

/* Wherever a frame is cut: undecodable until the IP header is whole, and counted from there on. */
Test(decode, a_cut_frame_counts_once_its_ip_header_is_whole)
{
    for (size_t i = 0; i < LINK_CASES; i++) {
        struct crafted frame;
        struct packet packet;
        make_link(&frame, &link_cases[i]);
        uint32_t needed = frame.size - 20;
        if (link_cases[i].family == 0)
            continue;
        for (uint32_t caplen = 0; caplen < frame.size; caplen++) {
            enum decode_result result =
                decode_part(link_cases[i].linktype, &frame, caplen, &packet);
            if (caplen >= needed)
                cr_assert_eq(result, DECODE_IP, "case %zu cut to %u", i, caplen);
            else
                cr_assert_neq(result, DECODE_IP, "case %zu cut to %u", i, caplen);
        }
    }
}

/* That it takes nothing wrong, decode_part checks of every frame of these tests. */
Test(decode, the_shortcut_takes_plain_ipv4)
{
    static const uint8_t ethernet[14] = {[12] = 0x08};
    struct crafted frame = {0}, raw = {0};
    struct packet_brief brief;
    put(&frame, ethernet, sizeof ethernet);
    put_ipv4(&frame, 6, 40, 0);
    put_ipv4(&raw, 6, 400, 0);
    cr_assert(decode_ipv4_at(decode_shortcut(ETHERNET), frame.bytes, 34, &brief));
    cr_assert_eq(brief.dst4, DST4);
    cr_assert_eq(brief.bytes, 40);
    cr_assert(decode_ipv4_at(decode_shortcut(RAW), raw.bytes, 20, &brief));
    cr_assert_eq(brief.dst4, DST4);
    cr_assert_eq(brief.bytes, 400);
}

/* Ethernet, IPv4, 14 bytes of which the last are TCP's flags. */
static struct crafted plain_frame(uint8_t protocol, uint16_t total, uint8_t flags)
{
    static const uint8_t ethernet[14] = {[12] = 0x08};
    uint8_t transport[14] = {0x04, 0xd2, 0x01, 0xbb, [12] = 0x50, [13] = flags};
    struct crafted frame = {0};
    put(&frame, ethernet, sizeof ethernet);
    put_ipv4(&frame, protocol, total, 0x4000);
    put(&frame, transport, sizeof transport);
    return frame;
}

Test(decode, plain_tcp_and_udp_are_taken_in_one_step)
{
    struct packet packet;
    struct packet_plain plain;
    for (int flags = 0; flags < 256; flags++) {
        struct crafted frame = plain_frame(6, 34, (uint8_t)flags);
        cr_assert(decode_plain(ETHERNET, frame.bytes, frame.size, &plain));
        cr_assert_eq(decode_all(ETHERNET, &frame, &packet), DECODE_IP);
    }
    struct crafted frame = plain_frame(17, 24, 0x12);
    cr_assert(decode_plain(ETHERNET, frame.bytes, frame.size, &plain));
    cr_assert_eq(decode_all(ETHERNET, &frame, &packet), DECODE_IP);
    cr_assert_eq(plain.src4, SRC4);
    cr_assert_eq(plain.dst4, DST4);
    cr_assert_eq(plain.dst_port, 443);
    cr_assert_eq(plain.class, CLASS_UDP);
}

Test(decode, what_is_not_plain_takes_all_steps)
{
    static const struct {
        uint8_t protocol;
        int at, byte;
    } changes[] = {{6, 12, 0x86}, {6, 13, 6}, {6, 14, 0x44}, {6, 14, 0x46}, {6, 14, 0x65},
                   {6, 17, 33},   {6, 17, 0}, {17, 17, 23},  {6, 20, 0x01}, {6, 21, 0x01},
                   {6, 20, 0x10}, {6, 23, 1}, {6, 23, 38},   {17, 23, 49},  {6, 23, 132}};
    struct packet_plain plain;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct crafted frame = plain_frame(changes[i].protocol, 34, 2);
        cr_assert_not(decode_plain(ETHERNET, frame.bytes, frame.size - 1, &plain));
        cr_assert_not(decode_plain(RAW, frame.bytes, frame.size, &plain));
        cr_assert(decode_plain(ETHERNET, frame.bytes, frame.size, &plain));
        frame.bytes[changes[i].at] = (uint8_t)changes[i].byte;
        cr_assert_not(decode_plain(ETHERNET, frame.bytes, frame.size, &plain), "change %zu", i);
    }
}

Test(decode, the_shortcut_leaves_what_is_not_plain)
{
    static const struct {
        int at, byte;
    } changes[] = {{12, 0x86}, {13, 6}, {14, 0x44}, {14, 0x50}, {14, 0x35}, {14, 0x65}, {17, 0}};
    static const uint8_t ethernet[14] = {[12] = 0x08};
    struct packet_brief brief;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct crafted frame = {0};
        put(&frame, ethernet, sizeof ethernet);
        put_ipv4(&frame, 6, 40, 0);
        cr_assert_not(decode_ipv4_at(14, frame.bytes, 33, &brief));
        frame.bytes[changes[i].at] = (uint8_t)changes[i].byte;
        cr_assert_not(decode_ipv4_at(14, frame.bytes, 34, &brief), "change %zu", i);
        cr_assert_not(changes[i].at >= 14 && decode_ipv4_at(0, frame.bytes + 14, 20, &brief),
                      "raw, change %zu", i);
    }
}

Test(decode, ipv6_addresses_are_borrowed_from_the_frame)
{
    struct crafted frame = {0};
    struct packet packet;
    put_ipv6(&frame, PROTOCOL_UDP, 8);
    cr_assert_eq(decode(RAW, frame.bytes, frame.size, frame.size, &packet), DECODE_IP);
    cr_assert_eq(packet.src6, frame.bytes + 8);
    cr_assert_eq(packet.dst6, frame.bytes + 24);
}

Test(decode, other_protocols_are_not_ip)
{
    static const struct {
        int linktype;
        char hex[140];
    } cases[] = {
        {1, "ffffffffffff 020000000001 0806 0001 0800 0604 0001"},      /* ARP */
        {1, "0180c2000000 020000000001 0026 424203 0000 0000 00"},      /* spanning tree */
        {1, "ffffffffffff 020000000001 8100 0064 0806 0001"},           /* ARP in a VLAN */
        {1, "ffffffffffff 020000000001 8864 1100 0001 0008 c021 0101"}, /* PPP LCP */
        {1, "ffffffffffff 020000000001 8863 1109 0000 0000 0000"},      /* PPPoE discovery */
        {1, "ffffffffffff 020000000001 8847 000641ff 00000000 0000"},   /* pseudo-wire */
        {0, "07000000 0000"},
        {113, "0000 0001 0006 020000000001 0000 0806 0001"},
        {147, "4500"}, /* a link type nobody supports */
        {11, "aaaa03 000000 0806 0001"},
        {11, "424203 0000 0000 00"},         /* spanning tree */
        {11, "aaaa03 0080c2 000e 0000"},     /* bridged spanning tree */
        {11, "fefe03 81 0000 0000"},         /* CLNP */
        {107, "1841 03 b1 4500"},            /* FRF.12 */
        {107, "1841 03 80 00000c 0800"},     /* of another organization */
        {109, "11000000 00000000 00000000"}, /* AF_LINK */
        {117, "4007 01 00" ZEROS_60},
        {197, ERF_TIME "03 04 0060 0000 003a 4500"}, /* ATM */
        {239, "0700 0000 0800 0900 4500 0000"},      /* a bridge's, without its protocol */
        {242, ZEROS_40 "0806 0000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct crafted frame = {0};
        struct packet packet;
        put_hex(&frame, cases[i].hex);
        cr_assert_eq(decode_all(cases[i].linktype, &frame, &packet), DECODE_NOT_IP, "case %zu", i);
    }
}

Test(decode, a_header_that_contradicts_its_link_layer_is_undecodable)
{
    struct packet packet;
    struct crafted six_in_four = {0}, short_header = {0}, nothing = {0};
    put_hex(&six_in_four, "ffffffffffff 020000000001 0800");
    put_ipv6(&six_in_four, PROTOCOL_TCP, 0);
    cr_assert_eq(decode_all(ETHERNET, &six_in_four, &packet), DECODE_UNDECODABLE);
    put_ipv4(&short_header, PROTOCOL_TCP, 40, 0);
    short_header.bytes[0] = 0x44; /* 16 bytes of header */
    cr_assert_eq(decode_all(RAW, &short_header, &packet), DECODE_UNDECODABLE);
    put_hex(&nothing, "f0000000 00000000 00000000 00000000 00000000");
    cr_assert_eq(decode_all(RAW, &nothing, &packet), DECODE_UNDECODABLE);
}

Test(decode, headers_of_link_layers_that_are_not_what_they_should_be_are_undecodable)
{
    static const struct {
        int linktype;
        char hex[140];
    } cases[] = {
        {117, "2c02 01 00" ZEROS_40},                    /* no pflog header is so short */
        {239, "0201 0000 2c00 0900"},                    /* version 1 */
        {239, "0200 0000 0300 0100 2c00 0900"},          /* a part shorter than its header */
        {239, "0200 0000 ffff 0100 2c00 0900"},          /* and longer than the message */
        {239, "0200 0000 0800 0100 0800 0100"},          /* no payload */
        {107, "1840 0040 00 03 cc"},                     /* no end of the address */
        {107, "03 cc"},                                  /* one byte of address */
        {197, ERF_TIME "82 04 0060 0000 003a 84000000"}, /* ends in an extension header */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct crafted frame = {0};
        struct packet packet;
        put_hex(&frame, cases[i].hex);
        put_ipv4(&frame, PROTOCOL_TCP, 20, 0);
        if (cases[i].linktype == 197)
            frame.size -= 20;
        cr_assert_eq(decode_all(cases[i].linktype, &frame, &packet), DECODE_UNDECODABLE, "case %zu",
                     i);
    }
}

Test(decode, endless_parts_and_extension_headers_end)
{
    struct packet packet;
    struct crafted nflog = {0}, erf = {0};
    put_hex(&nflog, "0200 0000");
    put_hex(&erf, ERF_TIME "96 04 0060 0000 003a");
    for (int i = 0; i < 40; i++) {
        put_hex(&nflog, "0400 0100");
        put_hex(&erf, i < 39 ? "8400000000000000" : "0400000000000000");
    }
    put_hex(&nflog, "2c00 0900");
    put_ipv4(&nflog, PROTOCOL_UDP, 28, 0);
    put_ipv4(&erf, PROTOCOL_UDP, 28, 0);
    cr_assert_eq(decode_all(239, &nflog, &packet), DECODE_UNDECODABLE);
    cr_assert_eq(decode_all(197, &erf, &packet), DECODE_UNDECODABLE);
}

Test(decode, tags_and_labels_may_be_many_but_not_without_an_end)
{
    struct packet packet;
    struct crafted tags = {0}, labels = {0};
    put_hex(&tags, "ffffffffffff 020000000001");
    put_hex(&labels, "ffffffffffff 020000000001 8847");
    for (int i = 0; i < 100; i++) {
        put_hex(&tags, "8100 0001");
        put_hex(&labels, "000640ff");
    }
    cr_assert_eq(decode_all(ETHERNET, &tags, &packet), DECODE_UNDECODABLE);
    cr_assert_eq(decode_all(ETHERNET, &labels, &packet), DECODE_UNDECODABLE);
    put_hex(&tags, "0800");
    put_ipv4(&tags, PROTOCOL_UDP, 28, 0);
    put_hex(&labels, "000641ff");
    put_ipv4(&labels, PROTOCOL_UDP, 28, 0);
    cr_assert_eq(decode_all(ETHERNET, &tags, &packet), DECODE_IP);
    cr_assert_eq(decode_all(ETHERNET, &labels, &packet), DECODE_IP);
}

Test(decode, unknown_link_types_are_not_supported)
{
    cr_assert_not(decode_supported(147));
    cr_assert_not(decode_supported(105)); /* IEEE 802.11 */
    cr_assert_not(decode_supported(-1));
    size_t supported = 0;
    for (int linktype = 0; linktype < 65536; linktype++)
        supported += decode_supported(linktype);
    cr_assert_eq(supported, LINK_TYPES, "link_types of links.h is not whole");
    for (size_t i = 0; i < LINK_TYPES; i++) {
        size_t at = 0;
        while (at < LINK_CASES && link_cases[at].linktype != link_types[i])
            at++;
        cr_assert_lt(at, LINK_CASES, "no case for link type %d", link_types[i]);
    }
}

/* --- lengths ---------------------------------------------------------------------------------- */

Test(decode, bytes_are_the_ip_length_not_the_captured_one)
{
    struct packet packet;
    struct crafted frame = {0};
    put_hex(&frame, "ffffffffffff 020000000001 0800");
    put_ipv4(&frame, PROTOCOL_UDP, 1400, 0);
    cr_assert_eq(decode_all(ETHERNET, &frame, &packet), DECODE_IP);
    cr_assert_eq(packet.bytes, 1400);
}

Test(decode, a_length_of_zero_is_the_length_on_the_wire)
{
    struct packet packet;
    struct crafted four = {0}, six = {0};
    put_hex(&four, "ffffffffffff 020000000001 0800");
    put_ipv4(&four, PROTOCOL_TCP, 0, 0);
    cr_assert_eq(decode(ETHERNET, four.bytes, four.size, 14 + 40000, &packet), DECODE_IP);
    cr_assert_eq(packet.bytes, 40000);
    put_hex(&six, "ffffffffffff 020000000001 8100 0001 86dd");
    put_ipv6(&six, PROTOCOL_TCP, 0);
    cr_assert_eq(decode(ETHERNET, six.bytes, six.size, 18 + 70000, &packet), DECODE_IP);
    cr_assert_eq(packet.bytes, 70000);
}

/* --- layer 4 ---------------------------------------------------------------------------------- */

static enum packet_class class_of4(uint8_t protocol, uint16_t fragment, const char *payload,
                                   struct packet *packet)
{
    struct crafted frame = {0};
    put_ipv4(&frame, protocol, 1000, fragment);
    put_hex(&frame, payload);
    cr_assert_eq(decode_all(RAW, &frame, packet), DECODE_IP);
    return packet->class;
}

Test(decode, tcp_flags_decide_the_class)
{
    static const struct {
        uint8_t flags;
        enum packet_class class;
    } cases[] = {
        {0x02, CLASS_TCP_SYN},    {0xc2, CLASS_TCP_SYN},   {0x03, CLASS_TCP_SYN},
        {0x12, CLASS_TCP_SYNACK}, {0x04, CLASS_TCP_RST},   {0x14, CLASS_TCP_RST},
        {0x06, CLASS_TCP_RST},    {0x16, CLASS_TCP_RST},   {0xff, CLASS_TCP_RST},
        {0x10, CLASS_TCP_OTHER},  {0x11, CLASS_TCP_OTHER}, {0x00, CLASS_TCP_OTHER},
        {0x01, CLASS_TCP_OTHER},  {0x29, CLASS_TCP_OTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct packet packet;
        struct crafted frame = {0};
        put_ipv4(&frame, PROTOCOL_TCP, 40, 0);
        put_tcp(&frame, cases[i].flags);
        cr_assert_eq(decode_all(RAW, &frame, &packet), DECODE_IP);
        cr_assert_eq(packet.class, cases[i].class, "flags %02x", cases[i].flags);
    }
}

Test(decode, icmp_type_decides_the_class)
{
    static const uint8_t backscatter4[] = {0, 3, 4, 5, 11, 12, 14, 16, 18};
    static const uint8_t backscatter6[] = {1, 2, 3, 4, 129};
    for (unsigned type = 0; type < 256; type++) {
        struct packet packet;
        char payload[8];
        snprintf(payload, sizeof payload, "%02x07", type);
        enum packet_class expected = type == 8 ? CLASS_ICMP_ECHO_REQUEST
                                     : memchr(backscatter4, (int)type, sizeof backscatter4)
                                         ? CLASS_ICMP_BACKSCATTER
                                         : CLASS_ICMP_OTHER;
        cr_assert_eq(class_of4(PROTOCOL_ICMP, 0, payload, &packet), expected, "type %u", type);
        cr_assert(packet.has_icmp);
        cr_assert_eq(packet.icmp_type, type);
        cr_assert_eq(packet.icmp_code, 7);

        struct crafted frame = {0};
        put_ipv6(&frame, PROTOCOL_ICMPV6, 2);
        put_hex(&frame, payload);
        cr_assert_eq(decode_all(RAW, &frame, &packet), DECODE_IP);
        expected = type == 128                                            ? CLASS_ICMP_ECHO_REQUEST
                   : memchr(backscatter6, (int)type, sizeof backscatter6) ? CLASS_ICMP_BACKSCATTER
                                                                          : CLASS_ICMP_OTHER;
        cr_assert_eq(packet.class, expected, "ICMPv6 type %u", type);
    }
}

Test(decode, what_cannot_be_read_leaves_the_class_of_the_protocol)
{
    struct packet packet;
    cr_assert_eq(class_of4(PROTOCOL_TCP, 0, "", &packet), CLASS_TCP_OTHER);
    cr_assert_not(packet.has_ports);
    cr_assert_eq(class_of4(PROTOCOL_TCP, 0, "3039 0017 00000000 00000000 50", &packet),
                 CLASS_TCP_OTHER);
    cr_assert(packet.has_ports);
    cr_assert_eq(packet.dst_port, 23);
    cr_assert_eq(class_of4(PROTOCOL_UDP, 0, "303900", &packet), CLASS_UDP);
    cr_assert_not(packet.has_ports);
    cr_assert_eq(class_of4(PROTOCOL_ICMP, 0, "08", &packet), CLASS_ICMP_OTHER);
    cr_assert_not(packet.has_icmp);
    cr_assert_eq(class_of4(47, 0, "0000 0800", &packet), CLASS_OTHER);
    cr_assert_not(packet.has_ports);
    /* ICMPv6 in IPv4 is no ICMP */
    cr_assert_eq(class_of4(PROTOCOL_ICMPV6, 0, "8000", &packet), CLASS_OTHER);
    cr_assert_not(packet.has_icmp);
}

/* What Ethernet pads a short frame with is none of the packet's. */
Test(decode, padding_is_no_layer_4)
{
    struct packet packet;
    struct crafted four = {0}, six = {0};
    put_hex(&four, "ffffffffffff 020000000001 0800");
    put_ipv4(&four, PROTOCOL_TCP, 22, 0);
    put_tcp(&four, 2);
    cr_assert_eq(decode_all(ETHERNET, &four, &packet), DECODE_IP);
    cr_assert_not(packet.has_ports);
    cr_assert_eq(packet.class, CLASS_TCP_OTHER);
    cr_assert_eq(packet.payload_size, 2);
    four.bytes[17] = 10; /* less than its own header */
    cr_assert_eq(decode_all(ETHERNET, &four, &packet), DECODE_IP);
    cr_assert_eq(packet.bytes, 10);
    cr_assert_eq(packet.payload_size, 0);
    put_hex(&six, "ffffffffffff 020000000001 86dd");
    put_ipv6(&six, PROTOCOL_UDP, 3);
    put_hex(&six, "3039 0035 0008 0000");
    cr_assert_eq(decode_all(ETHERNET, &six, &packet), DECODE_IP);
    cr_assert_not(packet.has_ports);
}

Test(decode, a_later_fragment_has_no_layer_4)
{
    struct packet packet;
    const char *syn = "3039 0017 00000000 00000000 5002";
    cr_assert_eq(class_of4(PROTOCOL_TCP, 0x0001, syn, &packet), CLASS_TCP_OTHER);
    cr_assert_not(packet.has_ports);
    cr_assert_eq(class_of4(PROTOCOL_UDP, 0x2001, syn, &packet), CLASS_UDP);
    cr_assert_not(packet.has_ports);
    cr_assert_eq(class_of4(PROTOCOL_ICMP, 0x1fff, "0800", &packet), CLASS_ICMP_OTHER);
    cr_assert_not(packet.has_icmp);
    /* the first fragment has: more fragments, offset 0 */
    cr_assert_eq(class_of4(PROTOCOL_TCP, 0x2000, syn, &packet), CLASS_TCP_SYN);
    cr_assert(packet.has_ports);
}

Test(decode, a_header_with_options_is_passed_over)
{
    struct packet packet;
    struct crafted frame = {0};
    put_ipv4(&frame, PROTOCOL_TCP, 48, 0);
    frame.bytes[0] = 0x47;
    put_hex(&frame, "01010101 01010100");
    put_tcp(&frame, 0x12);
    cr_assert_eq(decode_all(RAW, &frame, &packet), DECODE_IP);
    cr_assert_eq(packet.class, CLASS_TCP_SYNACK);
    /* longer than what was captured: counted all the same */
    frame.bytes[0] = 0x4f;
    cr_assert_eq(decode_part(RAW, &frame, 24, &packet), DECODE_IP);
    cr_assert_eq(packet.class, CLASS_TCP_OTHER);
}

static void decode6(uint8_t next, const char *payload, struct packet *packet)
{
    struct crafted frame = {0};
    put_ipv6(&frame, next, 100);
    put_hex(&frame, payload);
    cr_assert_eq(decode_all(RAW, &frame, packet), DECODE_IP);
}

Test(decode, ipv6_extension_headers_are_walked)
{
    struct packet packet;
    decode6(0,
            "3c00 000000000000  2b00 000000000000  0601 000000000000 0000000000000000"
            "3039 0017 00000000 00000000 5002",
            &packet);
    cr_assert_eq(packet.protocol, PROTOCOL_TCP);
    cr_assert_eq(packet.class, CLASS_TCP_SYN);
    cr_assert_eq(packet.dst_port, 23);
    decode6(51, "1101 0000 00000000 00000000 3039 0035 0008 0000", &packet); /* AH, then UDP */
    cr_assert_eq(packet.protocol, PROTOCOL_UDP);
    cr_assert_eq(packet.dst_port, 53);
}

Test(decode, ipv6_fragments_are_told_apart)
{
    struct packet packet;
    decode6(44, "1100 0001 00000001 3039 0035 0008 0000", &packet); /* first */
    cr_assert_eq(packet.class, CLASS_UDP);
    cr_assert(packet.has_ports);
    decode6(44, "1100 0009 00000001 3039 0035 0008 0000", &packet); /* offset 8 */
    cr_assert_eq(packet.class, CLASS_UDP);
    cr_assert_eq(packet.protocol, PROTOCOL_UDP);
    cr_assert_not(packet.has_ports);
}

Test(decode, ipv6_extension_headers_that_are_cut_or_endless_end)
{
    struct packet packet;
    decode6(0, "06", &packet);
    cr_assert_eq(packet.class, CLASS_OTHER);
    decode6(0, "06ff 0000", &packet); /* longer than the packet */
    cr_assert_eq(packet.class, CLASS_TCP_OTHER);
    cr_assert_not(packet.has_ports);
    struct crafted frame = {0};
    put_ipv6(&frame, 0, 400);
    for (int i = 0; i < 50; i++)
        put_hex(&frame, "0000 000000000000");
    cr_assert_eq(decode_all(RAW, &frame, &packet), DECODE_IP);
    cr_assert_eq(packet.class, CLASS_OTHER);
}

Test(decode, classes_have_names)
{
    static const char names[PACKET_CLASSES][20] = {
        "tcp-syn",           "tcp-synack",       "tcp-rst",    "tcp-other", "udp",
        "icmp-echo-request", "icmp-backscatter", "icmp-other", "other"};
    for (int class = 0; class < PACKET_CLASSES; class ++)
        cr_assert_str_eq(packet_class_name((enum packet_class) class), names[class]);
}

/* Bytes that mean nothing, of every length and link type: the sanitizers watch. */
Test(decode, noise_is_survived)
{
    uint64_t state = 42;
    unsigned decoded = 0;
    for (int round = 0; round < 200000; round++) {
        struct crafted frame;
        struct packet packet;
        frame.size = (uint32_t)round % 120;
        for (uint32_t i = 0; i < frame.size; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            frame.bytes[i] = (uint8_t)(state >> 56);
        }
        if (frame.size > 14 && round % 3 == 0) {
            memcpy(frame.bytes + 12, round % 2 ? "\x81\x00" : "\x86\xdd", 2);
            frame.bytes[14] = round % 2 ? frame.bytes[14] : 0x60;
        }
        int linktype = link_types[(size_t)round % LINK_TYPES];
        decoded += decode_all(linktype, &frame, &packet) == DECODE_IP;
    }
    cr_assert_gt(decoded, 100);
}

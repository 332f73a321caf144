/*
 * Decoding of captured frames: from link type and bytes to the outermost IP header, and from there
 * to layer 4. Called once per packet by count and by the live interval: decode() first, which is
 * all that counting per address needs; then, only where class, ports or ICMP type are asked for,
 * decode_transport(). Nothing in layer 4 can therefore keep a packet from being counted. Pure: no
 * memory is taken, no byte outside of data[0..caplen) is read, every loop is bounded.
 */
#ifndef COLLECTOR_DECODE_H
#define COLLECTOR_DECODE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/tables.h"

enum decode_result {
    DECODE_IP,          /* the packet is filled in */
    DECODE_NOT_IP,      /* another protocol: ARP, LLDP, IS-IS, ... */
    DECODE_UNDECODABLE, /* cut before its destination could be read, or not what its link layer says
                         */
};

struct packet {
    /* By decode(). */
    uint8_t family;      /* 4 or 6 */
    uint8_t protocol;    /* IPv4 protocol; IPv6 next header of the fixed header, see below */
    bool later_fragment; /* IPv4: no first fragment; IPv6: set by decode_transport() */
    uint32_t bytes;      /* IP total length as the header says (IPv6: 40 + payload length); the
                            length on the wire without the link header where that says 0, as
                            under segmentation offload */
    uint32_t src4, dst4; /* family 4: host byte order */
    const uint8_t *src6, *dst6; /* family 6: 16 bytes each, borrowed from `data` */
    const uint8_t *payload;     /* what follows the IP header (IPv6: the fixed header), borrowed */
    uint32_t payload_size;      /* captured bytes of it, without padding of the link layer */
    uint32_t payload_wire;      /* bytes of it on the wire: what `bytes` leaves for it */

    /* By decode_transport(); `protocol` is then the one behind the IPv6 extension headers. */
    enum packet_class class;
    bool has_ports, has_icmp; /* false: not that protocol, cut short, or a later fragment */
    uint16_t src_port, dst_port;
    uint8_t icmp_type, icmp_code;
};

/* All that counting per destination needs of an IPv4 packet. */
struct packet_brief {
    uint32_t dst4;  /* host byte order */
    uint32_t bytes; /* as in struct packet */
};

/* All that a record takes of a plain IPv4 packet: TCP or UDP, no later fragment, a header without options,
 * and captured as far as it is looked at. */
struct packet_plain {
    uint32_t src4, dst4; /* host byte order */
    uint32_t bytes;      /* as in struct packet */
    uint16_t dst_port;
    uint8_t protocol;
    uint8_t class; /* enum packet_class */
};

/* Whether frames of `linktype` (a DLT_ value as pcap_datalink returns it) can be decoded. */
bool decode_supported(int linktype);

/* Finds the outermost IP header behind Ethernet, 802.1Q/802.1ad tags, MPLS, PPPoE, or nothing; Linux
 * cooked (v1, v2) and nflog; BSD loopback, enc and pflog; PPP, Cisco HDLC, Frame Relay, ATM,
 * InfiniBand; a switch's DSA tags; Endace's ERF. `caplen` bytes are at `data`; `len` were on
 * the wire. Fragments and packets with wrong checksums count as any other. An IPv4 header length
 * under 20 or a version that contradicts the link layer is undecodable. `packet` is defined after
 * DECODE_IP only. */
enum decode_result decode(int linktype, const uint8_t *data, uint32_t caplen, uint32_t len,
                          struct packet *packet);

/* The shortcut for counting per address: where frames of `linktype` may have their IPv4 header at a
 * fixed place, its offset; -1 where not. */
int decode_shortcut(int linktype);

/* For a frame with an IPv4 header at the offset that decode_shortcut gave, what decode() tells of
 * destination and bytes. False: left to decode(), as is a header that does not tell its total
 * length. The link layer's protocol, version, header length and total length are one load. */
static inline bool decode_ipv4_at(int offset, const uint8_t *data, uint32_t caplen,
                                  struct packet_brief *brief)
{
    const uint8_t *header = data + offset;
    uint64_t start;
    if (caplen < (uint32_t)offset + 20)
        return false;
    memcpy(&start, offset ? header - 2 : header, sizeof start);
    if (offset == 0)
        start = start << 16 | 0x0008; /* as behind the EtherType 0x0800 */
    uint32_t version_and_length = start >> 16 & 0xff, total = start >> 32 & 0xffff;
    if ((start & 0xffff) != 0x0008 || version_and_length - 0x45 > 0x4f - 0x45 || total == 0)
        return false;
    memcpy(&brief->dst4, header + 16, sizeof brief->dst4);
    brief->dst4 = __builtin_bswap32(brief->dst4);
    brief->bytes = __builtin_bswap16((uint16_t)total);
    return true;
}

#define DECODE_ETHERNET 1 /* DLT_EN10MB */

/* Classes of TCP packets by three of their flags: SYN, RST and ACK, from the lowest bit on. */
extern const uint8_t decode_tcp_class[8];

static inline enum packet_class decode_flags_class(uint32_t flags)
{
    return decode_tcp_class[(flags >> 1 & 3) | (flags >> 2 & 4)];
}

/* For a frame with a plain IPv4 packet right behind an Ethernet header, as most are, what decode() and
 * decode_transport() tell of it, with hardly a branch that depends on the packet. False: left to these. */
static inline bool decode_plain(int linktype, const uint8_t *data, uint32_t caplen,
                                struct packet_plain *packet)
{
    enum { IP = 14, TRANSPORT = IP + 20, TCP_FLAGS = TRANSPORT + 13 };
    uint64_t start;
    uint32_t middle, src, dst;
    uint16_t port;
    if (linktype != DECODE_ETHERNET || caplen <= TCP_FLAGS)
        return false;
    memcpy(&start, data + IP - 2, sizeof start);
    memcpy(&middle, data + IP + 6, sizeof middle);
    uint32_t total = __builtin_bswap16((uint16_t)(start >> 32)), protocol = middle >> 24;
    bool tcp = protocol == PROTOCOL_TCP;
    bool known = protocol < 32 && ((1u << PROTOCOL_TCP | 1u << PROTOCOL_UDP) >> protocol & 1);
    /* EtherType 0x0800, version 4, 5 words of header; a fragment's offset; flags or ports. */
    if ((start & 0xffffff) != 0x450008 || middle & 0xff1f || !known || total < 24 + 10u * tcp)
        return false;
    memcpy(&src, data + IP + 12, sizeof src);
    memcpy(&dst, data + IP + 16, sizeof dst);
    memcpy(&port, data + TRANSPORT + 2, sizeof port);
    enum packet_class tcp_class = decode_flags_class(data[TCP_FLAGS]);
    *packet = (struct packet_plain){.src4 = __builtin_bswap32(src),
                                    .dst4 = __builtin_bswap32(dst),
                                    .bytes = total,
                                    .dst_port = __builtin_bswap16(port),
                                    .protocol = (uint8_t)protocol,
                                    .class = (uint8_t)(tcp ? tcp_class : CLASS_UDP)};
    return true;
}

/* Fills in what layer 4 tells of a packet that decode() filled in. Never fails: what cannot be read
 * leaves `has_ports` and `has_icmp` false and the class that the protocol alone gives. */
void decode_transport(struct packet *packet);

#endif

/*
 * What the files of decoding share: the rest of a frame, and the steps that more than one of them
 * takes. decode.c holds the IP header, what lies between it and the link layer, and the link layers
 * that most feeds have; decode_link.c the other link layers; decode_transport.c layer 4; tunnel.c
 * goes on inside of packets. Every step takes the rest by value and reads no byte outside of it.
 */
#ifndef COLLECTOR_DECODE_PRIVATE_H
#define COLLECTOR_DECODE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "collector/decode.h"

enum ethertype {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_TEB = 0x6558,  /* Transparent Ethernet Bridging: RFC 1701 */
    ETHERTYPE_VLAN = 0x8100, /* IEEE 802.1Q */
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_MPLS = 0x8847, /* RFC 5332; 0x8848 was multicast and is upstream-assigned now */
    ETHERTYPE_MPLS_UPSTREAM = 0x8848,
    ETHERTYPE_PPPOE_SESSION = 0x8864, /* RFC 2516 */
    ETHERTYPE_QINQ = 0x88a8,          /* IEEE 802.1ad */
    ETHERTYPE_QINQ_OLD = 0x9100,
    ETHERTYPE_MIN = 0x0600, /* below is a length: IEEE 802.3 */
};

/* What of the frame is still to be looked at. */
struct rest {
    const uint8_t *at;
    uint32_t size; /* captured */
    uint32_t wire; /* on the wire; never less than `size` */
};

static inline uint16_t be16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t be32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return __builtin_bswap32(value);
}

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "be32 swaps bytes");

static inline bool skip(struct rest *rest, uint32_t size)
{
    if (rest->size < size)
        return false;
    rest->at += size;
    rest->size -= size;
    rest->wire -= size;
    return true;
}

/* IP of the version that its first nibble tells; anything else is `otherwise`. */
enum decode_result decode_ip(struct rest rest, struct packet *packet, enum decode_result otherwise);
/* What follows an EtherType of `type`, or an 802.3 length. */
enum decode_result decode_ethertype(uint16_t type, struct rest rest, struct packet *packet)
    __attribute__((noinline));
/* A header of `size` bytes with an EtherType at `type_at`; Ethernet's is 14 and 12. */
enum decode_result decode_typed(struct rest rest, uint32_t size, uint32_t type_at,
                                struct packet *packet);
/* Behind an EtherType of PPPoE: RFC 2516 section 4. */
enum decode_result decode_pppoe(struct rest rest, struct packet *packet);
/* RFC 1661 section 2: the protocol field and what follows. */
enum decode_result decode_ppp_protocol(struct rest rest, struct packet *packet);

/* The link types that decode.c leaves to decode_link.c. */
bool decode_link_supported(int linktype);
enum decode_result decode_link(int linktype, struct rest rest, struct packet *packet)
    __attribute__((noinline));

/* Moves the payload of an IPv6 packet behind the extension headers and sets the protocol found
 * there, and whether it is a later fragment; what is cut keeps the protocol of the last header that
 * could be read, and an empty payload. Nothing for IPv4. */
void decode_extensions(struct packet *packet);

#endif

#include "collector/decode.h"

#include <string.h>

#include "collector/decode_private.h"

/* DLT_ values of pcap-linktype(7), named here so that this file needs no libpcap. */
enum linktype {
    LINK_ETHERNET = 1,
    LINK_RAW = 12,
    LINK_RAW_OPENBSD = 14,
    LINK_RAW_FILE = 101, /* LINKTYPE_RAW, where it was not translated */
    LINK_LINUX_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_LINUX_SLL2 = 276,
};

/* RFC 1661, RFC 3032 section 4.3. */
enum ppp_protocol {
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_MPLS = 0x0281,
    PPP_MPLS_UPSTREAM = 0x0283,
};

#define IPV4_HEADER_MIN  20
#define IPV6_HEADER_SIZE 40

/* --- the IP header ---------------------------------------------------------------------------- */

static inline uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* What follows a header of `header` bytes, of which some may not have been captured. Beyond the
 * length that the header says is padding of the link layer. */
static inline void set_payload(struct rest rest, uint32_t header, struct packet *packet)
{
    uint32_t held = lesser(header, rest.size);
    packet->payload = rest.at + held;
    packet->payload_wire = packet->bytes > header ? packet->bytes - header : 0;
    packet->payload_size = lesser(rest.size - held, packet->payload_wire);
}

/* RFC 791 section 3.1. */
static inline enum decode_result decode_ipv4(struct rest rest, struct packet *packet)
{
    if (rest.size < IPV4_HEADER_MIN || rest.at[0] >> 4 != 4)
        return DECODE_UNDECODABLE;
    uint32_t header = (uint32_t)(rest.at[0] & 15) * 4;
    if (header < IPV4_HEADER_MIN)
        return DECODE_UNDECODABLE;
    uint32_t total = be16(rest.at + 2);
    packet->family = 4;
    packet->protocol = rest.at[9];
    packet->later_fragment = (be16(rest.at + 6) & 0x1fff) != 0;
    packet->bytes = total ? total : rest.wire;
    packet->src4 = be32(rest.at + 12);
    packet->dst4 = be32(rest.at + 16);
    set_payload(rest, header, packet);
    return DECODE_IP;
}

/* RFC 8200 section 3. */
static enum decode_result decode_ipv6(struct rest rest, struct packet *packet)
{
    if (rest.size < IPV6_HEADER_SIZE || rest.at[0] >> 4 != 6)
        return DECODE_UNDECODABLE;
    uint32_t payload = be16(rest.at + 4);
    packet->family = 6;
    packet->protocol = rest.at[6];
    packet->later_fragment = false;
    packet->bytes = payload ? IPV6_HEADER_SIZE + payload : rest.wire;
    packet->src6 = rest.at + 8;
    packet->dst6 = rest.at + 24;
    set_payload(rest, IPV6_HEADER_SIZE, packet);
    return DECODE_IP;
}

enum decode_result decode_ip(struct rest rest, struct packet *packet, enum decode_result otherwise)
{
    if (rest.size == 0)
        return DECODE_UNDECODABLE;
    switch (rest.at[0] >> 4) {
    case 4:
        return decode_ipv4(rest, packet);
    case 6:
        return decode_ipv6(rest, packet);
    default:
        return otherwise;
    }
}

/* --- between link and IP ---------------------------------------------------------------------- */

/* RFC 3032: labels up to the one with the bottom-of-stack bit. What follows is IP by its first
 * nibble (RFC 4928 section 3), or a pseudo-wire, which is not. */
static enum decode_result decode_mpls(struct rest rest, struct packet *packet)
{
    const uint8_t *label;
    do {
        label = rest.at;
        if (!skip(&rest, 4))
            return DECODE_UNDECODABLE;
    } while (!(label[2] & 1));
    return decode_ip(rest, packet, DECODE_NOT_IP);
}

enum decode_result decode_ppp_protocol(struct rest rest, struct packet *packet)
{
    if (rest.size == 0)
        return DECODE_UNDECODABLE;
    /* RFC 1661 section 6.5: an odd first byte is a compressed protocol field. */
    bool compressed = rest.at[0] & 1;
    if (!compressed && rest.size < 2)
        return DECODE_UNDECODABLE;
    uint16_t protocol = compressed ? rest.at[0] : be16(rest.at);
    skip(&rest, compressed ? 1 : 2);
    switch (protocol) {
    case PPP_IPV4:
        return decode_ipv4(rest, packet);
    case PPP_IPV6:
        return decode_ipv6(rest, packet);
    case PPP_MPLS:
    case PPP_MPLS_UPSTREAM:
        return decode_mpls(rest, packet);
    default:
        return DECODE_NOT_IP;
    }
}

/* RFC 2516 section 4: version and type, code (0 in a session), session, length. */
enum decode_result decode_pppoe(struct rest rest, struct packet *packet)
{
    const uint8_t *header = rest.at;
    if (!skip(&rest, 6))
        return DECODE_UNDECODABLE;
    return header[1] == 0 ? decode_ppp_protocol(rest, packet) : DECODE_NOT_IP;
}

/* A tag is 2 bytes of tag control and the type of what follows. */
static bool skip_tag(struct rest *rest, uint16_t *type)
{
    if (rest->size < 4)
        return false;
    *type = be16(rest->at + 2);
    return skip(rest, 4);
}

/* RFC 1042: IP behind an 802.3 length is in LLC/SNAP with an OUI of zero. */
static bool skip_snap(struct rest *rest, uint16_t *type)
{
    static const uint8_t snap[6] = {0xaa, 0xaa, 0x03, 0, 0, 0};
    if (rest->size < 8 || memcmp(rest->at, snap, sizeof snap) != 0)
        return false;
    *type = be16(rest->at + 6);
    return skip(rest, 8);
}

enum decode_result decode_ethertype(uint16_t type, struct rest rest, struct packet *packet)
{
    for (;;) { /* every turn takes bytes of the frame or ends */
        switch (type) {
        case ETHERTYPE_IPV4:
            return decode_ipv4(rest, packet);
        case ETHERTYPE_IPV6:
            return decode_ipv6(rest, packet);
        case ETHERTYPE_VLAN:
        case ETHERTYPE_QINQ:
        case ETHERTYPE_QINQ_OLD:
            if (!skip_tag(&rest, &type))
                return DECODE_UNDECODABLE;
            break;
        case ETHERTYPE_MPLS:
        case ETHERTYPE_MPLS_UPSTREAM:
            return decode_mpls(rest, packet);
        case ETHERTYPE_PPPOE_SESSION:
            return decode_pppoe(rest, packet);
        default:
            if (type >= ETHERTYPE_MIN || !skip_snap(&rest, &type))
                return DECODE_NOT_IP;
        }
    }
}

/* --- the link layer --------------------------------------------------------------------------- */

static inline enum decode_result typed(struct rest rest, uint32_t size, uint32_t type_at,
                                       struct packet *packet)
{
    const uint8_t *header = rest.at;
    if (!skip(&rest, size))
        return DECODE_UNDECODABLE;
    uint16_t type = be16(header + type_at);
    return type == ETHERTYPE_IPV4 ? decode_ipv4(rest, packet)
                                  : decode_ethertype(type, rest, packet);
}

enum decode_result decode_typed(struct rest rest, uint32_t size, uint32_t type_at,
                                struct packet *packet)
{
    return typed(rest, size, type_at, packet);
}

bool decode_supported(int linktype)
{
    switch ((enum linktype)linktype) {
    case LINK_ETHERNET:
    case LINK_RAW:
    case LINK_RAW_OPENBSD:
    case LINK_RAW_FILE:
    case LINK_LINUX_SLL:
    case LINK_IPV4:
    case LINK_IPV6:
    case LINK_LINUX_SLL2:
        return true;
    }
    return decode_link_supported(linktype);
}

/* The EtherType is in the two bytes before the header. */
int decode_shortcut(int linktype)
{
    switch ((enum linktype)linktype) {
    case LINK_ETHERNET:
        return 14;
    case LINK_LINUX_SLL:
        return 16;
    case LINK_RAW:
    case LINK_IPV4:
        return 0;
    default:
        return -1;
    }
}

enum decode_result decode(int linktype, const uint8_t *data, uint32_t caplen, uint32_t len,
                          struct packet *packet)
{
    struct rest rest = {.at = data, .size = caplen, .wire = len > caplen ? len : caplen};
    switch ((enum linktype)linktype) {
    case LINK_ETHERNET:
        return typed(rest, 14, 12, packet);
    case LINK_LINUX_SLL:
        return typed(rest, 16, 14, packet);
    case LINK_LINUX_SLL2:
        return typed(rest, 20, 0, packet);
    case LINK_RAW:
    case LINK_RAW_OPENBSD:
    case LINK_RAW_FILE:
        return decode_ip(rest, packet, DECODE_UNDECODABLE);
    case LINK_IPV4:
        return decode_ipv4(rest, packet);
    case LINK_IPV6:
        return decode_ipv6(rest, packet);
    }
    return decode_link(linktype, rest, packet);
}

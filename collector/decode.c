#include "collector/decode.h"

#include <string.h>

/* DLT_ values of pcap-linktype(7), named here so that this file needs no libpcap. */
enum linktype {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW = 12,
    LINK_RAW_OPENBSD = 14,
    LINK_PPP_SERIAL = 50,
    LINK_PPP_ETHER = 51,
    LINK_RAW_FILE = 101, /* LINKTYPE_RAW, where it was not translated */
    LINK_CHDLC = 104,
    LINK_LOOP = 108,
    LINK_LINUX_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_LINUX_SLL2 = 276,
};

enum ethertype {
    ETHERTYPE_IPV4 = 0x0800,
    ETHERTYPE_VLAN = 0x8100, /* IEEE 802.1Q */
    ETHERTYPE_IPV6 = 0x86dd,
    ETHERTYPE_MPLS = 0x8847, /* RFC 5332; 0x8848 was multicast and is upstream-assigned now */
    ETHERTYPE_MPLS_UPSTREAM = 0x8848,
    ETHERTYPE_PPPOE_SESSION = 0x8864, /* RFC 2516 */
    ETHERTYPE_QINQ = 0x88a8,          /* IEEE 802.1ad */
    ETHERTYPE_QINQ_OLD = 0x9100,
    ETHERTYPE_MIN = 0x0600, /* below is a length: IEEE 802.3 */
};

/* RFC 1661, RFC 3032 section 4.3. */
enum ppp_protocol {
    PPP_IPV4 = 0x0021,
    PPP_IPV6 = 0x0057,
    PPP_MPLS = 0x0281,
    PPP_MPLS_UPSTREAM = 0x0283,
};

/* Tags, labels and encapsulations that one frame may stack; more is no honest frame. */
#define LAYERS_MAX 16
/* IPv6 extension headers that are walked; RFC 8504 section 5.3 lets a node limit them so. */
#define EXTENSIONS_MAX 8

#define IPV4_HEADER_MIN  20
#define IPV6_HEADER_SIZE 40

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

/* --- the IP header ---------------------------------------------------------------------------- */

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
    packet->payload = rest.at + (header < rest.size ? header : rest.size);
    packet->payload_size = header < rest.size ? rest.size - header : 0;
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
    packet->payload = rest.at + IPV6_HEADER_SIZE;
    packet->payload_size = rest.size - IPV6_HEADER_SIZE;
    return DECODE_IP;
}

/* IP of the version that its first nibble tells; anything else is `otherwise`. */
static enum decode_result decode_ip(struct rest rest, struct packet *packet,
                                    enum decode_result otherwise)
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
    for (int layer = 0; layer < LAYERS_MAX; layer++) {
        const uint8_t *label = rest.at;
        if (!skip(&rest, 4))
            return DECODE_UNDECODABLE;
        if (label[2] & 1)
            return decode_ip(rest, packet, DECODE_NOT_IP);
    }
    return DECODE_UNDECODABLE;
}

static enum decode_result decode_ppp_protocol(struct rest rest, struct packet *packet)
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

/* RFC 1662 section 3.1: address and control may be compressed away. */
static enum decode_result decode_ppp(struct rest rest, struct packet *packet)
{
    if (rest.size >= 2 && rest.at[0] == 0xff && rest.at[1] == 0x03)
        skip(&rest, 2);
    return decode_ppp_protocol(rest, packet);
}

/* RFC 2516 section 4: version and type, code (0 in a session), session, length. */
static enum decode_result decode_pppoe(struct rest rest, struct packet *packet)
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

static enum decode_result decode_ethertype(uint16_t type, struct rest rest, struct packet *packet)
{
    for (int layer = 0; layer < LAYERS_MAX; layer++) {
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
    return DECODE_UNDECODABLE;
}

/* --- the link layer --------------------------------------------------------------------------- */

/* A header of `size` bytes with the EtherType at `type_at`. */
static inline enum decode_result decode_typed(struct rest rest, uint32_t size, uint32_t type_at,
                                              struct packet *packet)
{
    const uint8_t *header = rest.at;
    if (!skip(&rest, size))
        return DECODE_UNDECODABLE;
    uint16_t type = be16(header + type_at);
    return type == ETHERTYPE_IPV4 ? decode_ipv4(rest, packet)
                                  : decode_ethertype(type, rest, packet);
}

/* BSD loopback: the address family as 4 bytes, in the order of the machine that captured (NULL) or
 * of the network (LOOP); families are small, so the order is seen. */
static enum decode_result decode_loopback(struct rest rest, struct packet *packet)
{
    const uint8_t *header = rest.at;
    if (!skip(&rest, 4))
        return DECODE_UNDECODABLE;
    uint32_t family = be32(header);
    if (family >= 0x10000)
        family = __builtin_bswap32(family);
    switch (family) {
    case 2: /* AF_INET everywhere */
        return decode_ipv4(rest, packet);
    case 10: /* AF_INET6: Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* macOS */
        return decode_ipv6(rest, packet);
    default:
        return DECODE_NOT_IP;
    }
}

bool decode_supported(int linktype)
{
    switch ((enum linktype)linktype) {
    case LINK_NULL:
    case LINK_ETHERNET:
    case LINK_PPP:
    case LINK_RAW:
    case LINK_RAW_OPENBSD:
    case LINK_PPP_SERIAL:
    case LINK_PPP_ETHER:
    case LINK_RAW_FILE:
    case LINK_CHDLC:
    case LINK_LOOP:
    case LINK_LINUX_SLL:
    case LINK_IPV4:
    case LINK_IPV6:
    case LINK_LINUX_SLL2:
        return true;
    }
    return false;
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
        return decode_typed(rest, 14, 12, packet);
    case LINK_LINUX_SLL:
        return decode_typed(rest, 16, 14, packet);
    case LINK_LINUX_SLL2:
        return decode_typed(rest, 20, 0, packet);
    case LINK_CHDLC: /* RFC 1547 section 4.3.1 */
        return decode_typed(rest, 4, 2, packet);
    case LINK_RAW:
    case LINK_RAW_OPENBSD:
    case LINK_RAW_FILE:
        return decode_ip(rest, packet, DECODE_UNDECODABLE);
    case LINK_IPV4:
        return decode_ipv4(rest, packet);
    case LINK_IPV6:
        return decode_ipv6(rest, packet);
    case LINK_NULL:
    case LINK_LOOP:
        return decode_loopback(rest, packet);
    case LINK_PPP:
    case LINK_PPP_SERIAL:
        return decode_ppp(rest, packet);
    case LINK_PPP_ETHER:
        return decode_pppoe(rest, packet);
    }
    return DECODE_NOT_IP;
}

/* --- layer 4 ---------------------------------------------------------------------------------- */

/* Size of the extension header at `at`, of which at least 2 bytes can be read; 0 when `protocol` is
 * none. RFC 8200 section 4, RFC 4302 (authentication header), RFC 6275 (mobility), RFC 7401 (HIP),
 * RFC 5533 (shim6). */
static uint32_t extension_size(uint8_t protocol, const uint8_t *at)
{
    switch (protocol) {
    case 0:   /* hop-by-hop options */
    case 43:  /* routing */
    case 60:  /* destination options */
    case 135: /* mobility */
    case 139: /* host identity */
    case 140: /* shim6 */
        return ((uint32_t)at[1] + 1) * 8;
    case 44: /* fragment */
        return 8;
    case 51: /* authentication */
        return ((uint32_t)at[1] + 2) * 4;
    default:
        return 0;
    }
}

/* Moves the payload behind the extension headers and sets the protocol found there; what is cut
 * keeps the protocol of the last header that could be read, and an empty payload. */
static void walk_extensions(struct packet *packet)
{
    for (int i = 0; i < EXTENSIONS_MAX && !packet->later_fragment; i++) {
        const uint8_t *at = packet->payload;
        if (packet->payload_size < 2)
            return;
        uint32_t size = extension_size(packet->protocol, at);
        if (size == 0)
            return;
        if (packet->protocol == 44 && packet->payload_size >= 4)
            packet->later_fragment = (be16(at + 2) & 0xfff8) != 0;
        packet->protocol = at[0];
        uint32_t held = size < packet->payload_size ? size : packet->payload_size;
        packet->payload += held;
        packet->payload_size -= held;
    }
}

/* RFC 9293 section 3.1: flags are the 14th byte. A reset tells that somebody refused, whatever else
 * is set, so it wins. */
static enum packet_class tcp_class(const uint8_t *payload, uint32_t size)
{
    enum { SYN = 2, RST = 4, ACK = 16 };
    if (size < 14)
        return CLASS_TCP_OTHER;
    uint8_t flags = payload[13];
    if (flags & RST)
        return CLASS_TCP_RST;
    if (!(flags & SYN))
        return CLASS_TCP_OTHER;
    return flags & ACK ? CLASS_TCP_SYNACK : CLASS_TCP_SYN;
}

/* Types that are sent to the source of an earlier packet, which in a darknet was forged: RFC 792
 * replies (0, 14, 16), unreachable (3), source quench (4), redirect (5), time exceeded (11),
 * parameter problem (12), RFC 950 mask reply (18). The set of D. Moore et al., "Inferring Internet
 * Denial-of-Service Activity", 2001, section 3. */
static enum packet_class icmp4_class(uint8_t type)
{
    switch (type) {
    case 8:
        return CLASS_ICMP_ECHO_REQUEST;
    case 0:
    case 3:
    case 4:
    case 5:
    case 11:
    case 12:
    case 14:
    case 16:
    case 18:
        return CLASS_ICMP_BACKSCATTER;
    default:
        return CLASS_ICMP_OTHER;
    }
}

/* RFC 4443: errors 1 to 4, echo request 128, echo reply 129. */
static enum packet_class icmp6_class(uint8_t type)
{
    if (type == 128)
        return CLASS_ICMP_ECHO_REQUEST;
    return (type >= 1 && type <= 4) || type == 129 ? CLASS_ICMP_BACKSCATTER : CLASS_ICMP_OTHER;
}

static void decode_icmp(struct packet *packet)
{
    packet->class = CLASS_ICMP_OTHER;
    if (packet->later_fragment || packet->payload_size < 2)
        return;
    packet->has_icmp = true;
    packet->icmp_type = packet->payload[0];
    packet->icmp_code = packet->payload[1];
    packet->class =
        packet->family == 4 ? icmp4_class(packet->icmp_type) : icmp6_class(packet->icmp_type);
}

static void decode_ports(struct packet *packet)
{
    if (packet->later_fragment || packet->payload_size < 4)
        return;
    packet->has_ports = true;
    packet->src_port = be16(packet->payload);
    packet->dst_port = be16(packet->payload + 2);
}

void decode_transport(struct packet *packet)
{
    packet->has_ports = packet->has_icmp = false;
    packet->class = CLASS_OTHER;
    if (packet->family == 6)
        walk_extensions(packet);
    switch (packet->protocol) {
    case PROTOCOL_TCP:
        decode_ports(packet);
        packet->class = packet->later_fragment ? CLASS_TCP_OTHER
                                               : tcp_class(packet->payload, packet->payload_size);
        break;
    case PROTOCOL_UDP:
        decode_ports(packet);
        packet->class = CLASS_UDP;
        break;
    case PROTOCOL_UDPLITE:
    case PROTOCOL_SCTP:
    case PROTOCOL_DCCP:
        decode_ports(packet);
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
        if ((packet->protocol == PROTOCOL_ICMP) == (packet->family == 4))
            decode_icmp(packet);
        break;
    default:
        break;
    }
}

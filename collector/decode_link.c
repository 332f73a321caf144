#include "collector/decode_private.h"

/* DLT_ values of pcap-linktype(7). */
enum linktype {
    LINK_NULL = 0,
    LINK_PPP = 9,
    LINK_ATM_RFC1483 = 11,
    LINK_PPP_SERIAL = 50,
    LINK_PPP_ETHER = 51,
    LINK_CHDLC = 104,
    LINK_FRELAY = 107,
    LINK_LOOP = 108,
    LINK_ENC = 109,
    LINK_PFLOG = 117,
    LINK_PPP_PPPD = 166,
    LINK_ERF = 197,
    LINK_PPP_WITH_DIR = 204,
    LINK_MPLS = 219,
    LINK_NFLOG = 239,
    LINK_IPOIB = 242,
    LINK_DSA_BRCM = 281,
    LINK_DSA_BRCM_PREPEND = 282,
    LINK_DSA = 284,
    LINK_EDSA = 285,
};

/* Parts of an NFLOG message, extension headers of an ERF record; more is no honest frame. */
#define PARTS_MAX 32

/* --- BSD -------------------------------------------------------------------------------------- */

/* An address family of the system that captured; 0 is none of IP. */
static uint16_t family_ethertype(uint32_t family)
{
    switch (family) {
    case 2: /* AF_INET everywhere */
        return ETHERTYPE_IPV4;
    case 10: /* AF_INET6: Linux */
    case 24: /* NetBSD, OpenBSD */
    case 28: /* FreeBSD */
    case 30: /* macOS */
        return ETHERTYPE_IPV6;
    default:
        return 0;
    }
}

static enum decode_result decode_family(uint32_t family, struct rest rest, struct packet *packet)
{
    uint16_t type = family_ethertype(family);
    return type ? decode_ethertype(type, rest, packet) : DECODE_NOT_IP;
}

/* A header of `size` bytes that begins with the address family as 4 bytes, in the order of the
 * machine that captured or of the network; families are small, so the order is seen. */
static enum decode_result decode_family32(struct rest rest, uint32_t size, struct packet *packet)
{
    const uint8_t *header = rest.at;
    if (!skip(&rest, size))
        return DECODE_UNDECODABLE;
    uint32_t family = be32(header);
    return decode_family(family < 0x10000 ? family : __builtin_bswap32(family), rest, packet);
}

/* pflog(4): the header's length, which is padded to 4 bytes in the capture, and the family. Its size
 * differs between systems and years, from 45 bytes on. */
static enum decode_result decode_pflog(struct rest rest, struct packet *packet)
{
    const uint8_t *header = rest.at;
    if (rest.size < 2 || header[0] < 45 || !skip(&rest, (header[0] + 3u) & ~3u))
        return DECODE_UNDECODABLE;
    return decode_family(header[1], rest, packet);
}

/* --- PPP, Frame Relay, ATM -------------------------------------------------------------------- */

/* RFC 1662 section 3.1: address and control may be compressed away. */
static enum decode_result decode_ppp(struct rest rest, struct packet *packet)
{
    if (rest.size >= 2 && rest.at[0] == 0xff && rest.at[1] == 0x03)
        skip(&rest, 2);
    return decode_ppp_protocol(rest, packet);
}

/* PPP behind `size` bytes that are not PPP's: the direction, or that and the control field. */
static enum decode_result decode_ppp_behind(struct rest rest, uint32_t size, struct packet *packet)
{
    return skip(&rest, size) ? decode_ppp(rest, packet) : DECODE_UNDECODABLE;
}

/* ISO/IEC TR 9577 as RFC 2427 section 3 and RFC 2684 section 5 use it; SNAP's OUI must be zero. */
static enum decode_result decode_nlpid(struct rest rest, struct packet *packet)
{
    const uint8_t *at = rest.at;
    if (!skip(&rest, 1))
        return DECODE_UNDECODABLE;
    switch (at[0]) {
    case 0xcc:
        return decode_ethertype(ETHERTYPE_IPV4, rest, packet);
    case 0x8e:
        return decode_ethertype(ETHERTYPE_IPV6, rest, packet);
    case 0x80:
        if (!skip(&rest, 5))
            return DECODE_UNDECODABLE;
        return at[1] | at[2] | at[3] ? DECODE_NOT_IP : decode_ethertype(be16(at + 4), rest, packet);
    default:
        return DECODE_NOT_IP;
    }
}

/* Passes over the Q.922 address: 2 to 4 bytes, the last with its lowest bit set. */
static bool skip_dlci(struct rest *rest)
{
    for (int i = 0; i < 4 && rest->size; i++) {
        bool last = rest->at[0] & 1;
        skip(rest, 1);
        if (last)
            return i > 0;
    }
    return false;
}

/* RFC 2427 section 3: unnumbered information (3), a pad of zero, NLPID; Cisco has an EtherType in
 * that place. */
static enum decode_result decode_frelay(struct rest rest, struct packet *packet)
{
    if (!skip_dlci(&rest) || rest.size < 2)
        return DECODE_UNDECODABLE;
    if (rest.at[0] != 3)
        return decode_typed(rest, 2, 0, packet);
    skip(&rest, rest.at[1] == 0 ? 2 : 1);
    return decode_nlpid(rest, packet);
}

/* RFC 2684 section 5: LLC with NLPID, or SNAP with an EtherType, or with bridged Ethernet. */
static enum decode_result decode_atm(struct rest rest, struct packet *packet)
{
    static const uint8_t nlpid[3] = {0xfe, 0xfe, 0x03}, snap[6] = {0xaa, 0xaa, 0x03},
                         bridged[6] = {0xaa, 0xaa, 0x03, 0x00, 0x80, 0xc2};
    const uint8_t *at = rest.at;
    if (rest.size < 8)
        return DECODE_UNDECODABLE;
    if (memcmp(at, nlpid, sizeof nlpid) == 0) {
        skip(&rest, sizeof nlpid);
        return decode_nlpid(rest, packet);
    }
    if (memcmp(at, snap, sizeof snap) == 0)
        return decode_typed(rest, 8, 6, packet);
    if (memcmp(at, bridged, sizeof bridged) == 0 && (be16(at + 6) == 1 || be16(at + 6) == 7))
        return decode_typed(rest, 10 + 14, 10 + 12, packet);
    return DECODE_NOT_IP;
}

/* --- records of capture systems --------------------------------------------------------------- */

static inline uint16_t le16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

/* Linux's nfnetlink_log: a family and version, then parts of length, type (both in the order of the
 * machine that captured; types are small, so the order is seen) and value, padded to 4 bytes; the
 * packet begins with its IP header. */
static enum decode_result decode_nflog(struct rest rest, struct packet *packet)
{
    enum { PART_HEADER = 4, PART_PACKET_HEADER = 1, PART_PAYLOAD = 9 };
    const uint8_t *header = rest.at;
    if (!skip(&rest, 4) || header[1] != 0)
        return DECODE_UNDECODABLE;
    uint16_t type = family_ethertype(header[0]);
    for (int i = 0; i < PARTS_MAX && rest.size >= PART_HEADER; i++) {
        const uint8_t *part = rest.at;
        bool big = part[2] == 0;
        uint32_t size = big ? be16(part) : le16(part);
        uint32_t kind = big ? be16(part + 2) : le16(part + 2);
        if (kind == PART_PAYLOAD) {
            skip(&rest, PART_HEADER);
            return type ? decode_ethertype(type, rest, packet) : DECODE_NOT_IP;
        }
        if (size < PART_HEADER || !skip(&rest, (size + 3) & ~3u))
            return DECODE_UNDECODABLE;
        if (kind == PART_PACKET_HEADER && size >= PART_HEADER + 2)
            type = be16(part + PART_HEADER);
    }
    return DECODE_UNDECODABLE;
}

/* Packet over SONET is PPP or Cisco HDLC. */
static enum decode_result decode_pos(struct rest rest, struct packet *packet)
{
    bool ppp = rest.size && rest.at[0] == 0xff;
    return ppp ? decode_ppp(rest, packet) : decode_typed(rest, 4, 2, packet);
}

/* Endace's extensible record format: 16 bytes of header with the type at 8, whose highest bit tells
 * of an extension header of 8 bytes, whose highest bit tells of the next. */
static enum decode_result decode_erf(struct rest rest, struct packet *packet)
{
    const uint8_t *header = rest.at, *last = rest.at + 8;
    if (!skip(&rest, 16))
        return DECODE_UNDECODABLE;
    for (int i = 0; *last & 0x80; i++) {
        last = rest.at;
        if (i == PARTS_MAX || !skip(&rest, 8))
            return DECODE_UNDECODABLE;
    }
    switch (header[8] & 0x7f) {
    case 1:  /* HDLC_POS */
    case 10: /* COLOR_HDLC_POS */
    case 15: /* DSM_COLOR_HDLC_POS */
    case 19: /* COLOR_HASH_POS */
        return decode_pos(rest, packet);
    case 2:  /* ETH */
    case 11: /* COLOR_ETH */
    case 16: /* DSM_COLOR_ETH */
    case 20: /* COLOR_HASH_ETH */
        return decode_typed(rest, 2 + 14, 2 + 12, packet);
    case 22:
        return decode_ethertype(ETHERTYPE_IPV4, rest, packet);
    case 23:
        return decode_ethertype(ETHERTYPE_IPV6, rest, packet);
    default:
        return DECODE_NOT_IP;
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

bool decode_link_supported(int linktype)
{
    switch ((enum linktype)linktype) {
    case LINK_NULL:
    case LINK_PPP:
    case LINK_ATM_RFC1483:
    case LINK_PPP_SERIAL:
    case LINK_PPP_ETHER:
    case LINK_CHDLC:
    case LINK_FRELAY:
    case LINK_LOOP:
    case LINK_ENC:
    case LINK_PFLOG:
    case LINK_PPP_PPPD:
    case LINK_ERF:
    case LINK_PPP_WITH_DIR:
    case LINK_MPLS:
    case LINK_NFLOG:
    case LINK_IPOIB:
    case LINK_DSA_BRCM:
    case LINK_DSA_BRCM_PREPEND:
    case LINK_DSA:
    case LINK_EDSA:
        return true;
    }
    return false;
}

enum decode_result decode_link(int linktype, struct rest rest, struct packet *packet)
{
    switch ((enum linktype)linktype) {
    case LINK_NULL:
    case LINK_LOOP:
        return decode_family32(rest, 4, packet);
    case LINK_ENC: /* enc(4): family, SPI, flags */
        return decode_family32(rest, 12, packet);
    case LINK_PFLOG:
        return decode_pflog(rest, packet);
    case LINK_PPP:
    case LINK_PPP_SERIAL:
        return decode_ppp(rest, packet);
    case LINK_PPP_WITH_DIR:
        return decode_ppp_behind(rest, 1, packet);
    case LINK_PPP_PPPD: /* the direction is in the place of the address */
        return decode_ppp_behind(rest, 2, packet);
    case LINK_PPP_ETHER:
        return decode_pppoe(rest, packet);
    case LINK_CHDLC: /* RFC 1547 section 4.3.1 */
        return decode_typed(rest, 4, 2, packet);
    case LINK_FRELAY:
        return decode_frelay(rest, packet);
    case LINK_ATM_RFC1483:
        return decode_atm(rest, packet);
    case LINK_MPLS:
        return decode_ethertype(ETHERTYPE_MPLS, rest, packet);
    case LINK_NFLOG:
        return decode_nflog(rest, packet);
    case LINK_ERF:
        return decode_erf(rest, packet);
    case LINK_IPOIB: /* two addresses of 20 bytes, then RFC 4391 section 6 */
        return decode_typed(rest, 44, 40, packet);
    case LINK_DSA_BRCM: /* a tag of 4 bytes behind the addresses; before them */
    case LINK_DSA_BRCM_PREPEND:
    case LINK_DSA:
        return decode_typed(rest, 18, 16, packet);
    case LINK_EDSA: /* the tag behind an EtherType and 2 bytes */
        return decode_typed(rest, 22, 20, packet);
    }
    return DECODE_NOT_IP;
}

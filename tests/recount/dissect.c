#include "tests/recount/dissect.h"

#include <string.h>

/* LINKTYPE_ values of https://www.tcpdump.org/linktypes.html, as pcap_datalink() gives them. */
enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_PPP = 9,
    LINK_RAW = 12,
    LINK_RAW_OPENBSD = 14,
    LINK_PPP_SERIAL = 50,
    LINK_PPPOE = 51,
    LINK_LOOP = 108,
    LINK_COOKED = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_COOKED2 = 276,
};

/* IPv6 extension headers that are looked behind, as the manual page says. */
#define EXTENSIONS_MAX 8

enum {
    TCP_SYN,
    TCP_SYNACK,
    TCP_RST,
    TCP_OTHER,
    UDP,
    ICMP_ECHO_REQUEST,
    ICMP_BACKSCATTER,
    ICMP_OTHER,
    OTHER
};
const char *const class_names[] = {"tcp-syn",          "tcp-synack", "tcp-rst",
                                   "tcp-other",        "udp",        "icmp-echo-request",
                                   "icmp-backscatter", "icmp-other", "other"};

/* What is left of a frame: `size` captured bytes at `at`, `wire` bytes on the wire. */
struct rest {
    const uint8_t *at;
    uint32_t size, wire;
};

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void skip(struct rest *rest, uint32_t count)
{
    rest->at += count;
    rest->size -= count;
    rest->wire -= count;
}

/* --- layer 4 ---------------------------------------------------------------------------------- */

/* RFC 9293 section 3.1: the control bits are in byte 13. */
static int tcp_class(struct rest rest)
{
    if (rest.size < 14)
        return TCP_OTHER;
    bool syn = rest.at[13] & 2, rst = rest.at[13] & 4, ack = rest.at[13] & 16;
    if (rst)
        return TCP_RST;
    if (syn)
        return ack ? TCP_SYNACK : TCP_SYN;
    return TCP_OTHER;
}

/* Errors (RFC 1122 section 3.2.2) and replies (RFC 792, RFC 950, RFC 8335). */
static int icmp4_class(int type)
{
    switch (type) {
    case 8:
        return ICMP_ECHO_REQUEST;
    case 0:  /* echo reply */
    case 3:  /* destination unreachable */
    case 4:  /* source quench */
    case 5:  /* redirect */
    case 11: /* time exceeded */
    case 12: /* parameter problem */
    case 14: /* timestamp reply */
    case 16: /* information reply */
    case 18: /* address mask reply */
        return ICMP_BACKSCATTER;
    default:
        return ICMP_OTHER;
    }
}

/* The errors of RFC 4443 section 3, and echo reply. */
static int icmp6_class(int type)
{
    if (type == 128)
        return ICMP_ECHO_REQUEST;
    return (type >= 1 && type <= 4) || type == 129 ? ICMP_BACKSCATTER : ICMP_OTHER;
}

/* The ports come first in TCP, UDP, DCCP (RFC 4340), SCTP (RFC 9260) and UDP-Lite (RFC 3828). */
static bool has_ports(int protocol)
{
    return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 || protocol == 136;
}

/* `rest`: what follows the IP headers, nothing in a later fragment. */
static void transport(struct rest rest, struct seen *seen)
{
    bool icmp = seen->family == 4 ? seen->protocol == 1 : seen->protocol == 58;
    seen->has_ports = has_ports(seen->protocol);
    seen->has_icmp = icmp;
    seen->port = seen->has_ports && rest.size >= 4 ? (int)get16(rest.at + 2) : -1;
    seen->icmp = icmp && rest.size >= 2 ? (int)get16(rest.at) : -1;
    if (seen->protocol == 6)
        seen->class = tcp_class(rest);
    else if (seen->protocol == 17)
        seen->class = UDP;
    else if (!icmp)
        seen->class = OTHER;
    else if (seen->icmp < 0)
        seen->class = ICMP_OTHER;
    else
        seen->class =
            seen->family == 4 ? icmp4_class(seen->icmp >> 8) : icmp6_class(seen->icmp >> 8);
}

/* --- IP --------------------------------------------------------------------------------------- */

/* RFC 791 section 3.1. */
static enum verdict ip4(struct rest rest, struct seen *seen)
{
    if (rest.size < 20 || rest.at[0] >> 4 != 4 || (rest.at[0] & 15) < 5)
        return VERDICT_UNDECODABLE;
    uint32_t header = (rest.at[0] & 15u) * 4;
    unsigned offset = get16(rest.at + 6) & 0x1fff;
    seen->family = 4;
    seen->bytes = get16(rest.at + 2) ? get16(rest.at + 2) : rest.wire;
    seen->protocol = rest.at[9];
    memcpy(seen->src, rest.at + 12, 4);
    memcpy(seen->dst, rest.at + 16, 4);
    if (rest.size > seen->bytes)
        rest.size = (uint32_t)seen->bytes; /* the rest is padding of the link layer */
    if (header > rest.size || offset)
        header = rest.size;
    skip(&rest, header);
    transport(rest, seen);
    return VERDICT_IP;
}

/* Size of the extension header of that number, of which 2 bytes are at `at`; 0: it is none. */
static uint32_t extension_size(int number, const uint8_t *at)
{
    switch (number) {
    case 0:   /* hop by hop */
    case 43:  /* routing */
    case 60:  /* destination options */
    case 135: /* mobility, RFC 6275 */
    case 139: /* host identity protocol, RFC 7401 */
    case 140: /* shim6, RFC 5533 */
        return (at[1] + 1u) * 8;
    case 44: /* fragment */
        return 8;
    case 51: /* authentication, RFC 4302 */
        return (at[1] + 2u) * 4;
    default:
        return 0;
    }
}

/* RFC 8200 section 4. `rest` begins behind the fixed header and is then what follows the extension
 * headers: nothing in a later fragment, nor where one is cut short. */
static void extensions(struct rest *rest, struct seen *seen)
{
    for (int i = 0; i < EXTENSIONS_MAX && rest->size >= 2; i++) {
        uint32_t size = extension_size(seen->protocol, rest->at);
        if (size == 0)
            return;
        bool later = seen->protocol == 44 && rest->size >= 4 && get16(rest->at + 2) >> 3 != 0;
        seen->protocol = rest->at[0];
        skip(rest, size > rest->size || later ? rest->size : size);
    }
}

static enum verdict ip6(struct rest rest, struct seen *seen)
{
    if (rest.size < 40 || rest.at[0] >> 4 != 6)
        return VERDICT_UNDECODABLE;
    unsigned payload = get16(rest.at + 4);
    seen->family = 6;
    seen->bytes = payload ? 40 + payload : rest.wire;
    seen->protocol = rest.at[6];
    memcpy(seen->src, rest.at + 8, 16);
    memcpy(seen->dst, rest.at + 24, 16);
    if (rest.size > seen->bytes)
        rest.size = (uint32_t)seen->bytes;
    skip(&rest, 40);
    extensions(&rest, seen);
    transport(rest, seen);
    return VERDICT_IP;
}

static enum verdict either_ip(struct rest rest, struct seen *seen)
{
    if (rest.size == 0)
        return VERDICT_UNDECODABLE;
    if (rest.at[0] >> 4 == 4)
        return ip4(rest, seen);
    return rest.at[0] >> 4 == 6 ? ip6(rest, seen) : VERDICT_UNDECODABLE;
}

/* --- link layers ------------------------------------------------------------------------------ */

/* RFC 3032: labels to the one with the bottom bit. What follows is told by its first four bits. */
static enum verdict mpls(struct rest rest, struct seen *seen)
{
    bool bottom = false;
    while (!bottom) {
        if (rest.size < 4)
            return VERDICT_UNDECODABLE;
        bottom = rest.at[2] & 1;
        skip(&rest, 4);
    }
    if (rest.size == 0)
        return VERDICT_UNDECODABLE;
    unsigned version = rest.at[0] >> 4;
    return version == 4 || version == 6 ? either_ip(rest, seen) : VERDICT_NOT_IP;
}

/* RFC 1661 section 2, the protocol field; compressed to one byte where that is odd (section 6.5). */
static enum verdict ppp_protocol(struct rest rest, struct seen *seen)
{
    if (rest.size < 1 || (rest.size < 2 && !(rest.at[0] & 1)))
        return VERDICT_UNDECODABLE;
    unsigned protocol = rest.at[0] & 1 ? rest.at[0] : get16(rest.at);
    skip(&rest, rest.at[0] & 1 ? 1 : 2);
    switch (protocol) {
    case 0x0021:
        return ip4(rest, seen);
    case 0x0057:
        return ip6(rest, seen);
    case 0x0281:
    case 0x0283:
        return mpls(rest, seen);
    default:
        return VERDICT_NOT_IP;
    }
}

/* With the address and control bytes of HDLC (RFC 1662 section 3.1) or without. */
static enum verdict ppp(struct rest rest, struct seen *seen)
{
    if (rest.size >= 2 && rest.at[0] == 0xff && rest.at[1] == 0x03)
        skip(&rest, 2);
    return ppp_protocol(rest, seen);
}

/* RFC 2516 section 4: code 0 is session data. */
static enum verdict pppoe(struct rest rest, struct seen *seen)
{
    if (rest.size < 6)
        return VERDICT_UNDECODABLE;
    if (rest.at[1] != 0)
        return VERDICT_NOT_IP;
    skip(&rest, 6);
    return ppp_protocol(rest, seen);
}

/* An EtherType and what is behind it; up to 1500 it is a length, and LLC follows (IEEE 802.3). */
static enum verdict ethertype(unsigned type, struct rest rest, struct seen *seen)
{
    for (;;) {
        switch (type) {
        case 0x0800:
            return ip4(rest, seen);
        case 0x86dd:
            return ip6(rest, seen);
        case 0x8847:
        case 0x8848:
            return mpls(rest, seen);
        case 0x8864:
            return pppoe(rest, seen);
        case 0x8100: /* 802.1Q */
        case 0x88a8: /* 802.1ad */
        case 0x9100: /* QinQ before it was a standard */
            if (rest.size < 4)
                return VERDICT_UNDECODABLE;
            type = get16(rest.at + 2);
            skip(&rest, 4);
            continue;
        default:
            break;
        }
        /* RFC 1042: LLC with SNAP and the OUI of EtherTypes. */
        if (type <= 1500 && rest.size >= 8 && memcmp(rest.at, "\xaa\xaa\x03\0\0\0", 6) == 0) {
            type = get16(rest.at + 6);
            skip(&rest, 8);
            continue;
        }
        return VERDICT_NOT_IP;
    }
}

/* A header of `size` bytes with an EtherType at `at`. */
static enum verdict typed(uint32_t size, uint32_t at, struct rest rest, struct seen *seen)
{
    if (rest.size < size)
        return VERDICT_UNDECODABLE;
    unsigned type = get16(rest.at + at);
    skip(&rest, size);
    return ethertype(type, rest, seen);
}

/* The address family in four bytes: the same on every system for IPv4, not for IPv6. */
static enum verdict loopback(bool network_order, struct rest rest, struct seen *seen)
{
    if (rest.size < 4)
        return VERDICT_UNDECODABLE;
    const uint8_t *at = rest.at;
    uint32_t big = (uint32_t)get16(at) << 16 | get16(at + 2);
    uint32_t little = (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
    /* DLT_NULL: in the order of the capturing host, which no field tells; families are small. */
    uint32_t family = network_order || big < little ? big : little;
    skip(&rest, 4);
    if (family == 2)
        return ip4(rest, seen);
    if (family == 10 || family == 24 || family == 28 || family == 30) /* Linux, BSDs, macOS */
        return ip6(rest, seen);
    return VERDICT_NOT_IP;
}

bool dissect_knows(int linktype)
{
    static const int known[] = {LINK_NULL,        LINK_ETHERNET,   LINK_PPP,   LINK_RAW,
                                LINK_RAW_OPENBSD, LINK_PPP_SERIAL, LINK_PPPOE, LINK_LOOP,
                                LINK_COOKED,      LINK_IPV4,       LINK_IPV6,  LINK_COOKED2};
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i] == linktype)
            return true;
    return false;
}

enum verdict dissect(int linktype, const uint8_t *data, uint32_t caplen, uint32_t len,
                     struct seen *seen)
{
    struct rest rest = {data, caplen, len > caplen ? len : caplen};
    memset(seen, 0, sizeof *seen);
    switch (linktype) {
    case LINK_ETHERNET:
        return typed(14, 12, rest, seen);
    case LINK_COOKED:
        return typed(16, 14, rest, seen);
    case LINK_COOKED2:
        return typed(20, 0, rest, seen);
    case LINK_NULL:
    case LINK_LOOP:
        return loopback(linktype == LINK_LOOP, rest, seen);
    case LINK_PPP:
    case LINK_PPP_SERIAL:
        return ppp(rest, seen);
    case LINK_PPPOE:
        return pppoe(rest, seen);
    case LINK_IPV4:
        return ip4(rest, seen);
    case LINK_IPV6:
        return ip6(rest, seen);
    default:
        return either_ip(rest, seen);
    }
}

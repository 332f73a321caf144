#include "collector/decode.h"
#include "collector/decode_private.h"

/* IPv6 extension headers that are walked; RFC 8504 section 5.3 lets a node limit them so. */
#define EXTENSIONS_MAX 8

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

static void skip_extension(struct packet *packet, uint32_t size)
{
    uint32_t held = size < packet->payload_size ? size : packet->payload_size;
    packet->payload += held;
    packet->payload_size -= held;
    packet->payload_wire -= size < packet->payload_wire ? size : packet->payload_wire;
}

void decode_extensions(struct packet *packet)
{
    if (packet->family != 6)
        return;
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
        skip_extension(packet, size);
    }
}

/* RFC 9293 section 3.1: flags are the 14th byte. A reset tells that somebody refused, whatever else
 * is set, so it wins. */
enum { SYN = 1, RST = 2, ACK = 4 };
const uint8_t decode_tcp_class[8] = {
    [0] = CLASS_TCP_OTHER,       [SYN] = CLASS_TCP_SYN,
    [RST] = CLASS_TCP_RST,       [SYN | RST] = CLASS_TCP_RST,
    [ACK] = CLASS_TCP_OTHER,     [SYN | ACK] = CLASS_TCP_SYNACK,
    [RST | ACK] = CLASS_TCP_RST, [SYN | RST | ACK] = CLASS_TCP_RST,
};

static enum packet_class tcp_class(const uint8_t *payload, uint32_t size)
{
    return size < 14 ? CLASS_TCP_OTHER : decode_flags_class(payload[13]);
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
    decode_extensions(packet);
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

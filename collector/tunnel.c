#include "collector/tunnel.h"

#include "collector/decode_private.h"

#define PROTOCOL_IPV4_INSIDE 4
#define PROTOCOL_IPV6_INSIDE 41
#define PROTOCOL_GRE         47
#define PORT_VXLAN           4789

enum gre {
    GRE_CHECKSUM = 0x8000,
    GRE_KEY = 0x2000,
    GRE_SEQUENCE = 0x1000,
    GRE_REFUSED = 0x4c00, /* bits that a receiver must discard, RFC 2784 section 2.3 */
    GRE_VERSION = 0x0007,
    GRE_ERSPAN = 0x88be, /* as protocol types */
    GRE_ERSPAN3 = 0x22eb,
};

static enum decode_result decode_ethernet(struct rest rest, struct packet *packet)
{
    return decode_typed(rest, 14, 12, packet);
}

/* draft-foschiano-erspan-03 section 4.2: version 1, 8 bytes. */
static enum decode_result decode_erspan2(struct rest rest, struct packet *packet)
{
    const uint8_t *header = rest.at;
    if (!skip(&rest, 8) || header[0] >> 4 != 1)
        return DECODE_UNDECODABLE;
    return decode_ethernet(rest, packet);
}

/* Section 4.3: version 2, 12 bytes, of which the last bit tells of a sub-header of 8, and 5 bits
 * what the frame is: 0 Ethernet, 2 IP. */
static enum decode_result decode_erspan3(struct rest rest, struct packet *packet)
{
    const uint8_t *header = rest.at;
    if (!skip(&rest, 12) || header[0] >> 4 != 2 || ((header[11] & 1) && !skip(&rest, 8)))
        return DECODE_UNDECODABLE;
    switch (header[10] >> 2 & 31) {
    case 0:
        return decode_ethernet(rest, packet);
    case 2:
        return decode_ip(rest, packet, DECODE_UNDECODABLE);
    default:
        return DECODE_NOT_IP;
    }
}

/* RFC 2890 section 2. ERSPAN of type I is what has no sequence number. */
static enum decode_result decode_gre(struct rest rest, struct packet *packet)
{
    const uint8_t *header = rest.at;
    if (!skip(&rest, 4))
        return DECODE_UNDECODABLE;
    uint16_t flags = be16(header), type = be16(header + 2);
    uint32_t options = !!(flags & GRE_CHECKSUM) + !!(flags & GRE_KEY) + !!(flags & GRE_SEQUENCE);
    if (flags & GRE_REFUSED || !skip(&rest, 4 * options))
        return DECODE_UNDECODABLE;
    switch (type) {
    case ETHERTYPE_TEB:
        return decode_ethernet(rest, packet);
    case GRE_ERSPAN:
        return flags & GRE_SEQUENCE ? decode_erspan2(rest, packet) : decode_ethernet(rest, packet);
    case GRE_ERSPAN3:
        return decode_erspan3(rest, packet);
    default:
        return type < ETHERTYPE_MIN ? DECODE_NOT_IP : decode_ethertype(type, rest, packet);
    }
}

/* RFC 7348 section 5: behind UDP, 8 bytes whose first must have the bit of a valid identifier. */
static enum decode_result decode_vxlan(struct rest rest, struct packet *packet)
{
    if (!skip(&rest, 8))
        return DECODE_UNDECODABLE;
    const uint8_t *header = rest.at;
    if (!skip(&rest, 8) || !(header[0] & 8))
        return DECODE_UNDECODABLE;
    return decode_ethernet(rest, packet);
}

static bool is_endpoint(const struct prefixset *endpoints, const struct packet *packet)
{
    return packet->family == 4 ? prefixset_has4(endpoints, packet->dst4)
                               : prefixset_has6(endpoints, packet->dst6);
}

/* Whether a packet to an end point is a tunnel packet, or may be one as far as can be read. */
static bool is_tunnel(const struct packet *outer)
{
    bool readable = !outer->later_fragment && outer->payload_size >= 4;
    switch (outer->protocol) {
    case PROTOCOL_IPV4_INSIDE:
    case PROTOCOL_IPV6_INSIDE:
        return true;
    case PROTOCOL_GRE:
        return !readable || (be16(outer->payload) & GRE_VERSION) == 0;
    case PROTOCOL_UDP:
        return !readable || be16(outer->payload + 2) == PORT_VXLAN;
    default:
        return false;
    }
}

static enum decode_result decode_inner(const struct packet *outer, struct packet *inner)
{
    struct rest rest = {outer->payload, outer->payload_size, outer->payload_wire};
    if (outer->later_fragment)
        return DECODE_UNDECODABLE;
    switch (outer->protocol) {
    case PROTOCOL_IPV4_INSIDE:
        return decode_ethertype(ETHERTYPE_IPV4, rest, inner);
    case PROTOCOL_IPV6_INSIDE:
        return decode_ethertype(ETHERTYPE_IPV6, rest, inner);
    case PROTOCOL_GRE:
        return decode_gre(rest, inner);
    default:
        return decode_vxlan(rest, inner);
    }
}

enum decode_result tunnel_enter(const struct prefixset *endpoints, struct packet *packet)
{
    enum decode_result result = DECODE_IP;
    for (int depth = 0; result == DECODE_IP && is_endpoint(endpoints, packet); depth++) {
        struct packet outer = *packet;
        decode_extensions(&outer);
        if (!is_tunnel(&outer))
            return DECODE_IP;
        if (depth == TUNNEL_DEPTH_MAX)
            return DECODE_UNDECODABLE;
        result = decode_inner(&outer, packet);
    }
    return result;
}

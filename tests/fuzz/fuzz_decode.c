/* decode and decode_transport over one frame: the first byte is the link type's place in link_types, the
 * next two how much longer than captured the frame was on the wire. */
#include "tests/fuzz/fuzz.h"

#include "collector/decode.h"
#include "common/buf.h"
#include "tests/unit/collector/links.h"

/* What the tables of a record rely on (tables_broken). */
static void check_class(const struct packet *packet)
{
    bool tcp = packet->class <= CLASS_TCP_OTHER, udp = packet->class == CLASS_UDP;
    bool icmp = packet->class >= CLASS_ICMP_ECHO_REQUEST && packet->class <= CLASS_ICMP_OTHER;
    fuzz_require(tcp == (packet->protocol == PROTOCOL_TCP));
    fuzz_require(udp == (packet->protocol == PROTOCOL_UDP));
    fuzz_require(icmp ==
                 (packet->protocol == (packet->family == 4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6)));
    fuzz_require(icmp || !packet->has_icmp);
}

static void check(const struct packet *packet, const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    fuzz_require(packet->family == 4 || packet->family == 6);
    fuzz_require(packet->payload >= data && packet->payload <= end);
    fuzz_require(packet->payload_size <= (size_t)(end - packet->payload));
    fuzz_require(packet->payload_size <= packet->payload_wire);
    if (packet->family == 6)
        fuzz_require(packet->dst6 >= data && packet->dst6 + 16 <= end);
    fuzz_require((unsigned)packet->class < PACKET_CLASSES);
    check_class(packet);
}

/* What the shortcut takes, decode() takes with the same outcome. */
static void check_shortcut(int linktype, const uint8_t *data, uint32_t caplen, uint32_t len)
{
    struct packet packet;
    struct packet_brief brief;
    int offset = decode_shortcut(linktype);
    if (offset < 0 || !decode_ipv4_at(offset, data, caplen, &brief))
        return;
    fuzz_require(decode(linktype, data, caplen, len, &packet) == DECODE_IP);
    fuzz_require(packet.family == 4 && packet.dst4 == brief.dst4 && packet.bytes == brief.bytes);
}

/* What decode_plain() takes, decode() and decode_transport() take with the same outcome. */
static void check_plain(int linktype, const uint8_t *data, uint32_t caplen, uint32_t len)
{
    struct packet packet;
    struct packet_plain plain;
    if (!decode_plain(linktype, data, caplen, &plain))
        return;
    fuzz_require(decode(linktype, data, caplen, len, &packet) == DECODE_IP);
    decode_transport(&packet);
    fuzz_require(packet.family == 4 && packet.src4 == plain.src4 && packet.dst4 == plain.dst4);
    fuzz_require(packet.bytes == plain.bytes && packet.protocol == plain.protocol);
    fuzz_require((int)packet.class == plain.class && packet.has_ports);
    fuzz_require(packet.dst_port == plain.dst_port);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    const uint8_t *head = cursor_take(&in, 3);
    if (!head)
        return 0;
    int linktype = link_types[head[0] % LINK_TYPES];
    uint32_t cut = (uint32_t)(head[1] << 8 | head[2]);
    uint32_t caplen = (uint32_t)(in.end - in.at);
    struct packet packet;
    check_shortcut(linktype, in.at, caplen, caplen + cut);
    check_plain(linktype, in.at, caplen, caplen + cut);
    fuzz_require(decode_supported(linktype));
    if (decode(linktype, in.at, caplen, caplen + cut, &packet) != DECODE_IP)
        return 0;
    decode_transport(&packet);
    check(&packet, in.at, caplen);
    return 0;
}

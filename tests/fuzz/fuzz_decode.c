/* decode and decode_transport over one frame: the first two bytes are the link type, the next two how
 * much longer than captured the frame was on the wire. */
#include "tests/fuzz/fuzz.h"

#include "collector/decode.h"
#include "common/buf.h"

static void check(const struct packet *packet, const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    fuzz_require(packet->family == 4 || packet->family == 6);
    fuzz_require(packet->payload >= data && packet->payload <= end);
    fuzz_require(packet->payload_size <= (size_t)(end - packet->payload));
    if (packet->family == 6)
        fuzz_require(packet->dst6 >= data && packet->dst6 + 16 <= end);
    fuzz_require((unsigned)packet->class < PACKET_CLASSES);
}

/* What the shortcut takes, decode() takes with the same outcome. */
static void check_shortcut(int linktype, const uint8_t *data, uint32_t caplen, uint32_t len)
{
    struct packet packet;
    struct packet_brief brief;
    int offset = decode_shortcut(linktype);
    if (offset < 0 || !decode_ipv4_at(offset, data, caplen, len, &brief))
        return;
    fuzz_require(decode(linktype, data, caplen, len, &packet) == DECODE_IP);
    fuzz_require(packet.family == 4 && packet.dst4 == brief.dst4 && packet.bytes == brief.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    const uint8_t *head = cursor_take(&in, 4);
    if (!head)
        return 0;
    int linktype = head[0] << 8 | head[1];
    uint32_t cut = (uint32_t)(head[2] << 8 | head[3]);
    uint32_t caplen = (uint32_t)(in.end - in.at);
    struct packet packet;
    check_shortcut(linktype, in.at, caplen, caplen + cut);
    if (!decode_supported(linktype) ||
        decode(linktype, in.at, caplen, caplen + cut, &packet) != DECODE_IP)
        return 0;
    decode_transport(&packet);
    check(&packet, in.at, caplen);
    return 0;
}

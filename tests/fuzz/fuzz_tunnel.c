/* tunnel_decode over one frame, which begins as in fuzz_decode. Whole prefixes are end points, so that a
 * changed byte of an address does not end the way inside. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "collector/tunnel.h"
#include "common/buf.h"
#include "tests/unit/collector/links.h"

static struct prefixset *endpoints(void)
{
    static struct prefixset *set;
    if (!set) {
        set = prefixset_new();
        fuzz_require(prefixset_add(set, "203.0.113.0/24,2001:db8::80/121", NULL) == 0);
        fuzz_require(prefixset_finish(set, NULL) == 0);
    }
    return set;
}

static bool to_endpoint(const struct packet *packet)
{
    return packet->family == 4 ? prefixset_has4(endpoints(), packet->dst4)
                               : prefixset_has6(endpoints(), packet->dst6);
}

static void check(const struct packet *packet, const uint8_t *data, size_t size)
{
    const uint8_t *end = data + size;
    fuzz_require(packet->payload >= data && packet->payload <= end);
    fuzz_require(packet->payload_size <= (size_t)(end - packet->payload));
    if (packet->family == 6)
        fuzz_require(packet->dst6 >= data && packet->dst6 + 16 <= end);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct cursor in = cursor_over(bytes, size);
    const uint8_t *head = cursor_take(&in, 3);
    if (!head)
        return 0;
    int linktype = link_types[head[0] % LINK_TYPES];
    uint32_t caplen = (uint32_t)(in.end - in.at), len = caplen + (uint32_t)(head[1] << 8 | head[2]);
    struct packet plain, packet;
    enum decode_result outer = decode(linktype, in.at, caplen, len, &plain);
    enum decode_result result = tunnel_decode(endpoints(), linktype, in.at, caplen, len, &packet);
    if (outer != DECODE_IP || !to_endpoint(&plain)) {
        fuzz_require(result == outer);
        fuzz_require(result != DECODE_IP || packet.payload == plain.payload);
    }
    if (result != DECODE_IP)
        return 0;
    check(&packet, in.at, caplen);
    decode_transport(&packet);
    check(&packet, in.at, caplen);
    return 0;
}

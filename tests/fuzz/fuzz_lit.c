/* The evidence of lit addresses over a few frames: the first two bytes are the link type, the next
 * how many addresses there is room for; then frames, each behind a byte with its size. Every address
 * is in the darknet, so that every source that can be read is evidence. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "collector/lit.h"
#include "common/buf.h"

static struct prefixset *everything(void)
{
    struct prefixset *set = prefixset_new();
    fuzz_require(set && prefixset_add(set, "0.0.0.0/0,::/0", NULL) == 0);
    fuzz_require(prefixset_finish(set, NULL) == 0);
    return set;
}

/* 1 when the frame is evidence. A frame is never both IP and ARP. */
static uint64_t look_at(struct lit *lit, int linktype, const struct capture_packet *frame)
{
    struct packet packet;
    uint32_t sender;
    bool arp = sender_arp(linktype, frame->data, frame->caplen, &sender);
    switch (decode(linktype, frame->data, frame->caplen, frame->len, &packet)) {
    case DECODE_IP:
        fuzz_require(!arp);
        lit_packet(lit, &packet, linktype, frame);
        return 1;
    case DECODE_NOT_IP:
        lit_arp(lit, linktype, frame);
        return arp;
    default:
        fuzz_require(!arp);
        return 0;
    }
}

struct taken {
    uint64_t packets, addresses;
    struct lit_evidence last;
};

static void take(void *user, const struct lit_evidence *evidence)
{
    struct taken *taken = user;
    const struct lit_evidence *last = &taken->last;
    fuzz_require(evidence->packets > 0 && evidence->first_ns <= evidence->last_ns);
    fuzz_require(evidence->family == 4 || evidence->family == 6);
    fuzz_require(evidence->family > last->family ||
                 (evidence->family == last->family &&
                  memcmp(evidence->address, last->address, sizeof last->address) > 0));
    taken->packets += evidence->packets;
    taken->addresses++;
    taken->last = *evidence;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct prefixset *set;
    struct cursor in = cursor_over(bytes, size);
    const uint8_t *head = cursor_take(&in, 3);
    if (!head)
        return 0;
    if (!set)
        set = everything();
    int linktype = head[0] << 8 | head[1];
    uint32_t max = 1 + head[2];
    uint64_t evidence = 0;
    struct taken taken = {0};
    struct lit *lit = lit_new(set, max);
    fuzz_require(lit);
    while (in.at < in.end && !in.failed) {
        struct capture_packet frame = {.ts_ns = *in.at};
        frame.caplen = frame.len = cursor_u8(&in);
        frame.data = cursor_take(&in, frame.caplen);
        if (frame.data)
            evidence += look_at(lit, linktype, &frame);
    }
    uint64_t refused = lit_refused(lit);
    fuzz_require(lit_count(lit) <= max);
    lit_take(lit, take, &taken);
    fuzz_require(taken.packets + refused == evidence && taken.addresses <= max);
    fuzz_require(lit_count(lit) == 0 && lit_refused(lit) == 0);
    lit_free(lit);
    return 0;
}

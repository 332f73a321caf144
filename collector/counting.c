#include "collector/counting.h"

#include <inttypes.h>

#include "collector/decode.h"
#include "collector/tunnel.h"
#include "common/err.h"
#include "common/log.h"

int counting_open(struct counting *counting, const struct breakdown_kind *kind,
                  const struct breakdown_options *options)
{
    *counting =
        (struct counting){.kind = kind, .darknet = options->darknet, .tunnels = options->tunnels};
    counting->state = kind->open(options);
    return counting->state ? 0 : ERR_NOMEM;
}

void counting_close(struct counting *counting)
{
    counting->kind->close(counting->state);
}

static bool in_darknet(const struct prefixset *darknet, const struct packet *packet)
{
    return packet->family == 4 ? prefixset_has4(darknet, packet->dst4)
                               : prefixset_has6(darknet, packet->dst6);
}

static enum tally_result add_packet(struct counting *counting, struct packet *packet, int64_t ts_ns)
{
    const struct breakdown_kind *kind = counting->kind;
    if (!kind->finds_darknet && !in_darknet(counting->darknet, packet))
        return TALLY_OFF_DARKNET;
    if (kind->transport)
        decode_transport(packet);
    return kind->add(counting->state, packet, ts_ns);
}

static void count_packet(struct counting *counting, const struct capture_packet *frame)
{
    struct packet packet;
    switch (tunnel_decode(counting->tunnels, counting->linktype, frame->data, frame->caplen,
                          frame->len, &packet)) {
    case DECODE_IP:
        counting->results[add_packet(counting, &packet, frame->ts_ns)]++;
        break;
    case DECODE_NOT_IP:
        counting->not_ip++;
        break;
    case DECODE_UNDECODABLE:
        counting->undecodable++;
        break;
    }
}

/* Packets with their IPv4 header at `offset` are gathered and added together; any other packet comes
 * after what was gathered before it, so that the order stays. */
static void count_shortcut(struct counting *counting, const struct capture_packet *frames,
                           int frame_count, int offset)
{
    struct tally_item items[CAPTURE_BATCH_MAX];
    size_t gathered = 0;
    for (int i = 0; i < frame_count; i++) {
        const struct capture_packet *frame = &frames[i];
        struct tally_item *item = &items[gathered];
        if (decode_ipv4_at(offset, frame->data, frame->caplen, frame->len, &item->address,
                           &item->bytes)) {
            gathered++;
            continue;
        }
        counting->kind->add4(counting->state, items, gathered, counting->results);
        gathered = 0;
        count_packet(counting, frame);
    }
    counting->kind->add4(counting->state, items, gathered, counting->results);
}

static void count_batch(struct counting *counting, const struct capture_packet *frames,
                        int frame_count)
{
    bool shortcut = counting->kind->add4 && !counting->tunnels; /* it sees the outer header only */
    int offset = shortcut ? decode_shortcut(counting->linktype) : -1;
    counting->captured += (uint64_t)frame_count;
    if (offset >= 0) {
        count_shortcut(counting, frames, frame_count, offset);
        return;
    }
    for (int i = 0; i < frame_count; i++)
        count_packet(counting, &frames[i]);
}

static void report(struct counting *counting, const char *errmsg)
{
    counting->failed = true;
    log_error("%s", errmsg);
}

static void count_capture(struct counting *counting, struct capture *cap)
{
    char errmsg[ERRMSG_SIZE];
    uint64_t before = counting->captured;
    const struct capture_packet *frames;
    int result;
    counting->linktype = capture_linktype(cap);
    while ((result = capture_batch(cap, &frames, errmsg)) > 0)
        count_batch(counting, frames, result);
    if (result == 0)
        return;
    counting->truncated_files++;
    counting->failed = true;
    log_error("%s; the %" PRIu64 " packets before it are counted", errmsg,
              counting->captured - before);
}

void counting_file(struct counting *counting, const struct capture_file *file)
{
    char errmsg[ERRMSG_SIZE];
    struct capture *cap;
    int result = capture_open_file(&cap, file->path, errmsg);
    if (result == 0) {
        count_capture(counting, cap);
        capture_close(cap);
    } else if (result == ERR_INVALID && file->listed) {
        log_warn("%s; left out", errmsg);
    } else {
        counting->truncated_files += result == ERR_DAMAGED || result == ERR_INVALID;
        report(counting, errmsg);
    }
}

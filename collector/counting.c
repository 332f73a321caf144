#include "collector/counting.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "collector/decode.h"
#include "collector/tunnel.h"
#include "common/err.h"

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

static enum tally_result add_packet(struct counting *counting, struct packet *packet, int64_t ts_ns)
{
    const struct breakdown_kind *kind = counting->kind;
    if (!kind->finds_darknet && !tally_in_darknet(counting->darknet, packet))
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

/* Where destination and bytes are all that is needed. Returns as capture_run. */
static int count_run(struct counting *counting, struct capture *cap, char *errmsg)
{
    struct capture_run run;
    int result = capture_run(cap, &run, errmsg);
    if (result <= 0)
        return result;
    counting->captured += run.count + run.other_count;
    counting->linktype = capture_linktype(cap);
    counting->kind->add4(counting->state, run.packets, run.count, counting->results);
    for (size_t i = 0; i < run.other_count; i++)
        count_packet(counting, &run.others[i]);
    return result;
}

/* Returns as capture_batch. */
static int count_batch(struct counting *counting, struct capture *cap, char *errmsg)
{
    const struct capture_packet *frames;
    int result = capture_batch(cap, &frames, errmsg);
    counting->linktype = capture_linktype(cap);
    for (int i = 0; i < result; i++)
        count_packet(counting, &frames[i]);
    counting->captured += result > 0 ? (uint64_t)result : 0;
    return result;
}

/* Tells how far the thread is, and hears whether to go on. */
static bool goes_on(struct counting *counting)
{
    if (counting->meter) {
        atomic_store_explicit(&counting->meter->packets, counting->captured, memory_order_relaxed);
        atomic_store_explicit(&counting->meter->bytes, counting->bytes, memory_order_relaxed);
    }
    if (!counting->stop)
        return true;
    if (counting->results[TALLY_REFUSED])
        atomic_store_explicit(counting->stop, true, memory_order_relaxed);
    return !atomic_load_explicit(counting->stop, memory_order_relaxed);
}

static enum counting_outcome count_capture(struct counting *counting, struct capture *cap,
                                           char *errmsg)
{
    uint64_t packets = counting->captured, bytes = counting->bytes;
    /* A run sees the outer header only. */
    int (*count)(struct counting *, struct capture *, char *) =
        counting->kind->add4 && !counting->tunnels ? count_run : count_batch;
    int result;
    while ((result = count(counting, cap, errmsg)) > 0) {
        counting->bytes = bytes + capture_consumed(cap);
        if (!goes_on(counting))
            return COUNTING_DONE;
    }
    if (result == 0)
        return COUNTING_DONE;
    size_t used = strlen(errmsg);
    snprintf(errmsg + used, ERRMSG_SIZE - used, "; the %" PRIu64 " packets before it are counted",
             counting->captured - packets);
    counting->truncated_files++;
    counting->failed = true;
    return COUNTING_FAILED;
}

enum counting_outcome counting_file(struct counting *counting, const struct capture_file *file,
                                    char *errmsg)
{
    struct capture *cap;
    int result = capture_open_file(&cap, file->path, errmsg);
    if (result == 0) {
        counting->opened++;
        enum counting_outcome outcome = count_capture(counting, cap, errmsg);
        capture_close(cap);
        return outcome;
    }
    if (result == ERR_INVALID && file->listed)
        return COUNTING_LEFT_OUT;
    counting->truncated_files += result == ERR_DAMAGED || result == ERR_INVALID;
    counting->failed = true;
    return COUNTING_FAILED;
}

int counting_merge(struct counting *into, struct counting *from)
{
    into->captured += from->captured;
    into->not_ip += from->not_ip;
    into->undecodable += from->undecodable;
    for (int result = 0; result < TALLY_RESULTS; result++)
        into->results[result] += from->results[result];
    into->opened += from->opened;
    into->truncated_files += from->truncated_files;
    into->failed = into->failed || from->failed;
    return into->kind->merge(into->state, from->state);
}

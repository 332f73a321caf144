#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "collector/capture_private.h"
#include "common/err.h"

#define OTHERS_MAX 16

/* --- opening --------------------------------------------------------------------------- */

/* Size of the header before a packet's data by the file's magic number. False: no pcap file. */
static bool record_header_size(uint32_t magic, uint32_t *size)
{
    switch (magic) {
    case 0xa1b2c3d4: /* microseconds */
    case 0xd4c3b2a1:
    case 0xa1b23c4d: /* nanoseconds */
    case 0x4d3cb2a1:
        *size = 16;
        return true;
    case 0xa1b2cd34: /* Kuznetzov's modified pcap */
    case 0x34cdb2a1:
        *size = 24;
        return true;
    default:
        return false;
    }
}

/* "damaged at byte N (of the uncompressed stream)". */
static int damaged_at(const struct capture *cap, uint64_t offset, const char *cause, char *errmsg)
{
    const char *compression = stream_compression(cap->stream);
    return err_set(errmsg, ERR_DAMAGED, "reading %s: damaged at byte %" PRIu64 "%s%s%s: %s",
                   cap->name, offset, compression ? " of the uncompressed stream (" : "",
                   compression ? compression : "", compression ? ")" : "", cause);
}

/* Tells damage to the stream from damage to what is in it. */
static int read_error(const struct capture *cap, uint64_t offset, const char *cause, char *errmsg)
{
    bool io;
    const char *damage = stream_damage(cap->stream, &io);
    if (damage)
        cause = damage;
    if (io || (cap->file && ferror(cap->file) && !damage))
        return err_set(errmsg, ERR_IO, "reading %s: at byte %" PRIu64 ": %s", cap->name, offset,
                       cause);
    return damaged_at(cap, offset, cause, errmsg);
}

static int not_a_capture(const struct capture *cap, char *errmsg)
{
    return err_set(errmsg, ERR_INVALID,
                   "opening %s: not a capture file; pcap and pcapng are, plain or compressed with "
                   "gzip or zstd",
                   cap->name);
}

/* libpcap says of fewer than 4 bytes that they are. */
static int open_libpcap(struct capture *cap, const uint8_t *head, size_t size, char *errmsg)
{
    char cause[PCAP_ERRBUF_SIZE];
    uint32_t magic;
    if (size >= sizeof magic) {
        memcpy(&magic, head, sizeof magic);
        if (!record_header_size(magic, &cap->record_header))
            return not_a_capture(cap, errmsg);
    }
    cap->file = stream_file(cap->stream);
    if (!cap->file)
        return capture_no_memory(cap->name, errmsg);
    cap->pcap =
        pcap_fopen_offline_with_tstamp_precision(cap->file, PCAP_TSTAMP_PRECISION_NANO, cause);
    if (!cap->pcap)
        return read_error(cap, 0, cause, errmsg);
    cap->snaplen = (uint32_t)pcap_snapshot(cap->pcap);
    cap->good_end = (uint64_t)ftello(cap->file);
    cap->linktype = pcap_datalink(cap->pcap);
    return capture_check_linktype(cap, "opening", errmsg);
}

static ssize_t read_stream(void *user, uint8_t *out, size_t size)
{
    return stream_read(user, out, size);
}

static int open_pcapfile(struct capture *cap, char *errmsg)
{
    uint8_t header[PCAPFILE_HEADER_SIZE];
    if (stream_read(cap->stream, header, sizeof header) != (ssize_t)sizeof header)
        return read_error(cap, 0, "its header cannot be read", errmsg);
    cap->pcapfile = pcapfile_new(header, read_stream, cap->stream);
    if (!cap->pcapfile)
        return capture_no_memory(cap->name, errmsg);
    cap->linktype = pcapfile_linktype(cap->pcapfile);
    return 0;
}

static int pcapng_error(const struct capture *cap, int code, char *errmsg)
{
    if (code == ERR_NOMEM)
        return err_set(errmsg, code, "reading %s: out of memory", cap->name);
    return read_error(cap, pcapng_position(cap->pcapng), pcapng_damage(cap->pcapng), errmsg);
}

static int open_pcapng(struct capture *cap, char *errmsg)
{
    cap->pcapng = pcapng_new(read_stream, cap->stream);
    if (!cap->pcapng)
        return capture_no_memory(cap->name, errmsg);
    int found = pcapng_find(cap->pcapng);
    if (found < 0)
        return pcapng_error(cap, found, errmsg);
    cap->linktype = pcapng_linktype(cap->pcapng);
    return capture_check_linktype(cap, "opening", errmsg);
}

static int open_stream(struct capture *cap, char *errmsg)
{
    size_t size;
    const uint8_t *head = stream_head(cap->stream, &size);
    if (pcapng_begins(head, size))
        return open_pcapng(cap, errmsg);
    if (size >= PCAPFILE_HEADER_SIZE && pcapfile_supports(head))
        return open_pcapfile(cap, errmsg);
    return open_libpcap(cap, head, size, errmsg);
}

int capture_open_file(struct capture **cap, const char *path, char *errmsg)
{
    *cap = NULL;
    struct capture *made = capture_new(strcmp(path, "-") == 0 ? "standard input" : path);
    if (!made)
        return capture_no_memory(path, errmsg);
    int result = stream_open(&made->stream, path, errmsg);
    if (result == 0)
        result = open_stream(made, errmsg);
    if (result) {
        capture_close(made);
        return result;
    }
    *cap = made;
    return 0;
}

/* --- taking packets --------------------------------------------------------------------------- */

/* Called with each whole packet of a file. A packet as long as the snap length may have been cut by
 * libpcap, so that its length no longer tells how far it reached. */
static inline void advance(struct capture *cap, const struct pcap_pkthdr *header)
{
    if (cap->record_header && header->caplen < cap->snaplen)
        cap->good_end += cap->record_header + header->caplen;
    else
        cap->good_end = (uint64_t)ftello(cap->file);
}

/* 0 at a clean end of the file, for which a damaged stream is not taken: its FILE is in error. */
static int next_libpcap(struct capture *cap, struct capture_packet *packet, char *errmsg)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int status = pcap_next_ex(cap->pcap, &header, &data);
    if (status != 1)
        return status == PCAP_ERROR ? read_error(cap, cap->good_end, pcap_geterr(cap->pcap), errmsg)
                                    : 0;
    advance(cap, header);
    capture_set_packet(cap, packet, header, data);
    return 1;
}

static int next_pcapfile(struct capture *cap, int max, char *errmsg)
{
    int count = pcapfile_batch(cap->pcapfile, cap->batch, max);
    return count < 0 ? read_error(cap, pcapfile_position(cap->pcapfile),
                                  pcapfile_damage(cap->pcapfile), errmsg)
                     : count;
}

static int next_pcapng(struct capture *cap, int max, char *errmsg)
{
    int count = pcapng_batch(cap->pcapng, cap->batch, max);
    if (count < 0)
        return pcapng_error(cap, count, errmsg);
    if (count > 0 && cap->linktype != pcapng_linktype(cap->pcapng)) {
        cap->linktype = pcapng_linktype(cap->pcapng);
        int result = capture_check_linktype(cap, "reading", errmsg);
        return result ? result : count;
    }
    return count;
}

static int next_any(struct capture *cap, int max, char *errmsg)
{
    if (cap->pcapfile)
        return next_pcapfile(cap, max, errmsg);
    return cap->pcapng ? next_pcapng(cap, max, errmsg) : next_libpcap(cap, cap->batch, errmsg);
}

/* Sees to it that a packet is to be handed out, and at most `max`; as capture_batch. libpcap has
 * room for one. */
static int next_batch(struct capture *cap, int max, char *errmsg)
{
    if (cap->handed_out < cap->batch_count)
        return cap->batch_count - cap->handed_out;
    int count = next_any(cap, max, errmsg);
    cap->handed_out = 0;
    cap->batch_count = count > 0 ? count : 0;
    return count;
}

int capture_batch(struct capture *cap, const struct capture_packet **packets, char *errmsg)
{
    int count = next_batch(cap, CAPTURE_BATCH_MAX, errmsg);
    *packets = cap->batch + cap->handed_out;
    cap->handed_out = cap->batch_count;
    return count;
}

int capture_next(struct capture *cap, struct capture_packet *packet, char *errmsg)
{
    int count = next_batch(cap, CAPTURE_BATCH_MAX, errmsg);
    if (count <= 0)
        return count;
    *packet = cap->batch[cap->handed_out++];
    return 1;
}

/* The packet that ends a run is taken alone, so that the next run begins right behind it. Where that
 * one is empty, more of the same are likely. */
int capture_run(struct capture *cap, struct capture_run *run, char *errmsg)
{
    bool between = cap->handed_out == cap->batch_count;
    run->count =
        cap->pcapfile && between ? pcapfile_brief(cap->pcapfile, run->packets, CAPTURE_RUN_MAX) : 0;
    run->other_count = 0;
    /* What is there is handed out before more is waited for. */
    if (run->count == CAPTURE_RUN_MAX || (run->count && !pcapfile_ready(cap->pcapfile)))
        return 1;
    int count = next_batch(cap, run->count ? 1 : OTHERS_MAX, errmsg);
    if (count > 0)
        run->other_count = (size_t)count;
    run->others = cap->batch + cap->handed_out;
    cap->handed_out = cap->batch_count;
    return run->count || count > 0 ? 1 : count;
}

int capture_dispatch_file(struct capture *cap, int max, capture_handler handler, void *user,
                          char *errmsg)
{
    for (int handed = 0; handed < max; handed++) {
        int count = next_batch(cap, CAPTURE_BATCH_MAX, errmsg);
        if (count <= 0)
            return count < 0 ? count : handed;
        handler(user, &cap->batch[cap->handed_out++]);
    }
    return max;
}

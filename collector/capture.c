#include "collector/capture.h"

#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "collector/decode.h"
#include "collector/dropcount.h"
#include "collector/kernelfilter.h"
#include "collector/nicdrops.h"
#include "collector/pcapfile.h"
#include "collector/stream.h"
#include "common/err.h"

#define SNAPLEN_DEFAULT 128
#define RING_DEFAULT    (64u << 20)
#define OTHERS_MAX      16

struct capture {
    pcap_t *pcap;
    int linktype;
    char *name;
    bool live;

    /* File: read by pcapfile, or, where that is NULL, by libpcap. Of the batch taken last, the
     * packets [handed_out, batch_count) are still to be handed out. */
    struct stream *stream;
    struct pcapfile *pcapfile;
    struct capture_packet batch[CAPTURE_BATCH_MAX];
    int handed_out, batch_count;

    /* File by libpcap: where the last whole packet ended, so that damage can be located. */
    FILE *file;             /* closed by pcap_close */
    uint32_t record_header; /* bytes before a packet's data; 0: not constant (pcapng) */
    uint32_t snaplen;
    uint64_t good_end;

    /* Interface. */
    struct dropcount kernel;
    struct nicdrops *nic; /* NULL: it tells nothing */
    bool filtered;        /* by a program made for the darknet */
    double filter_extra;

    /* The running capture_dispatch of an interface. */
    capture_handler handler;
    void *user;
    int handed;
};

static int out_of_memory(const char *name, char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "opening %s: out of memory", name);
}

static struct capture *capture_new(const char *name)
{
    struct capture *cap = calloc(1, sizeof *cap);
    if (!cap)
        return NULL;
    cap->name = strdup(name);
    if (!cap->name) {
        free(cap);
        return NULL;
    }
    return cap;
}

void capture_close(struct capture *cap)
{
    if (!cap)
        return;
    if (cap->pcap)
        pcap_close(cap->pcap); /* closes the file */
    else if (cap->file)
        fclose(cap->file);
    nicdrops_close(cap->nic);
    pcapfile_free(cap->pcapfile);
    stream_close(cap->stream);
    free(cap->name);
    free(cap);
}

static int check_linktype(struct capture *cap, char *errmsg)
{
    cap->linktype = pcap_datalink(cap->pcap);
    if (decode_supported(cap->linktype))
        return 0;
    const char *name = pcap_datalink_val_to_name(cap->linktype);
    return err_set(
        errmsg, ERR_INVALID,
        "opening %s: its link type %s (%d) is not supported; capture on an Ethernet or IP "
        "interface",
        cap->name, name ? name : "without a name", cap->linktype);
}

/* --- opening a file --------------------------------------------------------------------------- */

/* Size of the header before a packet's data by the file's magic number; 0 for pcapng. False: no
 * capture file. */
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
    case 0x0a0d0d0a: /* pcapng section header block */
        *size = 0;
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
    /* libpcap's words for a pcapng whose interfaces differ in type or snap length: it stops there. */
    if (strstr(cause, "different from the"))
        return err_set(errmsg, ERR_DAMAGED,
                       "reading %s: at byte %" PRIu64
                       ": %s, which libpcap does not read; write each "
                       "interface into a file of its own (tshark -r FILE -Y frame.interface_id==0 "
                       "-F pcap -w FILE0)",
                       cap->name, offset, cause);
    return damaged_at(cap, offset, cause, errmsg);
}

static int not_a_capture(const struct capture *cap, char *errmsg)
{
    return err_set(errmsg, ERR_INVALID,
                   "opening %s: not a capture file; pcap and pcapng are, plain or compressed with "
                   "gzip or zstd",
                   cap->name);
}

/* The magic number is 0 where there are fewer than 4 bytes; libpcap then says so. */
static int open_libpcap(struct capture *cap, const uint8_t *head, size_t size, char *errmsg)
{
    char cause[PCAP_ERRBUF_SIZE];
    uint32_t magic = 0;
    if (size >= sizeof magic)
        memcpy(&magic, head, sizeof magic);
    if (!record_header_size(magic, &cap->record_header) && magic)
        return not_a_capture(cap, errmsg);
    cap->file = stream_file(cap->stream);
    if (!cap->file)
        return out_of_memory(cap->name, errmsg);
    cap->pcap =
        pcap_fopen_offline_with_tstamp_precision(cap->file, PCAP_TSTAMP_PRECISION_NANO, cause);
    if (!cap->pcap)
        return read_error(cap, 0, cause, errmsg);
    cap->snaplen = (uint32_t)pcap_snapshot(cap->pcap);
    cap->good_end = (uint64_t)ftello(cap->file);
    return check_linktype(cap, errmsg);
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
        return out_of_memory(cap->name, errmsg);
    cap->linktype = pcapfile_linktype(cap->pcapfile);
    return 0;
}

static int open_stream(struct capture *cap, char *errmsg)
{
    size_t size;
    const uint8_t *head = stream_head(cap->stream, &size);
    if (size >= PCAPFILE_HEADER_SIZE && pcapfile_supports(head))
        return open_pcapfile(cap, errmsg);
    return open_libpcap(cap, head, size, errmsg);
}

int capture_open_file(struct capture **cap, const char *path, char *errmsg)
{
    *cap = NULL;
    struct capture *made = capture_new(strcmp(path, "-") == 0 ? "standard input" : path);
    if (!made)
        return out_of_memory(path, errmsg);
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

/* --- opening an interface --------------------------------------------------------------------- */

static int live_error(const struct capture *cap, int status, char *errmsg)
{
    int code = ERR_IO;
    const char *todo = "";
    if (status == PCAP_ERROR_NO_SUCH_DEVICE) {
        code = ERR_UNKNOWN;
        todo = "; `ip link` lists the interfaces";
    } else if (status == PCAP_ERROR_PERM_DENIED || status == PCAP_ERROR_PROMISC_PERM_DENIED) {
        code = ERR_REFUSED;
        todo = "; run as root or with CAP_NET_RAW";
    } else if (status == PCAP_ERROR_IFACE_NOT_UP) {
        todo = "; set it up first: ip link set dev ... up";
    }
    const char *detail = pcap_geterr(cap->pcap);
    return err_set(errmsg, code, "opening interface %s: %s%s", cap->name,
                   *detail ? detail : pcap_statustostr(status), todo);
}

static int activate(struct capture *cap, const struct capture_options *options, char *errmsg)
{
    uint32_t ring = options->ring_bytes ? options->ring_bytes : RING_DEFAULT;
    if (ring > INT32_MAX)
        return err_set(errmsg, ERR_INVALID, "opening interface %s: the ring must be under 2 GiB",
                       cap->name);
    pcap_set_snaplen(cap->pcap, options->snaplen ? (int)options->snaplen : SNAPLEN_DEFAULT);
    pcap_set_buffer_size(cap->pcap, (int)ring);
    pcap_set_promisc(cap->pcap, options->promiscuous);
    pcap_set_timeout(cap->pcap, CAPTURE_BLOCK_MS);
    pcap_set_tstamp_precision(cap->pcap, PCAP_TSTAMP_PRECISION_NANO);
    int status = pcap_activate(cap->pcap);
    /* Warnings are positive: it captures, if not promiscuously. */
    return status < 0 ? live_error(cap, status, errmsg) : 0;
}

static int set_filter(struct capture *cap, const char *filter, char *errmsg)
{
    struct bpf_program program;
    if (pcap_compile(cap->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN))
        return err_set(errmsg, ERR_INVALID, "opening interface %s: filter: %s", cap->name,
                       pcap_geterr(cap->pcap));
    int status = pcap_setfilter(cap->pcap, &program);
    pcap_freecode(&program);
    return status ? live_error(cap, status, errmsg) : 0;
}

/* Gives libpcap the program in its own form. It moves the offsets where the kernel does not see the
 * link header ("any"), and filters by itself where the kernel does not. */
static int set_program(struct capture *cap, const struct kernelfilter *filter, char *errmsg)
{
    struct bpf_insn *insns = calloc(filter->count, sizeof *insns);
    if (!insns)
        return out_of_memory(cap->name, errmsg);
    for (size_t i = 0; i < filter->count; i++) {
        const struct kernelfilter_insn *insn = &filter->insns[i];
        insns[i] = (struct bpf_insn){insn->code, insn->jt, insn->jf, insn->k};
    }
    struct bpf_program program = {.bf_len = (u_int)filter->count, .bf_insns = insns};
    int status = pcap_setfilter(cap->pcap, &program);
    free(insns);
    cap->filtered = status == 0;
    cap->filter_extra = filter->extra;
    return status ? live_error(cap, status, errmsg) : 0;
}

/* Without a program everything is handed over, which is no error. */
static int set_kernelfilter(struct capture *cap, const struct capture_options *options,
                            char *errmsg)
{
    struct kernelfilter *filter = malloc(sizeof *filter);
    struct kernelfilter_options wanted = {.darknet = options->darknet,
                                          .tunnels = options->tunnels,
                                          .linktype = cap->linktype,
                                          .snaplen = (uint32_t)pcap_snapshot(cap->pcap),
                                          .max = KERNELFILTER_MAX};
    int result =
        filter ? kernelfilter_make_accepted(filter, &wanted, pcap_fileno(cap->pcap)) : ERR_NOMEM;
    if (result == 0)
        result = set_program(cap, filter, errmsg);
    else if (result == ERR_NOMEM)
        out_of_memory(cap->name, errmsg);
    else
        result = 0;
    free(filter);
    return result;
}

static void open_nicdrops(struct capture *cap)
{
    char dir[sizeof "/sys/class/net//statistics" + IF_NAMESIZE];
    int size = snprintf(dir, sizeof dir, "/sys/class/net/%s/statistics", cap->name);
    if (size < (int)sizeof dir)
        cap->nic = nicdrops_open(dir);
}

static int open_live(struct capture *cap, const struct capture_options *options, char *errmsg)
{
    char cause[PCAP_ERRBUF_SIZE];
    cap->live = true;
    cap->pcap = pcap_create(cap->name, cause);
    if (!cap->pcap)
        return err_set(errmsg, ERR_IO, "opening interface %s: %s", cap->name, cause);
    int result = activate(cap, options, errmsg);
    if (result == 0)
        result = check_linktype(cap, errmsg);
    if (result == 0 && options->filter)
        result = set_filter(cap, options->filter, errmsg);
    else if (result == 0 && options->darknet)
        result = set_kernelfilter(cap, options, errmsg);
    if (result)
        return result;
    open_nicdrops(cap);
    if (!options->both_directions) /* where it cannot, a darknet sends nothing anyway */
        pcap_setdirection(cap->pcap, PCAP_D_IN);
    if (pcap_setnonblock(cap->pcap, 1, cause))
        return err_set(errmsg, ERR_IO, "opening interface %s: %s", cap->name, cause);
    return 0;
}

int capture_open_live(struct capture **cap, const char *iface,
                      const struct capture_options *options, char *errmsg)
{
    *cap = NULL;
    struct capture *made = capture_new(iface);
    if (!made)
        return out_of_memory(iface, errmsg);
    int result = open_live(made, options, errmsg);
    if (result) {
        capture_close(made);
        return result;
    }
    *cap = made;
    return 0;
}

/* --- taking packets --------------------------------------------------------------------------- */

/* Seconds that do not fit nanoseconds in 64 bits are no time of ours: the end of the scale. A pcap
 * file's are 32 bits without a sign (draft-ietf-opsawg-pcap section 5), which libpcap takes with
 * one. */
static inline int64_t ts_ns(const struct capture *cap, const struct pcap_pkthdr *header)
{
    int64_t seconds = header->ts.tv_sec, ns;
    if (seconds < 0 && cap->record_header)
        seconds += INT64_C(1) << 32;
    if (__builtin_mul_overflow(seconds, INT64_C(1000000000), &ns) ||
        __builtin_add_overflow(ns, (int64_t)header->ts.tv_usec, &ns))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

static inline void set_packet(const struct capture *cap, struct capture_packet *packet,
                              const struct pcap_pkthdr *header, const u_char *data)
{
    packet->ts_ns = ts_ns(cap, header);
    packet->caplen = header->caplen;
    packet->len = header->len;
    packet->data = data;
}

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
    set_packet(cap, packet, header, data);
    return 1;
}

static int next_pcapfile(struct capture *cap, int max, char *errmsg)
{
    int count = pcapfile_batch(cap->pcapfile, cap->batch, max);
    return count < 0 ? read_error(cap, pcapfile_position(cap->pcapfile),
                                  pcapfile_damage(cap->pcapfile), errmsg)
                     : count;
}

/* Sees to it that a packet is to be handed out, and at most `max`; as capture_batch. libpcap has
 * room for one. */
static int next_batch(struct capture *cap, int max, char *errmsg)
{
    if (cap->handed_out < cap->batch_count)
        return cap->batch_count - cap->handed_out;
    int count =
        cap->pcapfile ? next_pcapfile(cap, max, errmsg) : next_libpcap(cap, cap->batch, errmsg);
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

static int dispatch_file(struct capture *cap, int max, capture_handler handler, void *user,
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

static void hand_over(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    struct capture *cap = (struct capture *)user;
    struct capture_packet packet;
    set_packet(cap, &packet, header, data);
    cap->handed++;
    cap->handler(cap->user, &packet);
}

/* libpcap asks by name whether an interface that was down is still there: one that was renamed
 * meanwhile has disappeared for it, until packets come. The socket knows better. */
static bool was_renamed(const struct capture *cap)
{
    struct sockaddr_ll bound = {0};
    socklen_t size = sizeof bound;
    return strstr(pcap_geterr(cap->pcap), "disappeared") &&
           getsockname(pcap_fileno(cap->pcap), (struct sockaddr *)&bound, &size) == 0 &&
           bound.sll_ifindex > 0;
}

int capture_dispatch(struct capture *cap, int max, capture_handler handler, void *user,
                     char *errmsg)
{
    if (!cap->live)
        return dispatch_file(cap, max, handler, user, errmsg);
    cap->handler = handler;
    cap->user = user;
    cap->handed = 0;
    if (pcap_dispatch(cap->pcap, max, hand_over, (u_char *)cap) < 0 && !was_renamed(cap))
        return err_set(errmsg, ERR_IO, "reading interface %s: %s", cap->name,
                       pcap_geterr(cap->pcap));
    return cap->handed;
}

/* --- asking ----------------------------------------------------------------------------------- */

int capture_fd(const struct capture *cap)
{
    return cap->live ? pcap_get_selectable_fd(cap->pcap) : -1;
}

int capture_linktype(const struct capture *cap)
{
    return cap->linktype;
}

bool capture_filtered(const struct capture *cap, double *extra)
{
    *extra = cap->filter_extra;
    return cap->filtered;
}

uint64_t capture_consumed(const struct capture *cap)
{
    return cap->stream ? stream_consumed(cap->stream) : 0;
}

const char *capture_name(const struct capture *cap)
{
    return cap->name;
}

int capture_stats(struct capture *cap, uint64_t *kernel_dropped, uint64_t *interface_dropped)
{
    struct pcap_stat stat;
    int result = 0;
    if (cap->live && pcap_stats(cap->pcap, &stat) != 0)
        result = ERR_IO;
    if (cap->live && result == 0) {
        result = dropcount_read(&cap->kernel, stat.ps_drop) ? 0 : ERR_DAMAGED;
    }
    if (!nicdrops_read(cap->nic, interface_dropped) && result == 0)
        result = ERR_DAMAGED;
    *kernel_dropped = cap->kernel.total;
    return result;
}

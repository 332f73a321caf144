/*
 * Capture: packets from a file, from standard input or from an interface; the one module that knows
 * libpcap. A caller opens, asks for the link type, takes packets with capture_next, with
 * capture_dispatch or, faster from a file, with capture_batch or capture_run, and closes.
 *
 * Files are pcap (either byte order, micro- or nanoseconds) or pcapng, plain or compressed with
 * gzip or zstd, told by their first bytes and read as a stream, so that all of it works through a
 * pipe. Classic pcap is read by collector/pcapfile.h, pcapng by collector/pcapng.h, the other forms by
 * libpcap; a caller cannot tell which. A file that ends within a packet, or whose bytes make no sense from some point on, gives
 * everything before that point and then ERR_DAMAGED.
 */
#ifndef COLLECTOR_CAPTURE_H
#define COLLECTOR_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "common/prefix.h"

struct capture;

struct capture_packet {
    int64_t ts_ns;       /* since the epoch, UTC; as captured, so not always ascending */
    uint32_t caplen;     /* bytes at `data` */
    uint32_t len;        /* bytes on the wire; caplen <= len unless the file lies */
    const uint8_t *data; /* borrowed: until the next packet is taken */
};

typedef void (*capture_handler)(void *user, const struct capture_packet *packet);

struct capture_options {
    uint32_t snaplen;    /* bytes kept of a packet; 0: 128 */
    uint32_t ring_bytes; /* kernel buffer; 0: 64 MiB */
    bool promiscuous;
    bool both_directions; /* also packets that the interface sends */
    /* What a filter rejects the kernel does not hand over, so it is in no count. */
    const char *filter; /* pcap-filter(7); NULL: none */
    /* Without `filter`: one made for these addresses (collector/kernelfilter.h); finished, borrowed
     * until the interface is open; NULL: none. */
    const struct prefixset *darknet, *tunnels;
};

/* Opens a capture file, "-" for standard input. ERR_UNKNOWN: no such file; ERR_INVALID: not a
 * capture file, or of a link type that decode does not know, which is named; ERR_DAMAGED: it ends
 * or breaks within its first header; ERR_IO, ERR_NOMEM. `*cap` is NULL after an error. */
int capture_open_file(struct capture **cap, const char *path, char *errmsg);

/* Opens an interface (needs CAP_NET_RAW): TPACKET_V3, nanosecond time stamps, incoming packets
 * only unless both_directions, non-blocking. ERR_UNKNOWN: no such interface; ERR_REFUSED: no permission; ERR_INVALID:
 * filter or link type; ERR_IO, ERR_NOMEM. */
int capture_open_live(struct capture **cap, const char *iface,
                      const struct capture_options *options, char *errmsg);

/* Closes and frees; NULL is allowed. */
void capture_close(struct capture *cap);

/* The next packet of a file: 1, 0 at its end, negative on error. ERR_DAMAGED: `errmsg` names the
 * file and the byte offset behind the last packet that could be read, where the damage begins (of
 * the uncompressed stream, and saying so, where it is compressed); ERR_INVALID: a pcapng goes on with a
 * link type that decode does not know, which is named; ERR_IO, ERR_NOMEM. */
int capture_next(struct capture *cap, struct capture_packet *packet, char *errmsg);

/* The next packets of a file, at most CAPTURE_BATCH_MAX: how many are at `*packets`, 0 at the end of
 * the file, errors as capture_next. All are borrowed until packets are taken again. */
int capture_batch(struct capture *cap, const struct capture_packet **packets, char *errmsg);
#define CAPTURE_BATCH_MAX 128
#define CAPTURE_RUN_MAX   2048

/* Where destination and bytes are all that is needed of an IPv4 packet: a run of such packets, and
 * what came next, whole, of whatever kind. Either may be none, but not both. */
struct capture_run {
    size_t count;
    size_t other_count;
    const struct capture_packet *others;
    struct packet_brief packets[CAPTURE_RUN_MAX];
};

/* The next run of a file: 1, 0 at its end, errors as capture_next. Borrowed as there. */
int capture_run(struct capture *cap, struct capture_run *run, char *errmsg);

/* Hands up to `max` (at least 1) packets to `handler` and returns how many. File: 0 at its end,
 * errors as capture_next. Interface: 0 when no packet waits, it never blocks; poll capture_fd
 * between calls; ERR_IO when the interface went away. After an error the packets before it have
 * been handed over. */
int capture_dispatch(struct capture *cap, int max, capture_handler handler, void *user,
                     char *errmsg);

/* The descriptor to poll for an interface; -1 for a file. Packets become readable when a block of
 * the ring is full or CAPTURE_BLOCK_MS old. */
int capture_fd(const struct capture *cap);
#define CAPTURE_BLOCK_MS 100

/* Whether the kernel filters for the darknet that capture_open_live was given. Where it cannot, all
 * packets are handed over. `extra` is to how many addresses beside the darknet and the tunnels it
 * lets packets through. */
bool capture_filtered(const struct capture *cap, double *extra);

/* The link type, for decode(): of the packets taken last, since the interfaces of a pcapng may
 * differ; before any, of the first to come. */
int capture_linktype(const struct capture *cap);

/* What never reached us since the interface was opened: dropped by the kernel (ring full) and by
 * the interface. They never fall and survive the wrap of the kernel's 32-bit counters as long as
 * this is called once in 2^31 drops. Both 0 for a file. ERR_IO leaves them at their last value;
 * ERR_DAMAGED: an absurd step of a counter was discarded. */
int capture_stats(struct capture *cap, uint64_t *kernel_dropped, uint64_t *interface_dropped);

/* Bytes of a file, as it is stored, that were read so far; the packets of some may still be to come. 0
 * for an interface. */
uint64_t capture_consumed(const struct capture *cap);

/* The path or interface as it was given; "standard input" for "-". Borrowed from `cap`. */
const char *capture_name(const struct capture *cap);

/* A list of capture files. */
struct capture_list {
    size_t count;
    struct capture_file {
        char *path;
        bool listed; /* found in a directory, not named by the caller */
    } * files;
};

/* Turns paths into the files they stand for, in the order given: "-" and files as they are, a
 * directory into its regular files in byte order of their names (names that begin with a dot are
 * left out, as in a shell's *; subdirectories are not entered). ERR_UNKNOWN: no such file, or
 * none in a directory; ERR_IO, ERR_NOMEM. Close the list with capture_list_close, also after an error. */
int capture_expand(struct capture_list *list, const char *const *paths, size_t count, char *errmsg);
void capture_list_close(struct capture_list *list);

#endif

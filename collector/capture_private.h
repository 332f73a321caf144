/*
 * A capture from the inside, for its three files, the only ones that know libpcap: capture.c,
 * capture_file.c and capture_live.c.
 */
#ifndef COLLECTOR_CAPTURE_PRIVATE_H
#define COLLECTOR_CAPTURE_PRIVATE_H

#include <pcap.h>
#include <stdio.h>

#include "collector/capture.h"
#include "collector/dropcount.h"
#include "collector/nicdrops.h"
#include "collector/pcapfile.h"
#include "collector/pcapng.h"
#include "collector/stream.h"

struct capture {
    pcap_t *pcap;
    int linktype;
    char *name;
    bool live;

    /* File: read by pcapfile or pcapng or, where both are NULL, by libpcap. Of the batch taken last, the
     * packets [handed_out, batch_count) are still to be handed out. */
    struct stream *stream;
    struct pcapfile *pcapfile;
    struct pcapng *pcapng;
    struct capture_packet batch[CAPTURE_BATCH_MAX];
    int handed_out, batch_count;

    /* File by libpcap: where the last whole packet ended, so that damage can be located. */
    FILE *file;             /* closed by pcap_close */
    uint32_t record_header; /* bytes before a packet's data */
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

/* NULL without memory. */
struct capture *capture_new(const char *name);
/* ERR_NOMEM, with the message. */
int capture_no_memory(const char *name, char *errmsg);
/* ERR_INVALID when decode does not know `cap->linktype`; `doing` begins the message. */
int capture_check_linktype(const struct capture *cap, const char *doing, char *errmsg);

/* capture_dispatch of either kind. */
int capture_dispatch_file(struct capture *cap, int max, capture_handler handler, void *user,
                          char *errmsg);
int capture_dispatch_live(struct capture *cap, int max, capture_handler handler, void *user,
                          char *errmsg);

/* Seconds that do not fit nanoseconds in 64 bits are no time of ours: the end of the scale. A pcap
 * file's are 32 bits without a sign (draft-ietf-opsawg-pcap section 5), which libpcap takes with
 * one. */
static inline int64_t capture_ts_ns(const struct capture *cap, const struct pcap_pkthdr *header)
{
    int64_t seconds = header->ts.tv_sec, ns;
    if (seconds < 0 && cap->record_header)
        seconds += INT64_C(1) << 32;
    if (__builtin_mul_overflow(seconds, INT64_C(1000000000), &ns) ||
        __builtin_add_overflow(ns, (int64_t)header->ts.tv_usec, &ns))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return ns;
}

static inline void capture_set_packet(const struct capture *cap, struct capture_packet *packet,
                                      const struct pcap_pkthdr *header, const u_char *data)
{
    packet->ts_ns = capture_ts_ns(cap, header);
    packet->caplen = header->caplen;
    packet->len = header->len;
    packet->data = data;
}

#endif

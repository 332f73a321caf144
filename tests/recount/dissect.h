/*
 * What a captured frame is, told a second time: a plain decoder that shares no code with the
 * project, for recount. It was written from the standards and the manual page, slowly and one step
 * after the other, so that where it and the collector say the same, both are probably right.
 * dissect_knows, then dissect for every frame.
 */
#ifndef RECOUNT_DISSECT_H
#define RECOUNT_DISSECT_H

#include <stdbool.h>
#include <stdint.h>

enum verdict { VERDICT_IP, VERDICT_NOT_IP, VERDICT_UNDECODABLE };

/* What recount keeps of a packet. */
struct seen {
    int64_t time_s;           /* seconds since the epoch, rounded down; the caller's */
    int family;               /* 4 or 6 */
    uint8_t src[16], dst[16]; /* network byte order; IPv4: the first four, then zeros */
    uint64_t bytes;           /* IP total length */
    int protocol;             /* behind the extension headers of IPv6 */
    int class;                /* index of the names in class_names */
    int port;                 /* destination port; -1 where it cannot be read */
    int icmp;                 /* type << 8 | code; -1 where they cannot be read */
    bool has_ports, has_icmp; /* whether the protocol is one with ports, or ICMP of the family */
};

extern const char *const class_names[];

/* Whether recount can take frames of this link type (a DLT_ value) apart. */
bool dissect_knows(int linktype);

/* Of a frame of which `caplen` bytes are at `data` and `len` were on the wire. `seen` is filled in,
 * but for its time, after VERDICT_IP. */
enum verdict dissect(int linktype, const uint8_t *data, uint32_t caplen, uint32_t len,
                     struct seen *seen);

#endif

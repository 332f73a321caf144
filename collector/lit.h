/*
 * Lit addresses: evidence that addresses of a darknet are in use, because they sent something: IP
 * packets with such a source, and ARP packets whose sender claims such an address. Used by survey
 * over hours, and by the running sensor for one interval after the other: lit_new once, lit_packet
 * and lit_arp per frame, lit_take to read and begin anew. Pure but for the secret of the hash.
 *
 * Evidence is not proof. Anybody may forge a source address; a forged packet comes in from outside,
 * through the router, so its link-layer source is the router's. Evidence therefore says which
 * link-layer source sent it.
 *
 * A bounded table: 104 bytes for each address that it has room for, growing by doubling up to the
 * bound (104 MiB at LIT_MAX); packets of addresses beyond it are refused and counted.
 */
#ifndef COLLECTOR_LIT_H
#define COLLECTOR_LIT_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/capture.h"
#include "collector/decode.h"
#include "collector/sender.h"
#include "common/prefix.h"

#define LIT_MAX (UINT32_C(1) << 20)

struct lit;

struct lit_evidence {
    uint8_t address[16];       /* network byte order; IPv4 in the first 4 bytes, the rest 0 */
    uint64_t packets;          /* ARP packets, too */
    uint64_t bytes;            /* IP total lengths, so that an ARP packet has none */
    int64_t first_ns, last_ns; /* the least and the greatest time of its packets */
    uint64_t protocols[4];     /* see lit_protocol */
    uint8_t family;            /* 4 or 6 */
    bool arp;                  /* some were ARP packets */
    bool has_link_source;
    bool more_link_sources;               /* `link_source` was not the only one */
    uint8_t link_source[SENDER_MAC_SIZE]; /* of the last packet that had one */
};

/* Whether packets of an IP protocol (IPv6: the one behind the extension headers) were sent. */
static inline bool lit_protocol(const struct lit_evidence *evidence, uint8_t protocol)
{
    return evidence->protocols[protocol / 64] >> (protocol % 64) & 1;
}

/* No evidence, for at most `max` addresses (1 .. LIT_MAX) of `darknet` (finished; borrowed); takes
 * no memory for addresses yet. NULL without memory. */
struct lit *lit_new(const struct prefixset *darknet, uint32_t max);
void lit_free(struct lit *lit);

/* Looks at the source of a packet that decode() filled in from `frame`, before or after
 * decode_transport(). */
void lit_packet(struct lit *lit, const struct packet *packet, int linktype,
                const struct capture_packet *frame);

/* Looks at a frame that decode() calls DECODE_NOT_IP: the sender of an ARP packet. */
void lit_arp(struct lit *lit, int linktype, const struct capture_packet *frame);

/* Since lit_take: addresses with evidence, and packets of addresses that found no room. */
uint32_t lit_count(const struct lit *lit);
uint64_t lit_refused(const struct lit *lit);

/* Hands out all evidence, IPv4 first, addresses ascending, then forgets it, the refused packets and
 * the memory. The handler must not touch `lit`. */
typedef void (*lit_handler)(void *user, const struct lit_evidence *evidence);
void lit_take(struct lit *lit, lit_handler handler, void *user);

#endif

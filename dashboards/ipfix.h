/*
 * Packets per address as an IPFIX file (RFC 5655: messages of RFC 7011 one after the other), which
 * Wireshark's tshark reads. A data record is one address in one period: an aggregated flow (RFC
 * 7015) with flowStartMilliseconds, flowEndMilliseconds (the period's last), destinationIPv4Address
 * or destinationIPv6Address, packetDeltaCount. Where addresses are pseudonyms, anonymization records
 * (RFC 6235) say so. The same input gives the same bytes: the export time is the end of the period.
 *
 *   ipfix_begin -> ipfix_period -> ipfix_add4 | ipfix_add6 ... -> ipfix_period ... -> ipfix_end
 */
#ifndef DASHBOARDS_IPFIX_H
#define DASHBOARDS_IPFIX_H

#include <stdbool.h>
#include <stdint.h>

#include "dashboards/textout.h"

#define IPFIX_MESSAGE_MAX 65535 /* a length has 16 bits: RFC 7011 section 3.1 */

struct ipfix {
    struct textout *out;        /* borrowed */
    uint32_t sequence;          /* data records before this message, modulo 2^32 */
    uint32_t records;           /* in this message */
    uint32_t time_s;            /* export time */
    uint64_t start_ms, last_ms; /* of the period */
    uint16_t set;               /* template of the set that is open; 0: none */
    size_t set_at;              /* where that set begins */
    size_t size;                /* of the message so far */
    uint8_t message[IPFIX_MESSAGE_MAX];
};

/* Writes the templates. `anonymized`: addresses are pseudonyms. */
void ipfix_begin(struct ipfix *ipfix, struct textout *out, bool anonymized, int64_t time_s);
/* Records from here on are of [start_s, end_s). */
void ipfix_period(struct ipfix *ipfix, int64_t start_s, int64_t end_s);
/* IPv4 in host byte order, IPv6 in network byte order. */
void ipfix_add4(struct ipfix *ipfix, uint32_t address, uint64_t packets);
void ipfix_add6(struct ipfix *ipfix, const uint8_t address[16], uint64_t packets);
/* Writes the last message; textout_flush tells how it went. */
void ipfix_end(struct ipfix *ipfix);

#endif

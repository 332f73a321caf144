/*
 * Frames for the tests of the kernel filter: a header of one of the link types that it knows, up to
 * three tags, and of IP or ARP what tells the addresses.
 */
#ifndef TESTS_UNIT_COLLECTOR_LINKFRAME_H
#define TESTS_UNIT_COLLECTOR_LINKFRAME_H

#include <stdint.h>

/* DLT_ values. */
#define ETHERNET 1
#define RAW      12
#define SLL      113
#define SLL2     276

#define LINKFRAME_TYPES 4
extern const int linkframe_types[LINKFRAME_TYPES]; /* all of these */

/* A frame under construction. */
struct linkframe {
    uint8_t bytes[128];
    uint32_t size;
};

/* The link header alone, with `tags` tags before `type`; of raw IP nothing. */
struct linkframe linkframe_of(int linktype, int tags, uint16_t type);
void linkframe_put_zeros(struct linkframe *frame, uint32_t count);
void linkframe_put_ipv4(struct linkframe *frame, uint32_t src, uint32_t dst);

/* The link header and an IP header; ARP of Ethernet and IPv4 (RFC 826). */
struct linkframe linkframe_ipv4(int linktype, int tags, uint32_t src, uint32_t dst);
struct linkframe linkframe_ipv6(int linktype, int tags, const uint8_t src[16],
                                const uint8_t dst[16]);
struct linkframe linkframe_arp(int linktype, int tags, uint32_t sender, uint32_t target);

#endif

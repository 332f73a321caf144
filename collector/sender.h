/*
 * Sender: what a frame tells of who sent it, below IP: the link layer's source address, and the
 * protocol address that an ARP packet's sender gives as its own. Called by lit for the few frames
 * that matter to it; what is in IP is decode's. Pure: no byte outside of data[0..caplen) is read,
 * every loop is bounded.
 */
#ifndef COLLECTOR_SENDER_H
#define COLLECTOR_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#define SENDER_MAC_SIZE 6

/* The link-layer source of a frame of `linktype` (a DLT_ value): Ethernet's, or the one that Linux
 * cooked captures (v1, v2) keep where it has 6 bytes. False where there is none. */
bool sender_mac(int linktype, const uint8_t *data, uint32_t caplen, uint8_t mac[SENDER_MAC_SIZE]);

/* The sender's IPv4 address (host byte order) of an ARP packet (RFC 826), request or reply, behind
 * Ethernet with or without VLAN tags or Linux cooked (v1, v2). False where there is none: no ARP,
 * not for IPv4, cut short, or 0.0.0.0, with which a host asks whether an address is free before it
 * has one (RFC 5227 section 2.1.1). */
bool sender_arp(int linktype, const uint8_t *data, uint32_t caplen, uint32_t *address);

#endif

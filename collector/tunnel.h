/*
 * Tunnels that end at the sensor: a router or switch far away sends the darknet's traffic here inside
 * of packets to an address of the sensor. What is counted is then the inner packet. Called in the
 * place of decode() by whoever was given end points. Pure and bounded as decode.h.
 *
 * A packet to an end point is a tunnel packet when its protocol is 4 or 41 (IP in IP: RFC 2003,
 * RFC 4213, RFC 2473), 47 with version 0 (GRE: RFC 2784, RFC 2890), or UDP to port 4789 (VXLAN:
 * RFC 7348). GRE may carry IPv4, IPv6, MPLS, Ethernet, and ERSPAN of type I, II and III
 * (draft-foschiano-erspan-03). Any other packet, a ping say, stays an ordinary packet to that
 * address, and so does a tunnel packet to any other address.
 *
 * Where a tunnel packet was fragmented on its way, the first fragment holds the inner header and
 * counts as the inner packet; a later fragment is undecodable. So is a later fragment of UDP, whose
 * port cannot be known.
 */
#ifndef COLLECTOR_TUNNEL_H
#define COLLECTOR_TUNNEL_H

#include <stdint.h>

#include "collector/decode.h"
#include "common/prefix.h"

/* Tunnels inside of tunnels to end points; one more is undecodable. */
#define TUNNEL_DEPTH_MAX 4

/* The second half of tunnel_decode: `packet` is as decode() filled it in. */
enum decode_result tunnel_enter(const struct prefixset *endpoints, struct packet *packet)
    __attribute__((noinline));

/* As decode(), and then, as long as the destination is one of `endpoints` (finished; NULL: none), on
 * into the tunnel: `packet` is the innermost packet, with its own addresses and bytes.
 * DECODE_NOT_IP: the tunnel carried something else, such as ARP. DECODE_UNDECODABLE also: a tunnel
 * header that is cut or not what it should be (GRE with reserved bits set, VXLAN without a network
 * identifier, ERSPAN of an unknown version). */
static inline enum decode_result tunnel_decode(const struct prefixset *endpoints, int linktype,
                                               const uint8_t *data, uint32_t caplen, uint32_t len,
                                               struct packet *packet)
{
    enum decode_result result = decode(linktype, data, caplen, len, packet);
    return result == DECODE_IP && endpoints ? tunnel_enter(endpoints, packet) : result;
}

#endif

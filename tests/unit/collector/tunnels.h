/*
 * Packets to a tunnel's end point, of every kind of tunnel: for the tests of tunnel_decode, and as
 * seeds of its fuzz target.
 */
#ifndef TESTS_UNIT_COLLECTOR_TUNNELS_H
#define TESTS_UNIT_COLLECTOR_TUNNELS_H

#include "tests/unit/collector/crafted.h"

#define TUNNEL_ENDPOINTS "203.0.113.99,2001:db8::99"

#define ETHERNET "ffffffffffff 020000000001 "

/* The IP header of a packet to an end point, whose payload is `size` bytes. */
static inline void put_outer(struct crafted *frame, int family, uint8_t protocol, uint32_t size)
{
    static const uint8_t endpoint[4] = {203, 0, 113, 99};
    if (family == 4) {
        put_ipv4(frame, protocol, (uint16_t)(20 + size), 0);
        memcpy(frame->bytes + frame->size - 4, endpoint, sizeof endpoint);
    } else {
        put_ipv6(frame, protocol, (uint16_t)size);
        frame->bytes[frame->size - 1] = 0x99;
    }
}

/* A TCP SYN to the darknet: 198.51.100.7 or 2001:db8::7. */
static inline void put_inner(struct crafted *frame, int family)
{
    if (family == 4)
        put_ipv4(frame, PROTOCOL_TCP, 40, 0);
    else
        put_ipv6(frame, PROTOCOL_TCP, 20);
    put_tcp(frame, 2);
}

struct inner {
    uint8_t protocol;
    char header[120]; /* of the tunnel: between outer and inner IP header */
    int family;       /* of the inner packet; 0: none */
};

/* A packet to the end point of family `outer`, with the inner packet in the tunnel. */
static inline void make_tunnel(struct crafted *frame, int outer, const struct inner *inner)
{
    struct crafted payload = {0};
    put_hex(&payload, inner->header);
    if (inner->family)
        put_inner(&payload, inner->family);
    frame->size = 0;
    put_outer(frame, outer, inner->protocol, payload.size);
    put(frame, payload.bytes, payload.size);
}

static const struct inner tunnels[] = {
    {4, "", 4},
    {41, "", 6},
    {47, "0000 0800", 4},
    {47, "0000 86dd", 6},
    {47, "8000 0800 1234 0000", 4},
    {47, "2000 0800 00000007", 4},
    {47, "1000 86dd 00000001", 6},
    {47, "b000 0800 1234 0000 00000007 00000001", 4},
    {47, "0000 8847 000641ff", 4},
    {47, "0000 8847 000640ff 000651ff", 6},
    {47, "2000 6558 00000007" ETHERNET "0800", 4},
    {47, "0000 6558" ETHERNET "8100 0064 86dd", 6},
    {47, "0000 88be" ETHERNET "0800", 4},
    {47, "1000 88be 00000001 10010000 00000000" ETHERNET "0800", 4},
    {47, "1000 88be 00000001 10010000 00000000" ETHERNET "8100 0064 86dd", 6},
    {47, "1000 22eb 00000001 20010000 00000000 00000000" ETHERNET "0800", 4},
    {47, "1000 22eb 00000001 20010000 00000000 00000001 0000000000000000" ETHERNET "86dd", 6},
    {47, "1000 22eb 00000001 20010000 00000000 00000800", 4},
    {47, "1000 22eb 00000001 20010000 00000000 00000800", 6},
    {17, "c001 12b5 0000 0000  08000000 00000700" ETHERNET "0800", 4},
    {17, "c001 12b5 0000 0000  08000000 00000700" ETHERNET "86dd", 6},
    {17, "c001 12b5 0000 0000  ff000000 00000700" ETHERNET "88a8 0001 8100 0002 0800", 4},
};

#define TUNNELS (sizeof tunnels / sizeof tunnels[0])

#endif

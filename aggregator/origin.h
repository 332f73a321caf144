/*
 * Origin: where a connection comes from, as far as limits and messages go. Of an IPv6 address that is
 * the network of its subscriber, the first 64 bits (RFC 6177): one who has a network has all of them.
 * Pure.
 */
#ifndef AGGREGATOR_ORIGIN_H
#define AGGREGATOR_ORIGIN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

struct origin {
    bool known;                  /* false: a Unix socket's */
    struct in6_addr limited;     /* what is compared: IPv4 as ::ffff:a.b.c.d, IPv6 its network */
    char text[INET6_ADDRSTRLEN]; /* the whole address; empty: not known */
};

void origin_set(struct origin *origin, const struct sockaddr *name);
/* Whether both are known and the same. */
bool origin_same(const struct origin *a, const struct origin *b);

#endif

#include "aggregator/origin.h"

#include <arpa/inet.h>
#include <string.h>

static void set_v4(struct origin *origin, const struct in_addr *address)
{
    origin->known = true;
    origin->limited.s6_addr[10] = origin->limited.s6_addr[11] = 0xff;
    memcpy(&origin->limited.s6_addr[12], address, sizeof *address);
    inet_ntop(AF_INET, address, origin->text, sizeof origin->text);
}

/* IPv4 that came to an IPv6 socket is IPv4: RFC 4291 section 2.5.5.2. */
static void set_v6(struct origin *origin, const struct in6_addr *address)
{
    struct in_addr v4;
    if (IN6_IS_ADDR_V4MAPPED(address)) {
        memcpy(&v4, &address->s6_addr[12], sizeof v4);
        set_v4(origin, &v4);
        return;
    }
    origin->known = true;
    memcpy(origin->limited.s6_addr, address->s6_addr, 8);
    inet_ntop(AF_INET6, address, origin->text, sizeof origin->text);
}

void origin_set(struct origin *origin, const struct sockaddr *name)
{
    *origin = (struct origin){.known = false};
    if (name->sa_family == AF_INET)
        set_v4(origin, &((const struct sockaddr_in *)name)->sin_addr);
    else if (name->sa_family == AF_INET6)
        set_v6(origin, &((const struct sockaddr_in6 *)name)->sin6_addr);
}

bool origin_same(const struct origin *a, const struct origin *b)
{
    return a->known && b->known && IN6_ARE_ADDR_EQUAL(&a->limited, &b->limited);
}

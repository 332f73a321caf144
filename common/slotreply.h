/*
 * What a Redis Cluster says to CLUSTER SLOTS, taken apart: ranges of slots, each with its primary and
 * then its replicas. For the two programs that speak to a store. Pure.
 */
#ifndef COMMON_SLOTREPLY_H
#define COMMON_SLOTREPLY_H

#include <stdbool.h>

#include <hiredis/hiredis.h>

#include "common/slots.h"

struct slotreply {
    unsigned first, last;             /* slots, both included */
    const redisReply *const *servers; /* the primary first; borrowed from the reply */
    size_t count;                     /* at least one */
};

/* One range of the reply; false: it is none. */
bool slotreply_range(const redisReply *range, struct slotreply *out);
/* One of its servers. One without a name is known by that of `asked`, who was asked. */
bool slotreply_server(const redisReply *server, const struct storeurl_server *asked,
                      struct storeurl_server *address);

#endif

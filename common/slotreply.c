#include "common/slotreply.h"

#include <stdio.h>

bool slotreply_range(const redisReply *range, struct slotreply *out)
{
    if (range->type != REDIS_REPLY_ARRAY || range->elements < 3 ||
        range->element[0]->type != REDIS_REPLY_INTEGER ||
        range->element[1]->type != REDIS_REPLY_INTEGER)
        return false;
    long long first = range->element[0]->integer, last = range->element[1]->integer;
    if (first < 0 || first > last || last >= SLOTS)
        return false;
    out->first = (unsigned)first;
    out->last = (unsigned)last;
    out->servers = (const redisReply *const *)range->element + 2;
    out->count = range->elements - 2;
    return true;
}

bool slotreply_server(const redisReply *server, const struct storeurl_server *asked,
                      struct storeurl_server *address)
{
    if (server->type != REDIS_REPLY_ARRAY || server->elements < 2 ||
        server->element[1]->type != REDIS_REPLY_INTEGER)
        return false;
    const redisReply *host = server->element[0];
    bool named = host->type == REDIS_REPLY_STRING && host->len > 0;
    long long port = server->element[1]->integer;
    if (port < 1 || port > 65535 || (named && host->len >= sizeof address->host))
        return false;
    snprintf(address->host, sizeof address->host, "%s", named ? host->str : asked->host);
    address->port = (uint16_t)port;
    return true;
}

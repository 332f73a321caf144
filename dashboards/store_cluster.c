#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/slotreply.h"
#include "dashboards/store_link.h"

/* A primary of the cluster; connected to when first asked. */
struct node {
    struct storeurl_server address;
    redisContext *redis;
};

#define NOBODY UINT16_MAX

struct store_nodes {
    struct node *list;
    size_t count;
    uint16_t slots[SLOTS]; /* position in `list`; NOBODY */
};

static uint16_t position_of(struct store_nodes *nodes, const struct storeurl_server *address)
{
    size_t i = 0;
    while (i < nodes->count && (nodes->list[i].address.port != address->port ||
                                strcmp(nodes->list[i].address.host, address->host) != 0))
        i++;
    if (i == nodes->count) /* there is room: one for each range of slots */
        nodes->list[nodes->count++].address = *address;
    return (uint16_t)i;
}

int store_find_nodes(struct store *store, const struct storeurl_server *asked, char *errmsg)
{
    redisReply *reply;
    store->nodes = calloc(1, sizeof *store->nodes);
    if (!store->nodes)
        return err_set(errmsg, ERR_NOMEM, "store %s: %s", store->url.shown, err_str(ERR_NOMEM));
    memset(store->nodes->slots, 0xff, sizeof store->nodes->slots);
    int rc = store_send(store, errmsg, "CLUSTER SLOTS");
    if (rc == 0)
        rc = store_take(store, "CLUSTER SLOTS", REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    store->nodes->list = calloc(reply->elements + 1, sizeof *store->nodes->list);
    if (!store->nodes->list)
        rc = err_set(errmsg, ERR_NOMEM, "store %s: %s", store->url.shown, err_str(ERR_NOMEM));
    for (size_t i = 0; i < reply->elements && rc == 0; i++) {
        struct slotreply range;
        struct storeurl_server primary;
        if (!slotreply_range(reply->element[i], &range) ||
            !slotreply_server(range.servers[0], asked, &primary))
            rc = store_damaged(store, "CLUSTER SLOTS", "it is not a list of slots", errmsg);
        for (unsigned slot = range.first; rc == 0 && slot <= range.last; slot++)
            store->nodes->slots[slot] = position_of(store->nodes, &primary);
    }
    freeReplyObject(reply);
    return rc;
}

void store_free_nodes(struct store *store)
{
    if (!store->nodes)
        return;
    for (size_t i = 0; i < store->nodes->count; i++)
        if (store->nodes->list[i].redis)
            redisFree(store->nodes->list[i].redis);
    free(store->nodes->list);
    free(store->nodes);
    store->nodes = NULL;
}

int store_at(struct store *store, const char *key, char *errmsg)
{
    if (!store->nodes)
        return 0;
    uint16_t at = store->nodes->slots[slots_of(key, strlen(key))];
    if (at == NOBODY)
        return err_set(errmsg, ERR_UNREACHABLE,
                       "store %s: no server of the cluster serves %s; try again in a moment",
                       store->url.shown, key);
    struct node *node = &store->nodes->list[at];
    int rc = 0;
    if (!node->redis)
        node->redis = store_dial(store, "", &node->address, &rc, errmsg);
    if (node->redis)
        store->redis = node->redis;
    return rc;
}

#include <stdlib.h>
#include <string.h>

#include "aggregator/servers_private.h"
#include "common/err.h"
#include "common/slotreply.h"

void servers_known_init(struct servers_known *known, const struct storeurl *url)
{
    *known = (struct servers_known){.count = url->server_count};
    memcpy(known->list, url->servers, url->server_count * sizeof *url->servers);
}

static void know(struct servers_known *known, const struct storeurl_server *address)
{
    for (size_t i = 0; i < known->count; i++)
        if (known->list[i].port == address->port && strcmp(known->list[i].host, address->host) == 0)
            return;
    if (known->count < SERVERS_KNOWN_MAX)
        known->list[known->count++] = *address;
}

/* Its primary serves the range; every server of it is known from now on. */
static bool take_range(struct servers *servers, const redisReply *reply,
                       const struct storeurl_server *asked)
{
    struct slotreply range;
    struct storeurl_server address;
    if (!slotreply_range(reply, &range))
        return false;
    for (size_t i = range.count; i-- > 0;) { /* the primary last: it stays in `address` */
        if (!slotreply_server(range.servers[i], asked, &address))
            return false;
        know(servers->config.known, &address);
    }
    struct server *server = servers_find(servers, &address);
    if (!server) {
        server = &servers->list[servers->count++];
        server->address = address;
    }
    for (unsigned slot = range.first; slot <= range.last; slot++)
        servers->slots[slot] = server;
    return true;
}

static const char *take_slots(struct servers *servers, const redisReply *reply,
                              const struct storeurl_server *asked)
{
    if (!reply)
        return "the connection was lost";
    if (reply->type != REDIS_REPLY_ARRAY)
        return reply->type == REDIS_REPLY_ERROR ? reply->str : "CLUSTER SLOTS: no such reply";
    servers->list = calloc(reply->elements + 1, sizeof *servers->list);
    if (!servers->list)
        return err_str(ERR_NOMEM);
    for (size_t i = 0; i < reply->elements; i++)
        if (!take_range(servers, reply->element[i], asked))
            return "CLUSTER SLOTS: no such reply";
    for (size_t slot = 0; slot < SLOTS; slot++)
        if (!servers->slots[slot])
            return "the cluster does not serve all slots";
    servers->slots[slots_of(SCHEMA_TELESCOPE, strlen(SCHEMA_TELESCOPE))]->telescope = true;
    return NULL;
}

static void slots_replied(void *data, const redisReply *reply)
{
    struct servers *servers = data;
    struct servers_known *known = servers->config.known;
    if (!servers->closing && !servers->lost) {
        char errmsg[ERRMSG_SIZE];
        const char *why = take_slots(servers, reply, &known->list[known->next]);
        struct redis *seed = servers->seed;
        servers->seed = NULL;
        redis_close(seed);
        if (!why && servers_connect(servers, errmsg) != 0)
            why = errmsg;
        if (why)
            servers_lose(servers, ERR_UNREACHABLE, why);
    }
    servers_release(servers);
}

static void login_replied(void *data, const redisReply *reply)
{
    struct servers *servers = data;
    if (reply && reply->type == REDIS_REPLY_ERROR)
        servers_lose(servers, ERR_REFUSED, reply->str);
    servers_release(servers);
}

static void seed_connected(void *data)
{
    struct servers *servers = data;
    const struct storeurl *url = servers->config.url;
    int rc = 0;
    if (*url->password) {
        const char *const with_user[] = {"AUTH", url->user, url->password, NULL};
        const char *const without[] = {"AUTH", url->password, NULL};
        rc = redis_words(servers->seed, *url->user ? with_user : without, login_replied, servers);
        servers->users += rc == 0;
    }
    if (rc == 0)
        rc = redis_words(servers->seed, (const char *[]){"CLUSTER", "SLOTS", NULL}, slots_replied,
                         servers);
    servers->users += rc == 0;
}

static void seed_lost(void *data, const char *why)
{
    struct servers *servers = data;
    servers_lose(servers, ERR_UNREACHABLE, why);
}

/* Asks the next of the known servers; one that fails is not asked again before the others. */
int servers_find_cluster(struct servers *servers, char *errmsg)
{
    static const struct redis_events events = {seed_connected, seed_lost};
    struct servers_known *known = servers->config.known;
    servers->slots = calloc(SLOTS, sizeof *servers->slots);
    if (!servers->slots)
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    known->next = (known->next + 1) % known->count;
    servers->seed =
        redis_connect(servers->loop, "", &known->list[known->next], &events, servers, errmsg);
    return servers->seed ? 0 : ERR_UNREACHABLE;
}

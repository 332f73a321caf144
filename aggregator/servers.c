#include "aggregator/servers_private.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/fault.h"
#include "aggregator/storecheck.h"
#include "common/err.h"
#include "common/log.h"
#include "common/slots.h"
#include "common/schema.h"

#define HOPS_MAX   4
#define TRIALS_MAX 1000000 /* keys that are tried for one in a slot of a server */

/* --- endings ---------------------------------------------------------------------------------- */

void servers_release(struct servers *servers)
{
    if (--servers->users > 0)
        return;
    free(servers->list);
    free(servers->slots);
    free(servers);
}

static void timer_closed(uv_handle_t *handle)
{
    servers_release(handle->data);
}

/* Tells the owner, once, that the connections are to be made anew. */
void servers_lose(struct servers *servers, int code, const char *why)
{
    if (servers->closing || servers->lost)
        return;
    servers->lost = true;
    servers->on.lost(servers->data, code, why);
}

/* Ends the request with its answer, NULL when there is none. */
static void finish(struct request *request, const redisReply *reply)
{
    struct servers *servers = request->servers;
    request->done(request->data, reply);
    redis_format_free(request->form);
    free(request);
    servers_release(servers);
}

void servers_close(struct servers *servers)
{
    if (!servers || servers->closing)
        return;
    servers->closing = true;
    uv_close((uv_handle_t *)&servers->timer, timer_closed);
    redis_close(servers->seed);
    for (size_t i = 0; i < servers->count; i++)
        redis_close(servers->list[i].redis);
    while (servers->waiting) {
        struct request *request = servers->waiting;
        servers->waiting = request->next;
        finish(request, NULL);
    }
}

/* --- requests --------------------------------------------------------------------------------- */

static void on_reply(void *data, const redisReply *reply);

/* Sends it to `server`; what cannot be sent ends it. */
static void send_to(struct request *request, struct server *server)
{
    request->sent_to = server;
    if (redis_formatted(server->redis, request->form, request->size, on_reply, request) != 0)
        finish(request, NULL);
}

static void send_by_slot(struct request *request)
{
    struct servers *servers = request->servers;
    struct server *server = servers->slots[request->slot];
    request->hops = 0;
    if (server) {
        send_to(request, server);
        return;
    }
    finish(request, NULL);
    servers_lose(servers, ERR_UNREACHABLE, "no server of the cluster serves all slots");
}

static void try_waiting(uv_timer_t *timer)
{
    struct servers *servers = timer->data;
    struct request *request = servers->waiting;
    uint64_t now_ms = uv_now(servers->loop);
    servers->waiting = NULL;
    servers->last = &servers->waiting;
    while (request) {
        struct request *next = request->next;
        if (servers->closing || now_ms >= request->until_ms)
            finish(request, NULL);
        else
            send_by_slot(request);
        request = next;
    }
}

static void wait_for_slot(struct request *request)
{
    struct servers *servers = request->servers;
    uint64_t now_ms = uv_now(servers->loop);
    if (request->until_ms == 0)
        request->until_ms = now_ms + SERVERS_WAIT_MS;
    request->next = NULL;
    *servers->last = request;
    servers->last = &request->next;
    if (!uv_is_active((uv_handle_t *)&servers->timer))
        uv_timer_start(&servers->timer, try_waiting, SERVERS_AGAIN_MS, 0);
}

struct server *servers_find(const struct servers *servers, const struct storeurl_server *address)
{
    for (size_t i = 0; i < servers->count; i++)
        if (servers->list[i].address.port == address->port &&
            strcmp(servers->list[i].address.host, address->host) == 0)
            return &servers->list[i];
    return NULL;
}

static void asking_replied(void *data, const redisReply *reply)
{
    (void)data;
    (void)reply; /* the command behind it tells what went wrong */
}

/* To where a MOVED or ASK leads. A server that is not connected is a new one: it has to be found and
 * checked first. */
static void redirect(struct request *request, enum slots_answer answer,
                     struct storeurl_server *address)
{
    struct servers *servers = request->servers;
    if (address->host[0] == '\0')
        snprintf(address->host, sizeof address->host, "%s", request->sent_to->address.host);
    struct server *server = servers_find(servers, address);
    if (!server) {
        finish(request, NULL);
        servers_lose(servers, ERR_UNREACHABLE, "the cluster has another server");
        return;
    }
    if (++request->hops > HOPS_MAX) {
        wait_for_slot(request); /* servers that name each other have not agreed yet */
        return;
    }
    if (answer == SLOTS_MOVED)
        servers->slots[request->slot] = server;
    else
        redis_words(server->redis, (const char *[]){"ASKING", NULL}, asking_replied, NULL);
    send_to(request, server);
}

static void on_replicated(struct held *held, bool durable)
{
    static char text[] = "OK";
    static const redisReply ok = {.type = REDIS_REPLY_STATUS, .str = text, .len = sizeof text - 1};
    finish((struct request *)held, durable ? &ok : NULL);
}

/* It has its answer. */
static void conclude(struct request *request, const redisReply *reply)
{
    struct servers *servers = request->servers;
    if (!request->change || servers->closing || !reply || reply->type != REDIS_REPLY_STATUS) {
        finish(request, reply);
        return;
    }
    request->held.done = on_replicated;
    replication_hold(&request->sent_to->replication, &request->held);
}

static void on_reply(void *data, const redisReply *reply)
{
    struct request *request = data;
    struct servers *servers = request->servers;
    struct storeurl_server address;
    bool error = !servers->closing && reply && reply->type == REDIS_REPLY_ERROR;
    enum slots_answer answer =
        error && servers->slots ? slots_answer(reply->str, &address) : SLOTS_OTHER;
    if (answer == SLOTS_OTHER) {
        conclude(request, reply);
    } else if (answer == SLOTS_AGAIN) {
        wait_for_slot(request);
    } else if (answer == SLOTS_STALE) {
        char why[ERRMSG_SIZE];
        snprintf(why, sizeof why, "%s", reply->str);
        finish(request, NULL);
        servers_lose(servers, ERR_UNREACHABLE, why);
    } else {
        redirect(request, answer, &address);
    }
}

static int send_request(struct servers *servers, bool change, size_t key, size_t argc,
                        const char **argv, const size_t *sizes, redis_reply_fn *done, void *data)
{
    struct request *request = calloc(1, sizeof *request);
    if (!request)
        return ERR_NOMEM;
    *request = (struct request){.servers = servers, .change = change, .done = done, .data = data};
    request->slot = slots_of(argv[key], sizes[key]);
    request->sent_to = servers->slots ? servers->slots[request->slot] : &servers->list[0];
    request->form = redis_format(argc, argv, sizes, &request->size);
    int rc = request->form ? redis_formatted(request->sent_to->redis, request->form, request->size,
                                             on_reply, request)
                           : ERR_NOMEM;
    if (rc) {
        redis_format_free(request->form);
        free(request);
        return rc;
    }
    servers->users++;
    return 0;
}

int servers_command(struct servers *servers, size_t key, size_t argc, const char **argv,
                    const size_t *sizes, redis_reply_fn *done, void *data)
{
    if (servers->closing || servers->lost)
        return ERR_UNREACHABLE;
    if (servers->slots)
        return send_request(servers, false, key, argc, argv, sizes, done, data);
    return redis_command(servers->list[0].redis, argc, argv, sizes, done, data);
}

int servers_change(struct servers *servers, size_t key, size_t argc, const char **argv,
                   const size_t *sizes, redis_reply_fn *done, void *data)
{
    if (servers->config.durability->replicas == 0)
        return servers_command(servers, key, argc, argv, sizes, done, data);
    if (servers->closing || servers->lost)
        return ERR_UNREACHABLE;
    return send_request(servers, true, key, argc, argv, sizes, done, data);
}

int servers_words(struct servers *servers, const char *const *words, redis_reply_fn *done,
                  void *data)
{
    const char *argv[REDIS_WORDS_MAX];
    size_t sizes[REDIS_WORDS_MAX], argc = redis_argv(words, argv, sizes);
    return servers_command(servers, 1, argc, argv, sizes, done, data);
}

/* --- checks ----------------------------------------------------------------------------------- */

static void check(struct server *server);

/* The server with the telescope goes first: it knows whether this program may change anything. */
static void check_others(struct servers *servers)
{
    for (size_t i = 0; i < servers->count && !servers->lost && !servers->closing; i++)
        if (!servers->list[i].telescope && servers->list[i].connected)
            check(&servers->list[i]);
}

static void checked(void *data, int code, const char *why)
{
    struct server *server = data;
    struct servers *servers = server->of;
    if (code) {
        servers_lose(servers, code, why);
    } else if (!servers->closing && !servers->lost) {
        servers->ready++;
        if (server->telescope)
            check_others(servers);
        if (servers->ready == servers->count)
            servers->on.ready(servers->data);
    }
    servers_release(servers);
}

/* In a cluster, the first that is in one of its slots. */
static void choose_trial(struct server *server)
{
    const struct servers *servers = server->of;
    unsigned number = 0;
    do {
        snprintf(server->trial, sizeof server->trial, "darkcount:{%u}:trial", number++);
    } while (servers->slots && number < TRIALS_MAX &&
             servers->slots[slots_of(server->trial, strlen(server->trial))] != server);
}

static void check(struct server *server)
{
    struct servers *servers = server->of;
    choose_trial(server);
    const struct storecheck wanted = {.redis = server->redis,
                                      .url = servers->config.url,
                                      .timezone = servers->config.timezone,
                                      .trial = server->trial,
                                      .durability = servers->config.durability,
                                      .telescope = server->telescope,
                                      .warn = servers->config.warn,
                                      .look = servers->config.look};
    servers->users++;
    int rc = storecheck_start(&wanted, checked, server);
    if (rc) {
        log_error("store: check: %s", err_str(rc)); /* its reply time-out comes later */
        servers->users--;
    }
}

/* --- connecting ------------------------------------------------------------------------------- */

static void server_connected(void *data)
{
    struct server *server = data;
    server->connected = true;
    if (server->telescope || server->of->ready > 0)
        check(server);
}

static void server_lost(void *data, const char *why)
{
    struct server *server = data;
    servers_lose(server->of, ERR_UNREACHABLE, why);
}

static void server_does_not_wait(struct replication *replication, const char *error)
{
    struct server *server =
        (struct server *)((char *)replication - offsetof(struct server, replication));
    char why[ERRMSG_SIZE];
    enum fault fault = fault_read(error, NULL, why);
    servers_lose(server->of, fault == FAULT_STORE ? ERR_REFUSED : ERR_UNREACHABLE, why);
}

static void prepare_replication(struct server *server)
{
    const struct servers_config *config = &server->of->config;
    if (config->url->cluster)
        snprintf(server->shown, sizeof server->shown, "%s:%u", server->address.host,
                 (unsigned)server->address.port);
    else
        snprintf(server->shown, sizeof server->shown, "%s", config->url->shown);
    server->replication = (struct replication){.redis = server->redis,
                                               .durability = config->durability,
                                               .replicated = config->replicated,
                                               .shown = server->shown,
                                               .failed = server_does_not_wait};
    replication_init(&server->replication);
}

/* Connects to every server of the list. */
int servers_connect(struct servers *servers, char *errmsg)
{
    static const struct redis_events events = {server_connected, server_lost};
    for (size_t i = 0; i < servers->count; i++) {
        struct server *server = &servers->list[i];
        server->of = servers;
        server->redis = redis_connect(servers->loop, servers->config.url->path, &server->address,
                                      &events, server, errmsg);
        if (!server->redis)
            return ERR_UNREACHABLE;
        prepare_replication(server);
    }
    return 0;
}

static int connect_single(struct servers *servers, char *errmsg)
{
    servers->list = calloc(1, sizeof *servers->list);
    if (!servers->list)
        return err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    servers->count = 1;
    servers->list[0].address = servers->config.url->servers[0];
    servers->list[0].telescope = true;
    return servers_connect(servers, errmsg);
}

struct servers *servers_open(uv_loop_t *loop, const struct servers_config *config,
                             const struct servers_events *events, void *data, char *errmsg)
{
    struct servers *servers = calloc(1, sizeof *servers);
    if (!servers) {
        err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
        return NULL;
    }
    *servers = (struct servers){.loop = loop, .config = *config, .on = *events, .data = data};
    servers->last = &servers->waiting;
    servers->timer.data = servers;
    uv_timer_init(loop, &servers->timer);
    servers->users = 1;
    if ((config->url->cluster ? servers_find_cluster : connect_single)(servers, errmsg) == 0)
        return servers;
    servers_close(servers);
    return NULL;
}

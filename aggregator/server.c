#include "aggregator/server.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/notice.h"
#include "aggregator/wire.h"
#include "common/err.h"
#include "common/log.h"

#define DESCRIPTORS_KEPT 64 /* for everything that is no sensor's connection */

static void on_peer_closed(struct peer *peer, void *data);
static void on_accepted(void *data, int descriptor, enum address_kind kind);

/* --- inventories ------------------------------------------------------------------------------ */

static void on_look(uv_timer_t *timer)
{
    struct server *server = timer->data;
    inventories_look(&server->inventories);
}

/* Soon, and once for many changes that come together. */
static void look_in(struct server *server, uint64_t delay_ms)
{
    if (!server->ending && !uv_is_active((uv_handle_t *)&server->look))
        uv_timer_start(&server->look, on_look, delay_ms, 0);
}

static void look_again(void *data)
{
    look_in(data, SERVER_LOOK_AGAIN_MS);
}

/* --- the store -------------------------------------------------------------------------------- */

static void on_up(void *data)
{
    struct server *server = data;
    if (!server->ending)
        status_begin(&server->status);
    inventories_forget(&server->inventories);
    look_in(server, 0);
    server->on.up(server->data);
}

static void on_down(void *data, int code, const char *why)
{
    struct server *server = data;
    server->on.down(server->data, code, why);
}

/* How many connections there may be: so many that descriptors are left for everything else. */
static size_t most_peers(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_cur >= SERVER_PEERS_MAX + DESCRIPTORS_KEPT)
        return SERVER_PEERS_MAX;
    return limit.rlim_cur >= 2 * DESCRIPTORS_KEPT ? limit.rlim_cur - DESCRIPTORS_KEPT
                                                  : limit.rlim_cur / 2;
}

static uint64_t random_number(void)
{
    uint64_t number = 0;
    uv_random(NULL, NULL, &number, sizeof number, 0, NULL);
    return number;
}

int server_init(struct server *server, uv_loop_t *loop, const char *state,
                const struct storeurl *store, const char *timezone,
                const struct server_events *events, void *data)
{
    static const struct store_events store_events = {on_up, on_down};
    const uint64_t run = random_number();
    *server = (struct server){.loop = loop, .state = state, .on = *events, .data = data};
    server->host = (struct peer_host){.lanes = &server->lanes,
                                      .chunk = server->chunk,
                                      .enrol = &server->enrol,
                                      .stats = &server->stats,
                                      .status = &server->status,
                                      .closed = on_peer_closed,
                                      .data = server};
    int rc = store_init(&server->store, loop, store, timezone, &store_events, server);
    if (rc)
        return rc;
    uv_timer_init(loop, &server->drain);
    server->drain.data = server;
    status_init(&server->status, loop, &server->store, state, run);
    lanes_init(&server->lanes, &server->store.storage, state, &server->stats, run);
    inventories_init(&server->inventories, &server->store.storage, &server->lanes, state,
                     look_again, server);
    uv_timer_init(loop, &server->look);
    server->look.data = server;
    door_init(&server->door, loop, on_accepted, server);
    server->peers_max = most_peers();
    /* The others are left to those who join, and to those who are told that there is no room. */
    server->host.delivering_max = (unsigned)(server->peers_max - server->peers_max / 8);
    return 0;
}

void server_start(struct server *server)
{
    store_open(&server->store);
}

/* --- connections ------------------------------------------------------------------------------ */

static void part_closed(struct server *server)
{
    if (--server->open_parts == 0)
        server->on.ended(server->data);
}

/* Whether the sensor of a connection that has ended has another one. */
static bool is_connected(const struct server *server, const char *sensor)
{
    for (const struct peer *peer = server->peers; peer; peer = peer->next)
        if (peer->opened && !peer->closing && strcmp(peer->session.sensor, sensor) == 0)
            return true;
    return false;
}

static void on_peer_closed(struct peer *peer, void *data)
{
    struct server *server = data;
    struct peer **at = &server->peers;
    while (*at != peer)
        at = &(*at)->next;
    *at = peer->next;
    server->peer_count--;
    if (peer->opened && !is_connected(server, peer->session.sensor))
        status_left(&server->status, peer->session.sensor);
    if (server->ending)
        part_closed(server);
}

/* The stranger who has waited longest: of those from where `from` is, if it is given, once there are
 * more than the most of them; NULL when there is none to leave. */
static struct peer *stranger(struct server *server, const struct origin *from)
{
    struct peer *oldest = NULL;
    size_t count = 0;
    for (struct peer *peer = server->peers; peer; peer = peer->next) {
        if (!peer_stranger(peer) || peer->closing || (from && !origin_same(&peer->from, from)))
            continue;
        oldest = peer; /* the list ends with the oldest */
        count++;
    }
    return from && count <= SERVER_STRANGERS_MAX ? NULL : oldest;
}

/* Makes room among too many: whoever has waited longest without saying who it is goes, or else the
 * newcomer. So idle strangers, however many, do not keep sensors out. */
static void make_room(struct server *server, struct peer *newcomer)
{
    struct peer *leaves = stranger(server, &newcomer->from);
    if (leaves) {
        notice("more than %d connections from %s do not say who they are: one is turned away",
               SERVER_STRANGERS_MAX, newcomer->from.text);
    } else if (server->peer_count > server->peers_max) {
        notice("more than %zu connections: one is turned away", server->peers_max);
        leaves = stranger(server, NULL);
        leaves = leaves ? leaves : newcomer;
    }
    if (!leaves)
        return;
    server->stats.turned_away[STATS_TOO_MANY]++;
    peer_close(leaves);
}

static void on_accepted(void *data, int descriptor, enum address_kind kind)
{
    struct server *server = data;
    struct peer *peer = wire_accept(server->loop, descriptor, kind, &server->host);
    if (!peer) {
        notice("accept: %s", err_str(ERR_NOMEM));
        return;
    }
    server->stats.connections++;
    peer->next = server->peers;
    server->peers = peer;
    server->peer_count++;
    make_room(server, peer);
}

/* --- metrics ---------------------------------------------------------------------------------- */

static void on_page(void *data, struct buf *text)
{
    const struct server *server = data;
    const struct store *store = &server->store;
    const struct stats_now now = {.connections = server->peer_count,
                                  .sensors = server->host.delivering,
                                  .store_up = store->storage.up,
                                  .replicas_wanted = store->durability.replicas > 0,
                                  .primaries_lacking = store->replicated.lacking,
                                  .replica_waits = store->replicated.waits,
                                  .replica_shortfalls = store->replicated.short_waits,
                                  .authority_until_s = server->authority_until_s,
                                  .certificate_until_s = server->certificate_until_s,
                                  .now_s = time(NULL)};
    stats_write(&server->stats, &now, text);
}

int server_metrics(struct server *server, const char *address, bool anywhere, char *errmsg)
{
    int fd = httpd_listen(address, anywhere, errmsg);
    if (fd < 0)
        return fd;
    server->metrics = fd;
    return httpd_start(&server->httpd, server->loop, fd, on_page, server, errmsg);
}

/* --- TLS -------------------------------------------------------------------------------------- */

static void on_registry(uv_fs_event_t *watch, const char *file, int events, int status)
{
    struct server *server = watch->data;
    (void)file, (void)events, (void)status; /* an error, too, is a reason to look */
    for (struct peer *peer = server->peers; peer; peer = peer->next)
        peer_recheck(peer);
    look_in(server, SERVER_LOOK_MS);
}

static int watch_registry(struct server *server, char *errmsg)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.4000s/%s", server->state, REGISTRY_DIRECTORY);
    uv_fs_event_init(server->loop, &server->registry);
    server->registry.data = server;
    int rc = uv_fs_event_start(&server->registry, on_registry, path, 0);
    if (rc == 0)
        return 0;
    uv_close((uv_handle_t *)&server->registry, NULL);
    return err_set(errmsg, ERR_IO, "watch %s: %s", path, uv_strerror(rc));
}

static void note_expiry(struct server *server, const char *identity)
{
    struct cert_facts facts;
    if (cert_read(identity, &facts, NULL) == 0)
        server->certificate_until_s = facts.until_s;
    if (cert_read(server->enrol.ca.certificate, &facts, NULL) == 0)
        server->authority_until_s = facts.until_s;
}

/* Makes authority, certificate and registry ready, once. */
static int secure(struct server *server, char *errmsg)
{
    if (server->host.tls)
        return 0;
    int rc = enrol_open(&server->enrol, server->state, time(NULL), errmsg);
    if (rc)
        return rc;
    char *identity = ca_server_identity(&server->enrol.ca, time(NULL), errmsg);
    struct tls_terms terms = {.server = true, .identity = identity};
    struct tls_context *tls = identity ? tls_context_new(&terms, errmsg) : NULL;
    if (tls)
        note_expiry(server, identity);
    free(identity);
    rc = tls ? watch_registry(server, errmsg) : ERR_INVALID;
    if (rc)
        tls_context_free(tls);
    else
        server->host.tls = tls;
    return rc;
}

/* --- listening -------------------------------------------------------------------------------- */

int server_listen(struct server *server, const char *text, char *errmsg)
{
    struct address address;
    int rc = listen_parse(&address, text, errmsg);
    if (rc == 0 && address.kind == ADDRESS_TLS)
        rc = secure(server, errmsg);
    return rc ? rc : door_add(&server->door, &address, errmsg);
}

int server_serve(struct server *server, char *errmsg)
{
    return door_open(&server->door, errmsg);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void store_ended(void *data)
{
    part_closed(data);
}

static void drain_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

/* Closes what is left. The lanes end with their requests, which the store fails. */
static void end(struct server *server)
{
    server->ending = true;
    server->open_parts = 2 + (int)server->peer_count;
    for (struct peer *peer = server->peers; peer; peer = peer->next)
        peer_close(peer);
    uv_close((uv_handle_t *)&server->drain, drain_closed);
    status_close(&server->status);
    uv_close((uv_handle_t *)&server->look, NULL);
    store_close(&server->store, store_ended);
}

static void on_drain(uv_timer_t *timer)
{
    end(timer->data);
}

/* May come from inside a reply: what follows is done from the loop. */
static void on_drained(void *data)
{
    struct server *server = data;
    if (!server->ending)
        uv_timer_start(&server->drain, on_drain, 0, 0);
}

void server_stop(struct server *server)
{
    if (server->stopping)
        return;
    server->stopping = true;
    door_close(&server->door);
    httpd_stop(server->httpd);
    if (server->host.tls)
        uv_close((uv_handle_t *)&server->registry, NULL);
    for (struct peer *peer = server->peers; peer; peer = peer->next)
        peer_quiesce(peer);
    uv_timer_start(&server->drain, on_drain, SERVER_DRAIN_MS, 0);
    lanes_drain(&server->lanes, on_drained, server);
}

void server_close(struct server *server)
{
    tls_context_free(server->host.tls);
    enrol_close(&server->enrol);
    inventories_close(&server->inventories);
    stats_close(&server->stats);
    if (server->metrics > 0)
        close(server->metrics);
}

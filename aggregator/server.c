#include "aggregator/server.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aggregator/notice.h"
#include "common/err.h"
#include "common/log.h"

static void peer_closed(struct peer *peer, void *data);

/* --- the store -------------------------------------------------------------------------------- */

static void on_up(void *data)
{
    struct server *server = data;
    if (!server->ending)
        status_begin(&server->status);
    server->on.up(server->data);
}

static void on_down(void *data, int code, const char *why)
{
    struct server *server = data;
    server->on.down(server->data, code, why);
}

int server_init(struct server *server, uv_loop_t *loop, const char *state,
                const struct storeurl *store, const char *timezone,
                const struct server_events *events, void *data)
{
    static const struct store_events store_events = {on_up, on_down};
    *server = (struct server){.loop = loop, .state = state, .on = *events, .data = data};
    server->host = (struct peer_host){.lanes = &server->lanes,
                                      .chunk = server->chunk,
                                      .enrol = &server->enrol,
                                      .status = &server->status,
                                      .closed = peer_closed,
                                      .data = server};
    int rc = store_init(&server->store, loop, store, timezone, &store_events, server);
    if (rc)
        return rc;
    uv_timer_init(loop, &server->drain);
    server->drain.data = server;
    status_init(&server->status, loop, &server->store, state);
    lanes_init(&server->lanes, &server->store, state);
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

static void peer_closed(struct peer *peer, void *data)
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

/* Tells the first failure of a row; libuv has closed the connections that it could not take. */
static void accept_failed(struct server *server, const char *why)
{
    if (!server->accept_failed)
        log_warn("accept: %s; connections are turned away until it is over", why);
    server->accept_failed = true;
}

/* Makes room among too many: whoever has waited longest without saying who it is goes, or else the
 * newcomer. So idle strangers, however many, do not keep sensors out. */
static void make_room(struct server *server, struct peer *newcomer)
{
    struct peer *leaves = newcomer; /* the first of the list, which ends with the oldest */
    for (struct peer *peer = server->peers; peer; peer = peer->next)
        if (peer->session.state == SESSION_HANDSHAKE && peer->session.peer != SESSION_SENSOR &&
            !peer->closing)
            leaves = peer;
    notice("more than %d connections: one is turned away", SERVER_PEERS_MAX);
    peer_close(leaves);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *listener = stream->data;
    struct server *server = listener->server;
    if (server->stopping)
        return;
    if (status < 0) {
        accept_failed(server, uv_strerror(status));
        return;
    }
    struct peer *peer = peer_accept(stream, listener->address.kind, &server->host);
    if (!peer) {
        accept_failed(server, err_str(ERR_NOMEM));
        return;
    }
    peer->next = server->peers;
    server->peers = peer;
    if (++server->peer_count > SERVER_PEERS_MAX)
        make_room(server, peer);
    server->accept_failed = false;
}

/* --- TLS -------------------------------------------------------------------------------------- */

static void on_registry(uv_fs_event_t *watch, const char *file, int events, int status)
{
    struct server *server = watch->data;
    (void)file, (void)events, (void)status; /* an error, too, is a reason to look */
    for (struct peer *peer = server->peers; peer; peer = peer->next)
        peer_recheck(peer);
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
    free(identity);
    rc = tls ? watch_registry(server, errmsg) : ERR_INVALID;
    if (rc)
        tls_context_free(tls);
    else
        server->host.tls = tls;
    return rc;
}

/* --- listening -------------------------------------------------------------------------------- */

static int init_listener(struct server *server, struct listener *listener)
{
    listener->server = server;
    int rc = listener->address.kind == ADDRESS_UNIX
                 ? uv_pipe_init(server->loop, &listener->socket.pipe, 0)
                 : uv_tcp_init(server->loop, &listener->socket.tcp);
    if (rc)
        return rc;
    listener->socket.stream.data = listener;
    server->listener_count++;
    return 0;
}

int server_listen(struct server *server, const char *address, char *errmsg)
{
    if (server->listener_count == SERVER_LISTENERS_MAX)
        return err_set(errmsg, ERR_FULL, "listen %.100s: %d addresses are the most", address,
                       SERVER_LISTENERS_MAX);
    struct listener *listener = &server->listeners[server->listener_count];
    int rc = listen_parse(&listener->address, address, errmsg);
    if (rc == 0 && listener->address.kind == ADDRESS_TLS)
        rc = secure(server, errmsg);
    if (rc)
        return rc;
    rc = init_listener(server, listener);
    if (rc)
        return err_set(errmsg, ERR_IO, "listen %s: %s", listener->address.shown, uv_strerror(rc));
    return listen_bind(&listener->socket.stream, &listener->address, errmsg);
}

int server_serve(struct server *server, char *errmsg)
{
    for (size_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        int rc = uv_listen(&listener->socket.stream, 128, on_connection);
        if (rc)
            return err_set(errmsg, ERR_IO, "listen %s: %s", listener->address.shown,
                           uv_strerror(rc));
    }
    return 0;
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
    for (size_t i = 0; i < server->listener_count; i++)
        uv_close((uv_handle_t *)&server->listeners[i].socket.stream, NULL);
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
}

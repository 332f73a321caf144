/*
 * Server: listens, accepts, and owns store, lanes and peers. main.c makes one.
 *
 *   server_init -> server_listen ... -> server_start -> [up] -> serving -> server_stop -> ended
 *
 * server_stop: no more connections and records; what is under way is finished and folded, at most
 * until SERVER_DRAIN_MS; then everything is closed and `ended` called. The loop then has no handle
 * of the server.
 */
#ifndef AGGREGATOR_SERVER_H
#define AGGREGATOR_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "aggregator/door.h"
#include "aggregator/enrol.h"
#include "aggregator/inventories.h"
#include "aggregator/lane.h"
#include "aggregator/listen.h"
#include "aggregator/peer.h"
#include "aggregator/status.h"
#include "aggregator/store.h"
#include "common/httpd.h"

#define SERVER_PEERS_MAX     2048 /* connections; fewer where the limit of descriptors is low */
#define SERVER_STRANGERS_MAX 256  /* of them, from one address and not yet known whose they are */
#define SERVER_DRAIN_MS      3000
#define SERVER_LOOK_MS       200  /* from a change of the registry to a look at its inventories */
#define SERVER_LOOK_AGAIN_MS 1000 /* after something failed */

struct server_events {
    void (*up)(void *data); /* the store is there, each time */
    void (*down)(void *data, int code, const char *why);
    void (*ended)(void *data);
};

struct server {
    uv_loop_t *loop;
    struct store store;
    struct lanes lanes;
    const char *state; /* the state directory; borrowed */
    struct enrol enrol;
    struct status status;
    struct inventories inventories;
    uv_timer_t look;        /* at them */
    struct peer_host host;  /* its `tls` is NULL until an address is served with TLS */
    uv_fs_event_t registry; /* while `host.tls` is there: tells that a sensor's file changed */
    int64_t certificate_until_s, authority_until_s; /* UTC; 0: none is used */
    struct stats stats;
    struct httpd *httpd; /* NULL: no page of metrics */
    int metrics;         /* the descriptor that listens for it */
    struct door door;
    struct peer *peers;
    size_t peer_count, peers_max;
    uv_timer_t drain;
    int open_parts; /* peers, timer and store not yet closed, while ending */
    bool stopping, ending;
    struct server_events on;
    void *data;
    uint8_t chunk[SESSION_CHUNK_MAX];
};

/* Prepares; `events` is copied, `state` borrowed. */
int server_init(struct server *server, uv_loop_t *loop, const char *state,
                const struct storeurl *store, const char *timezone,
                const struct server_events *events, void *data);
/* Binds one address, the first with TLS makes the authority ready; connections are accepted from server_serve on. ERR_INVALID, ERR_REFUSED,
 * ERR_IO, ERR_FULL with the cause in `errmsg`. */
int server_listen(struct server *server, const char *address, char *errmsg);
/* Serves the page of metrics on an address (common/httpd.h), from now to the end. ERR_INVALID,
 * ERR_REFUSED, ERR_IO with the cause in `errmsg`. */
int server_metrics(struct server *server, const char *address, bool anywhere, char *errmsg);
/* Connects to the store; `up` or `down` follows. */
void server_start(struct server *server);
/* Begins to accept. ERR_IO with the cause in `errmsg`. */
int server_serve(struct server *server, char *errmsg);
/* Ends; may be called at any time after server_init, again without effect. */
void server_stop(struct server *server);
/* Frees what is left when the loop has ended. */
void server_close(struct server *server);

#endif

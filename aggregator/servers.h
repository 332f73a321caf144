/*
 * The servers of the store: one redis-server, or the primaries of a Redis Cluster. Connects to all of
 * them, checks each (storecheck.h), and sends each command to the one that serves its key; what a
 * cluster answers while slots move (MOVED, ASK, TRYAGAIN, CLUSTERDOWN) stays in here. store.c is the
 * caller.
 *
 *   servers_open -> [CLUSTER SLOTS of any known server ->] connections -> checks -> events.ready
 *                -> servers_command ... -> servers_close
 *
 * When one connection is lost, or the cluster is no longer what it was, events.lost is called, once,
 * and the owner closes and opens anew: a cluster of which a primary is missing serves nothing by
 * default (cluster-require-full-coverage). Requests of one key are answered in the order in which they
 * were made, unless its slot moves meanwhile; whoever needs the order has a guard (put.h).
 */
#ifndef AGGREGATOR_SERVERS_H
#define AGGREGATOR_SERVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "aggregator/redis.h"
#include "aggregator/replication.h"
#include "common/storeurl.h"

#define SERVERS_KNOWN_MAX 64
#define SERVERS_AGAIN_MS  20    /* between tries while a slot is on its way */
#define SERVERS_WAIT_MS   10000 /* for a slot to arrive */

/* Where a cluster was found: the servers of the URL, and those that they named since. It outlives the
 * connections, so that a cluster whose named servers are all gone is found again. */
struct servers_known {
    struct storeurl_server list[SERVERS_KNOWN_MAX];
    size_t count, next; /* the one to ask next */
};
void servers_known_init(struct servers_known *known, const struct storeurl *url);

struct servers_events {
    void (*ready)(void *data);
    /* `code` as store_events.down. */
    void (*lost)(void *data, int code, const char *why);
};

struct servers_config {
    const struct storeurl *url; /* these five outlive the connection */
    const char *timezone;
    struct servers_known *known;
    const struct durability *durability;
    struct replicated *replicated;
    bool warn; /* say what is not durable there */
    bool look; /* only to read: make nothing ready there */
};

struct servers;

/* Begins to connect; `config` and `events` are copied. NULL with the cause in `errmsg`. */
struct servers *servers_open(uv_loop_t *loop, const struct servers_config *config,
                             const struct servers_events *events, void *data, char *errmsg);
/* Ends it: no event comes any more, requests under way are answered with NULL; frees itself when the
 * last handle has closed. NULL is allowed. */
void servers_close(struct servers *servers);

/* Sends a command to the server of the key argv[key]. As redis_command. */
int servers_command(struct servers *servers, size_t key, size_t argc, const char **argv,
                    const size_t *sizes, redis_reply_fn *done, void *data);
/* The same for a change: a reply that is a status comes when the change is with the replicas, too, that
 * `durability` asks for. */
int servers_change(struct servers *servers, size_t key, size_t argc, const char **argv,
                   const size_t *sizes, redis_reply_fn *done, void *data);
/* servers_command from words ended by NULL, of which the second is the key. */
int servers_words(struct servers *servers, const char *const *words, redis_reply_fn *done,
                  void *data);

#endif

/*
 * The connection under store.c, store_days.c and store_pieces.c: connecting with time-outs, requests on their way,
 * replies of the expected type, and the sentences for what can go wrong. Nobody else includes this.
 */
#ifndef DASHBOARDS_STORE_LINK_H
#define DASHBOARDS_STORE_LINK_H

#include <hiredis/hiredis.h>

#include "dashboards/store.h"

struct store_nodes;

struct store {
    redisContext *redis;       /* the server at hand: see store_at */
    struct store_nodes *nodes; /* of a cluster; NULL: there is one server */
    struct storeurl url;
    char timezone[CALENDAR_ZONE_MAX + 1];
    struct store_sensor *sensors;
    struct store_head {
        uint64_t n, folded;
    } * heads; /* of each sensor, as last heard */
    struct store_index {
        struct store_entry {
            uint64_t n;
            int64_t start_s;
        } * entries; /* NULL: not read */
        size_t count;
        uint64_t through; /* the last call whose entry it has, if that has one */
    } * indexes;          /* of each sensor, its log entries as once read: store_index.c */
    size_t count;
    int64_t now_s; /* when they were read */
};

/* Reads the inventories of the sensors, whose heads are known. store_inventory.c */
int store_read_inventories(struct store *store, char *errmsg);

/* Connects store->redis to store->url, with AUTH and SELECT where the URL asks for them; of a cluster to
 * the first of its servers that answers, whose slots are read. */
int store_connect(struct store *store, char *errmsg);
void store_disconnect(struct store *store);
/* Connects to one server and logs in; NULL with the cause in `errmsg`, and in `*rc`. */
redisContext *store_dial(struct store *store, const char *path,
                         const struct storeurl_server *server, int *rc, char *errmsg);
/* Makes the server of `key` the one at hand. There must be no request on its way. Nothing to do unless
 * the store is a cluster. store_cluster.c */
int store_at(struct store *store, const char *key, char *errmsg);
/* Finds out who serves which slots, from the server at hand. store_cluster.c */
int store_find_nodes(struct store *store, const struct storeurl_server *asked, char *errmsg);
void store_free_nodes(struct store *store);

void store_forget_index(struct store_index *index);

/* Puts a request on its way; hiredis's format, %b for bytes. */
int store_send(struct store *store, char *errmsg, const char *format, ...);
/* The next reply, of `type` or nil, to be freed with freeReplyObject. `key` is for the message. */
int store_take(struct store *store, const char *key, int type, redisReply **reply, char *errmsg);
/* Whether a reply, or a part of one, is of `type` or nil: 0, or the sentence. */
int store_check(const struct store *store, const char *key, int type, const redisReply *reply,
                char *errmsg);
/* The connection has failed: says how. */
int store_lost(const struct store *store, char *errmsg);

/* A conversation about items 0 .. count-1: `send` asks for item i, `receive` takes what was asked,
 * in the same order; a bounded number of requests is on its way. The first error ends it. */
struct store_talk {
    size_t count;
    size_t window; /* requests on their way at once; 0: as many as is usual for small answers */
    void *user;
    int (*send)(struct store *store, size_t i, void *user, char *errmsg);
    int (*receive)(struct store *store, size_t i, void *user, char *errmsg);
    bool sensors; /* item i is about the sensor i: a server of its own in a cluster */
};
int store_talk(struct store *store, const struct store_talk *talk, char *errmsg);

/* ERR_DAMAGED: the value of `key` is not what belongs there, because of `what`. */
int store_damaged(const struct store *store, const char *key, const char *what, char *errmsg);
/* ERR_VERSION: `key` was written by a newer program. */
int store_newer(const struct store *store, const char *key, char *errmsg);
/* The sentence for `rc` of a decoder (ERR_DAMAGED, ERR_VERSION, ERR_NOMEM) that was given `key`. */
int store_bad_value(const struct store *store, const char *key, int rc, char *errmsg);

/* n and folded of a head, as HMGET gives them; absent ones are 0. False when they cannot be. */
bool store_parse_head(struct store_head *head, const redisReply *n, const redisReply *folded);

/* A decimal number without sign that fills text[0..size). */
bool store_parse_u64(const char *text, size_t size, uint64_t *value);
/* The same within low..high. */
bool store_parse_part(const char *text, size_t size, int low, int high, int *value);

#endif

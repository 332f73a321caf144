/*
 * What servers.c and servers_cluster.c share: the servers, and what ends them. servers_cluster.c finds
 * the primaries of a cluster, before servers.c connects to them.
 */
#ifndef AGGREGATOR_SERVERS_PRIVATE_H
#define AGGREGATOR_SERVERS_PRIVATE_H

#include "aggregator/servers.h"
#include "common/schema.h"

/* One of them. */
struct server {
    struct servers *of;
    struct storeurl_server address;
    struct redis *redis;
    bool connected, telescope;  /* telescope: it serves the key of the telescope */
    char trial[SCHEMA_KEY_MAX]; /* a key that it serves, of no sensor */
    char shown[sizeof((struct storeurl *)0)->shown]; /* for messages */
    struct replication replication;
};

/* A command to a cluster, kept in its form on the wire until it has an answer that counts; or a change
 * whose answer is held back until the replicas have it. */
struct request {
    struct held held; /* first */
    struct servers *servers;
    struct request *next; /* in `waiting` */
    char *form;
    size_t size;
    uint16_t slot;
    struct server *sent_to;
    bool change;
    unsigned hops;     /* redirections since it was last sent by its slot */
    uint64_t until_ms; /* 0: it has not waited yet */
    redis_reply_fn *done;
    void *data;
};

struct servers {
    uv_loop_t *loop;
    struct servers_config config;
    struct servers_events on;
    void *data;
    struct redis *seed; /* asked for the slots */
    struct server *list;
    size_t count, ready;
    struct server **slots;   /* of a cluster: who serves each; NULL: nobody */
    struct request *waiting; /* for their slot, first come first served */
    struct request **last;   /* where the next one goes */
    uv_timer_t timer;        /* when they are tried again */
    size_t users;            /* the timer's handle, requests and checks under way */
    bool closing, lost;
};

/* servers.c: connects to every server of the list. */
int servers_connect(struct servers *servers, char *errmsg);
/* The server at the address, or NULL. */
struct server *servers_find(const struct servers *servers, const struct storeurl_server *address);
/* Tells the owner, once, that the connections are to be made anew. */
void servers_lose(struct servers *servers, int code, const char *why);
/* One user less; the last one frees. */
void servers_release(struct servers *servers);

/* servers_cluster.c: asks the next of the known servers for the slots, and has the primaries connected
 * to. */
int servers_find_cluster(struct servers *servers, char *errmsg);

#endif

/*
 * Where the store is: `unix:///path`, `redis://[user:pass@]host:port[/db]`, or a Redis Cluster by one
 * or more of its servers, `redis-cluster://[user:pass@]host:port[,host:port...]`. Pure.
 */
#ifndef COMMON_STOREURL_H
#define COMMON_STOREURL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STOREURL_PART_MAX    256
#define STOREURL_SERVERS_MAX 16

struct storeurl_server {
    char host[STOREURL_PART_MAX];
    uint16_t port; /* 6379 unless the URL says */
};

struct storeurl {
    char path[STOREURL_PART_MAX]; /* Unix socket; empty for TCP */
    bool cluster;
    struct storeurl_server servers[STOREURL_SERVERS_MAX]; /* TCP: one; of a cluster, any of it */
    size_t server_count;
    char user[STOREURL_PART_MAX],
        password[STOREURL_PART_MAX];   /* percent-decoded; empty when absent */
    unsigned db;                       /* 0 in a cluster */
    char shown[STOREURL_PART_MAX * 3]; /* the URL for messages: without the password */
};

/* ERR_INVALID with the cause in `errmsg`. */
int storeurl_parse(struct storeurl *url, const char *text, char *errmsg);

#endif

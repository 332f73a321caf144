/*
 * Where the store is: `unix:///path`, `redis://[user:pass@]host:port[/db]`. Pure.
 */
#ifndef COMMON_STOREURL_H
#define COMMON_STOREURL_H

#include <stdint.h>

#define STOREURL_PART_MAX 256

struct storeurl {
    char path[STOREURL_PART_MAX]; /* Unix socket; empty for TCP */
    char host[STOREURL_PART_MAX];
    uint16_t port; /* 6379 unless the URL says */
    char user[STOREURL_PART_MAX],
        password[STOREURL_PART_MAX]; /* percent-decoded; empty when absent */
    unsigned db;
    char shown[STOREURL_PART_MAX * 3]; /* the URL for messages: without the password */
};

/* ERR_INVALID with the cause in `errmsg`. */
int storeurl_parse(struct storeurl *url, const char *text, char *errmsg);

#endif

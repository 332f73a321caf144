/*
 * The one connection to the store that all answers of serve share. It is opened when the first answer
 * needs it and again after it broke, so that serve neither needs a store to start nor to be started
 * again. Redis that does not answer costs one caller the time-outs of store.h; who asks within
 * SERVE_STORE_PAUSE_MS after that is told at once what he was told.
 *
 *   serve_store_take -> answers ... -> serve_store_drop when one of them failed
 */
#ifndef DASHBOARDS_SERVE_STORE_H
#define DASHBOARDS_SERVE_STORE_H

#include "common/err.h"
#include "dashboards/store.h"

#define SERVE_STORE_PAUSE_MS 1000

struct serve_store {
    struct storeurl url;
    struct store *store; /* NULL: not open */
    int error;           /* of the last attempt; 0: it is there */
    int64_t failed_ms;   /* monotonic */
    char cause[ERRMSG_SIZE];
};

void serve_store_init(struct serve_store *at, const struct storeurl *url);
void serve_store_close(struct serve_store *at);

/* The store with its sensors as they are now, borrowed until the next call of any of these. As
 * store_open. Its going and coming back are logged. */
int serve_store_take(struct serve_store *at, struct store **store, char *errmsg);
/* What was asked of the store failed, and its connection can only be closed. */
void serve_store_drop(struct serve_store *at);

#endif

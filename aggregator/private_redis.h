/*
 * The private store: a redis-server of our own, as a child, on a Unix socket in the state
 * directory, for an aggregator that was given no store. Whoever holds STATE/redis.lock is the only
 * redis-server on these files: the child inherits it, so it is free exactly when the child has
 * ended, however it ended.
 *
 * Happy path: private_redis_init -> private_redis_start -> (store.c connects) ->
 * private_redis_stop. An orphan that an aggregator left behind when it was killed is told to end
 * first, as ours would be. If the child ends while it should not, it is started again, at most
 * every PRIVATE_REDIS_AGAIN_MS.
 */
#ifndef AGGREGATOR_PRIVATE_REDIS_H
#define AGGREGATOR_PRIVATE_REDIS_H

#include <limits.h>
#include <stdbool.h>
#include <uv.h>

#include "common/storeurl.h"

#define PRIVATE_REDIS_ORPHAN_MS 20000 /* for an orphan to end */
#define PRIVATE_REDIS_AGAIN_MS  200
#define PRIVATE_REDIS_END_MS    1500 /* from SIGTERM to SIGKILL */

struct private_redis {
    uv_loop_t *loop;
    char state[PATH_MAX];
    char socket[STOREURL_PART_MAX];
    uv_process_t process;
    uv_timer_t timer;
    bool running, stopping;
    int handles; /* not yet closed */
    uint64_t started_ms;
    void (*stopped)(void *data);
    void *data;
};

/* Prepares for the state directory `state`, which this process holds. ERR_INVALID when its path is
 * too long for a socket in it. */
int private_redis_init(struct private_redis *redis, uv_loop_t *loop, const char *state,
                       char *errmsg);
/* The URL of the private store of a state directory. */
void private_redis_locate(const char *state, struct storeurl *url);
/* Ends an orphan (blocking, bounded) and starts the child. ERR_IO, ERR_UNKNOWN (no redis-server in
 * PATH) or ERR_REFUSED with the cause in `errmsg`. Whether it answers is found out by connecting to
 * it. */
int private_redis_start(struct private_redis *redis, char *errmsg);
/* Ends the child: SIGTERM, and SIGKILL after PRIVATE_REDIS_END_MS. Calls `stopped` when it has
 * ended and every handle is closed. */
void private_redis_stop(struct private_redis *redis, void (*stopped)(void *data), void *data);

#endif

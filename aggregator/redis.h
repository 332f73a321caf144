/*
 * A connection to Redis: hiredis 0.14's asynchronous client on a libuv loop, through an adapter of
 * ours. Debian's never reports a lost connection (an error on the descriptor is dropped) and
 * crashes on a context that already has an error; hiredis 0.14 has no time-outs of its own.
 * servers.c is the caller.
 *
 * Happy path: redis_connect -> events.connected -> redis_command ... -> redis_close.
 * Failure: events.lost, once, after every pending reply callback was called with NULL; the owner
 * then calls redis_close as well. `connected` may send commands and must not call redis_close.
 * After redis_close no event comes; pending replies come as NULL before it returns, or, when it is
 * called inside a reply callback, soon after it.
 */
#ifndef AGGREGATOR_REDIS_H
#define AGGREGATOR_REDIS_H

#include <stddef.h>
#include <uv.h>

#include <hiredis/hiredis.h>

#include "common/storeurl.h"

#define REDIS_CONNECT_MS 5000  /* until the connection stands */
#define REDIS_REPLY_MS   30000 /* without any reply while one is owed */

struct redis;

struct redis_events {
    void (*connected)(void *data);
    void (*lost)(void *data, const char *why);
};

/* `reply` is borrowed; NULL: the connection was lost, and whether the command was done is not
 * known. */
typedef void redis_reply_fn(void *data, const redisReply *reply);

/* Begins to connect to the Unix socket `path`, or to `server` where it is empty; neither is kept. A
 * name is resolved synchronously. NULL with the cause in `errmsg` (ERRMSG_SIZE) when it cannot even
 * begin. */
struct redis *redis_connect(uv_loop_t *loop, const char *path, const struct storeurl_server *server,
                            const struct redis_events *events, void *data, char *errmsg);
/* Ends the connection; frees itself when its handles have closed. NULL is allowed. */
void redis_close(struct redis *redis);

/* Sends a command. ERR_UNREACHABLE when the connection is gone: `done` is then never called. */
int redis_command(struct redis *redis, size_t argc, const char **argv, const size_t *sizes,
                  redis_reply_fn *done, void *data);
/* The same in two steps, for a command that may have to be sent again: its form on the wire, to be
 * given to redis_format_free (NULL without memory), and sending that. */
char *redis_format(size_t argc, const char **argv, const size_t *sizes, size_t *size);
void redis_format_free(char *form);
int redis_formatted(struct redis *redis, const char *form, size_t size, redis_reply_fn *done,
                    void *data);

#define REDIS_WORDS_MAX 16
/* Words, ended by NULL and at most REDIS_WORDS_MAX, as redis_command takes them; returns how many. */
size_t redis_argv(const char *const *words, const char *argv[REDIS_WORDS_MAX],
                  size_t sizes[REDIS_WORDS_MAX]);
/* A command from such words. */
int redis_words(struct redis *redis, const char *const *words, redis_reply_fn *done, void *data);

#endif

#include "aggregator/redis.h"

#include <hiredis/async.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

struct redis {
    redisAsyncContext *context; /* NULL once hiredis has let go of it */
    uv_poll_t poll;
    uv_timer_t timer;
    int events;  /* what `poll` waits for */
    int handles; /* not yet closed */
    bool closing, connected, freed;
    size_t owed;     /* replies not yet come */
    const char *why; /* the cause of the loss, where it is ours to tell */
    struct redis_events on;
    void *data;
};

struct request {
    struct redis *redis;
    redis_reply_fn *done;
    void *data;
};

/* --- the adapter: hiredis's wishes -> uv_poll ----------------------------------------------------
 */

static void handle_closed(uv_handle_t *handle)
{
    struct redis *redis = handle->data;
    if (--redis->handles == 0)
        free(redis);
}

/* Ends the connection from outside of hiredis; it calls back every owed reply and then `cleanup`.
 */
static void drop(struct redis *redis, const char *why)
{
    if (!redis->context || redis->freed)
        return;
    redis->why = why;
    redis->freed = true;
    redisAsyncFree(redis->context);
}

/* An error on the descriptor is read from, so that hiredis sees it and ends the connection; should
 * it find nothing wrong, the connection is ended all the same, since the descriptor is no longer
 * polled. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct redis *redis = poll->data;
    if (redis->context && !redis->freed && (status < 0 || events & UV_READABLE))
        redisAsyncHandleRead(redis->context);
    if (redis->context && !redis->freed && events & UV_WRITABLE)
        redisAsyncHandleWrite(redis->context);
    if (status < 0)
        drop(redis, uv_strerror(status));
}

static void wait_for(struct redis *redis, int events)
{
    if (!redis->context || redis->events == events)
        return;
    redis->events = events;
    if (events == 0)
        uv_poll_stop(&redis->poll);
    else
        uv_poll_start(&redis->poll, events, on_poll);
}

static void add_read(void *data)
{
    struct redis *redis = data;
    wait_for(redis, redis->events | UV_READABLE);
}

static void del_read(void *data)
{
    struct redis *redis = data;
    wait_for(redis, redis->events & ~UV_READABLE);
}

static void add_write(void *data)
{
    struct redis *redis = data;
    wait_for(redis, redis->events | UV_WRITABLE);
}

static void del_write(void *data)
{
    struct redis *redis = data;
    wait_for(redis, redis->events & ~UV_WRITABLE);
}

/* hiredis's last word on a context, whatever ended it; the descriptor is closed right after. */
static void cleanup(void *data)
{
    struct redis *redis = data;
    char why[256];
    const char *cause = redis->why            ? redis->why
                        : redis->context->err ? redis->context->errstr
                                              : "connection closed";
    snprintf(why, sizeof why, "%s", cause);
    redis->context = NULL;
    uv_timer_stop(&redis->timer);
    uv_close((uv_handle_t *)&redis->poll, handle_closed);
    if (!redis->closing)
        redis->on.lost(redis->data, why);
}

/* --- time-outs -----------------------------------------------------------------------------------
 */

static void on_timer(uv_timer_t *timer)
{
    struct redis *redis = timer->data;
    drop(redis, redis->connected ? "no reply in time" : "no connection in time");
}

static void await_reply(struct redis *redis)
{
    if (redis->owed == 0)
        uv_timer_stop(&redis->timer);
    else
        uv_timer_start(&redis->timer, on_timer, REDIS_REPLY_MS, 0);
}

/* --- connecting ------------------------------------------------------------------------------- */

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis *redis = context->ev.data;
    if (status != REDIS_OK || redis->closing)
        return; /* hiredis cleans up next */
    redis->connected = true;
    uv_timer_stop(&redis->timer);
    redis->on.connected(redis->data);
}

static redisAsyncContext *make_context(const char *path, const struct storeurl_server *server,
                                       char *errmsg)
{
    redisAsyncContext *context =
        *path ? redisAsyncConnectUnix(path) : redisAsyncConnect(server->host, server->port);
    if (!context) {
        err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
        return NULL;
    }
    if (context->err) { /* attaching it would crash */
        err_set(errmsg, ERR_UNREACHABLE, "%s", context->errstr);
        redisAsyncFree(context);
        return NULL;
    }
    return context;
}

static void attach(struct redis *redis)
{
    redisAsyncContext *context = redis->context;
    context->ev.data = redis;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    context->ev.cleanup = cleanup;
    redisAsyncSetConnectCallback(context, on_connect);
}

struct redis *redis_connect(uv_loop_t *loop, const char *path, const struct storeurl_server *server,
                            const struct redis_events *events, void *data, char *errmsg)
{
    redisAsyncContext *context = make_context(path, server, errmsg);
    if (!context)
        return NULL;
    struct redis *redis = calloc(1, sizeof *redis);
    if (!redis || uv_poll_init(loop, &redis->poll, context->c.fd) != 0) {
        err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
        redisAsyncFree(context);
        free(redis);
        return NULL;
    }
    uv_timer_init(loop, &redis->timer);
    redis->poll.data = redis->timer.data = redis;
    redis->handles = 2;
    redis->context = context;
    redis->on = *events;
    redis->data = data;
    attach(redis);
    uv_timer_start(&redis->timer, on_timer, REDIS_CONNECT_MS, 0);
    return redis;
}

void redis_close(struct redis *redis)
{
    if (!redis || redis->closing)
        return;
    redis->closing = true;
    uv_close((uv_handle_t *)&redis->timer, handle_closed);
    drop(redis, NULL);
}

/* --- commands --------------------------------------------------------------------------------- */

static void on_reply(redisAsyncContext *context, void *reply, void *data)
{
    (void)context;
    struct request request = *(struct request *)data;
    free(data);
    request.redis->owed--;
    if (!request.redis->closing && reply)
        await_reply(request.redis);
    request.done(request.data, reply);
}

/* A request to be sent, and after sending: `sent` is hiredis's word. */
static struct request *begin(struct redis *redis, redis_reply_fn *done, void *data)
{
    struct request *request = malloc(sizeof *request);
    if (request)
        *request = (struct request){redis, done, data};
    return request;
}

static int begun(struct redis *redis, struct request *request, int sent)
{
    if (sent != REDIS_OK) {
        free(request);
        return ERR_UNREACHABLE;
    }
    if (redis->owed++ == 0)
        await_reply(redis);
    return 0;
}

int redis_command(struct redis *redis, size_t argc, const char **argv, const size_t *sizes,
                  redis_reply_fn *done, void *data)
{
    if (!redis->context || redis->freed)
        return ERR_UNREACHABLE;
    struct request *request = begin(redis, done, data);
    if (!request)
        return ERR_NOMEM;
    return begun(redis, request,
                 redisAsyncCommandArgv(redis->context, on_reply, request, (int)argc, argv, sizes));
}

char *redis_format(size_t argc, const char **argv, const size_t *sizes, size_t *size)
{
    char *form;
    int length = redisFormatCommandArgv(&form, (int)argc, argv, sizes);
    if (length < 0)
        return NULL;
    *size = (size_t)length;
    return form;
}

void redis_format_free(char *form)
{
    redisFreeCommand(form);
}

int redis_formatted(struct redis *redis, const char *form, size_t size, redis_reply_fn *done,
                    void *data)
{
    if (!redis->context || redis->freed)
        return ERR_UNREACHABLE;
    struct request *request = begin(redis, done, data);
    if (!request)
        return ERR_NOMEM;
    return begun(redis, request,
                 redisAsyncFormattedCommand(redis->context, on_reply, request, form, size));
}

size_t redis_argv(const char *const *words, const char *argv[REDIS_WORDS_MAX],
                  size_t sizes[REDIS_WORDS_MAX])
{
    size_t argc = 0;
    for (; words[argc]; argc++) {
        argv[argc] = words[argc];
        sizes[argc] = strlen(words[argc]);
    }
    return argc;
}

int redis_words(struct redis *redis, const char *const *words, redis_reply_fn *done, void *data)
{
    const char *argv[REDIS_WORDS_MAX];
    size_t sizes[REDIS_WORDS_MAX], argc = redis_argv(words, argv, sizes);
    return redis_command(redis, argc, argv, sizes, done, data);
}

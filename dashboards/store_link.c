#include "dashboards/store_link.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "common/err.h"

#define CONNECT_TIMEOUT_S 5
#define COMMAND_TIMEOUT_S 5
#define ENTRIES_MAX       4096 /* log entries that are not folded: no writer leaves more */
#define WINDOW            128 /* requests on their way: bounds memory here and stalls of others there */

int store_lost(const struct store *store, char *errmsg)
{
    const redisContext *redis = store->redis;
    bool late = redis->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
    return err_set(errmsg, redis->err == REDIS_ERR_OOM ? ERR_NOMEM : ERR_UNREACHABLE,
                   "store %s: %s; is it running, and does the URL lead to it?", store->url.shown,
                   late ? "no answer within the time allowed" : redis->errstr);
}

/* What an error reply means for the one who reads it. */
static int refused(const struct store *store, const char *key, const char *reply, char *errmsg)
{
    if (strncmp(reply, "WRONGTYPE", 9) == 0)
        return err_set(
            errmsg, ERR_DAMAGED,
            "store %s: key %s holds the wrong type of value; restore it from a backup, or "
            "check that no other program writes here",
            store->url.shown, key);
    if (strncmp(reply, "NOAUTH", 6) == 0 || strncmp(reply, "WRONGPASS", 9) == 0 ||
        strncmp(reply, "NOPERM", 6) == 0 || strncmp(reply, "ERR AUTH", 8) == 0)
        return err_set(errmsg, ERR_REFUSED,
                       "store %s: %.200s; check user and password in the store's URL",
                       store->url.shown, reply);
    if (strncmp(reply, "MOVED", 5) == 0 || strncmp(reply, "ASK ", 4) == 0 ||
        strncmp(reply, "TRYAGAIN", 8) == 0 || strncmp(reply, "CLUSTERDOWN", 11) == 0 ||
        strncmp(reply, "EXECABORT", 9) == 0)
        return err_set(errmsg, ERR_UNREACHABLE,
                       "store %s: %s is being moved within the cluster; try again in a moment",
                       store->url.shown, key);
    if (strncmp(reply, "LOADING", 7) == 0 || strncmp(reply, "BUSY", 4) == 0)
        return err_set(errmsg, ERR_UNREACHABLE, "store %s: %.200s; try again in a moment",
                       store->url.shown, reply);
    return err_set(errmsg, ERR_REFUSED, "store %s: reading %s: %.200s", store->url.shown, key,
                   reply);
}

int store_damaged(const struct store *store, const char *key, const char *what, char *errmsg)
{
    return err_set(errmsg, ERR_DAMAGED, "store %s: key %s is damaged: %s; restore it from a backup",
                   store->url.shown, key, what);
}

int store_newer(const struct store *store, const char *key, char *errmsg)
{
    return err_set(
        errmsg, ERR_VERSION,
        "store %s: key %s was written by a newer version of darkcount; upgrade this program",
        store->url.shown, key);
}

int store_bad_value(const struct store *store, const char *key, int rc, char *errmsg)
{
    if (rc == ERR_VERSION)
        return store_newer(store, key, errmsg);
    if (rc == ERR_NOMEM)
        return err_set(errmsg, rc, "store %s: key %s: %s", store->url.shown, key, err_str(rc));
    return store_damaged(store, key, "its value is not what belongs there", errmsg);
}

int store_send(struct store *store, char *errmsg, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int rc = redisvAppendCommand(store->redis, format, args);
    va_end(args);
    return rc == REDIS_OK ? 0 : store_lost(store, errmsg);
}

int store_check(const struct store *store, const char *key, int type, const redisReply *reply,
                char *errmsg)
{
    if (reply->type == REDIS_REPLY_ERROR)
        return refused(store, key, reply->str, errmsg);
    if (reply->type != type && reply->type != REDIS_REPLY_NIL)
        return store_damaged(store, key, "the server answered with something else", errmsg);
    return 0;
}

int store_take(struct store *store, const char *key, int type, redisReply **reply, char *errmsg)
{
    void *got = NULL;
    if (redisGetReply(store->redis, &got) != REDIS_OK)
        return store_lost(store, errmsg);
    *reply = got;
    int rc = store_check(store, key, type, got, errmsg);
    if (rc)
        freeReplyObject(*reply);
    return rc;
}

static int at_sensor(struct store *store, size_t sensor, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    schema_key_head(key, store->sensors[sensor].name);
    return store_at(store, key, errmsg);
}

int store_talk(struct store *store, const struct store_talk *talk, char *errmsg)
{
    size_t sent = 0, window = talk->window ? talk->window : WINDOW;
    if (store->nodes && talk->sensors)
        window = 1; /* the next one may be another server's */
    for (size_t i = 0; i < talk->count; i++) {
        /* Refilled when it has run half empty, so that requests go out in a few large writes. */
        if (sent - i <= window / 2) {
            for (; sent < talk->count && sent - i < window; sent++) {
                int rc = talk->sensors ? at_sensor(store, sent, errmsg) : 0;
                if (rc == 0)
                    rc = talk->send(store, sent, talk->user, errmsg);
                if (rc)
                    return rc;
            }
        }
        int rc = talk->receive(store, i, talk->user, errmsg);
        if (rc)
            return rc;
    }
    return 0;
}

bool store_parse_u64(const char *text, size_t size, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(text[i] - '0'), value))
            return false;
    }
    return size > 0;
}

static bool parse_count(const redisReply *value, uint64_t *count)
{
    *count = 0;
    return value->type == REDIS_REPLY_NIL ||
           (value->type == REDIS_REPLY_STRING && store_parse_u64(value->str, value->len, count));
}

bool store_parse_head(struct store_head *head, const redisReply *n, const redisReply *folded)
{
    return parse_count(n, &head->n) && parse_count(folded, &head->folded) &&
           head->folded <= head->n && head->n - head->folded <= ENTRIES_MAX;
}

bool store_parse_part(const char *text, size_t size, int low, int high, int *value)
{
    uint64_t number;
    if (!store_parse_u64(text, size, &number) || number < (uint64_t)low || number > (uint64_t)high)
        return false;
    *value = (int)number;
    return true;
}

static int authenticate(struct store *store, char *errmsg)
{
    const struct storeurl *url = &store->url;
    if (url->password[0] == '\0')
        return 0;
    int rc = url->user[0] ? store_send(store, errmsg, "AUTH %s %s", url->user, url->password)
                          : store_send(store, errmsg, "AUTH %s", url->password);
    redisReply *reply;
    if (rc == 0)
        rc = store_take(store, "AUTH", REDIS_REPLY_STATUS, &reply, errmsg);
    if (rc == 0)
        freeReplyObject(reply);
    return rc;
}

static int select_database(struct store *store, char *errmsg)
{
    if (store->url.db == 0)
        return 0;
    int rc = store_send(store, errmsg, "SELECT %u", store->url.db);
    redisReply *reply;
    if (rc == 0)
        rc = store_take(store, "SELECT", REDIS_REPLY_STATUS, &reply, errmsg);
    if (rc == 0)
        freeReplyObject(reply);
    return rc;
}

redisContext *store_dial(struct store *store, const char *path,
                         const struct storeurl_server *server, int *rc, char *errmsg)
{
    const struct timeval within = {.tv_sec = CONNECT_TIMEOUT_S},
                         answer = {.tv_sec = COMMAND_TIMEOUT_S};
    redisContext *before = store->redis;
    redisContext *redis = *path ? redisConnectUnixWithTimeout(path, within)
                                : redisConnectWithTimeout(server->host, server->port, within);
    if (!redis) {
        *rc = err_set(errmsg, ERR_NOMEM, "store %s: %s", store->url.shown, err_str(ERR_NOMEM));
        return NULL;
    }
    store->redis = redis; /* at hand for what follows */
    *rc = redis->err || redisSetTimeout(redis, answer) != REDIS_OK ? store_lost(store, errmsg)
                                                                   : authenticate(store, errmsg);
    store->redis = before;
    if (*rc == 0)
        return redis;
    redisFree(redis);
    return NULL;
}

/* The first server of the cluster that answers; the error is that of the last. */
static int connect_cluster(struct store *store, char *errmsg)
{
    int rc = 0;
    for (size_t i = 0; i < store->url.server_count; i++) {
        const struct storeurl_server *server = &store->url.servers[i];
        store->redis = store_dial(store, "", server, &rc, errmsg);
        if (!store->redis)
            continue;
        rc = store_find_nodes(store, server, errmsg);
        redisFree(store->redis);
        store->redis = NULL;
        if (rc == 0)
            return 0;
        store_free_nodes(store);
    }
    return rc;
}

int store_connect(struct store *store, char *errmsg)
{
    int rc = 0;
    if (store->url.cluster)
        return connect_cluster(store, errmsg);
    store->redis = store_dial(store, store->url.path, &store->url.servers[0], &rc, errmsg);
    return rc ? rc : select_database(store, errmsg);
}

void store_disconnect(struct store *store)
{
    if (store->nodes)
        store_free_nodes(store);
    else if (store->redis)
        redisFree(store->redis);
    store->redis = NULL;
}

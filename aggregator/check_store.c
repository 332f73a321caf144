#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/check.h"
#include "aggregator/check_judge.h"
#include "aggregator/redis.h"
#include "common/err.h"
#include "common/schema.h"
#include "common/slotreply.h"

#define PRIMARIES_MAX 256

/*
 * One server: interview() -> on_connected -> ask() -> on_reply -> ask() ... one question after the
 * other, since later ones need what earlier ones answered -> end(). A lost connection ends there, too.
 * Of a cluster, one of the named servers is asked first who its primaries are.
 */
struct asking {
    uv_loop_t loop;
    struct redis *redis;
    const struct storeurl *url;
    const struct storeurl_server *address;
    struct subject subject;
    struct primaries *primaries; /* NULL: these are not asked for, but everything else */
    size_t at;                   /* the question under way, then the command that is tried */
    char denied[512];
    bool acl_unknown, reached;
    char why[ERRMSG_SIZE]; /* it was not reached */
};

struct primaries {
    struct storeurl_server list[PRIMARIES_MAX];
    size_t count;
    unsigned slots; /* served by them */
    char why[ERRMSG_SIZE];
};

/* --- permissions ------------------------------------------------------------------------------ */

/* What the aggregator and its function call, each with a key of its kind. */
static const char *const commands[][QUESTION_WORDS_MAX] = {
    {"FCALL", "darkcount_put", "1", "darkcount:{x}:head", "0"},
    {"FCALL_RO", "darkcount_version", "0"},
    {"HGET", "darkcount:{x}:head", "n"},
    {"HGETALL", "darkcount:{x}:head"},
    {"HMGET", SCHEMA_TELESCOPE, "schema"},
    {"HSET", "darkcount:{x}:head", "n", "1"},
    {"HSETNX", SCHEMA_TELESCOPE, "schema", "1"},
    {"HDEL", "darkcount:{x}:status", "x"},
    {"GET", "darkcount:{x}:log:1"},
    {"SET", "darkcount:{x}:log:1", "x"},
    {"UNLINK", "darkcount:{x}:log:1"},
    {"TYPE", "darkcount:{x}:log:1"},
    {"EXPIREAT", "darkcount:{x}:log:1", "1"},
    {"SADD", SCHEMA_SENSORS, "x"},
    {"SMEMBERS", SCHEMA_SENSORS},
    {"FUNCTION", "LOAD", "REPLACE", "x"},
    {"INFO", "server"},
    {"WAIT", "1", "1"}, /* the last: only where replicas are waited for */
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static size_t command_count(const struct asking *asking)
{
    return COMMANDS - (asking->subject.durability->replicas == 0);
}

static void judge_command(struct asking *asking, const char *command, const redisReply *reply)
{
    size_t used = strlen(asking->denied);
    asking->acl_unknown |= reply->type == REDIS_REPLY_ERROR;
    if (reply->type == REDIS_REPLY_STRING) /* why not */
        snprintf(asking->denied + used, sizeof asking->denied - used, "%s%s", used ? ", " : "",
                 command);
}

static void conclude(const struct asking *asking)
{
    const char *what = "permissions", *user = asking->subject.user;
    if (asking->acl_unknown)
        judge_say(&asking->subject, CHECK_WARN, what,
                  "user %s may not ask what it is allowed to (ACL DRYRUN); see that it is as "
                  "'users' makes it",
                  user);
    else if (*asking->denied)
        judge_say(&asking->subject, CHECK_FAIL, what,
                  "user %s is denied %s for the keys darkcount:*; allow it (ACL SETUSER)", user,
                  asking->denied);
    else
        judge_say(&asking->subject, CHECK_OK, what, "user %s may do all that is needed", user);
}

/* --- the primaries of a cluster --------------------------------------------------------------- */

static void take_range(struct asking *asking, const redisReply *reply)
{
    struct primaries *primaries = asking->primaries;
    struct slotreply range;
    struct storeurl_server server;
    if (!slotreply_range(reply, &range) ||
        !slotreply_server(range.servers[0], asking->address, &server))
        return;
    primaries->slots += range.last - range.first + 1;
    for (size_t i = 0; i < primaries->count; i++)
        if (primaries->list[i].port == server.port &&
            strcmp(primaries->list[i].host, server.host) == 0)
            return;
    if (primaries->count < PRIMARIES_MAX)
        primaries->list[primaries->count++] = server;
}

static void take_slots(struct asking *asking, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        snprintf(asking->primaries->why, ERRMSG_SIZE, "%s", reply->str);
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        take_range(asking, reply->element[i]);
}

/* --- asking ----------------------------------------------------------------------------------- */

static void end(struct asking *asking)
{
    struct redis *redis = asking->redis;
    asking->redis = NULL;
    redis_close(redis);
}

static void ask(struct asking *asking);

static void on_reply(void *data, const redisReply *reply)
{
    struct asking *asking = data;
    if (!reply)
        return; /* on_lost says so */
    asking->reached = true;
    if (asking->primaries)
        take_slots(asking, reply);
    else if (asking->at < judge_question_count)
        judge_questions[asking->at].judge(&asking->subject, reply);
    else
        judge_command(asking, commands[asking->at - judge_question_count][0], reply);
    asking->at++;
    ask(asking);
}

static int ask_command(struct asking *asking, const char *const *command)
{
    const char *words[QUESTION_WORDS_MAX + 4] = {"ACL", "DRYRUN", asking->subject.user};
    for (size_t i = 0; i < QUESTION_WORDS_MAX && command[i]; i++)
        words[3 + i] = command[i];
    return redis_words(asking->redis, words, on_reply, asking);
}

/* Asks the next question; false: there is none. */
static bool ask_next(struct asking *asking)
{
    size_t questions = judge_question_count;
    if (asking->primaries)
        return asking->at == 0 &&
               redis_words(asking->redis, (const char *[]){"CLUSTER", "SLOTS", NULL}, on_reply,
                           asking) == 0;
    if (asking->at < questions)
        return redis_words(asking->redis, judge_questions[asking->at].words, on_reply, asking) == 0;
    if (asking->at < questions + command_count(asking))
        return ask_command(asking, commands[asking->at - questions]) == 0;
    conclude(asking);
    return false;
}

static void ask(struct asking *asking)
{
    if (!ask_next(asking))
        end(asking);
}

static void on_login(void *data, const redisReply *reply)
{
    const struct asking *asking = data;
    if (reply && !asking->primaries)
        judge_sound(&asking->subject, reply, "store log-in");
}

static void on_connected(void *data)
{
    struct asking *asking = data;
    const struct storeurl *url = asking->url;
    char db[16];
    snprintf(db, sizeof db, "%u", url->db);
    if (*url->password && *url->user)
        redis_words(asking->redis, (const char *[]){"AUTH", url->user, url->password, NULL},
                    on_login, asking);
    else if (*url->password)
        redis_words(asking->redis, (const char *[]){"AUTH", url->password, NULL}, on_login, asking);
    if (url->db)
        redis_words(asking->redis, (const char *[]){"SELECT", db, NULL}, on_login, asking);
    ask(asking);
}

static void on_lost(void *data, const char *why)
{
    struct asking *asking = data;
    asking->reached = false;
    snprintf(asking->why, sizeof asking->why, "%s", why);
    end(asking);
}

/* Asks the server; false, with the cause in asking->why: it was lost. */
static bool interview(struct asking *asking)
{
    static const struct redis_events events = {on_connected, on_lost};
    uv_loop_init(&asking->loop);
    asking->redis = redis_connect(&asking->loop, asking->url->path, asking->address, &events,
                                  asking, asking->why);
    uv_run(&asking->loop, UV_RUN_DEFAULT);
    uv_loop_close(&asking->loop);
    return asking->reached;
}

/* --- the store -------------------------------------------------------------------------------- */

/* Asks the servers that the URL names, one after the other, who the primaries are. */
static bool find_primaries(const struct storeurl *url, struct primaries *primaries)
{
    for (size_t i = 0; i < url->server_count && primaries->count == 0; i++) {
        struct asking asking = {.url = url, .address = &url->servers[i], .primaries = primaries};
        if (!interview(&asking))
            snprintf(primaries->why, sizeof primaries->why, "%s", asking.why);
    }
    return primaries->count > 0;
}

static void look_at(const struct subject *like, const struct storeurl *url,
                    const struct storeurl_server *address)
{
    struct asking asking = {.url = url, .address = address, .subject = *like};
    if (url->cluster)
        snprintf(asking.subject.name, sizeof asking.subject.name, "%s:%u: ", address->host,
                 (unsigned)address->port);
    if (interview(&asking))
        return;
    const char *store = url->cluster ? "" : url->shown, *colon = url->cluster ? "" : ": ";
    judge_say(&asking.subject, CHECK_FAIL, "store",
              "%s%scannot be reached: %s; is Redis running there?", store, colon, asking.why);
}

static void look_at_cluster(const struct subject *like, const struct storeurl *url)
{
    static struct primaries primaries;
    primaries = (struct primaries){0};
    if (!find_primaries(url, &primaries)) {
        judge_say(like, CHECK_FAIL, "store",
                  "%s: none of the servers that it names tells of a cluster: %s; are they running, "
                  "and with cluster-enabled yes?",
                  url->shown, *primaries.why ? primaries.why : "it serves no slots");
        return;
    }
    if (primaries.slots < SLOTS)
        judge_say(like, CHECK_FAIL, "store",
                  "%s: a cluster that serves %u of its %d slots; see redis-cli --cluster check",
                  url->shown, primaries.slots, SLOTS);
    else
        judge_say(like, CHECK_OK, "store", "%s: a cluster of %zu primaries", url->shown,
                  primaries.count);
    for (size_t i = 0; i < primaries.count; i++)
        look_at(like, url, &primaries.list[i]);
}

void check_store(struct checks *checks, const struct storeurl *url, const char *timezone,
                 const struct durability *durability)
{
    const struct subject subject = {
        .checks = checks, .store = url->shown, .timezone = timezone, .durability = durability};
    if (url->cluster)
        look_at_cluster(&subject, url);
    else
        look_at(&subject, url, &url->servers[0]);
}

#include <stdlib.h>
#include <string.h>

#include "aggregator/check.h"
#include "aggregator/function.h"
#include "aggregator/redis.h"
#include "aggregator/storecheck.h"
#include "common/err.h"
#include "common/schema.h"

#define WORDS_MAX 8

/*
 * check_store() -> on_connected -> ask() -> on_reply -> ask() ... one question after the other, since
 * later ones need what earlier ones answered -> end(). A lost connection ends there, too.
 */
struct asking {
    uv_loop_t loop;
    struct redis *redis;
    struct checks *checks;
    const struct storeurl *url;
    const char *timezone;
    size_t at;      /* the question under way, then the command that is tried */
    char user[128]; /* as whom we are logged in */
    char denied[512];
    bool durable; /* the file is written at all */
    bool acl_unknown;
};

/* Whether the answer is of use; says why not. */
static bool sound(struct asking *asking, const redisReply *reply, const char *what)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return true;
    checks_say(asking->checks, CHECK_FAIL, what, "%s: %s", asking->url->shown, reply->str);
    return false;
}

/* --- what the answers mean -------------------------------------------------------------------- */

static void judge_login(struct asking *asking, const redisReply *reply)
{
    sound(asking, reply, "store log-in");
}

static void judge_version(struct asking *asking, const redisReply *reply)
{
    const char *what = "store";
    if (!sound(asking, reply, what))
        return;
    const char *at = reply->str ? strstr(reply->str, "redis_version:") : NULL;
    const char *version = at ? at + strlen("redis_version:") : "of no version";
    int size = (int)strcspn(version, "\r\n");
    if (atoi(version) < STORECHECK_REDIS_MIN)
        checks_say(asking->checks, CHECK_FAIL, what,
                   "%s: Redis %.*s; %d or later is needed, install it", asking->url->shown, size,
                   version, STORECHECK_REDIS_MIN);
    else
        checks_say(asking->checks, CHECK_OK, what, "%s: Redis %.*s", asking->url->shown, size,
                   version);
}

static void judge_role(struct asking *asking, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR && reply->str && strstr(reply->str, "role:slave"))
        checks_say(asking->checks, CHECK_FAIL, "store role",
                   "%s is a replica and takes no counts; name its primary as the store",
                   asking->url->shown);
}

/* The value of a setting, or NULL after saying that it cannot be known. */
static const char *setting(struct asking *asking, const redisReply *reply, const char *what)
{
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->str)
        return reply->element[1]->str;
    checks_say(asking->checks, CHECK_WARN, what,
               "cannot be asked (CONFIG GET %s); look at it on the server", what);
    return NULL;
}

static void judge_appendonly(struct asking *asking, const redisReply *reply)
{
    const char *value = setting(asking, reply, "appendonly");
    asking->durable = !value || strcmp(value, "yes") == 0;
    if (!asking->durable)
        checks_say(asking->checks, CHECK_FAIL, "durability",
                   "appendonly is %s: an acknowledged record is in Redis's memory and lost when it "
                   "stops; set appendonly yes",
                   value);
}

static void judge_appendfsync(struct asking *asking, const redisReply *reply)
{
    const char *value = asking->durable ? setting(asking, reply, "appendfsync") : NULL;
    if (!value)
        return;
    if (strcmp(value, "always") == 0)
        checks_say(asking->checks, CHECK_OK, "durability",
                   "appendfsync always: an acknowledged record is on Redis's disk");
    else if (strcmp(value, "everysec") == 0)
        checks_say(asking->checks, CHECK_WARN, "durability",
                   "appendfsync everysec: an acknowledged record outlives a crash of Redis, and is "
                   "lost when the machine stops within about a second; set appendfsync always");
    else
        checks_say(asking->checks, CHECK_WARN, "durability",
                   "appendfsync %s: an acknowledged record outlives a crash of Redis, and is lost "
                   "when the machine stops before the system has written it, which may take half a "
                   "minute; set appendfsync always",
                   value);
}

static void judge_policy(struct asking *asking, const redisReply *reply)
{
    const char *value = setting(asking, reply, "maxmemory-policy");
    if (value && strcmp(value, "noeviction") == 0)
        checks_say(asking->checks, CHECK_OK, "eviction",
                   "maxmemory-policy noeviction: no count is thrown away");
    else if (value)
        checks_say(asking->checks, CHECK_FAIL, "eviction",
                   "maxmemory-policy %s: Redis throws counts away when its memory is short; set "
                   "maxmemory-policy noeviction",
                   value);
}

static void judge_telescope(struct asking *asking, const redisReply *reply)
{
    const char *what = "telescope";
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "MOVED", 5) == 0)
        return; /* another server of the cluster has it */
    if (!sound(asking, reply, what) || reply->elements != 2)
        return;
    const char *schema = reply->element[0]->str, *zone = reply->element[1]->str;
    if (!schema || !zone)
        checks_say(asking->checks, CHECK_OK, what, "the store is empty: the first start begins it");
    else if (atoi(schema) != SCHEMA_VERSION)
        checks_say(asking->checks, CHECK_FAIL, what,
                   "the store has schema %.16s and this program knows %d; use the aggregator that "
                   "made it, or a newer one",
                   schema, SCHEMA_VERSION);
    else if (strcmp(zone, asking->timezone) != 0)
        checks_say(asking->checks, CHECK_FAIL, what,
                   "the store counts days in time zone %.64s and the configuration says %s; set "
                   "timezone = %.64s",
                   zone, asking->timezone, zone);
    else
        checks_say(asking->checks, CHECK_OK, what, "schema %.16s, time zone %.64s", schema, zone);
}

/* The value behind a name in a reply that is a map, as a list: RESP2. */
static const redisReply *member(const redisReply *map, const char *name)
{
    for (size_t i = 0; map->type == REDIS_REPLY_ARRAY && i + 1 < map->elements; i += 2)
        if (map->element[i]->str && strcmp(map->element[i]->str, name) == 0)
            return map->element[i + 1];
    return NULL;
}

static void judge_function(struct asking *asking, const redisReply *reply)
{
    const char *what = "function library";
    if (reply->type == REDIS_REPLY_ERROR) {
        checks_say(asking->checks, CHECK_WARN, what, "cannot be asked for: %s", reply->str);
        return;
    }
    const redisReply *code = reply->elements > 0 ? member(reply->element[0], "library_code") : NULL;
    if (!code || !code->str)
        checks_say(asking->checks, CHECK_OK, what, "is not there yet: the aggregator loads it");
    else if (strcmp(code->str, function_text) == 0)
        checks_say(asking->checks, CHECK_OK, what, "darkcount is there, as this program has it");
    else
        checks_say(asking->checks, CHECK_WARN, what,
                   "darkcount is there in another version; the next start of this program puts its "
                   "own in place");
}

static void judge_user(struct asking *asking, const redisReply *reply)
{
    snprintf(asking->user, sizeof asking->user, "%.100s",
             reply->type == REDIS_REPLY_STRING ? reply->str : asking->url->user);
}

/* --- the questions ---------------------------------------------------------------------------- */

static const struct question {
    const char *words[WORDS_MAX];
    void (*judge)(struct asking *asking, const redisReply *reply);
} questions[] = {
    {{"INFO", "server"}, judge_version},
    {{"INFO", "replication"}, judge_role},
    {{"CONFIG", "GET", "appendonly"}, judge_appendonly},
    {{"CONFIG", "GET", "appendfsync"}, judge_appendfsync},
    {{"CONFIG", "GET", "maxmemory-policy"}, judge_policy},
    {{"HMGET", SCHEMA_TELESCOPE, "schema", "timezone"}, judge_telescope},
    {{"FUNCTION", "LIST", "LIBRARYNAME", "darkcount", "WITHCODE"}, judge_function},
    {{"ACL", "WHOAMI"}, judge_user},
};
#define QUESTIONS (sizeof questions / sizeof questions[0])

/* What the aggregator and its function call, each with a key of its kind. */
static const char *const commands[][WORDS_MAX] = {
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
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void judge_command(struct asking *asking, const redisReply *reply)
{
    size_t used = strlen(asking->denied);
    asking->acl_unknown |= reply->type == REDIS_REPLY_ERROR;
    if (reply->type == REDIS_REPLY_STRING) /* why not */
        snprintf(asking->denied + used, sizeof asking->denied - used, "%s%s", used ? ", " : "",
                 commands[asking->at - QUESTIONS][0]);
}

static void conclude(struct asking *asking)
{
    const char *what = "permissions";
    if (asking->acl_unknown)
        checks_say(asking->checks, CHECK_WARN, what,
                   "user %s may not ask what it is allowed to (ACL DRYRUN); see that it is as "
                   "'users' makes it",
                   asking->user);
    else if (*asking->denied)
        checks_say(asking->checks, CHECK_FAIL, what,
                   "user %s is denied %s for the keys darkcount:*; allow it (ACL SETUSER)",
                   asking->user, asking->denied);
    else
        checks_say(asking->checks, CHECK_OK, what, "user %s may do all that is needed",
                   asking->user);
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
    if (asking->at < QUESTIONS)
        questions[asking->at].judge(asking, reply);
    else
        judge_command(asking, reply);
    asking->at++;
    ask(asking);
}

static int ask_command(struct asking *asking, const char *const *command)
{
    const char *words[WORDS_MAX + 4] = {"ACL", "DRYRUN", asking->user};
    for (size_t i = 0; i < WORDS_MAX && command[i]; i++)
        words[3 + i] = command[i];
    return redis_words(asking->redis, words, on_reply, asking);
}

/* Asks the next question, if there is one. */
static void ask(struct asking *asking)
{
    int rc = 0;
    if (asking->at < QUESTIONS)
        rc = redis_words(asking->redis, questions[asking->at].words, on_reply, asking);
    else if (asking->at < QUESTIONS + COMMANDS)
        rc = ask_command(asking, commands[asking->at - QUESTIONS]);
    else
        conclude(asking);
    if (rc || asking->at == QUESTIONS + COMMANDS)
        end(asking);
}

static void on_login(void *data, const redisReply *reply)
{
    if (reply)
        judge_login(data, reply);
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
    checks_say(asking->checks, CHECK_FAIL, "store",
               "%s: cannot be reached: %s; is Redis running there?", asking->url->shown, why);
    end(asking);
}

void check_store(struct checks *checks, const struct storeurl *url, const char *timezone)
{
    static const struct redis_events events = {on_connected, on_lost};
    struct asking asking = {.checks = checks, .url = url, .timezone = timezone};
    char why[ERRMSG_SIZE];
    uv_loop_init(&asking.loop);
    asking.redis = redis_connect(&asking.loop, url->path, &url->servers[0], &events, &asking, why);
    if (!asking.redis)
        on_lost(&asking, why);
    uv_run(&asking.loop, UV_RUN_DEFAULT);
    uv_loop_close(&asking.loop);
}

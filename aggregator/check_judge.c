#include "aggregator/check_judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/function.h"
#include "aggregator/storecheck.h"
#include "common/err.h"
#include "common/schema.h"

void judge_say(const struct subject *subject, enum verdict verdict, const char *what,
               const char *format, ...)
{
    char text[2 * ERRMSG_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    checks_say(subject->checks, verdict, what, "%s%s", subject->name, text);
}

bool judge_sound(const struct subject *subject, const redisReply *reply, const char *what)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return true;
    if (*subject->name)
        judge_say(subject, CHECK_FAIL, what, "%s", reply->str);
    else
        judge_say(subject, CHECK_FAIL, what, "%s: %s", subject->store, reply->str);
    return false;
}

/* --- version and role ------------------------------------------------------------------------- */

static void judge_version(struct subject *subject, const redisReply *reply)
{
    const char *what = "store", *store = *subject->name ? "" : subject->store;
    const char *colon = *store ? ": " : "";
    if (!judge_sound(subject, reply, what))
        return;
    const char *at = reply->str ? strstr(reply->str, "redis_version:") : NULL;
    const char *version = at ? at + strlen("redis_version:") : "of no version";
    int size = (int)strcspn(version, "\r\n");
    if (atoi(version) < STORECHECK_REDIS_MIN)
        judge_say(subject, CHECK_FAIL, what, "%s%sRedis %.*s; %d or later is needed, install it",
                  store, colon, size, version, STORECHECK_REDIS_MIN);
    else
        judge_say(subject, CHECK_OK, what, "%s%sRedis %.*s", store, colon, size, version);
}

/* How many lines say that a replica follows: "slave0:ip=...,state=online,...". */
static unsigned following(const char *info)
{
    unsigned count = 0;
    for (const char *at = info; (at = strstr(at, "\nslave")) != NULL; at++) {
        const char *state = strstr(at, "state=online");
        count += at[6] >= '0' && at[6] <= '9' && state && state < at + 1 + strcspn(at + 1, "\n");
    }
    return count;
}

static void judge_role(struct subject *subject, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR || !reply->str)
        return;
    subject->replicas = following(reply->str);
    if (strstr(reply->str, "role:slave"))
        judge_say(subject, CHECK_FAIL, "store role",
                  "%s is a replica and takes no counts; name its primary as the store",
                  *subject->name ? "it" : subject->store);
}

/* --- what an acknowledgement means ------------------------------------------------------------ */

/* The value of a setting, or NULL after saying that it cannot be known. */
static const char *setting(struct subject *subject, const redisReply *reply, const char *what)
{
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 && reply->element[1]->str)
        return reply->element[1]->str;
    judge_say(subject, CHECK_WARN, what,
              "cannot be asked (CONFIG GET %s); look at it on the server", what);
    return NULL;
}

static void keep_setting(struct subject *subject, const redisReply *reply, const char *what,
                         char kept[16])
{
    const char *value = setting(subject, reply, what);
    snprintf(kept, 16, "%.15s", value ? value : "");
}

static void judge_appendonly(struct subject *subject, const redisReply *reply)
{
    keep_setting(subject, reply, "appendonly", subject->appendonly);
}

/* Of a server that nobody stated anything of. */
static void judge_habit(const struct subject *subject)
{
    const char *fsync = subject->appendfsync;
    if (strcmp(fsync, "always") == 0)
        judge_say(subject, CHECK_OK, "durability",
                  "appendfsync always: an acknowledged record is on Redis's disk");
    else if (strcmp(fsync, "everysec") == 0)
        judge_say(subject, CHECK_WARN, "durability",
                  "appendfsync everysec: an acknowledged record outlives a crash of Redis, and is "
                  "lost when the machine stops within about a second; set appendfsync always");
    else if (*fsync)
        judge_say(subject, CHECK_WARN, "durability",
                  "appendfsync %s: an acknowledged record outlives a crash of Redis, and is lost "
                  "when the machine stops before the system has written it, which may take half a "
                  "minute; set appendfsync always",
                  fsync);
}

/* Of one that is to write to disk before it answers. */
static void judge_disk(const struct subject *subject)
{
    const char *fsync = subject->appendfsync;
    if (strcmp(fsync, "always") == 0)
        judge_say(subject, CHECK_OK, "durability",
                  "appendfsync always: an acknowledged record is on Redis's disk, as [store] "
                  "durability asks");
    else if (*fsync)
        judge_say(subject, CHECK_FAIL, "durability",
                  "[store] durability asks for the disk, and appendfsync is %s: the aggregator "
                  "does not use it so; set appendfsync always",
                  fsync);
}

static void judge_appendfsync(struct subject *subject, const redisReply *reply)
{
    const struct durability *durability = subject->durability;
    keep_setting(subject, reply, "appendfsync", subject->appendfsync);
    bool off = *subject->appendonly && strcmp(subject->appendonly, "yes") != 0;
    if (durability->stated && !durability->fsync)
        judge_say(subject, CHECK_OK, "durability",
                  "an acknowledged record is in the memory of Redis and of so many replicas as are "
                  "waited for; appendonly %s, appendfsync %s",
                  subject->appendonly, subject->appendfsync);
    else if (off)
        judge_say(subject, CHECK_FAIL, "durability",
                  "appendonly is %s: an acknowledged record is in Redis's memory and lost when it "
                  "stops; set appendonly yes",
                  subject->appendonly);
    else if (durability->fsync)
        judge_disk(subject);
    else
        judge_habit(subject);
}

/* "2 replicas follow". */
static const char *followers(const struct subject *subject, char text[48])
{
    if (subject->replicas == 0)
        return "no replica follows";
    snprintf(text, 48, "%u replica%s", subject->replicas,
             subject->replicas == 1 ? " follows" : "s follow");
    return text;
}

static void judge_replicas(struct subject *subject, const redisReply *reply)
{
    const char *what = "replicas", *least = setting(subject, reply, "min-replicas-to-write");
    const struct durability *durability = subject->durability;
    char text[48];
    const char *there = followers(subject, text);
    if (least && strtoul(least, NULL, 10) > subject->replicas)
        judge_say(subject, CHECK_FAIL, what,
                  "%s, and min-replicas-to-write is %.16s: Redis takes no record; start them, or "
                  "set it lower",
                  there, least);
    else if (subject->replicas < durability->replicas)
        judge_say(subject, CHECK_FAIL, what,
                  "%s, and [store] replicas is %" PRIu64 ": nothing is acknowledged; start them, "
                  "or ask for fewer",
                  there, durability->replicas);
    else if (durability->replicas > 0)
        judge_say(subject, CHECK_OK, what,
                  "%s, and an acknowledgement waits for %" PRIu64 "; min-replicas-to-write %.16s",
                  there, durability->replicas, least ? least : "not known");
    else
        judge_say(subject, CHECK_OK, what,
                  "%s; an acknowledgement waits for none; min-replicas-to-write %.16s", there,
                  least ? least : "not known");
}

static void judge_policy(struct subject *subject, const redisReply *reply)
{
    const char *value = setting(subject, reply, "maxmemory-policy");
    if (value && strcmp(value, "noeviction") == 0)
        judge_say(subject, CHECK_OK, "eviction",
                  "maxmemory-policy noeviction: no count is thrown away");
    else if (value)
        judge_say(subject, CHECK_FAIL, "eviction",
                  "maxmemory-policy %s: Redis throws counts away when its memory is short; set "
                  "maxmemory-policy noeviction",
                  value);
}

/* --- what is there ---------------------------------------------------------------------------- */

static void judge_telescope(struct subject *subject, const redisReply *reply)
{
    const char *what = "telescope";
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "MOVED", 5) == 0)
        return; /* another server of the cluster has it */
    if (!judge_sound(subject, reply, what) || reply->elements != 2)
        return;
    const char *schema = reply->element[0]->str, *zone = reply->element[1]->str;
    if (!schema || !zone)
        judge_say(subject, CHECK_OK, what, "the store is empty: the first start begins it");
    else if (atoi(schema) != SCHEMA_VERSION)
        judge_say(subject, CHECK_FAIL, what,
                  "the store has schema %.16s and this program knows %d; use the aggregator that "
                  "made it, or a newer one",
                  schema, SCHEMA_VERSION);
    else if (strcmp(zone, subject->timezone) != 0)
        judge_say(subject, CHECK_FAIL, what,
                  "the store counts days in time zone %.64s and the configuration says %s; set "
                  "timezone = %.64s",
                  zone, subject->timezone, zone);
    else
        judge_say(subject, CHECK_OK, what, "schema %.16s, time zone %.64s", schema, zone);
}

/* The value behind a name in a reply that is a map, as a list: RESP2. */
static const redisReply *member(const redisReply *map, const char *name)
{
    for (size_t i = 0; map->type == REDIS_REPLY_ARRAY && i + 1 < map->elements; i += 2)
        if (map->element[i]->str && strcmp(map->element[i]->str, name) == 0)
            return map->element[i + 1];
    return NULL;
}

static void judge_function(struct subject *subject, const redisReply *reply)
{
    const char *what = "function library";
    if (reply->type == REDIS_REPLY_ERROR) {
        judge_say(subject, CHECK_WARN, what, "cannot be asked for: %s", reply->str);
        return;
    }
    const redisReply *code = reply->elements > 0 ? member(reply->element[0], "library_code") : NULL;
    if (!code || !code->str)
        judge_say(subject, CHECK_OK, what, "is not there yet: the aggregator loads it");
    else if (strcmp(code->str, function_text) == 0)
        judge_say(subject, CHECK_OK, what, "darkcount is there, as this program has it");
    else
        judge_say(subject, CHECK_WARN, what,
                  "darkcount is there in another version; the next start of this program puts its "
                  "own in place");
}

static void judge_user(struct subject *subject, const redisReply *reply)
{
    snprintf(subject->user, sizeof subject->user, "%.100s",
             reply->type == REDIS_REPLY_STRING ? reply->str : "default");
}

const struct question judge_questions[] = {
    {{"INFO", "server"}, judge_version},
    {{"INFO", "replication"}, judge_role},
    {{"CONFIG", "GET", "appendonly"}, judge_appendonly},
    {{"CONFIG", "GET", "appendfsync"}, judge_appendfsync},
    {{"CONFIG", "GET", "min-replicas-to-write"}, judge_replicas},
    {{"CONFIG", "GET", "maxmemory-policy"}, judge_policy},
    {{"HMGET", SCHEMA_TELESCOPE, "schema", "timezone"}, judge_telescope},
    {{"FUNCTION", "LIST", "LIBRARYNAME", "darkcount", "WITHCODE"}, judge_function},
    {{"ACL", "WHOAMI"}, judge_user},
};
const size_t judge_question_count = sizeof judge_questions / sizeof judge_questions[0];

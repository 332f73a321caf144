#include "aggregator/storecheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/fault.h"
#include "aggregator/function.h"
#include "aggregator/redis.h"
#include "common/err.h"
#include "common/log.h"
#include "common/schema.h"
#include "common/slots.h"

/* What Redis says of a function that is not there. */
#define FUNCTION_MISSING "ERR Function not found"

struct run {
    struct storecheck check;
    char timezone[64];
    storecheck_done_fn *done;
    void *data;
    unsigned owed; /* replies of the present step */
    unsigned step; /* in `steps` */
    int code;
    char why[ERRMSG_SIZE];
};

static bool next_step(struct run *run);

/* Keeps the first thing that went wrong. */
static void fail(struct run *run, int code, const char *what, const char *why)
{
    if (run->code == 0)
        run->code = err_set(run->why, code, "%s: %s", what, why);
}

/* Ends the step with its last reply. */
static void settle(struct run *run)
{
    if (--run->owed > 0)
        return;
    if (run->code == 0 && next_step(run))
        return;
    run->done(run->data, run->code, run->why);
    free(run);
}

/* What keeps it from taking anything is said in the same words whatever it was that it did not take. */
static void fail_reply(struct run *run, const char *what, const char *error)
{
    char text[ERRMSG_SIZE];
    if (strncmp(error, "LOADING", 7) == 0) /* it reads its data in, and will be ready later */
        fail(run, ERR_UNREACHABLE, what, error);
    else if (fault_read(error, NULL, text) != FAULT_STORE)
        fail(run, ERR_REFUSED, what, error);
    else if (run->code == 0)
        run->code = err_set(run->why, ERR_REFUSED, "%s", text);
}

static bool sound(struct run *run, const redisReply *reply, const char *what)
{
    if (!reply)
        fail(run, ERR_UNREACHABLE, what, "the connection was lost");
    else if (reply->type == REDIS_REPLY_ERROR)
        fail_reply(run, what, reply->str);
    return reply && reply->type != REDIS_REPLY_ERROR;
}

static int ask(struct run *run, redis_reply_fn *replied, const char *const *words)
{
    int rc = redis_words(run->check.redis, words, replied, run);
    run->owed += rc == 0;
    return rc;
}

/* --- look ------------------------------------------------------------------------------------- */

static void auth_replied(void *data, const redisReply *reply)
{
    sound(data, reply, "log in");
    settle(data);
}

static void select_replied(void *data, const redisReply *reply)
{
    sound(data, reply, "choose the database");
    settle(data);
}

static void info_replied(void *data, const redisReply *reply)
{
    struct run *run = data;
    if (sound(run, reply, "ask for its version")) {
        const char *at = reply->str ? strstr(reply->str, "redis_version:") : NULL;
        int major = at ? atoi(at + strlen("redis_version:")) : 0;
        if (major < STORECHECK_REDIS_MIN)
            fail(run, ERR_VERSION, "version", "Redis 7 or newer is needed");
    }
    settle(run);
}

static const char *setting(const redisReply *reply)
{
    bool known = reply && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2;
    return known ? reply->element[1]->str : NULL;
}

/* Fails when a setting is not what the configuration asks for. */
static void hold_to(struct run *run, const redisReply *reply, const char *name, const char *wanted)
{
    const char *value = setting(reply);
    char why[ERRMSG_SIZE];
    if (!reply)
        return;
    if (!value)
        err_set(why, 0,
                "cannot be asked (CONFIG GET), and [store] durability needs it %s: allow "
                "the user to ask",
                wanted);
    else if (strcmp(value, wanted) != 0)
        err_set(why, 0,
                "is %.32s, and [store] durability needs it %s: CONFIG SET %s %s, and set "
                "it in redis.conf",
                value, wanted, name, wanted);
    else
        return;
    fail(run, ERR_REFUSED, name, why);
}

/* Warns when a setting is not what makes an acknowledgement mean "durable". */
static void check_setting(const struct run *run, const redisReply *reply, const char *wanted,
                          const char *then)
{
    if (!reply || run->code) /* a store that cannot be used is told as that alone */
        return;
    const char *value = setting(reply);
    if (!value)
        log_warn("store: cannot read its settings (CONFIG GET): whether acknowledged records are "
                 "durable there is not known");
    else if (strcmp(value, wanted) != 0)
        log_warn("store: %s is '%s', not '%s': %s", reply->element[0]->str, value, wanted, then);
}

static void appendonly_replied(void *data, const redisReply *reply)
{
    struct run *run = data;
    if (run->check.durability->fsync)
        hold_to(run, reply, "appendonly", "yes");
    else
        check_setting(data, reply, "yes", "acknowledged records are lost when Redis stops");
    settle(data);
}

static void appendfsync_replied(void *data, const redisReply *reply)
{
    struct run *run = data;
    if (run->check.durability->fsync)
        hold_to(run, reply, "appendfsync", "always");
    else
        check_setting(data, reply, "always",
                      "acknowledged records of the last moment are lost when the machine stops");
    settle(data);
}

static void policy_replied(void *data, const redisReply *reply)
{
    check_setting(data, reply, "noeviction",
                  "Redis may throw counts away when its memory is short");
    settle(data);
}

static int ask_login(struct run *run)
{
    const struct storeurl *url = run->check.url;
    char db[16];
    snprintf(db, sizeof db, "%u", url->db);
    int rc = 0;
    if (*url->password && *url->user)
        rc = ask(run, auth_replied, (const char *[]){"AUTH", url->user, url->password, NULL});
    else if (*url->password)
        rc = ask(run, auth_replied, (const char *[]){"AUTH", url->password, NULL});
    if (rc == 0 && url->db)
        rc = ask(run, select_replied, (const char *[]){"SELECT", db, NULL});
    return rc;
}

/* What the configuration asks for is looked at whenever the server is connected to; what it leaves open
 * is told once. */
static int ask_settings(struct run *run)
{
    const struct durability *durability = run->check.durability;
    int rc = 0;
    if (durability->fsync || (run->check.warn && !durability->stated))
        rc = ask(run, appendonly_replied, (const char *[]){"CONFIG", "GET", "appendonly", NULL});
    if (rc == 0 && (durability->fsync || (run->check.warn && !durability->stated)))
        rc = ask(run, appendfsync_replied, (const char *[]){"CONFIG", "GET", "appendfsync", NULL});
    if (rc == 0 && run->check.warn)
        rc = ask(run, policy_replied, (const char *[]){"CONFIG", "GET", "maxmemory-policy", NULL});
    return rc;
}

static int ask_look(struct run *run)
{
    int rc = ask_login(run);
    if (rc == 0)
        rc = ask(run, info_replied, (const char *[]){"INFO", "server", NULL});
    return rc == 0 && !run->check.look ? ask_settings(run) : rc;
}

/* --- make ready ------------------------------------------------------------------------------- */

static void created_replied(void *data, const redisReply *reply)
{
    sound(data, reply, "write " SCHEMA_TELESCOPE);
    settle(data);
}

static void compare_telescope(struct run *run, const char *schema, const char *timezone)
{
    char why[ERRMSG_SIZE];
    if (atoi(schema) > SCHEMA_VERSION) {
        err_set(why, 0, "it has schema %.16s and this program knows %d: use a newer aggregator",
                schema, SCHEMA_VERSION);
        fail(run, ERR_VERSION, SCHEMA_TELESCOPE, why);
    } else if (atoi(schema) >= 1 && atoi(schema) < SCHEMA_VERSION) {
        err_set(why, 0,
                "it has schema %.16s of an older darkcount, which kept no tables, and this program "
                "writes %d: begin a new store, or go on with the older programs",
                schema, SCHEMA_VERSION);
        fail(run, ERR_REFUSED, SCHEMA_TELESCOPE, why);
    } else if (atoi(schema) < 1) {
        err_set(why, 0, "its schema is '%.16s', which is no version", schema);
        fail(run, ERR_REFUSED, SCHEMA_TELESCOPE, why);
    } else if (strcmp(timezone, run->timezone) != 0) {
        err_set(why, 0,
                "it counts days in time zone %.64s and this aggregator in %s: start it with "
                "--timezone %.64s, or use another store",
                timezone, run->timezone, timezone);
        fail(run, ERR_REFUSED, SCHEMA_TELESCOPE, why);
    }
}

static void telescope_replied(void *data, const redisReply *reply)
{
    struct run *run = data;
    if (sound(run, reply, "read " SCHEMA_TELESCOPE)) {
        bool whole = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                     reply->element[0]->str && reply->element[1]->str;
        if (whole)
            compare_telescope(run, reply->element[0]->str, reply->element[1]->str);
        else
            fail(run, ERR_REFUSED, SCHEMA_TELESCOPE, "its schema or time zone is missing");
    }
    settle(run);
}

static int ask_telescope(struct run *run)
{
    char schema[16];
    if (!run->check.telescope)
        return 0;
    snprintf(schema, sizeof schema, "%d", SCHEMA_VERSION);
    int rc = ask(run, created_replied,
                 (const char *[]){"HSETNX", SCHEMA_TELESCOPE, "schema", schema, NULL});
    if (rc == 0)
        rc = ask(run, created_replied,
                 (const char *[]){"HSETNX", SCHEMA_TELESCOPE, "timezone", run->timezone, NULL});
    if (rc == 0)
        rc = ask(run, telescope_replied,
                 (const char *[]){"HMGET", SCHEMA_TELESCOPE, "schema", "timezone", NULL});
    return rc;
}

/* --- the function ----------------------------------------------------------------------------- */

static bool missing(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR &&
           strncmp(reply->str, FUNCTION_MISSING, strlen(FUNCTION_MISSING)) == 0;
}

static void version_replied(void *data, const redisReply *reply)
{
    struct run *run = data;
    if (!missing(reply) && sound(run, reply, "ask the function library for its version") &&
        reply->integer > FUNCTION_VERSION) {
        char why[ERRMSG_SIZE];
        err_set(why, 0, "it is of version %lld and this program knows %d: use a newer aggregator",
                reply->integer, FUNCTION_VERSION);
        fail(run, ERR_VERSION, "the function library", why);
    }
    settle(run);
}

/* A library of before there were versions has no such function, as a server without one. */
static int ask_version(struct run *run)
{
    return ask(run, version_replied, (const char *[]){"FCALL_RO", "darkcount_version", "0", NULL});
}

static void function_replied(void *data, const redisReply *reply)
{
    sound(data, reply, "load the function library");
    settle(data);
}

/* After the others, so that an older program does not replace a newer one's; the same again heals one
 * that somebody has changed. */
static int ask_function(struct run *run)
{
    return ask(run, function_replied,
               (const char *[]){"FUNCTION", "LOAD", "REPLACE", function_text, NULL});
}

/* A slot that is on its way says nothing about the server. */
static void trial_replied(void *data, const redisReply *reply)
{
    struct run *run = data;
    struct storeurl_server elsewhere;
    if (!reply || reply->type != REDIS_REPLY_ERROR ||
        slots_answer(reply->str, &elsewhere) == SLOTS_OTHER)
        sound(run, reply, "try to write there");
    settle(run);
}

static void wait_replied(void *data, const redisReply *reply)
{
    sound(data, reply, "ask for its replicas (WAIT)");
    settle(data);
}

/* How many replicas there are is for replication.c to see; here, whether they may be waited for. */
static int ask_trial(struct run *run)
{
    int rc = ask(run, trial_replied,
                 (const char *[]){"FCALL", "darkcount_trial", "1", run->check.trial, NULL});
    if (rc == 0 && run->check.durability->replicas > 0)
        rc = ask(run, wait_replied, (const char *[]){"WAIT", "0", "1", NULL});
    return rc;
}

/* --- the steps -------------------------------------------------------------------------------- */

static int (*const steps[])(struct run *run) = {ask_look, ask_telescope, ask_version, ask_function,
                                                ask_trial};

/* Asks what the present step asks. What could not even be asked fails it; the replies that are owed
 * by then still end it. */
static int ask_step(struct run *run)
{
    int rc = steps[run->step](run);
    if (rc)
        fail(run, ERR_UNREACHABLE, "check", err_str(rc));
    return rc;
}

/* Whether there was another step with something to ask, and it is under way. */
static bool next_step(struct run *run)
{
    while (++run->step < sizeof steps / sizeof *steps && !run->check.look)
        if (ask_step(run) != 0 || run->owed > 0)
            return run->owed > 0;
    return false;
}

int storecheck_start(const struct storecheck *check, storecheck_done_fn *done, void *data)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return ERR_NOMEM;
    *run = (struct run){.check = *check, .done = done, .data = data};
    snprintf(run->timezone, sizeof run->timezone, "%s", check->timezone);
    int rc = ask_step(run);
    if (rc == 0 || run->owed > 0)
        return 0;
    free(run);
    return rc;
}

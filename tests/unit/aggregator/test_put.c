#include <criterion/criterion.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/function.h"
#include "aggregator/put.h"
#include "common/chunk.h"
#include "tests/unit/aggregator/box.h"

#define HEAD "darkcount:{s}:head"

struct server {
    struct box box;
    pid_t pid;
    redisContext *redis;
};

static redisReply *command(struct server *server, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(server->redis, format, args);
    va_end(args);
    cr_assert(reply);
    return reply;
}

/* The reply as text; "(nil)" for none. */
static const char *ask(struct server *server, const char *words)
{
    static char text[4][256];
    static unsigned next;
    char *out = text[next++ % 4];
    redisReply *reply = command(server, words);
    if (reply->type == REDIS_REPLY_INTEGER)
        snprintf(out, 256, "%lld", reply->integer);
    else
        snprintf(out, 256, "%s", reply->str ? reply->str : "(nil)");
    freeReplyObject(reply);
    return out;
}

static void start(struct server *server)
{
    box_open(&server->box);
    server->pid = box_start_redis(&server->box, "no");
    server->redis = box_redis(&server->box);
    cr_assert(server->redis);
    redisReply *reply = command(server, "FUNCTION LOAD REPLACE %s", function_text);
    cr_assert_str_eq(reply->str, "darkcount");
    freeReplyObject(reply);
}

static void stop(struct server *server)
{
    redisFree(server->redis);
    box_end(server->pid, SIGTERM, 5000);
    box_close(&server->box);
}

/* Sends the put, closes it and returns the reply as text. */
static const char *call(struct server *server, struct put *put)
{
    static char text[256];
    const char *argv[64];
    size_t sizes[64], argc = 3;
    char count[24];
    cr_assert_not(put_failed(put));
    snprintf(count, sizeof count, "%zu", put->keys.count);
    argv[0] = "FCALL";
    argv[1] = "darkcount_put";
    argv[2] = count;
    for (size_t i = 0; i < argc; i++)
        sizes[i] = strlen(argv[i]);
    for (size_t i = 0; i < put->keys.count; i++, argc++)
        argv[argc] = put_string(put, &put->keys, i, &sizes[argc]);
    for (size_t i = 0; i < put->args.count; i++, argc++)
        argv[argc] = put_string(put, &put->args, i, &sizes[argc]);
    redisReply *reply = redisCommandArgv(server->redis, (int)argc, argv, sizes);
    cr_assert(reply);
    snprintf(text, sizeof text, "%s", reply->str ? reply->str : "(nil)");
    freeReplyObject(reply);
    put_close(put);
    return text;
}

/* A put of every kind of operation, of call `n` that `before` made, by "b". */
static void write_all(struct put *put, uint64_t n, const char *before)
{
    put_init(put);
    put_begin(put, HEAD, n, before, "b");
    put_set(put, "darkcount:{s}:log:1", "a\0b", 3);
    put_hset(put, "darkcount:{s}:years", "2026", "totals");
    put_unlink(put, "darkcount:{s}:log:0");
    put_hdel(put, "darkcount:{s}:minutes", "7");
    put_expire(put, "darkcount:{s}:log:1", INT64_C(99999999999));
    put_head(put, "epoch:a", "1 0 5-6", 7);
    put_head_u64(put, "folded", UINT64_MAX);
}

/* Whether nothing of write_all was done. */
static bool untouched(struct server *server)
{
    return strcmp(ask(server, "EXISTS darkcount:{s}:years"), "0") == 0 &&
           strcmp(ask(server, "EXISTS darkcount:{s}:log:1"), "0") == 0 &&
           strcmp(ask(server, "HEXISTS " HEAD " folded"), "0") == 0;
}

Test(darkcount_put, does_everything_in_one_call)
{
    struct server server;
    struct put put;
    start(&server);
    ask(&server, "SET darkcount:{s}:log:0 x");
    ask(&server, "HSET darkcount:{s}:minutes 7 60 8 120");
    write_all(&put, 0, "");
    cr_expect_str_eq(call(&server, &put), "OK");
    cr_expect_str_eq(ask(&server, "HGET " HEAD " n"), "1");
    cr_expect_str_eq(ask(&server, "HGET " HEAD " folded"), "18446744073709551615");
    cr_expect_str_eq(ask(&server, "HGET " HEAD " epoch:a"), "1 0 5-6");
    cr_expect_str_eq(ask(&server, "STRLEN darkcount:{s}:log:1"), "3");
    cr_expect_str_eq(ask(&server, "HGET darkcount:{s}:years 2026"), "totals");
    cr_expect_str_eq(ask(&server, "EXISTS darkcount:{s}:log:0"), "0");
    cr_expect_str_eq(ask(&server, "HGET darkcount:{s}:minutes 7"), "(nil)");
    cr_expect_str_eq(ask(&server, "HGET darkcount:{s}:minutes 8"), "120");
    cr_expect_str_eq(ask(&server, "EXPIRETIME darkcount:{s}:log:1"), "99999999999");
    stop(&server);
}

Test(darkcount_put, another_n_changes_nothing_and_is_told)
{
    struct server server;
    struct put put;
    start(&server);
    ask(&server, "HSET " HEAD " n 9007199254740993");
    write_all(&put, UINT64_C(9007199254740992), ""); /* equal as floating-point numbers */
    cr_expect_str_eq(call(&server, &put), "9007199254740993");
    cr_expect(untouched(&server));
    write_all(&put, UINT64_C(9007199254740993), "");
    cr_expect_str_eq(call(&server, &put), "OK");
    cr_expect_str_eq(ask(&server, "HGET " HEAD " n"), "9007199254740994");
    stop(&server);
}

Test(darkcount_put, another_writer_changes_nothing)
{
    struct server server;
    struct put put;
    start(&server);
    ask(&server, "HSET " HEAD " n 4 writer a");
    write_all(&put, 4, "c");
    cr_expect_str_eq(call(&server, &put), "4");
    write_all(&put, 4, "");
    cr_expect_str_eq(call(&server, &put), "4");
    cr_expect(untouched(&server));
    write_all(&put, 4, "a");
    cr_expect_str_eq(call(&server, &put), "OK");
    cr_expect_str_eq(ask(&server, "HGET " HEAD " writer"), "b");
    stop(&server);
}

Test(darkcount_put, a_call_beside_the_others_is_of_any_writer)
{
    struct server server;
    struct put put;
    start(&server);
    ask(&server, "HSET " HEAD " n 4 writer a");
    put_init(&put);
    put_begin_beside(&put, HEAD, 3);
    put_set(&put, "k", "x", 1);
    cr_expect_str_eq(call(&server, &put), "4");
    put_init(&put);
    put_begin_beside(&put, HEAD, 4);
    put_set(&put, "k", "x", 1);
    cr_expect_str_eq(call(&server, &put), "OK");
    cr_expect_str_eq(ask(&server, "HGET " HEAD " n"), "4");
    cr_expect_str_eq(ask(&server, "HGET " HEAD " writer"), "a");
    stop(&server);
}

Test(darkcount_put, a_key_of_the_wrong_kind_leaves_nothing_half_done)
{
    static const struct {
        const char *spoil, *restore;
    } cases[] = {
        {"SADD darkcount:{s}:log:1 x", "DEL darkcount:{s}:log:1"},
        {"SADD darkcount:{s}:years x", "DEL darkcount:{s}:years"},
        {"HSET darkcount:{s}:log:0 x y", "DEL darkcount:{s}:log:0"},
        {"SET darkcount:{s}:minutes x", "DEL darkcount:{s}:minutes"},
        {"SET " HEAD " x", "DEL " HEAD},
    };
    struct server server;
    struct put put;
    start(&server);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&server, cases[i].spoil);
        write_all(&put, 0, "");
        cr_expect(strncmp(call(&server, &put), "WRONGTYPE", 9) == 0, "case %zu", i);
        ask(&server, cases[i].restore);
        cr_expect(untouched(&server), "case %zu", i);
        cr_expect_str_eq(ask(&server, "EXISTS " HEAD), "0");
    }
    stop(&server);
}

Test(darkcount_put, malformed_calls_leave_nothing_half_done)
{
    static const char *const calls[] = {
        "FCALL darkcount_put 1 h",
        "FCALL darkcount_put 1 h 0 1 f",
        "FCALL darkcount_put 1 h 0 1 f 0 HEAD folded 1 SET v",
        "FCALL darkcount_put 2 h k 0 1 f 0 HEAD folded 1",
        "FCALL darkcount_put 2 h k 0 1 f 0 SET v ERASE",
        "FCALL darkcount_put 2 h k 0 1 f 0 SET v HEAD folded",
        "FCALL darkcount_put 2 h k 0 1 f 0 SET v HSET a b",
        "FCALL darkcount_put 2 h k 0 1 f 0 HEAD folded 1 HDEL",
        "FCALL darkcount_put 3 h k k 0 1 f 0 SET v EXPIREAT -1",
        "FCALL darkcount_put 3 h k k 0 1 f 0 SET v EXPIREAT 1.5",
        "FCALL darkcount_put 3 h k k 0 1 f 0 SET v EXPIREAT 9223372036854775807",
    };
    struct server server;
    start(&server);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        redisReply *reply = command(&server, calls[i]);
        cr_expect_eq(reply->type, REDIS_REPLY_ERROR, "%s", calls[i]);
        freeReplyObject(reply);
        cr_expect_str_eq(ask(&server, "DBSIZE"), "0", "%s", calls[i]);
    }
    stop(&server);
}

Test(darkcount_put, a_long_value_is_cut_and_what_is_left_over_goes)
{
    struct server server;
    struct put put;
    uint8_t *value = calloc(1, 3 * CHUNK_SIZE);
    start(&server);
    put_init(&put);
    put_begin(&put, HEAD, 0, "", "b");
    cr_expect_eq(put_set_long(&put, "k", value, 3 * CHUNK_SIZE, 0), 4);
    cr_expect_str_eq(call(&server, &put), "OK");
    cr_expect_str_eq(ask(&server, "STRLEN k"), "524224");
    cr_expect_str_eq(ask(&server, "GETRANGE k 0 3"), "DCC1");
    cr_expect_str_eq(ask(&server, "STRLEN k:2"), "524224");
    cr_expect_str_eq(ask(&server, "STRLEN k:3"), "16");
    put_init(&put);
    put_begin(&put, HEAD, 1, "b", "b");
    cr_expect_eq(put_set_long(&put, "k", value, CHUNK_SIZE + 1, 4), 2);
    cr_expect_str_eq(call(&server, &put), "OK");
    cr_expect_str_eq(ask(&server, "STRLEN k:1"), "17");
    cr_expect_str_eq(ask(&server, "EXISTS k:2 k:3"), "0");
    put_init(&put);
    put_begin(&put, HEAD, 2, "b", "b");
    cr_expect_eq(put_set_long(&put, "k", value, 5, 2), 1);
    cr_expect_str_eq(call(&server, &put), "OK");
    cr_expect_str_eq(ask(&server, "STRLEN k"), "5");
    cr_expect_str_eq(ask(&server, "EXISTS k:1"), "0");
    stop(&server);
    free(value);
}

/* What the user may not do is found before anything is done. */
Test(darkcount_put, a_denied_command_leaves_nothing_half_done)
{
    static const char *const commands[] = {"set",      "hset", "hdel", "unlink",
                                           "expireat", "type", "hget"};
    struct server server;
    struct put put;
    start(&server);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        freeReplyObject(
            command(&server, "ACL SETUSER u reset on >p ~darkcount:* +@all -%s", commands[i]));
        cr_expect_str_eq(ask(&server, "AUTH u p"), "OK");
        write_all(&put, 0, "");
        const char *answer = call(&server, &put);
        cr_expect(strncmp(answer, i < 5 ? "NOPERM" : "ERR The user", 6) == 0, "%s: %s", commands[i],
                  answer);
        if (i < 5)
            cr_expect(strncmp(ask(&server, "FCALL darkcount_trial 1 darkcount:{0}:trial"), "NOPERM",
                              6) == 0,
                      "%s", commands[i]);
        freeReplyObject(command(&server, "ACL SETUSER u +@all"));
        cr_expect(untouched(&server), "%s", commands[i]);
        cr_expect_str_eq(ask(&server, "EXISTS " HEAD), "0", "%s", commands[i]);
    }
    write_all(&put, 0, "");
    cr_expect_str_eq(call(&server, &put), "OK");
    stop(&server);
}

Test(darkcount_put, a_trial_leaves_nothing)
{
    struct server server;
    start(&server);
    cr_expect_str_eq(ask(&server, "FCALL darkcount_trial 1 darkcount:{0}:trial"), "OK");
    cr_expect_str_eq(ask(&server, "DBSIZE"), "0");
    cr_expect(strncmp(ask(&server, "FCALL darkcount_trial 0"), "ERR darkcount_trial", 19) == 0);
    ask(&server, "CONFIG SET maxmemory 1");
    cr_expect(strncmp(ask(&server, "FCALL darkcount_trial 1 darkcount:{0}:trial"), "OOM", 3) == 0);
    stop(&server);
}

Test(darkcount_put, says_its_version)
{
    struct server server;
    char version[16];
    start(&server);
    snprintf(version, sizeof version, "%d", FUNCTION_VERSION);
    cr_expect_str_eq(ask(&server, "FCALL_RO darkcount_version 0"), version);
    stop(&server);
}

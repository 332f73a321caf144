#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "aggregator/function.h"
#include "tests/unit/aggregator/box.h"

static void expect_start_fails(const struct box *box, const char *const *args, int code,
                               const char *because)
{
    int status = box_end(box_spawn_aggregator(box, args), 0, 20000);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == code, "wait status %x", (unsigned)status);
    cr_expect(box_logged(box, because), "not logged: %s", because);
}

Test(server, a_start_that_cannot_work_ends_with_one_clear_line)
{
    struct box box;
    box_open(&box);
    expect_start_fails(&box, (const char *[]){"--listen", "plain://192.0.2.1:7711", NULL}, 2,
                       "loopback addresses alone");
    expect_start_fails(&box, (const char *[]){"--store", "unix:///nowhere/redis.sock", NULL}, 1,
                       "store unix:///nowhere/redis.sock: cannot be reached");
    expect_start_fails(&box, (const char *[]){"--timezone", "Mars/Olympus", NULL}, 2,
                       "Mars/Olympus");
    expect_start_fails(&box, (const char *[]){"--store", "http://127.0.0.1", NULL}, 2,
                       "unix:///path");
    pid_t pid = box_start_aggregator(&box, (const char *[]){"--timezone", "Asia/Tokyo", NULL});
    expect_start_fails(&box, NULL, 1, "another aggregator is running there");
    box_end_well(pid);
    expect_start_fails(&box, NULL, 1, "it counts days in time zone Asia/Tokyo");
    box_close(&box);
}

/* What a store holds that was made by another version of the programs. */
Test(server, a_store_of_another_version_is_refused_or_brought_up_to_date)
{
    struct box box;
    char url[128];
    box_open(&box);
    snprintf(url, sizeof url, "unix://%s", box.redis_socket);
    pid_t redis = box_start_redis(&box, "yes");
    const char *const args[] = {"--store", url, NULL};
    redisContext *store = box_redis(&box);
    cr_assert(store);
    freeReplyObject(redisCommand(store, "HSET darkcount:telescope schema 1 timezone UTC"));
    expect_start_fails(&box, args, 1, "schema 1 of an older darkcount");
    freeReplyObject(redisCommand(store, "HSET darkcount:telescope schema 99"));
    expect_start_fails(&box, args, 1, "use a newer aggregator");
    freeReplyObject(redisCommand(store, "DEL darkcount:telescope"));
    freeReplyObject(redisCommand(
        store, "FUNCTION LOAD REPLACE %s",
        "#!lua name=darkcount\nredis.register_function{function_name='darkcount_version', "
        "callback=function() return 99 end, flags={'no-writes'}}"));
    expect_start_fails(&box, args, 1, "the function library: it is of version 99");
    freeReplyObject(redisCommand(
        store, "FUNCTION LOAD REPLACE %s",
        "#!lua name=darkcount\nredis.register_function('darkcount_put', function() end)"));
    pid_t pid = box_start_aggregator(&box, args);
    redisReply *version = redisCommand(store, "FCALL_RO darkcount_version 0");
    cr_expect_eq(version->integer, FUNCTION_VERSION, "a library without a version is older");
    freeReplyObject(version);
    box_end_well(pid);
    redisFree(store);
    box_end(redis, SIGTERM, BOX_END_MS);
    box_close(&box);
}

Test(server, an_orphaned_redis_is_ended_before_a_new_one_starts)
{
    struct box box;
    box_open(&box);
    box_end(box_start_aggregator(&box, NULL), SIGKILL, BOX_END_MS);
    pid_t orphan = box_listener(box.redis_socket);
    cr_expect(orphan > 1);
    pid_t pid = box_start_aggregator(&box, NULL);
    pid_t next = box_listener(box.redis_socket);
    cr_expect(next > 1 && next != orphan);
    box_end_well(pid);
    cr_expect_eq(box_listener(box.redis_socket), 0);
    box_close(&box);
}

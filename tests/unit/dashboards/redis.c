#include "tests/unit/dashboards/redis.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"

static _Noreturn void become_server(const struct redis *redis)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 1);
    dup2(null, 2);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", redis->socket, "--dir",
           redis->directory, "--save", "", "--appendonly", "no", (char *)NULL);
    _exit(127);
}

static bool answers(const struct redis *redis)
{
    redisContext *context = redisConnectUnix(redis->socket);
    redisReply *reply = context && !context->err ? redisCommand(context, "PING") : NULL;
    bool up = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    if (context)
        redisFree(context);
    return up;
}

void redis_start(struct redis *redis)
{
    char text[128], errmsg[ERRMSG_SIZE];
    snprintf(redis->directory, sizeof redis->directory, "/tmp/darkcount-redis.XXXXXX");
    cr_assert_not_null(mkdtemp(redis->directory));
    snprintf(redis->socket, sizeof redis->socket, "%s/redis.sock", redis->directory);
    snprintf(text, sizeof text, "unix://%s", redis->socket);
    cr_assert_eq(storeurl_parse(&redis->url, text, errmsg), 0, "%s", errmsg);
    redis->pid = fork();
    cr_assert_geq(redis->pid, 0);
    if (redis->pid == 0)
        become_server(redis);
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    for (int i = 0; i < 1000; i++) {
        if (answers(redis))
            return;
        nanosleep(&pause, NULL);
    }
    cr_assert_fail("redis-server does not answer");
}

void redis_stop(struct redis *redis)
{
    kill(redis->pid, SIGKILL);
    waitpid(redis->pid, NULL, 0);
    unlink(redis->socket);
    rmdir(redis->directory);
}

void redis_do(const struct redis *redis, const char *format, ...)
{
    va_list args;
    redisContext *context = redisConnectUnix(redis->socket);
    cr_assert(context && !context->err);
    va_start(args, format);
    redisReply *reply = redisvCommand(context, format, args);
    va_end(args);
    cr_assert(reply && reply->type != REDIS_REPLY_ERROR, "%s: %s", format,
              reply ? reply->str : context->errstr);
    freeReplyObject(reply);
    redisFree(context);
}

#include "aggregator/private_redis.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/state.h"
#include "common/err.h"
#include "common/log.h"

#define LOCK_NAME "redis.lock"
#define LOCK_FD   3 /* in the child */
#define LOOK_MS   20

static void plan_restart(struct private_redis *redis);

int private_redis_init(struct private_redis *redis, uv_loop_t *loop, const char *state,
                       char *errmsg)
{
    *redis = (struct private_redis){.loop = loop};
    const size_t room = sizeof((struct sockaddr_un *)0)->sun_path;
    if (strlen(state) + strlen("/redis.sock") >= room)
        return err_set(
            errmsg, ERR_INVALID,
            "state directory %.200s: its path is too long for a socket in it (%zu bytes)", state,
            room);
    snprintf(redis->state, sizeof redis->state, "%s", state);
    snprintf(redis->socket, sizeof redis->socket, "%.200s/redis.sock", state);
    uv_timer_init(loop, &redis->timer);
    redis->timer.data = redis->process.data = redis;
    redis->handles = 1;
    return 0;
}

void private_redis_locate(const char *state, struct storeurl *url)
{
    *url = (struct storeurl){0};
    snprintf(url->path, sizeof url->path, "%.200s/redis.sock", state);
    snprintf(url->shown, sizeof url->shown, "unix://%s", url->path);
}

/* --- an orphan -------------------------------------------------------------------------------- */

/* The process that listens on the socket, or 0. */
static pid_t listening(const struct private_redis *redis)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    snprintf(name.sun_path, sizeof name.sun_path, "%.107s", redis->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    if (connect(fd, (struct sockaddr *)&name, sizeof name) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        peer.pid = 0;
    close(fd);
    return peer.pid;
}

static void end_orphan(const struct private_redis *redis, int sig)
{
    pid_t pid = listening(redis);
    if (pid <= 1)
        return;
    log_info("redis-server %d was left behind in %s: ending it", (int)pid, redis->state);
    kill(pid, sig);
}

/* The lock, once no other redis-server holds it. */
static int take_lock(const struct private_redis *redis, char *errmsg)
{
    const struct timespec pause = {0, LOOK_MS * 1000000L};
    int fd = state_lock(redis->state, LOCK_NAME, errmsg);
    for (int waited = 0; fd == ERR_STALE && waited < PRIVATE_REDIS_ORPHAN_MS; waited += LOOK_MS) {
        if (waited % 1000 == 0) /* it may not be listening yet */
            end_orphan(redis, waited < PRIVATE_REDIS_ORPHAN_MS / 2 ? SIGTERM : SIGKILL);
        nanosleep(&pause, NULL);
        fd = state_lock(redis->state, LOCK_NAME, errmsg);
    }
    if (fd == ERR_STALE)
        return err_set(errmsg, ERR_REFUSED,
                       "private redis-server: another one in %s does not end; end it and try again",
                       redis->state);
    return fd;
}

/* --- the child -------------------------------------------------------------------------------- */

static void handle_closed(uv_handle_t *handle)
{
    struct private_redis *redis = handle->data;
    redis->handles--;
    if (redis->handles == 0 && redis->stopped)
        redis->stopped(redis->data);
}

static void on_exit(uv_process_t *process, int64_t status, int sig)
{
    struct private_redis *redis = process->data;
    redis->running = false;
    uv_close((uv_handle_t *)process, handle_closed);
    if (redis->stopping) {
        uv_close((uv_handle_t *)&redis->timer, handle_closed);
        return;
    }
    if (sig)
        log_error("private redis-server was ended by signal %d: starting it again", sig);
    else
        log_error("private redis-server ended with status %d (%s/redis.log says why): starting it "
                  "again",
                  (int)status, redis->state);
    plan_restart(redis);
}

/* A session of its own: Ctrl-C on our terminal must not end it before we have finished with it. The
 * socket is the group's too, for exporters that run as users of their own; who gets to it at all is
 * decided by the state directory. */
static int spawn(struct private_redis *redis, int lock)
{
    char *args[] = {"redis-server", "--port",           "0",       "--unixsocket",
                    redis->socket,  "--unixsocketperm", "770",     "--dir",
                    redis->state,   "--appendonly",     "yes",     "--appendfsync",
                    "always",       "--save",           "",        "--maxmemory-policy",
                    "noeviction",   "--loglevel",       "warning", "--logfile",
                    "redis.log",    "--daemonize",      "no",      NULL};
    uv_stdio_container_t stdio[LOCK_FD + 1] = {
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE},
        {.flags = UV_INHERIT_FD, .data.fd = lock},
    };
    const uv_process_options_t options = {.exit_cb = on_exit,
                                          .file = args[0],
                                          .args = args,
                                          .flags = UV_PROCESS_DETACHED,
                                          .stdio_count = LOCK_FD + 1,
                                          .stdio = stdio};
    redis->handles++; /* also a failed uv_spawn leaves a handle to close */
    redis->started_ms = uv_now(redis->loop);
    int rc = uv_spawn(redis->loop, &redis->process, &options);
    redis->process.data = redis;
    redis->running = rc == 0;
    if (rc)
        uv_close((uv_handle_t *)&redis->process, handle_closed);
    return rc;
}

static int spawn_locked(struct private_redis *redis, int lock, char *errmsg)
{
    int rc = spawn(redis, lock);
    close(lock); /* the child's copy holds it from now on */
    if (rc)
        return err_set(
            errmsg, ERR_UNKNOWN,
            "start redis-server: %s; install Redis 7 (Debian: redis-server), or name a store "
            "with --store",
            uv_strerror(rc));
    return 0;
}

int private_redis_start(struct private_redis *redis, char *errmsg)
{
    int lock = take_lock(redis, errmsg);
    return lock < 0 ? lock : spawn_locked(redis, lock, errmsg);
}

/* A child of redis-server's own (a rewrite of its file) may hold the lock a little longer. */
static void on_restart(uv_timer_t *timer)
{
    struct private_redis *redis = timer->data;
    char errmsg[ERRMSG_SIZE];
    int lock = state_lock(redis->state, LOCK_NAME, errmsg);
    if (lock == ERR_STALE ||
        (lock >= 0 && uv_is_closing((uv_handle_t *)&redis->process) && redis->handles > 1)) {
        if (lock >= 0)
            close(lock);
        plan_restart(redis);
        return;
    }
    if (lock < 0 || spawn_locked(redis, lock, errmsg)) {
        log_error("%s", errmsg);
        plan_restart(redis);
    }
}

/* Soon when the last one has lived for a while. */
static void plan_restart(struct private_redis *redis)
{
    uint64_t lived_ms = uv_now(redis->loop) - redis->started_ms;
    uint64_t delay_ms = lived_ms > 25 * PRIVATE_REDIS_AGAIN_MS ? LOOK_MS : PRIVATE_REDIS_AGAIN_MS;
    if (!redis->stopping)
        uv_timer_start(&redis->timer, on_restart, delay_ms, 0);
}

static void on_kill(uv_timer_t *timer)
{
    struct private_redis *redis = timer->data;
    log_warn("private redis-server does not end: killing it");
    uv_process_kill(&redis->process, SIGKILL);
}

void private_redis_stop(struct private_redis *redis, void (*stopped)(void *data), void *data)
{
    redis->stopping = true;
    redis->stopped = stopped;
    redis->data = data;
    uv_timer_stop(&redis->timer);
    if (!redis->running) {
        uv_close((uv_handle_t *)&redis->timer, handle_closed);
        return;
    }
    uv_process_kill(&redis->process, SIGTERM);
    uv_timer_start(&redis->timer, on_kill, PRIVATE_REDIS_END_MS, 0);
}

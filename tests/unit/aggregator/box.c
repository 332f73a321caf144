#include "tests/unit/aggregator/box.h"

#include <criterion/criterion.h>

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_MS 20000

void box_pause(void)
{
    const struct timespec pause = {0, 1000000};
    nanosleep(&pause, NULL);
}

void box_open(struct box *box)
{
    strcpy(box->dir, "/tmp/darkcount-test.XXXXXX");
    cr_assert(mkdtemp(box->dir));
    snprintf(box->redis_socket, sizeof box->redis_socket, "%s/redis.sock", box->dir);
    snprintf(box->sensor_socket, sizeof box->sensor_socket, "%s/aggregator.sock", box->dir);
}

void box_close(struct box *box)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", box->dir);
    cr_assert_eq(system(command), 0);
}

/* A child with its messages in DIR/log. It ends with us: a test that fails leaves nothing behind. */
static pid_t spawn(const struct box *box, const char *file, const char *const *args)
{
    char log[96];
    snprintf(log, sizeof log, "%s/log", box->dir);
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    for (int other = 3; other < 256; other++) /* not the test runner's pipes */
        close(other);
    execvp(file, (char *const *)args);
    _exit(127);
}

pid_t box_listener(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&name, sizeof name) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        peer.pid = 0;
    close(fd);
    return peer.pid;
}

static void wait_listening(const char *path, pid_t pid)
{
    for (int i = 0; i < START_MS; i++) {
        if (box_listener(path) == pid)
            return;
        cr_assert_eq(waitpid(pid, NULL, WNOHANG), 0, "%s: its server ended", path);
        box_pause();
    }
    cr_assert_fail("nobody listens on %s", path);
}

/* Whether the server answers; while it reads its data in, it says so instead. */
static bool answers(redisContext *redis)
{
    redisReply *reply = redis->err ? NULL : redisCommand(redis, "PING");
    bool pong = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    return pong;
}

redisContext *box_redis(const struct box *box)
{
    for (int i = 0; i < START_MS; i++) {
        redisContext *redis = redisConnectUnix(box->redis_socket);
        if (redis && answers(redis))
            return redis;
        redisFree(redis);
        box_pause();
    }
    return NULL;
}

pid_t box_start_redis(const struct box *box, const char *appendonly)
{
    const char *const args[] = {"redis-server",
                                "--port",
                                "0",
                                "--unixsocket",
                                box->redis_socket,
                                "--dir",
                                box->dir,
                                "--appendonly",
                                appendonly,
                                "--appendfsync",
                                "always",
                                "--save",
                                "",
                                NULL};
    pid_t pid = spawn(box, "redis-server", args);
    wait_listening(box->redis_socket, pid);
    return pid;
}

pid_t box_spawn_aggregator(const struct box *box, const char *const *more)
{
    char self[PATH_MAX] = "", file[PATH_MAX + 32];
    const char *args[16] = {"darkcount-aggregator", "run", "--state", box->dir};
    cr_assert(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    snprintf(file, sizeof file, "%s/../darkcount-aggregator", dirname(self));
    for (size_t i = 0; more && more[i]; i++)
        args[4 + i] = more[i];
    return spawn(box, file, args);
}

pid_t box_start_aggregator(const struct box *box, const char *const *more)
{
    pid_t pid = box_spawn_aggregator(box, more);
    wait_listening(box->sensor_socket, pid);
    return pid;
}

int box_end(pid_t pid, int sig, int bound_ms)
{
    int status;
    if (sig)
        kill(pid, sig);
    for (int i = 0; i < bound_ms; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        box_pause();
    }
    kill(pid, SIGKILL);
    cr_assert_fail("process %d did not end within %d ms", (int)pid, bound_ms);
    return -1;
}

bool box_logged(const struct box *box, const char *text)
{
    char log[96], line[4096];
    bool found = false;
    snprintf(log, sizeof log, "%s/log", box->dir);
    FILE *file = fopen(log, "r");
    while (file && !found && fgets(line, sizeof line, file))
        found = strstr(line, text) != NULL;
    if (file)
        fclose(file);
    return found;
}

void box_end_well(pid_t pid)
{
    int status = box_end(pid, SIGTERM, BOX_END_MS);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %x", (unsigned)status);
}

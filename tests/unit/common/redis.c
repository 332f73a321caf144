#include "tests/unit/common/redis.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static bool connect_to(struct redis *redis, const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        close(fd);
        return false;
    }
    redis->stream = fdopen(fd, "r+");
    return redis->stream != NULL;
}

void redis_start(struct redis *redis)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(redis->directory, "/tmp/darkcount-hll-XXXXXX");
    cr_assert_not_null(mkdtemp(redis->directory));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", redis->directory);
    redis->server = fork();
    if (redis->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", address.sun_path,
               "--dir", redis->directory, "--save", "", "--logfile", "/dev/null", (char *)NULL);
        _exit(127);
    }
    for (int tries = 0; tries < 1000; tries++) {
        if (connect_to(redis, &address))
            return;
        cr_assert_eq(waitpid(redis->server, NULL, WNOHANG), 0, "redis-server does not start");
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    cr_assert_fail("redis-server does not answer");
}

void redis_stop(struct redis *redis)
{
    char path[96];
    fclose(redis->stream);
    kill(redis->server, SIGKILL);
    waitpid(redis->server, NULL, 0);
    snprintf(path, sizeof path, "%s/socket", redis->directory);
    unlink(path);
    cr_expect_eq(rmdir(redis->directory), 0);
}

static void send_word(struct redis *redis, const void *word, size_t size)
{
    fprintf(redis->stream, "$%zu\r\n", size);
    fwrite(word, 1, size, redis->stream);
    fputs("\r\n", redis->stream);
}

void redis_send(struct redis *redis, const char *name, const char *key, const void *words,
                size_t count, size_t size)
{
    fprintf(redis->stream, "*%zu\r\n", count + 2);
    send_word(redis, name, strlen(name));
    send_word(redis, key, strlen(key));
    for (size_t i = 0; i < count; i++)
        send_word(redis, (const uint8_t *)words + i * size, size);
    fflush(redis->stream);
}

uint64_t redis_number(struct redis *redis)
{
    char line[64];
    cr_assert_not_null(fgets(line, sizeof line, redis->stream));
    cr_assert(strchr(":$+", line[0]), "Redis says: %s", line);
    return strtoull(line + 1, NULL, 10);
}

uint64_t redis_pfcount(struct redis *redis, const char *key)
{
    redis_send(redis, "PFCOUNT", key, NULL, 0, 0);
    return redis_number(redis);
}

void redis_get_hll(struct redis *redis, const char *key, uint8_t form[HLL_REDIS_SIZE])
{
    char end[2];
    redis_send(redis, "GET", key, NULL, 0, 0);
    cr_assert_eq(redis_number(redis), HLL_REDIS_SIZE);
    cr_assert_eq(fread(form, 1, HLL_REDIS_SIZE, redis->stream), HLL_REDIS_SIZE);
    cr_assert_eq(fread(end, 1, 2, redis->stream), 2);
}

void redis_set_hll(struct redis *redis, const char *key, const struct hll *hll)
{
    uint8_t form[HLL_REDIS_SIZE];
    hll_to_redis(hll, form);
    redis_send(redis, "SET", key, form, 1, sizeof form);
    redis_number(redis);
}

#include "tests/unit/collector/between.h"

#include "collector/spool_env.h"

static const struct spool_env *system_env;
static struct spool_env env;
static unsigned calls_left;
static void (*waiting)(void *user); /* NULL: it was called */
static void *its_user;

static void turn(void)
{
    void (*intruder)(void *user) = waiting;
    if (!intruder || calls_left-- > 0)
        return;
    waiting = NULL;
    spool_env = system_env;
    intruder(its_user);
    spool_env = &env;
}

#define BETWEEN(type, call, parameters, arguments)                                                 \
    static type between_##call parameters                                                          \
    {                                                                                              \
        turn();                                                                                    \
        return system_env->call arguments;                                                         \
    }
BETWEEN(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode))
BETWEEN(ssize_t, pread, (int fd, void *bytes, size_t size, off_t at), (fd, bytes, size, at))
BETWEEN(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at))
BETWEEN(int, ftruncate, (int fd, off_t size), (fd, size))
BETWEEN(int, fsync, (int fd), (fd))
BETWEEN(int, fdatasync, (int fd), (fd))
BETWEEN(int, fstat, (int fd, struct stat *info), (fd, info))
BETWEEN(int, stat, (const char *path, struct stat *info), (path, info))
BETWEEN(int, mkdir, (const char *path, mode_t mode), (path, mode))
BETWEEN(int, rename, (const char *from, const char *to), (from, to))
BETWEEN(int, link, (const char *from, const char *to), (from, to))
BETWEEN(int, unlink, (const char *path), (path))
BETWEEN(int, list, (const char *path, int (*each)(void *user, const char *name), void *user),
        (path, each, user))

void between_begin(unsigned calls, void (*intruder)(void *user), void *user)
{
    system_env = spool_env;
    env = *system_env;
    env.open = between_open;
    env.pread = between_pread;
    env.pwrite = between_pwrite;
    env.ftruncate = between_ftruncate;
    env.fsync = between_fsync;
    env.fdatasync = between_fdatasync;
    env.fstat = between_fstat;
    env.stat = between_stat;
    env.mkdir = between_mkdir;
    env.rename = between_rename;
    env.link = between_link;
    env.unlink = between_unlink;
    env.list = between_list;
    calls_left = calls;
    waiting = intruder;
    its_user = user;
    spool_env = &env;
}

bool between_end(void)
{
    spool_env = system_env;
    return !waiting;
}

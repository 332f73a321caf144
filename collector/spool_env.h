/*
 * What the spool asks of the system: files, their being on disk, room, random numbers. The spool's
 * files (spool_*.c, journal.c) reach the system through `spool_env` and nothing else; it is the
 * operating system's unless a simulation has put another one in its place before the first call.
 * Every member does what the call of its name does (errno included), but for `list`.
 */
#ifndef COLLECTOR_SPOOL_ENV_H
#define COLLECTOR_SPOOL_ENV_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

struct spool_env {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    ssize_t (*pread)(int fd, void *bytes, size_t size, off_t offset);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t size, off_t offset);
    int (*ftruncate)(int fd, off_t size);
    int (*fallocate)(int fd, int mode, off_t offset, off_t size);
    int (*fsync)(int fd);
    int (*fdatasync)(int fd);
    int (*fstat)(int fd, struct stat *info);
    int (*stat)(const char *path, struct stat *info);
    int (*statvfs)(const char *path, struct statvfs *info);
    int (*mkdir)(const char *path, mode_t mode);
    int (*rename)(const char *from, const char *to);
    int (*link)(const char *from, const char *to);
    int (*unlink)(const char *path);
    /* Calls `each` with every name in the directory until that returns other than 0, and returns
     * what it did; -1 with errno when the directory cannot be read. */
    int (*list)(const char *path, int (*each)(void *user, const char *name), void *user);
    ssize_t (*getrandom)(void *bytes, size_t size, unsigned flags);
};

extern const struct spool_env *spool_env;

#endif

#include "collector/spool_env.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

static int open_file(const char *path, int flags, mode_t mode)
{
    return open(path, flags, mode);
}

static int list_directory(const char *path, int (*each)(void *user, const char *name), void *user)
{
    DIR *directory = opendir(path);
    if (!directory)
        return -1;
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(directory));)
        rc = each(user, entry->d_name);
    int saved = errno;
    closedir(directory);
    errno = saved;
    return rc;
}

static const struct spool_env of_the_system = {
    .open = open_file,
    .close = close,
    .pread = pread,
    .pwrite = pwrite,
    .ftruncate = ftruncate,
    .fallocate = fallocate,
    .fsync = fsync,
    .fdatasync = fdatasync,
    .fstat = fstat,
    .stat = stat,
    .statvfs = statvfs,
    .mkdir = mkdir,
    .rename = rename,
    .link = link,
    .unlink = unlink,
    .list = list_directory,
    .getrandom = getrandom,
};

const struct spool_env *spool_env = &of_the_system;

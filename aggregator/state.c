#include "aggregator/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"

static int make_directory(const char *path, char *errmsg)
{
    char part[PATH_MAX];
    if (strlen(path) >= sizeof part)
        return err_set(errmsg, ERR_INVALID, "state directory: its path is too long");
    for (const char *at = path; *at;) {
        at += strspn(at, "/");
        at += strcspn(at, "/");
        snprintf(part, sizeof part, "%.*s", (int)(at - path), path);
        if (*part && mkdir(part, 0700) != 0 && errno != EEXIST)
            return err_set(errmsg, err_from_errno(errno), "make the state directory %s: %s", part,
                           strerror(errno));
    }
    return 0;
}

int state_lock(const char *path, const char *name, char *errmsg)
{
    char file[PATH_MAX];
    snprintf(file, sizeof file, "%s/%s", path, name);
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_set(errmsg, err_from_errno(errno), "open %s: %s", file, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int errnum = errno;
    close(fd);
    if (errnum == EWOULDBLOCK)
        return err_set(errmsg, ERR_STALE, "%s is held by another process", file);
    return err_set(errmsg, err_from_errno(errnum), "lock %s: %s", file, strerror(errnum));
}

int state_hold(const char *path, char *errmsg)
{
    int rc = make_directory(path, errmsg);
    if (rc)
        return rc;
    int fd = state_lock(path, STATE_LOCK, errmsg);
    if (fd == ERR_STALE)
        return err_set(
            errmsg, ERR_REFUSED,
            "state directory %s: another aggregator is running there; stop it, or choose "
            "another with --state",
            path);
    return fd;
}

#include "dashboards/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"

#define TEMPORARY_MAX 48

struct outfile {
    int fd;
    int directory; /* of the file to be put in place; -1: written to as it is */
    bool nameless; /* the temporary file has no name yet */
    char temporary[TEMPORARY_MAX];
    const char *name; /* in the directory: the end of `path` */
    char *path;       /* links resolved; for messages as well */
};

static int failed(const struct outfile *out, int errnum, char *errmsg)
{
    const char *path = strcmp(out->path, "-") == 0 ? "standard output" : out->path;
    return err_set(errmsg, err_from_errno(errnum), "writing %s: %s", path, strerror(errnum));
}

/* A name beside the file that nobody else takes. */
static void choose_temporary(struct outfile *out)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        number = (uint64_t)getpid();
    snprintf(out->temporary, sizeof out->temporary, ".darkcount-%016" PRIx64, number);
}

/* A file without a name where the file system has such (it gets one through /proc), otherwise one
 * with a temporary name. False with errno. */
static bool open_temporary(struct outfile *out)
{
    choose_temporary(out);
    if (access("/proc/self/fd", X_OK) == 0)
        out->fd = openat(out->directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    out->nameless = out->fd >= 0;
    if (out->fd < 0)
        out->fd =
            openat(out->directory, out->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return out->fd >= 0;
}

/* Cuts `path` into directory and name; opens both. */
static int open_beside(struct outfile *out, char *errmsg)
{
    char *slash = strrchr(out->path, '/');
    out->name = slash ? slash + 1 : out->path;
    if (!*out->name)
        return err_set(errmsg, ERR_INVALID, "writing '%s': name a file", out->path);
    if (strlen(out->name) > NAME_MAX)
        return failed(out, ENAMETOOLONG, errmsg);
    if (slash == out->path) {
        out->directory = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    } else {
        if (slash)
            *slash = '\0';
        out->directory = open(slash ? out->path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (slash)
            *slash = '/';
    }
    return out->directory >= 0 && open_temporary(out) ? 0 : failed(out, errno, errmsg);
}

static int open_path(struct outfile *out, char *errmsg)
{
    struct stat about;
    if (strcmp(out->path, "-") == 0) {
        out->fd = STDOUT_FILENO;
        return 0;
    }
    if (stat(out->path, &about) != 0 || S_ISREG(about.st_mode))
        return open_beside(out, errmsg);
    if (S_ISDIR(about.st_mode))
        return err_set(errmsg, ERR_INVALID, "writing %s: it is a directory; name a file",
                       out->path);
    out->fd = open(out->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    return out->fd >= 0 ? 0 : failed(out, errno, errmsg);
}

static void close_all(struct outfile *out)
{
    if (out->fd > STDOUT_FILENO)
        close(out->fd);
    if (out->directory >= 0)
        close(out->directory);
    free(out->path);
    free(out);
}

int outfile_open(struct outfile **opened, const char *path, char *errmsg)
{
    struct outfile *out = calloc(1, sizeof *out);
    /* The file that a link names is replaced, not the link. */
    char *resolved = out && strcmp(path, "-") != 0 ? realpath(path, NULL) : NULL;
    if (out)
        *out = (struct outfile){-1, -1, false, "", NULL, resolved ? resolved : strdup(path)};
    int rc = ERR_NOMEM;
    if (out && out->path)
        rc = open_path(out, errmsg);
    else
        err_set(errmsg, rc, "writing %s: %s", path, err_str(rc));
    if (rc && out)
        close_all(out);
    *opened = rc ? NULL : out;
    return rc;
}

int outfile_write(struct outfile *out, const void *bytes, size_t size, char *errmsg)
{
    const char *at = bytes, *end = at + size;
    while (at < end) {
        ssize_t wrote = write(out->fd, at, (size_t)(end - at));
        if (wrote < 0 && errno != EINTR)
            return failed(out, errno, errmsg);
        at += wrote > 0 ? wrote : 0;
    }
    return 0;
}

/* False with errno. */
static bool give_name(struct outfile *out)
{
    char link[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", out->fd);
    if (linkat(AT_FDCWD, link, out->directory, out->temporary, AT_SYMLINK_FOLLOW) != 0)
        return false;
    out->nameless = false;
    return true;
}

/* Makes the new name durable; a directory that may not be read cannot be synced, and need not be. */
static void sync_directory(const struct outfile *out)
{
    int fd = openat(out->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

static bool put_in_place(struct outfile *out)
{
    if (fsync(out->fd) != 0 || (out->nameless && !give_name(out)) ||
        renameat(out->directory, out->temporary, out->directory, out->name) != 0)
        return false;
    sync_directory(out);
    return true;
}

int outfile_commit(struct outfile *out, char *errmsg)
{
    if (out->directory >= 0 && !put_in_place(out)) {
        int rc = failed(out, errno, errmsg);
        outfile_abort(out);
        return rc;
    }
    close_all(out);
    return 0;
}

void outfile_abort(struct outfile *out)
{
    if (!out)
        return;
    if (out->directory >= 0 && !out->nameless)
        unlinkat(out->directory, out->temporary, 0);
    close_all(out);
}

#include "common/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"

static int read_all(int fd, struct buf *out)
{
    for (;;) {
        size_t before = out->size;
        uint8_t *room = buf_extend(out, 4096);
        if (!room)
            return ERR_NOMEM;
        ssize_t got = read(fd, room, 4096);
        out->size = before + (got > 0 ? (size_t)got : 0);
        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return ERR_IO;
        if (out->size > TEXTFILE_MAX)
            return ERR_INVALID;
    }
}

char *textfile_read(const char *path, int *rc, char *errmsg)
{
    struct buf bytes;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        *rc = errno == ENOENT ? ERR_UNKNOWN : ERR_IO;
        err_set(errmsg, *rc, "read %s: %s", path, strerror(errno));
        return NULL;
    }
    buf_init(&bytes);
    *rc = read_all(fd, &bytes);
    int saved = errno;
    close(fd);
    if (*rc == 0 && bytes.size > 0 && memchr(bytes.bytes, '\0', bytes.size))
        *rc = ERR_INVALID;
    buf_put_u8(&bytes, 0);
    if (*rc == 0 && bytes.failed)
        *rc = ERR_NOMEM;
    if (*rc == 0)
        return (char *)bytes.bytes;
    err_set(errmsg, *rc, "read %s: %s", path, *rc == ERR_IO ? strerror(saved) : err_str(*rc));
    buf_close(&bytes);
    return NULL;
}

/* The new file, open for writing; -1 with errno. */
static int create(const char *path, const char *directory, mode_t mode)
{
    struct stat owner;
    unlink(path); /* of a process that was killed */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    if ((mode == 0600 || fchmod(fd, mode) == 0) &&
        (geteuid() != 0 || (stat(directory, &owner) == 0 &&
                            (owner.st_uid == 0 || fchown(fd, owner.st_uid, owner.st_gid) == 0))))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int write_all(int fd, const char *text)
{
    for (size_t at = 0, size = strlen(text); at < size;) {
        ssize_t written = write(fd, text + at, size - at);
        if (written < 0 && errno != EINTR)
            return -1;
        at += written > 0 ? (size_t)written : 0;
    }
    return fsync(fd);
}

static int sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd), saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return rc;
}

int textfile_replace(const char *path, const char *text, mode_t mode, char *errmsg)
{
    char temporary[PATH_MAX], copy[PATH_MAX];
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return err_set(errmsg, ERR_INVALID, "write %.200s...: its path is too long", path);
    strcpy(copy, path);
    const char *directory = dirname(copy);
    int fd = create(temporary, directory, mode);
    int rc = fd < 0 ? -1 : write_all(fd, text), saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    if (rc == 0 && rename(temporary, path) == 0 && sync_directory(directory) == 0)
        return 0;
    saved = errno;
    if (fd >= 0)
        unlink(temporary);
    return err_set(errmsg, err_from_errno(saved), "write %s: %s", path, strerror(saved));
}

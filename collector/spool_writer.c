#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/spool_private.h"
#include "common/err.h"

struct spool_writer {
    char path[PATH_MAX]; /* of the epoch */
    uint8_t epoch[EPOCH_SIZE];
    int fd;      /* segment being appended to; -1 for none yet */
    size_t size; /* of that segment: where its last whole record ends */
    uint64_t last;
    bool dirty; /* appended and not synced */
};

/* Makes a directory where it is missing; what was made stays after a power cut. */
static int make_directory(const char *path)
{
    char parent[PATH_MAX];
    if (mkdir(path, 0770) != 0)
        return errno == EEXIST ? 0 : -1;
    snprintf(parent, sizeof parent, "%.4000s/..", path);
    return directory_sync(parent);
}

/* mkdir -p: every missing part of the path. */
static int make_directories(const char *path)
{
    char part[PATH_MAX];
    if (strlen(path) >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(part, path);
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (make_directory(part) != 0)
            return -1;
        *slash = '/';
    }
    return make_directory(part);
}

int spool_lock(const char *spool, char *errmsg)
{
    char name[PATH_MAX];
    if (make_directories(spool) != 0)
        return err_set(errmsg, err_from_errno(errno), "spool %s: cannot be made: %s", spool,
                       strerror(errno));
    snprintf(name, sizeof name, "%.4000s/lock", spool);
    int fd = open(name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0660);
    if (fd < 0)
        return err_set(errmsg, err_from_errno(errno), "spool %s: %s", name, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    int saved = errno;
    close(fd);
    if (saved == EWOULDBLOCK)
        return err_set(errmsg, ERR_REFUSED,
                       "spool %s: another sensor is running on it; give each its own spool", spool);
    return err_set(errmsg, err_from_errno(saved), "spool %s: %s", name, strerror(saved));
}

/* The epoch that is there must be the one that is meant. */
static int check_identity(const char *path, const struct spool_identity *held,
                          const struct spool_identity *meant, char *errmsg)
{
    if (memcmp(held->epoch, meant->epoch, EPOCH_SIZE) != 0 ||
        strcmp(held->sensor, meant->sensor) != 0)
        return err_set(errmsg, ERR_DAMAGED, "spool %s: holds another epoch than its name says",
                       path);
    if (strcmp(held->darknet, meant->darknet) != 0)
        return err_set(
            errmsg, ERR_REFUSED,
            "spool %s: holds this capture counted with darknet %s; a changed darknet needs a "
            "sensor name and a spool of its own",
            path, held->darknet);
    if (epoch_refused(path))
        return err_set(
            errmsg, ERR_REFUSED,
            "spool %s: the aggregator refused it for good (see the file 'refused' in it)", path);
    return 0;
}

static int open_identity(const char *path, const struct spool_identity *identity, char *errmsg)
{
    struct spool_identity held = {0};
    int rc = identity_read(path, &held);
    if (rc == ERR_UNKNOWN) {
        if (make_directories(path) != 0)
            return err_set(errmsg, err_from_errno(errno), "spool %s: %s", path, strerror(errno));
        return identity_write(path, identity, errmsg);
    }
    if (rc)
        return err_set(errmsg, rc, "spool %s: its identity cannot be read: %s", path, err_str(rc));
    rc = check_identity(path, &held, identity, errmsg);
    free(held.darknet);
    return rc;
}

static int segment_open(struct spool_writer *writer, uint64_t first, int flags, char *errmsg)
{
    char name[PATH_MAX];
    segment_path(name, writer->path, first);
    writer->fd = open(name, O_RDWR | O_CLOEXEC | flags, 0660);
    if (writer->fd < 0)
        return err_set(errmsg, err_from_errno(errno), "spool %s: %s", name, strerror(errno));
    writer->size = 0;
    return 0;
}

/* Opens the newest segment and cuts off what a crash left behind its last whole record. */
static int open_newest(struct spool_writer *writer, uint64_t first, char *errmsg)
{
    int rc = segment_open(writer, first, 0, errmsg);
    if (rc)
        return rc;
    rc = segment_walk(writer->fd, writer->epoch, first, &writer->last, &writer->size);
    if (rc == 0)
        rc = segment_goes_on(writer->fd, writer->epoch, writer->last, writer->size);
    if (rc > 0)
        return err_set(errmsg, ERR_DAMAGED,
                       "spool %s: segment %" PRIu64 " is damaged behind record %" PRIu64
                       "; move this directory away to begin anew without it",
                       writer->path, first, writer->last);
    if (rc)
        return err_set(errmsg, rc, "spool %s: %s", writer->path, err_str(rc));
    if (ftruncate(writer->fd, (off_t)writer->size) != 0 || fsync(writer->fd) != 0)
        return err_set(errmsg, err_from_errno(errno), "spool %s: %s", writer->path,
                       strerror(errno));
    return 0;
}

int spool_writer_open(struct spool_writer **out, const char *spool,
                      const struct spool_identity *identity, char *errmsg)
{
    *out = NULL;
    struct spool_writer *writer = calloc(1, sizeof *writer);
    if (!writer)
        return ERR_NOMEM;
    char epoch[37];
    epoch_format(identity->epoch, epoch);
    snprintf(writer->path, sizeof writer->path, "%.4000s/%s", spool, epoch);
    memcpy(writer->epoch, identity->epoch, EPOCH_SIZE);
    writer->fd = -1;
    uint64_t *firsts = NULL;
    size_t count = 0;
    int rc = open_identity(writer->path, identity, errmsg);
    if (rc == 0)
        rc = segments_list(writer->path, &firsts, &count);
    if (rc == 0 && count > 0)
        rc = open_newest(writer, firsts[count - 1], errmsg);
    free(firsts);
    if (rc) {
        spool_writer_close(writer);
        return rc;
    }
    *out = writer;
    return 0;
}

const char *spool_writer_path(const struct spool_writer *writer)
{
    return writer->path;
}

uint64_t spool_writer_last(const struct spool_writer *writer)
{
    return writer->last;
}

/* Begins the segment of sequence `first`; the one before is synced and closed. */
static int begin_segment(struct spool_writer *writer, uint64_t first, char *errmsg)
{
    int rc = spool_sync(writer, errmsg);
    if (rc)
        return rc;
    if (writer->fd >= 0)
        close(writer->fd);
    writer->fd = -1;
    rc = segment_open(writer, first, O_CREAT | O_TRUNC, errmsg);
    if (rc || directory_sync(writer->path) == 0)
        return rc;
    rc = err_set(errmsg, err_from_errno(errno), "spool %s: %s", writer->path, strerror(errno));
    close(writer->fd); /* the next append tries again from the beginning */
    writer->fd = -1;
    return rc;
}

int spool_append(struct spool_writer *writer, const uint8_t *sealed, size_t size, char *errmsg)
{
    if (writer->fd < 0 || (writer->size > 0 && writer->size + size > SPOOL_SEGMENT_MAX)) {
        int rc = begin_segment(writer, writer->last + 1, errmsg);
        if (rc)
            return rc;
    }
    size_t done = 0;
    while (done < size) {
        ssize_t wrote =
            pwrite(writer->fd, sealed + done, size - done, (off_t)(writer->size + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0) {
            int saved = errno;
            /* Should this fail as well, the next append writes over it and the next open cuts it.
             */
            (void)!ftruncate(writer->fd, (off_t)writer->size);
            return err_set(errmsg, err_from_errno(saved), "spool %s: %s", writer->path,
                           strerror(saved));
        }
        done += (size_t)wrote;
    }
    writer->size += size;
    writer->last++;
    writer->dirty = true;
    return 0;
}

int spool_sync(struct spool_writer *writer, char *errmsg)
{
    if (!writer->dirty)
        return 0;
    if (fdatasync(writer->fd) != 0)
        return err_set(errmsg, err_from_errno(errno), "spool %s: %s", writer->path,
                       strerror(errno));
    writer->dirty = false;
    return 0;
}

void spool_writer_close(struct spool_writer *writer)
{
    if (!writer)
        return;
    if (writer->fd >= 0)
        close(writer->fd);
    free(writer);
}

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
#include "common/log.h"

struct spool_writer {
    char path[PATH_MAX]; /* of the epoch */
    uint8_t epoch[EPOCH_SIZE];
    bool replay;
    bool reserving;      /* keeps room ahead */
    bool low;            /* there was none; said */
    int fd;              /* segment being appended to; -1 for none yet */
    int mark;            /* live: the file of the mark; -1 for none */
    size_t size;         /* of that segment: where its last whole record ends */
    size_t synced;       /* how much of that is known to be on disk */
    struct buf unsynced; /* the rest, for when a sync fails: the system may then drop it */
    uint64_t last;
    bool dirty;  /* appended and not synced */
    bool failed; /* the last sync did */
};

/* Makes a directory where it is missing; what was made stays after a power cut. */
static int make_directory(const char *path)
{
    char parent[PATH_MAX];
    if (spool_env->mkdir(path, 0770) != 0)
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

/* --- opening ---------------------------------------------------------------------------------- */

static int segment_open(struct spool_writer *writer, uint64_t first, int flags)
{
    char name[PATH_MAX];
    segment_path(name, writer->path, first);
    writer->fd = spool_env->open(name, O_RDWR | O_CLOEXEC | flags, 0660);
    writer->size = writer->synced = 0;
    return writer->fd >= 0 ? 0 : -1;
}

static void segment_leave(struct spool_writer *writer)
{
    if (writer->fd < 0)
        return;
    if (writer->reserving)
        room_release(writer->fd, writer->size);
    spool_env->close(writer->fd);
    writer->fd = -1;
}

/* Writes what stands in the segment once more: after a sync that failed the system may call it clean
 * and have it nowhere but in its memory. */
static int write_again(struct spool_writer *writer, uint64_t first, size_t end)
{
    struct buf bytes;
    buf_init(&bytes);
    int rc = segment_load(writer->path, first, &bytes);
    if (rc == 0 && bytes.size >= end)
        rc = file_write(writer->fd, bytes.bytes, end, 0);
    buf_close(&bytes);
    return rc;
}

/* Goes on in the newest segment, behind its last whole record: what a crash left there is cut off. */
static int open_newest(struct spool_writer *writer, uint64_t first, size_t end, bool again,
                       char *errmsg)
{
    struct stat info;
    if (segment_open(writer, first, 0) != 0 || spool_env->fstat(writer->fd, &info) != 0 ||
        ((size_t)info.st_size != end && spool_env->ftruncate(writer->fd, (off_t)end) != 0) ||
        (again && write_again(writer, first, end) != 0) || spool_env->fsync(writer->fd) != 0)
        return err_set(errmsg, err_from_errno(errno), "spool %s: %s", writer->path,
                       strerror(errno));
    writer->size = writer->synced = end;
    return 0;
}

/* Behind the damage there are records that may not be on disk yet; the next one begins a segment. */
static int settle_damaged(struct spool_writer *writer, uint64_t first, char *errmsg)
{
    struct stat info;
    int rc = segment_open(writer, first, 0);
    if (rc == 0)
        rc = spool_env->fstat(writer->fd, &info);
    if (rc == 0)
        rc = write_again(writer, first, (size_t)info.st_size);
    if (rc == 0)
        rc = spool_env->fsync(writer->fd);
    if (rc)
        err_set(errmsg, err_from_errno(errno), "spool %s: %s", writer->path, strerror(errno));
    segment_leave(writer);
    return rc ? ERR_IO : 0;
}

static int open_live(struct spool_writer *writer, uint64_t newest, char *errmsg)
{
    struct segment_tail tail = {0};
    uint64_t mark = mark_read(writer->path, writer->epoch);
    int rc = newest ? segment_tail(writer->path, writer->epoch, newest, mark, &tail) : 0;
    if (rc)
        return err_set(errmsg, rc, "spool %s: %s", writer->path, err_str(rc));
    writer->last = newest ? tail.last : mark;
    if (tail.damaged)
        segment_quarantine(writer->path, writer->epoch, newest, 0, tail.last);
    if (tail.damaged && tail.found > mark)
        rc = settle_damaged(writer, newest, errmsg);
    else if (newest && !tail.damaged)
        rc = open_newest(writer, newest, tail.end, tail.found > mark, errmsg);
    writer->mark = mark_open(writer->path);
    writer->dirty = mark != writer->last; /* the mark is to be set */
    return rc;
}

/* Whether a capture's segment is whole: every record up to the next segment, and no bytes between
 * them. `tail` gets where its last record ends. */
static int replay_whole(const struct spool_writer *writer, uint64_t first, uint64_t limit,
                        struct segment_tail *tail)
{
    struct buf bytes;
    struct segment_piece piece;
    enum segment_found found;
    buf_init(&bytes);
    int rc = segment_load(writer->path, first, &bytes);
    struct segment_walk walk = {.bytes = bytes.bytes,
                                .size = bytes.size,
                                .epoch = writer->epoch,
                                .next = first,
                                .limit = limit};
    *tail = (struct segment_tail){0};
    while (rc == 0 && (found = segment_next(&walk, &piece)) != SEGMENT_END)
        tail->damaged |= found == SEGMENT_DAMAGE;
    buf_close(&bytes);
    tail->damaged |= limit > 0 && walk.next != limit;
    tail->last = walk.next - 1;
    tail->end = walk.at;
    return rc;
}

/* From the damaged segment on the capture is counted again. */
static int replay_cut(const struct spool_writer *writer, const uint64_t *firsts, size_t count,
                      char *errmsg)
{
    char name[PATH_MAX], aside[PATH_MAX];
    segment_path(name, writer->path, firsts[0]);
    snprintf(aside, sizeof aside, "%.4080s.damaged", name);
    for (size_t i = count; i-- > 1;) {
        char later[PATH_MAX];
        segment_path(later, writer->path, firsts[i]);
        spool_env->unlink(later);
    }
    /* Where the ship process has given the segment the second name already, rename does nothing. */
    if (spool_env->rename(name, aside) != 0 || (spool_env->unlink(name) != 0 && errno != ENOENT))
        return err_set(errmsg, err_from_errno(errno), "spool %s: %s", name, strerror(errno));
    log_warn(
        "spool %s: is damaged, and kept as %s; the capture is counted again from record %" PRIu64,
        name, aside, firsts[0]);
    return directory_sync(writer->path) == 0
               ? 0
               : err_set(errmsg, err_from_errno(errno), "spool %s: %s", writer->path,
                         strerror(errno));
}

static int open_replay(struct spool_writer *writer, const uint64_t *firsts, size_t count,
                       char *errmsg)
{
    struct segment_tail tail = {0};
    for (size_t i = 0; i < count; i++) {
        uint64_t limit = i + 1 < count ? firsts[i + 1] : 0;
        int rc = replay_whole(writer, firsts[i], limit, &tail);
        if (rc)
            return err_set(errmsg, rc, "spool %s: %s", writer->path, err_str(rc));
        if (tail.damaged || firsts[i] != writer->last + 1)
            return replay_cut(writer, firsts + i, count - i, errmsg);
        writer->last = tail.last;
    }
    return count ? open_newest(writer, firsts[count - 1], tail.end, true, errmsg) : 0;
}

static int open_segments(struct spool_writer *writer, char *errmsg)
{
    uint64_t *firsts;
    size_t count;
    int rc = segments_list(writer->path, &firsts, &count);
    if (rc)
        err_set(errmsg, rc, "spool %s: %s", writer->path, err_str(rc));
    else if (writer->replay)
        rc = open_replay(writer, firsts, count, errmsg);
    else
        rc = open_live(writer, count ? firsts[count - 1] : 0, errmsg);
    free(firsts);
    return rc;
}

/* What a process before this one has made, and was killed before it could sync the directory: a record
 * in a file whose name is not on disk is not on disk. */
static int settle_names(const char *path, char *errmsg)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%.4000s/..", path);
    if (directory_sync(path) == 0 && directory_sync(parent) == 0)
        return 0;
    return err_set(errmsg, err_from_errno(errno), "spool %s: %s", path, strerror(errno));
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
    writer->replay = identity->replay;
    writer->fd = writer->mark = -1;
    buf_init(&writer->unsynced);
    int rc = open_identity(writer->path, identity, errmsg);
    if (rc == 0)
        rc = settle_names(writer->path, errmsg);
    if (rc == 0)
        rc = open_segments(writer, errmsg);
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

/* --- room ------------------------------------------------------------------------------------- */

static void keep_room(struct spool_writer *writer)
{
    if (!writer->reserving)
        return;
    bool enough = (writer->fd < 0 || room_reserve(writer->fd)) && room_prepare(writer->path);
    if (!enough && !writer->low)
        log_warn(
            "spool %s: the disk is full: records go on into what room was kept, at most %zu MB",
            writer->path, 2 * SPOOL_SEGMENT_MAX >> 20);
    if (enough && writer->low)
        log_info("spool %s: the disk has room again", writer->path);
    writer->low = !enough;
}

void spool_reserve(struct spool_writer *writer)
{
    writer->reserving = true;
    keep_room(writer);
}

/* --- appending -------------------------------------------------------------------------------- */

/* Begins the segment of sequence `first`; the one before is synced and closed. */
static int begin_segment(struct spool_writer *writer, uint64_t first, char *errmsg)
{
    int rc = spool_sync(writer, errmsg);
    if (rc)
        return rc;
    segment_leave(writer);
    bool kept = writer->reserving && room_take(writer->path, first);
    if (segment_open(writer, first, kept ? 0 : O_CREAT) != 0 || directory_sync(writer->path) != 0) {
        rc = err_set(errmsg, err_from_errno(errno), "spool %s: %s", writer->path, strerror(errno));
        if (writer->fd >= 0)
            spool_env->close(writer->fd); /* the next append tries again from the beginning */
        writer->fd = -1;
        return rc;
    }
    keep_room(writer);
    return 0;
}

/* Writes the record behind what is there; nothing stays of it after an error. */
static int write_record(struct spool_writer *writer, const uint8_t *sealed, size_t size,
                        char *errmsg)
{
    size_t before = writer->unsynced.size;
    buf_put(&writer->unsynced, sealed, size);
    if (writer->unsynced.failed) {
        writer->unsynced.failed = false;
        return err_set(errmsg, ERR_NOMEM, "spool %s: out of memory", writer->path);
    }
    if (file_write(writer->fd, sealed, size, writer->size) == 0)
        return 0;
    int saved = errno;
    writer->unsynced.size = before;
    /* Should this fail as well, the next append writes over it and the next open cuts it. */
    (void)!spool_env->ftruncate(writer->fd, (off_t)writer->size);
    keep_room(writer);
    return err_set(errmsg, err_from_errno(saved), "spool %s: %s", writer->path, strerror(saved));
}

int spool_append(struct spool_writer *writer, const uint8_t *sealed, size_t size, char *errmsg)
{
    int rc = 0;
    if (writer->fd < 0 || (writer->size > 0 && writer->size + size > SPOOL_SEGMENT_MAX))
        rc = begin_segment(writer, writer->last + 1, errmsg);
    if (rc == 0)
        rc = write_record(writer, sealed, size, errmsg);
    if (rc)
        return rc;
    writer->size += size;
    writer->last++;
    writer->dirty = true;
    return 0;
}

/* Without the mark damage is found all the same, but for that at the very end. */
static void set_mark(struct spool_writer *writer)
{
    if (writer->replay)
        return;
    if (writer->mark < 0)
        writer->mark = mark_open(writer->path);
    if (writer->mark >= 0)
        mark_write(writer->mark, writer->epoch, writer->last);
}

/* After a failed sync the system may call what it dropped clean: it is written anew. */
static int sync_segment(struct spool_writer *writer)
{
    if (writer->fd < 0)
        return 0;
    if (writer->failed &&
        file_write(writer->fd, writer->unsynced.bytes, writer->unsynced.size, writer->synced) != 0)
        return -1;
    return spool_env->fdatasync(writer->fd);
}

int spool_sync(struct spool_writer *writer, char *errmsg)
{
    if (writer->low)
        keep_room(writer);
    if (!writer->dirty)
        return 0;
    writer->failed = sync_segment(writer) != 0;
    if (writer->failed)
        return err_set(errmsg, err_from_errno(errno), "spool %s: %s", writer->path,
                       strerror(errno));
    writer->dirty = false;
    writer->synced = writer->size;
    writer->unsynced.size = 0;
    set_mark(writer);
    return 0;
}

void spool_writer_close(struct spool_writer *writer)
{
    if (!writer)
        return;
    segment_leave(writer);
    if (writer->reserving)
        room_drop(writer->path);
    if (writer->mark >= 0)
        spool_env->close(writer->mark);
    buf_close(&writer->unsynced);
    free(writer);
}

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/spool_private.h"
#include "common/err.h"
#include "common/list.h"
#include "common/log.h"

#define SEGMENT_SUFFIX ".segment"
/* A segment ends with the record that passes SPOOL_SEGMENT_MAX, or is one record. */
#define SEGMENT_LOAD_MAX (SPOOL_SEGMENT_MAX + RECORD_HEADER_SIZE + RECORD_PAYLOAD_MAX)
#define DISK_BLOCK       4096

/* --- files ------------------------------------------------------------------------------------ */

void segment_path(char out[PATH_MAX], const char *path, uint64_t first)
{
    snprintf(out, PATH_MAX, "%.4000s/%020" PRIu64 SEGMENT_SUFFIX, path, first);
}

/* The first sequence in a segment's file name, 0 when the name is none. */
static uint64_t segment_first(const char *name)
{
    if (strlen(name) != 20 + strlen(SEGMENT_SUFFIX) || strspn(name, "0123456789") != 20 ||
        strcmp(name + 20, SEGMENT_SUFFIX) != 0)
        return 0;
    return strtoull(name, NULL, 10);
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

struct found {
    uint64_t *firsts;
    size_t count, room;
};

static int add_segment(void *user, const char *name)
{
    struct found *found = user;
    uint64_t first = segment_first(name);
    if (first == 0)
        return 0;
    uint64_t *more = list_room(found->firsts, found->count, &found->room, sizeof *more);
    if (!more)
        return ERR_NOMEM;
    found->firsts = more;
    found->firsts[found->count++] = first;
    return 0;
}

int segments_list(const char *path, uint64_t **firsts, size_t *count)
{
    struct found found = {0};
    int rc = spool_env->list(path, add_segment, &found);
    if (rc == -1)
        rc = err_from_errno(errno);
    if (found.count)
        qsort(found.firsts, found.count, sizeof *found.firsts, compare_u64);
    *firsts = found.firsts;
    *count = found.count;
    return rc;
}

/* Reads what can be read from `offset` on: how much, 0 at the end. */
static ssize_t read_some(int fd, uint8_t *at, size_t size, off_t offset)
{
    ssize_t got = spool_env->pread(fd, at, size, offset);
    if (got >= 0 || errno != EIO)
        return got;
    got = spool_env->pread(fd, at, size < DISK_BLOCK ? size : DISK_BLOCK, offset);
    if (got >= 0 || errno != EIO)
        return got;
    size = size < DISK_BLOCK ? size : DISK_BLOCK;
    memset(at, 0, size);
    return (ssize_t)size;
}

static int load(int fd, struct buf *bytes)
{
    struct stat info;
    if (spool_env->fstat(fd, &info) != 0)
        return err_from_errno(errno);
    size_t size = (size_t)info.st_size, done = 0;
    if (size > SEGMENT_LOAD_MAX)
        size = SEGMENT_LOAD_MAX;
    uint8_t *at = buf_extend(bytes, size);
    if (!at)
        return ERR_NOMEM;
    while (done < size) {
        ssize_t got = read_some(fd, at + done, size - done, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_from_errno(errno);
        if (got == 0)
            break;
        done += (size_t)got;
    }
    bytes->size -= size - done;
    return 0;
}

int segment_load(const char *path, uint64_t first, struct buf *bytes)
{
    char name[PATH_MAX];
    segment_path(name, path, first);
    int fd = spool_env->open(name, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return errno == ENOENT ? ERR_UNKNOWN : err_from_errno(errno);
    int rc = load(fd, bytes);
    spool_env->close(fd);
    return rc;
}

int segment_read(int fd, off_t offset, struct buf *buf)
{
    uint8_t head[RECORD_HEADER_SIZE];
    struct record_header header;
    struct stat info;
    ssize_t got = spool_env->pread(fd, head, sizeof head, offset);
    if (got < 0)
        return errno == EIO ? 0 : err_from_errno(errno);
    if (record_peek(head, (size_t)got, &header) != 0)
        return 0;
    if (spool_env->fstat(fd, &info) != 0)
        return err_from_errno(errno);
    if ((uint64_t)info.st_size < (uint64_t)offset + header.size)
        return 0;
    buf->size = 0;
    uint8_t *room = buf_extend(buf, header.size);
    if (!room)
        return ERR_NOMEM;
    got = spool_env->pread(fd, room, header.size, offset);
    if (got < 0)
        return errno == EIO ? 0 : err_from_errno(errno);
    return (size_t)got == header.size && record_check(room, header.size) == 0;
}

/* --- walking ---------------------------------------------------------------------------------- */

/* Whether a sound record that can come next, or later, stands at `at`. */
static bool sound_at(const struct segment_walk *walk, size_t at, struct record_header *header)
{
    size_t left = walk->size - at;
    return record_peek(walk->bytes + at, left, header) == 0 && header->size <= left &&
           memcmp(header->epoch, walk->epoch, EPOCH_SIZE) == 0 && header->first >= walk->next &&
           (walk->limit == 0 || header->seq < walk->limit) &&
           record_check(walk->bytes + at, header->size) == 0;
}

/* The next place from `at` on where a record could begin, or the end. */
static size_t find_magic(const struct segment_walk *walk, size_t at)
{
    if (at >= walk->size)
        return walk->size;
    const uint8_t *found = memmem(walk->bytes + at, walk->size - at, "DCR1", 4);
    return found ? (size_t)(found - walk->bytes) : walk->size;
}

enum segment_found segment_next(struct segment_walk *walk, struct segment_piece *piece)
{
    struct record_header header;
    size_t at = walk->at;
    if (at < walk->size && sound_at(walk, at, &header) && header.first == walk->next) {
        *piece = (struct segment_piece){header.first, header.seq, at, header.size};
        walk->at += header.size;
        walk->next = header.seq + 1;
        return SEGMENT_RECORD;
    }
    for (at = find_magic(walk, at); at < walk->size; at = find_magic(walk, at + 1)) {
        if (!sound_at(walk, at, &header))
            continue;
        *piece = (struct segment_piece){walk->next, header.first - 1, walk->at, at - walk->at};
        walk->at = at;
        walk->next = header.first;
        return SEGMENT_DAMAGE;
    }
    *piece = (struct segment_piece){walk->next, walk->limit ? walk->limit - 1 : 0, walk->at,
                                    walk->size - walk->at};
    return SEGMENT_END;
}

int segment_tail(const char *path, const uint8_t epoch[EPOCH_SIZE], uint64_t first, uint64_t mark,
                 struct segment_tail *tail)
{
    struct buf bytes;
    buf_init(&bytes);
    *tail = (struct segment_tail){0};
    int rc = segment_load(path, first, &bytes);
    struct segment_walk walk = {
        .bytes = bytes.bytes, .size = bytes.size, .epoch = epoch, .next = first};
    struct segment_piece piece;
    enum segment_found found;
    while (rc == 0 && (found = segment_next(&walk, &piece)) != SEGMENT_END)
        tail->damaged |= found == SEGMENT_DAMAGE;
    buf_close(&bytes);
    tail->found = walk.next - 1;
    tail->end = walk.at;
    tail->damaged |= mark > tail->found;
    tail->last = mark > tail->found ? mark : tail->found;
    return rc;
}

/* --- quarantine ------------------------------------------------------------------------------- */

static void say_lost(const char *name, const struct segment_piece *piece)
{
    if (piece->last < piece->first)
        log_error("spool %s: %zu bytes at %zu are no record; no record is lost", name, piece->size,
                  piece->at);
    else
        log_error("spool %s: %zu bytes at %zu are damaged: lost are %" PRIu64 " records, %" PRIu64
                  " to %" PRIu64,
                  name, piece->size, piece->at, piece->last - piece->first + 1, piece->first,
                  piece->last);
}

static void say_damage(const char *path, const uint8_t epoch[EPOCH_SIZE], uint64_t first,
                       uint64_t limit, uint64_t upto)
{
    char name[PATH_MAX];
    struct buf bytes;
    struct segment_piece piece;
    enum segment_found found;
    buf_init(&bytes);
    segment_path(name, path, first);
    if (segment_load(path, first, &bytes) == 0) {
        struct segment_walk walk = {.bytes = bytes.bytes,
                                    .size = bytes.size,
                                    .epoch = epoch,
                                    .next = first,
                                    .limit = limit};
        while ((found = segment_next(&walk, &piece)) != SEGMENT_END)
            if (found == SEGMENT_DAMAGE)
                say_lost(name, &piece);
        piece.last = limit ? limit - 1 : upto;
        if (piece.last >= piece.first)
            say_lost(name, &piece);
    }
    buf_close(&bytes);
}

void segment_quarantine(const char *path, const uint8_t epoch[EPOCH_SIZE], uint64_t first,
                        uint64_t limit, uint64_t upto)
{
    char name[PATH_MAX], aside[PATH_MAX];
    segment_path(name, path, first);
    snprintf(aside, sizeof aside, "%.4080s.damaged", name);
    if (spool_env->link(name, aside) == 0)
        log_error("spool %s: is damaged, and kept as %s", name, aside);
    else if (errno == EEXIST)
        return; /* said when it was made */
    else if (errno != ENOENT)
        log_error("spool %s: is damaged, and cannot be kept as %s: %s", name, aside,
                  strerror(errno));
    say_damage(path, epoch, first, limit, upto);
}

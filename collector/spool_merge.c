#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/spool_private.h"
#include "common/err.h"

/*
 * Segments are replaced as a whole: what they become is written to a file of its own and synced, which
 * then gets the name FIRST-LAST.merge. From that moment on it counts: the other segments of the span are
 * deleted, and the file takes the name of the first. Whoever finds such a file does the rest.
 */
#define SEGMENTS_MAX 16 /* at a time */
#define DRAFT        ".merge"
#define SUFFIX       ".merge"
#define NAME_SIZE    (20 + 1 + 20 + sizeof SUFFIX)

struct merge {
    const struct spool_epoch *epoch;
    uint64_t from;             /* what is before it stays as it is */
    struct record *run, *next; /* the record that is being merged; the one that was read */
    bool running;              /* there is one in `run` */
    struct buf out;
    size_t in_bytes;
    uint64_t records, into;
};

/* --- the records ------------------------------------------------------------------------------ */

static int flush(struct merge *merge, char *errmsg)
{
    if (!merge->running)
        return 0;
    merge->running = false;
    merge->into++;
    int rc = record_seal(merge->run, &merge->out, errmsg);
    record_close(merge->run);
    return rc;
}

/* Takes the record that stands in `next`. */
static int take(struct merge *merge, char *errmsg)
{
    merge->records++;
    if (merge->running && record_mergeable(merge->run, merge->next)) {
        int rc = record_merge(merge->run, merge->next);
        record_close(merge->next);
        return rc;
    }
    int rc = flush(merge, errmsg);
    struct record *free_one = merge->run;
    merge->run = merge->next;
    merge->next = free_one;
    merge->running = true;
    return rc;
}

/* Those that stay are the first of all. */
static int keep(struct merge *merge, const uint8_t *sealed, size_t size)
{
    buf_put(&merge->out, sealed, size);
    return merge->out.failed ? ERR_NOMEM : 0;
}

static int take_sealed(struct merge *merge, const uint8_t *sealed, size_t size, char *errmsg)
{
    record_init(merge->next);
    int rc = record_open(merge->next, sealed, size, errmsg);
    if (rc == ERR_DAMAGED) /* in whole segments: of a version that is not ours */
        rc = ERR_VERSION;
    return rc ? rc : take(merge, errmsg);
}

/* Whether every record from `first` to limit - 1 is there, and nothing else. */
static bool is_whole(struct segment_walk walk)
{
    struct segment_piece piece;
    enum segment_found found;
    while ((found = segment_next(&walk, &piece)) == SEGMENT_RECORD)
        ;
    return found == SEGMENT_END && walk.next == walk.limit && walk.at == walk.size;
}

/* Adds the records of one segment. ERR_DAMAGED, and nothing is added, when it is not whole. */
static int take_segment(struct merge *merge, uint64_t first, uint64_t limit, char *errmsg)
{
    struct buf bytes;
    struct segment_piece piece;
    buf_init(&bytes);
    int rc = segment_load(merge->epoch->path, first, &bytes);
    if (rc == ERR_IO)
        rc = ERR_DAMAGED;
    struct segment_walk walk = {.bytes = bytes.bytes,
                                .size = bytes.size,
                                .epoch = merge->epoch->identity.epoch,
                                .next = first,
                                .limit = limit};
    if (rc == 0 && !is_whole(walk))
        rc = ERR_DAMAGED;
    if (rc == 0)
        merge->in_bytes += bytes.size;
    while (rc == 0 && segment_next(&walk, &piece) == SEGMENT_RECORD)
        rc = piece.last < merge->from
                 ? keep(merge, bytes.bytes + piece.at, piece.size)
                 : take_sealed(merge, bytes.bytes + piece.at, piece.size, errmsg);
    buf_close(&bytes);
    return rc;
}

/* --- the files -------------------------------------------------------------------------------- */

/* first and last sequence in the name of what is to take the place of segments. */
static bool parse_name(const char *name, uint64_t *first, uint64_t *last)
{
    if (strlen(name) != NAME_SIZE - 1 || strspn(name, "0123456789") != 20 || name[20] != '-' ||
        strspn(name + 21, "0123456789") != 20 || strcmp(name + 41, SUFFIX) != 0)
        return false;
    *first = strtoull(name, NULL, 10);
    *last = strtoull(name + 21, NULL, 10);
    return *first > 0 && *first <= *last;
}

static int write_draft(const char *name, const struct buf *out)
{
    int fd = spool_env->open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0660);
    int rc = fd >= 0 && file_write(fd, out->bytes, out->size, 0) == 0 && spool_env->fsync(fd) == 0
                 ? 0
                 : err_from_errno(errno);
    if (fd >= 0)
        spool_env->close(fd);
    return rc;
}

/* Deletes the segments behind the first of the span, whose name the file then takes. */
static int replace(const char *path, const char *name, uint64_t first, uint64_t last)
{
    char from[PATH_MAX], segment[PATH_MAX];
    uint64_t *firsts;
    size_t count;
    int rc = segments_list(path, &firsts, &count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        segment_path(segment, path, firsts[i]);
        if (firsts[i] > first && firsts[i] <= last && spool_env->unlink(segment) != 0)
            rc = err_from_errno(errno);
    }
    free(firsts);
    if (rc)
        return rc;
    snprintf(from, sizeof from, "%.4000s/%.80s", path, name);
    segment_path(segment, path, first);
    return spool_env->rename(from, segment) == 0 && directory_sync(path) == 0
               ? 0
               : err_from_errno(errno);
}

/* Puts what the records became in the place of the segments. */
static int commit(struct merge *merge, uint64_t first, uint64_t last, char *errmsg)
{
    const char *path = merge->epoch->path;
    char draft[PATH_MAX], full[PATH_MAX], name[NAME_SIZE];
    snprintf(draft, sizeof draft, "%.4000s/" DRAFT, path);
    snprintf(name, sizeof name, "%020" PRIu64 "-%020" PRIu64 SUFFIX, first, last);
    snprintf(full, sizeof full, "%.4000s/%s", path, name);
    int rc = write_draft(draft, &merge->out);
    if (rc) {
        spool_env->unlink(draft);
        return err_set(errmsg, ERR_FULL, "spool %s: %s", draft, err_str(rc));
    }
    if (spool_env->rename(draft, full) != 0) {
        err_set(errmsg, ERR_FULL, "spool %s: %s", full, strerror(errno));
        spool_env->unlink(draft);
        return ERR_FULL;
    }
    rc = directory_sync(path) == 0 ? replace(path, name, first, last) : err_from_errno(errno);
    return rc ? err_set(errmsg, ERR_IO, "spool %s: %s", full, err_str(rc)) : 0;
}

struct unfinished {
    char name[NAME_SIZE];
    uint64_t first, last;
};

static int find_unfinished(void *user, const char *name)
{
    struct unfinished *found = user;
    if (!parse_name(name, &found->first, &found->last))
        return 0;
    memcpy(found->name, name, sizeof found->name);
    return 1;
}

bool merge_unfinished(const char *path)
{
    struct unfinished found;
    return spool_env->list(path, find_unfinished, &found) == 1;
}

int spool_merge_finish(const struct spool_epoch *epoch, char *errmsg)
{
    struct unfinished found;
    int rc;
    while ((rc = spool_env->list(epoch->path, find_unfinished, &found)) == 1) {
        rc = replace(epoch->path, found.name, found.first, found.last);
        if (rc)
            return err_set(errmsg, rc, "spool %s/%s: %s", epoch->path, found.name, err_str(rc));
    }
    return rc ? err_set(errmsg, ERR_IO, "spool %s: %s", epoch->path, strerror(errno)) : 0;
}

/* --- which ones ------------------------------------------------------------------------------- */

/* Takes segments until there are enough of them: returns how many, or an error. */
static int take_segments(struct merge *merge, const uint64_t *firsts, size_t count, char *errmsg)
{
    int taken = 0, rc = 0;
    while (rc == 0 && (size_t)taken + 1 < count && taken < SEGMENTS_MAX &&
           merge->out.size < SPOOL_SEGMENT_MAX) {
        rc = take_segment(merge, firsts[taken], firsts[taken + 1], errmsg);
        taken += rc == 0;
    }
    if (rc == ERR_DAMAGED ||
        rc == ERR_UNKNOWN) /* it stays as it is, and those before it can go on */
        rc = 0;
    if (rc == 0)
        rc = flush(merge, errmsg);
    return rc ? rc : taken;
}

/* Whether it is worth the writing, and a segment as the reader takes them. */
static bool gains(const struct merge *merge)
{
    return merge->into < merge->records && merge->out.size < merge->in_bytes &&
           merge->out.size <= SPOOL_SEGMENT_MAX + RECORD_HEADER_SIZE + RECORD_PAYLOAD_MAX;
}

static int merge_segments(struct merge *merge, const uint64_t *firsts, size_t count,
                          struct spool_merging *merging, char *errmsg)
{
    merging->first = firsts[0];
    merging->last = firsts[1] - 1;
    int taken = take_segments(merge, firsts, count, errmsg);
    if (taken <= 0)
        return taken;
    merging->last = firsts[taken] - 1;
    if (!gains(merge))
        return 0;
    int rc = commit(merge, merging->first, merging->last, errmsg);
    if (rc)
        return rc;
    merging->records = merge->records;
    merging->into = merge->into;
    merging->freed = merge->in_bytes - merge->out.size;
    return 0;
}

int spool_merge(const struct spool_epoch *epoch, uint64_t from, struct spool_merging *merging,
                char *errmsg)
{
    struct merge merge = {.epoch = epoch,
                          .from = from,
                          .run = calloc(1, sizeof *merge.run),
                          .next = calloc(1, sizeof *merge.next)};
    uint64_t *firsts;
    size_t count, i = 0;
    *merging = (struct spool_merging){0};
    buf_init(&merge.out);
    int rc = segments_list(epoch->path, &firsts, &count);
    if (rc == 0 && (!merge.run || !merge.next))
        rc = ERR_NOMEM;
    if (rc)
        err_set(errmsg, rc, "spool %s: %s", epoch->path, err_str(rc));
    while (rc == 0 && i + 1 < count && firsts[i + 1] <= from)
        i++;
    if (rc == 0 && i + 1 < count)
        rc = merge_segments(&merge, firsts + i, count - i, merging, errmsg);
    if (merge.run)
        record_close(merge.run);
    if (merge.next)
        record_close(merge.next);
    free(merge.run);
    free(merge.next);
    free(firsts);
    buf_close(&merge.out);
    return rc;
}

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "collector/spool_private.h"
#include "common/calendar.h"
#include "common/err.h"
#include "common/log.h"

/* --- retention -------------------------------------------------------------------------------- */

/* Whether the segment was last written before `before_s`. */
static bool segment_old(const char *path, uint64_t first, int64_t before_s)
{
    char name[PATH_MAX];
    struct stat info;
    segment_path(name, path, first);
    return spool_env->stat(name, &info) == 0 && info.st_mtime <= before_s;
}

static void segment_delete(const char *path, uint64_t first)
{
    char name[PATH_MAX];
    segment_path(name, path, first);
    spool_env->unlink(name);
}

/* A segment that has a successor ends where that begins; the newest one is kept. */
static void prune_live(const char *path, const uint64_t *firsts, size_t count, uint64_t acked,
                       int64_t before_s)
{
    for (size_t i = 0; i + 1 < count && firsts[i + 1] - 1 <= acked; i++) {
        if (!segment_old(path, firsts[i], before_s))
            break;
        segment_delete(path, firsts[i]);
    }
}

/* Newest first, so that what is left by a crash is still the beginning of the capture. */
static void prune_replay(const char *path, const uint64_t *firsts, size_t count, int64_t before_s)
{
    if (!segment_old(path, firsts[count - 1], before_s))
        return;
    for (size_t i = count; i-- > 0;)
        segment_delete(path, firsts[i]);
}

void spool_prune(const struct spool_epoch *epoch, uint64_t acked, int64_t retention_s,
                 int64_t now_s)
{
    uint64_t *firsts;
    size_t count;
    if (segments_list(epoch->path, &firsts, &count) == 0 && count > 0) {
        if (!epoch->identity.replay)
            prune_live(epoch->path, firsts, count, acked, now_s - retention_s);
        else if (acked >= epoch->last)
            prune_replay(epoch->path, firsts, count, now_s - retention_s);
    }
    free(firsts);
}

/* --- the limit -------------------------------------------------------------------------------- */

static uint64_t segment_usage(const char *path, uint64_t first)
{
    char name[PATH_MAX];
    struct stat info;
    segment_path(name, path, first);
    return spool_env->stat(name, &info) == 0 ? (uint64_t)info.st_blocks * 512 : 0;
}

uint64_t spool_usage(const struct spool_epoch *epoch)
{
    uint64_t *firsts, bytes = 0;
    size_t count;
    if (segments_list(epoch->path, &firsts, &count) == 0)
        for (size_t i = 0; i < count; i++)
            bytes += segment_usage(epoch->path, firsts[i]);
    free(firsts);
    return bytes;
}

bool spool_disk_low(const char *spool)
{
    struct statvfs info;
    return spool_env->statvfs(spool, &info) == 0 &&
           (uint64_t)info.f_bavail * info.f_frsize < 2 * SPOOL_SEGMENT_MAX;
}

static void say_interval_dropped(const struct record *record)
{
    char start[32];
    calendar_rfc3339(record->start_s, start);
    if (record->before == 0)
        log_error("the spool is full: the interval of %s with %" PRIu64
                  " packets is dropped, record %" PRIu64,
                  start, record->packets, record->seq);
    else
        log_error("the spool is full: the intervals of the quarter of an hour of %s with %" PRIu64
                  " packets are dropped, records %" PRIu64 " to %" PRIu64,
                  start, record->packets, record->seq - record->before, record->seq);
}

static void say_dropped(const uint8_t *sealed, const struct segment_piece *piece)
{
    char errmsg[ERRMSG_SIZE];
    struct record *record = malloc(sizeof *record);
    if (!record)
        return;
    record_init(record);
    if (record_open(record, sealed, piece->size, errmsg) == 0)
        say_interval_dropped(record);
    else
        log_error("the spool is full: record %" PRIu64 " is dropped", piece->last);
    record_close(record);
    free(record);
}

/* Says of every record of a segment behind `acked` that it goes. */
static void say_segment_dropped(const struct spool_epoch *epoch, uint64_t first, uint64_t limit,
                                uint64_t acked)
{
    struct buf bytes;
    struct segment_piece piece;
    enum segment_found found;
    if (first <= acked)
        log_warn("the spool is full: %" PRIu64 " acknowledged records are deleted early",
                 acked - first + 1);
    buf_init(&bytes);
    if (segment_load(epoch->path, first, &bytes) == 0) {
        struct segment_walk walk = {.bytes = bytes.bytes,
                                    .size = bytes.size,
                                    .epoch = epoch->identity.epoch,
                                    .next = first,
                                    .limit = limit};
        while ((found = segment_next(&walk, &piece)) != SEGMENT_END)
            if (found == SEGMENT_RECORD && piece.last > acked)
                say_dropped(bytes.bytes + piece.at, &piece);
    }
    buf_close(&bytes);
}

uint64_t spool_shrink(const struct spool_epoch *epoch, uint64_t acked, uint64_t spared,
                      uint64_t upto, uint64_t bytes)
{
    uint64_t *firsts, freed = 0;
    size_t count;
    if (segments_list(epoch->path, &firsts, &count) != 0)
        count = 0;
    for (size_t i = 0; i + 1 < count && freed < bytes && firsts[i + 1] - 1 <= upto; i++) {
        if (firsts[i + 1] - 1 > acked && firsts[i] <= spared)
            continue;
        if (firsts[i + 1] - 1 > acked)
            say_segment_dropped(epoch, firsts[i], firsts[i + 1], acked);
        freed += segment_usage(epoch->path, firsts[i]);
        segment_delete(epoch->path, firsts[i]);
    }
    free(firsts);
    return freed;
}

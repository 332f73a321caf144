#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/spool_private.h"

/* Whether the segment was last written before `before_s`. */
static bool segment_old(const char *path, uint64_t first, int64_t before_s)
{
    char name[PATH_MAX];
    struct stat info;
    segment_path(name, path, first);
    return stat(name, &info) == 0 && info.st_mtime <= before_s;
}

static void segment_delete(const char *path, uint64_t first)
{
    char name[PATH_MAX];
    segment_path(name, path, first);
    unlink(name);
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

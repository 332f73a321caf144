#include "collector/manifest.h"

#include <inttypes.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"

/* --- the limit -------------------------------------------------------------------------------- */

/* Frees up to `bytes` in live epochs, of what is acknowledged, or of the rest. */
static uint64_t shrink(struct manifest *manifest, bool rest, uint64_t bytes)
{
    uint64_t freed = 0;
    for (size_t i = 0; i < manifest->count && freed < bytes; i++) {
        const struct manifest_entry *entry = &manifest->entries[i];
        uint64_t most = entry->acked + FRAME_WINDOW + RECORD_MERGED_MAX;
        uint64_t sent = i == manifest->current ? entry->offered : 0;
        if (!entry->epoch.identity.replay)
            freed += spool_shrink(&entry->epoch, entry->acked, sent < most ? sent : most,
                                  rest ? UINT64_MAX : entry->acked, bytes - freed);
    }
    return freed;
}

/* The first record that nobody can have sent. */
static uint64_t mergeable_from(const struct manifest_entry *entry)
{
    uint64_t upto = entry->acked > entry->offered ? entry->acked : entry->offered;
    return (entry->merged > upto ? entry->merged : upto) + 1;
}

/* Merges a few segments of an epoch: whether it is worth trying again. */
static bool merge_some(struct manifest *manifest, struct manifest_entry *entry)
{
    char errmsg[ERRMSG_SIZE];
    struct spool_merging merging;
    int rc = spool_merge(&entry->epoch, mergeable_from(entry), &merging, errmsg);
    if (rc && !entry->unmerged)
        log_error("%s", errmsg);
    entry->unmerged = rc != 0;
    if (rc == ERR_IO)
        manifest->broken = true;
    if (merging.last == 0 || rc == ERR_FULL || rc == ERR_NOMEM)
        return false;
    entry->merged = merging.last;
    manifest->merged += merging.records - merging.into;
    if (merging.into > 0)
        log_warn("spool %s: there is no room: the records %" PRIu64 " to %" PRIu64
                 ", which were never sent, are merged by the quarter of an hour, %" PRIu64
                 " into %" PRIu64 ": what they counted is kept, in which minute is not",
                 entry->epoch.path, merging.first, merging.last, merging.records, merging.into);
    if (manifest->reader && &manifest->entries[manifest->current] == entry)
        spool_reader_reopen(manifest->reader);
    return rc == 0;
}

/* Whether there was anything left to be merged. */
static bool merge(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count && !manifest->broken; i++) {
        struct manifest_entry *entry = &manifest->entries[i];
        if (!entry->epoch.identity.replay && entry->offered_noted && merge_some(manifest, entry))
            return true;
    }
    return false;
}

static void keep_limit(struct manifest *manifest)
{
    uint64_t used = 0, most = manifest->max_bytes;
    for (size_t i = 0; i < manifest->count; i++)
        if (!manifest->entries[i].epoch.identity.replay)
            used += spool_usage(&manifest->entries[i].epoch);
    manifest->used_bytes = used;
    uint64_t excess = most > 0 && used > most ? used - most : 0;
    bool low = spool_disk_low(manifest->spool);
    if (excess == 0 && !low)
        return;
    uint64_t wanted = low && excess < 2 * SPOOL_SEGMENT_MAX ? 2 * SPOOL_SEGMENT_MAX : excess;
    uint64_t freed = shrink(manifest, false, wanted);
    if (freed > 0)
        log_warn("spool %s: %s: %" PRIu64 " MB of acknowledged records are deleted early",
                 manifest->spool, excess ? "is at its limit" : "the disk is nearly full",
                 freed >> 20);
    if (freed < wanted && !merge(manifest) && freed < excess && !manifest->broken)
        shrink(manifest, true, excess - freed);
}

/* --- acknowledgements ------------------------------------------------------------------------- */

/* Notes what is acknowledged by now, and returns what was `retention_s` ago. */
static uint64_t acked_then(struct manifest_entry *entry, int64_t retention_s, int64_t now_s)
{
    size_t old = 0;
    size_t count = entry->kept_count;
    bool due = count == 0 || (entry->kept[count - 1].acked < entry->acked &&
                              now_s - entry->kept[count - 1].at_s >= retention_s / MANIFEST_KEPT);
    if (due && count < MANIFEST_KEPT) {
        entry->kept[count].at_s = now_s;
        entry->kept[entry->kept_count++].acked = entry->acked;
    }
    while (old < entry->kept_count && entry->kept[old].at_s <= now_s - retention_s)
        old++;
    if (old == 0)
        return 0;
    entry->kept_count -= old - 1; /* the last of the old ones goes on counting */
    memmove(entry->kept, entry->kept + old - 1, entry->kept_count * sizeof *entry->kept);
    return entry->kept[0].acked;
}

void manifest_save(struct manifest *manifest, int64_t retention_s, int64_t now_s)
{
    char errmsg[ERRMSG_SIZE];
    for (size_t i = 0; i < manifest->count; i++) {
        struct manifest_entry *entry = &manifest->entries[i];
        if (entry->acked != entry->noted &&
            spool_acknowledge(entry->epoch.path, entry->acked, errmsg) == 0)
            entry->noted = entry->acked;
        if (!entry->epoch.identity.replay && !entry->offered_noted)
            entry->offered_noted = spool_offer(entry->epoch.path, entry->offered, errmsg) == 0;
        if (!entry->epoch.identity.replay)
            spool_prune(&entry->epoch, acked_then(entry, retention_s, now_s), retention_s, now_s);
    }
    keep_limit(manifest);
}

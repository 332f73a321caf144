#include "collector/manifest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"

#define NONE SIZE_MAX

/* What of a live epoch is behind its mark may not be on disk though it can be read: a sync that failed
 * leaves it so, and a later one succeeds on nothing. Whoever writes to the epoch says when it is. */
static uint64_t known_durable(const struct spool_epoch *epoch)
{
    return epoch->marked < epoch->last ? epoch->marked : epoch->last;
}

/* Without a note everything that is there may have been offered by a process before this one. */
static void begin_offered(struct manifest_entry *entry)
{
    uint64_t noted = spool_offered(entry->epoch.path);
    entry->offered_noted = noted != UINT64_MAX;
    entry->offered = entry->offered_noted ? noted : entry->epoch.last;
}

static int append(struct manifest *manifest, const struct spool_epoch *epoch)
{
    char errmsg[ERRMSG_SIZE];
    if (!epoch->identity.replay && spool_merge_finish(epoch, errmsg) != 0) {
        log_error("%s", errmsg);
        manifest->broken = true;
    }
    struct manifest_entry *more =
        realloc(manifest->entries, (manifest->count + 1) * sizeof *manifest->entries);
    if (!more)
        return ERR_NOMEM;
    manifest->entries = more;
    more[manifest->count++] = (struct manifest_entry){.epoch = *epoch,
                                                      .durable = known_durable(epoch),
                                                      .acked = epoch->acked,
                                                      .kept = {{epoch->acked_s, epoch->acked}},
                                                      .kept_count = epoch->acked > 0,
                                                      .noted = epoch->acked};
    begin_offered(&more[manifest->count - 1]);
    return 0;
}

int manifest_init(struct manifest *manifest, const char *spool, struct spool_epoch *epochs,
                  size_t count)
{
    *manifest = (struct manifest){.spool = spool, .current = NONE};
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = append(manifest, &epochs[i]);
    if (rc) { /* the identities' strings stay with the list that they came in */
        manifest->count = 0;
        manifest_close(manifest);
    }
    spool_list_free(epochs, rc ? count : 0);
    return rc;
}

void manifest_close(struct manifest *manifest)
{
    spool_reader_free(manifest->reader);
    for (size_t i = 0; i < manifest->count; i++)
        free(manifest->entries[i].epoch.identity.darknet);
    free(manifest->entries);
}

static uint64_t waiting(const struct manifest_entry *entry)
{
    if (entry->epoch.refused)
        return 0;
    if (entry->ask)
        return entry->durable;
    return entry->durable > entry->acked ? entry->durable - entry->acked : 0;
}

static bool wants(const struct manifest_entry *entry)
{
    return (waiting(entry) > 0 && !entry->stuck) || (entry->ask && !entry->epoch.refused);
}

static struct manifest_entry *find(struct manifest *manifest, const uint8_t epoch[EPOCH_SIZE])
{
    for (size_t i = 0; i < manifest->count; i++)
        if (memcmp(manifest->entries[i].epoch.identity.epoch, epoch, EPOCH_SIZE) == 0)
            return &manifest->entries[i];
    return NULL;
}

/* Looks an epoch that was made meanwhile up in the spool and adds it. */
static int discover(struct manifest *manifest, const uint8_t epoch[EPOCH_SIZE], char *errmsg)
{
    struct spool_epoch found;
    int rc = spool_find(manifest->spool, epoch, &found, errmsg);
    if (rc)
        return rc;
    rc = append(manifest, &found);
    if (rc)
        free(found.identity.darknet);
    return rc ? err_set(errmsg, rc, "spool: out of memory") : 0;
}

/* Nobody writes to the other live epochs: they are as they are. */
static void settle_others(struct manifest *manifest, const struct manifest_entry *written)
{
    for (size_t i = 0; i < manifest->count; i++) {
        struct manifest_entry *entry = &manifest->entries[i];
        if (entry != written && !entry->announced && entry->epoch.last > entry->durable)
            entry->durable = entry->epoch.last;
    }
}

int manifest_durable(struct manifest *manifest, const uint8_t epoch[EPOCH_SIZE], uint64_t seq,
                     char *errmsg)
{
    struct manifest_entry *entry = find(manifest, epoch);
    if (!entry) {
        int rc = discover(manifest, epoch, errmsg);
        if (rc)
            return rc;
        entry = find(manifest, epoch);
        entry->durable = 0; /* what the disk shows may be ahead of what is synced */
    }
    if (!entry->announced && !entry->epoch.identity.replay)
        settle_others(manifest, entry);
    entry->ask |= !entry->announced;
    entry->announced = true;
    entry->stuck = false; /* who works on a capture has mended it first */
    if (seq > entry->durable)
        entry->durable = seq;
    return 0;
}

void manifest_connected(struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        manifest->entries[i].ask |= manifest->entries[i].acked > 0;
}

bool manifest_wants(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        if (wants(&manifest->entries[i]))
            return true;
    return false;
}

uint64_t manifest_waiting(const struct manifest *manifest)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < manifest->count; i++)
        sum += waiting(&manifest->entries[i]);
    return sum;
}

/* The end of the interval of the epoch's record `seq`; INT64_MAX when it cannot be read. */
static int64_t read_end(const struct manifest_entry *entry, uint64_t seq)
{
    char errmsg[ERRMSG_SIZE];
    const uint8_t *sealed;
    size_t size;
    int64_t end_s = INT64_MAX;
    struct record *record = malloc(sizeof *record);
    struct spool_reader *reader = spool_reader_new(entry->epoch.path, seq);
    if (record && reader && spool_read(reader, seq, &sealed, &size, errmsg) == 1) {
        record_init(record);
        if (record_open(record, sealed, size, errmsg) == 0)
            end_s = record->start_s + (int64_t)record->width_s;
        record_close(record);
    }
    spool_reader_free(reader);
    free(record);
    return end_s;
}

int64_t manifest_oldest(struct manifest *manifest)
{
    int64_t oldest_s = INT64_MAX;
    for (size_t i = 0; i < manifest->count; i++) {
        struct manifest_entry *entry = &manifest->entries[i];
        if (entry->epoch.identity.replay || entry->epoch.refused || entry->durable <= entry->acked)
            continue;
        if (entry->oldest != entry->acked + 1) {
            entry->oldest = entry->acked + 1;
            entry->oldest_end_s = read_end(entry, entry->oldest);
        }
        if (entry->oldest_end_s < oldest_s)
            oldest_s = entry->oldest_end_s;
    }
    return oldest_s;
}

/* --- the source of delivery ------------------------------------------------------------------- */

static int source_epoch(void *user, struct frame_open *open)
{
    struct manifest *manifest = user;
    for (size_t i = 0; i < manifest->count; i++) {
        if (!wants(&manifest->entries[i]))
            continue;
        const struct spool_identity *identity = &manifest->entries[i].epoch.identity;
        manifest->current = i;
        *open = (struct frame_open){.darknet = identity->darknet,
                                    .replay = identity->replay,
                                    .first_ns = identity->first_ns,
                                    .last_ns = identity->last_ns};
        strcpy(open->sensor, identity->sensor);
        memcpy(open->epoch, identity->epoch, EPOCH_SIZE);
        return 1;
    }
    return 0;
}

/* Says once what of an epoch is lost. */
static void say_lost(struct manifest_entry *entry, uint64_t seq, uint64_t last)
{
    if (last <= entry->told)
        return;
    entry->told = last;
    log_error("spool %s: %" PRIu64 " records, %" PRIu64 " to %" PRIu64
              ", are lost, and the aggregator is told so",
              entry->epoch.path, last - seq + 1, seq, last);
}

/* A capture's records are not given up: it is counted again when it is replayed again. */
static int read_lost(struct manifest *manifest, struct manifest_entry *entry, uint64_t seq)
{
    uint64_t last = spool_reader_lost(manifest->reader);
    if (!entry->epoch.identity.replay) {
        if (last > entry->told)
            manifest->lost += last - seq + 1;
        say_lost(entry, seq, last);
        return DELIVERY_LOST;
    }
    if (entry->told == 0)
        log_error("spool %s: records %" PRIu64 " to %" PRIu64
                  " of a capture are damaged: replay it again to deliver the rest",
                  entry->epoch.path, seq, last);
    entry->told = last;
    entry->stuck = true;
    return 0;
}

/* Before a record is sent the disk says that it may have been, and those behind it within the window, so
 * that a process after this one knows it. */
static void note_offered(struct manifest_entry *entry, const uint8_t *sealed, size_t size)
{
    char errmsg[ERRMSG_SIZE];
    struct record_header header;
    if (entry->epoch.identity.replay || record_peek(sealed, size, &header) != 0 ||
        header.seq <= entry->offered)
        return;
    uint64_t ahead = header.first + FRAME_WINDOW - 1;
    if (ahead > entry->durable)
        ahead = entry->durable;
    entry->offered = ahead > header.seq ? ahead : header.seq;
    bool noted = spool_offer(entry->epoch.path, entry->offered, errmsg) == 0;
    if (!noted && entry->offered_noted)
        log_warn("%s; none of its records are merged until it can be", errmsg);
    entry->offered_noted = noted;
}

static int source_read(void *user, uint64_t seq, const uint8_t **sealed, size_t *size, char *errmsg)
{
    struct manifest *manifest = user;
    struct manifest_entry *entry = &manifest->entries[manifest->current];
    if (entry->stuck)
        return 0;
    spool_reader_skip(manifest->reader, seq);
    int rc = spool_read(manifest->reader, entry->durable, sealed, size, errmsg);
    if (rc < 0)
        manifest->broken = true;
    if (rc == 1)
        note_offered(entry, *sealed, *size);
    return rc == SPOOL_LOST ? read_lost(manifest, entry, seq) : rc;
}

static uint64_t source_lost(void *user)
{
    struct manifest *manifest = user;
    return spool_reader_lost(manifest->reader);
}

/* The store went back: all of the epoch is to be kept from now on, whatever was acknowledged when, and the
 * spool is to note that anew. */
static void forget_acknowledged(struct manifest_entry *entry, uint64_t seq)
{
    log_warn("spool %s: the aggregator had acknowledged %" PRIu64 " records and holds %" PRIu64
             ": it gets again what is kept",
             entry->epoch.path, entry->acked, seq);
    entry->kept_count = 0;
    entry->noted = UINT64_MAX;
}

static int source_resumed(void *user, uint64_t seq, char *errmsg)
{
    struct manifest *manifest = user;
    struct manifest_entry *entry = &manifest->entries[manifest->current];
    /* Where the aggregator stands is news once: who is refused right after it each time is not getting
     * on. */
    manifest->progress += !entry->resumed || seq != entry->acked;
    if (seq > entry->durable && !entry->epoch.identity.replay) {
        manifest->broken = true;
        return err_set(errmsg, ERR_DAMAGED,
                       "spool %s: the aggregator holds %" PRIu64 " records, the spool only %" PRIu64
                       ": it was put back to an older state; move it away to begin a new epoch",
                       entry->epoch.path, seq, entry->durable);
    }
    if (!entry->resumed)
        entry->held = seq;
    if (seq < entry->acked)
        forget_acknowledged(entry, seq);
    entry->resumed = true;
    entry->ask = false;
    entry->acked = seq;
    spool_reader_free(manifest->reader);
    manifest->reader = spool_reader_new(entry->epoch.path, seq + 1);
    return manifest->reader ? 0 : err_set(errmsg, ERR_NOMEM, "spool: out of memory");
}

static int source_acked(void *user, uint64_t seq, char *errmsg)
{
    (void)errmsg;
    struct manifest *manifest = user;
    struct manifest_entry *entry = &manifest->entries[manifest->current];
    manifest->acknowledged += seq - entry->acked;
    entry->acked = seq;
    manifest->progress++;
    return 0;
}

/* A refused capture is marked, so that it does not stand in the way of the next one. A live epoch
 * is not: it is offered again when the sensor is started again. */
static int source_refused(void *user, const struct frame_refuse *refuse, char *errmsg)
{
    struct manifest *manifest = user;
    struct manifest_entry *entry = &manifest->entries[manifest->current];
    log_error("aggregator refuses %s of sensor %s: %s",
              entry->epoch.identity.replay ? "a capture" : "the records",
              entry->epoch.identity.sensor, refuse->text);
    entry->epoch.refused = true;
    manifest->refused = true;
    manifest->live_refused |= !entry->epoch.identity.replay;
    return entry->epoch.identity.replay ? spool_refuse(entry->epoch.path, refuse->text, errmsg) : 0;
}

struct delivery_source manifest_source(struct manifest *manifest)
{
    return (struct delivery_source){
        .user = manifest,
        .epoch = source_epoch,
        .read = source_read,
        .resumed = source_resumed,
        .acked = source_acked,
        .refused = source_refused,
        .lost = source_lost,
    };
}

void manifest_report(const struct manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_entry *entry = &manifest->entries[i];
        if (!entry->epoch.identity.replay || !entry->resumed || entry->epoch.refused)
            continue;
        char epoch[37];
        epoch_format(entry->epoch.identity.epoch, epoch);
        uint64_t fresh = entry->acked > entry->held ? entry->acked - entry->held : 0;
        log_info("capture %s: %" PRIu64 " of %" PRIu64 " records acknowledged, %" PRIu64
                 " of them new to the aggregator",
                 epoch, entry->acked, entry->durable, fresh);
    }
}

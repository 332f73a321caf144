#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/spool_private.h"
#include "common/err.h"

struct spool_reader {
    char path[PATH_MAX];
    uint8_t epoch[EPOCH_SIZE];
    uint64_t next; /* sequence to be read */
    uint64_t last; /* of the record that was read: its sequence */
    uint64_t lost; /* after SPOOL_LOST: the last one that is lost with it */
    int fd;        /* segment that holds it; -1 when not open */
    off_t offset;
    struct buf record;
};

/* --- epochs ----------------------------------------------------------------------------------- */

/* The first and last sequence. What a live epoch's mark says was there, though nothing can be read of
 * it; a capture is counted again from where it cannot be read. */
static int find_range(struct spool_epoch *epoch)
{
    const uint8_t *uuid = epoch->identity.epoch;
    uint64_t *firsts;
    size_t count;
    struct segment_tail tail = {0};
    uint64_t mark = epoch->identity.replay ? 0 : mark_read(epoch->path, uuid);
    int rc = segments_list(epoch->path, &firsts, &count);
    epoch->marked = epoch->identity.replay ? UINT64_MAX : mark_known(epoch->path, uuid);
    if (rc == 0 && count > 0) {
        rc = segment_tail(epoch->path, uuid, firsts[count - 1], mark, &tail);
        epoch->last = tail.last;
        epoch->first = epoch->last ? firsts[0] : 0;
    } else if (rc == 0) {
        epoch->last = mark;
        epoch->first = mark ? mark + 1 : 0;
    }
    free(firsts);
    return rc;
}

static int read_epoch(struct spool_epoch *epoch, const char *spool, const char *name)
{
    memset(epoch, 0, sizeof *epoch);
    snprintf(epoch->path, sizeof epoch->path, "%.3900s/%.36s", spool, name);
    int rc = identity_read(epoch->path, &epoch->identity);
    if (rc)
        return rc;
    uint8_t named[EPOCH_SIZE];
    if (epoch_parse(name, named) != 0 || memcmp(named, epoch->identity.epoch, EPOCH_SIZE) != 0)
        rc = ERR_DAMAGED;
    if (rc == 0)
        rc = find_range(epoch);
    if (rc) {
        free(epoch->identity.darknet);
        return rc;
    }
    epoch->refused = epoch_refused(epoch->path);
    epoch->acked = acked_read(epoch->path, epoch->identity.epoch);
    epoch->acked_s = epoch->acked ? acked_time(epoch->path) : 0;
    return 0;
}

static int compare_epochs(const void *a, const void *b)
{
    const struct spool_epoch *x = a, *y = b;
    if (x->identity.replay != y->identity.replay)
        return x->identity.replay ? -1 : 1;
    if (x->identity.first_ns != y->identity.first_ns)
        return x->identity.first_ns < y->identity.first_ns ? -1 : 1;
    return memcmp(x->identity.epoch, y->identity.epoch, EPOCH_SIZE);
}

struct listing {
    const char *spool;
    struct spool_epoch *epochs;
    size_t count;
    char *errmsg;
};

/* Adds the epoch in spool/name, if it is one, to the list. */
static int list_add(void *user, const char *name)
{
    struct listing *listing = user;
    uint8_t epoch[EPOCH_SIZE];
    if (epoch_parse(name, epoch) != 0)
        return 0;
    struct spool_epoch *more = realloc(listing->epochs, (listing->count + 1) * sizeof *more);
    if (!more)
        return ERR_NOMEM;
    listing->epochs = more;
    int rc = read_epoch(&more[listing->count], listing->spool, name);
    if (rc == 0)
        listing->count++;
    else if (rc != ERR_UNKNOWN) /* a directory without identity: a crash right after mkdir */
        err_set(listing->errmsg, rc, "spool %s/%s: left out: %s", listing->spool, name,
                err_str(rc));
    return rc == ERR_NOMEM ? rc : 0;
}

int spool_list(const char *spool, struct spool_epoch **epochs, size_t *count, char *errmsg)
{
    *epochs = NULL;
    *count = 0;
    errmsg[0] = '\0';
    struct listing listing = {.spool = spool, .errmsg = errmsg};
    int rc = spool_env->list(spool, list_add, &listing);
    if (rc == -1)
        rc = err_set(errmsg, err_from_errno(errno), "spool %s: %s", spool, strerror(errno));
    if (rc) {
        spool_list_free(listing.epochs, listing.count);
        return rc;
    }
    if (listing.count)
        qsort(listing.epochs, listing.count, sizeof *listing.epochs, compare_epochs);
    *epochs = listing.epochs;
    *count = listing.count;
    return 0;
}

int spool_find(const char *spool, const uint8_t epoch[EPOCH_SIZE], struct spool_epoch *found,
               char *errmsg)
{
    char name[37];
    epoch_format(epoch, name);
    int rc = read_epoch(found, spool, name);
    return rc ? err_set(errmsg, rc, "spool %s/%s: %s", spool, name, err_str(rc)) : 0;
}

void spool_list_free(struct spool_epoch *epochs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(epochs[i].identity.darknet);
    free(epochs);
}

/* A segment that has a successor was synced before that was begun. One that is gone since it was listed was
 * damaged and a capture's, which is counted again: whoever does that says what is on disk. */
int spool_settle(const struct spool_epoch *epoch, char *errmsg)
{
    uint64_t *firsts;
    size_t count;
    int rc = segments_list(epoch->path, &firsts, &count);
    if (rc == 0 && count > 0) {
        char name[PATH_MAX];
        segment_path(name, epoch->path, firsts[count - 1]);
        int fd = spool_env->open(name, O_RDONLY | O_CLOEXEC, 0);
        if ((fd < 0 && errno != ENOENT) || (fd >= 0 && spool_env->fdatasync(fd) != 0))
            rc = err_from_errno(errno);
        if (fd >= 0)
            spool_env->close(fd);
    }
    free(firsts);
    return rc ? err_set(errmsg, rc, "spool %s: %s", epoch->path, err_str(rc)) : 0;
}

bool spool_find_live(const char *spool, struct spool_identity *identity)
{
    struct spool_epoch *epochs;
    size_t count;
    char errmsg[ERRMSG_SIZE];
    if (spool_list(spool, &epochs, &count, errmsg) != 0)
        return false;
    bool found = false;
    for (size_t i = count; i-- > 0 && !found;) {
        const struct spool_identity *held = &epochs[i].identity;
        found = !held->replay && !epochs[i].refused &&
                strcmp(held->sensor, identity->sensor) == 0 &&
                strcmp(held->darknet, identity->darknet) == 0;
        if (found) {
            memcpy(identity->epoch, held->epoch, EPOCH_SIZE);
            identity->first_ns = held->first_ns;
        }
    }
    spool_list_free(epochs, count);
    return found;
}

/* --- records ---------------------------------------------------------------------------------- */

struct spool_reader *spool_reader_new(const char *path, uint64_t seq)
{
    struct spool_reader *reader = calloc(1, sizeof *reader);
    const char *slash = strrchr(path, '/');
    if (!reader)
        return NULL;
    epoch_parse(slash ? slash + 1 : path, reader->epoch);
    snprintf(reader->path, sizeof reader->path, "%s", path);
    reader->next = seq;
    reader->fd = -1;
    buf_init(&reader->record);
    return reader;
}

static void close_segment(struct spool_reader *reader)
{
    if (reader->fd >= 0)
        spool_env->close(reader->fd);
    reader->fd = -1;
}

void spool_reader_free(struct spool_reader *reader)
{
    if (!reader)
        return;
    close_segment(reader);
    buf_close(&reader->record);
    free(reader);
}

/* The segment that `seq` would be in, 0 for none, and in `following` the one behind it, 0 for none. */
static int which_segment(const char *path, uint64_t seq, uint64_t *first, uint64_t *following)
{
    uint64_t *firsts;
    size_t count, i = 0;
    int rc = segments_list(path, &firsts, &count);
    while (rc == 0 && i < count && firsts[i] <= seq)
        i++;
    *first = i ? firsts[i - 1] : 0;
    *following = i < count ? firsts[i] : 0;
    free(firsts);
    return rc;
}

/* Opens the segment that reader->next would be in: 1, 0 when there is none, or an error. */
static int open_segment(struct spool_reader *reader)
{
    uint64_t first, following;
    char name[PATH_MAX];
    int rc = which_segment(reader->path, reader->next, &first, &following);
    close_segment(reader);
    if (rc || first == 0)
        return rc;
    segment_path(name, reader->path, first);
    reader->fd = spool_env->open(name, O_RDONLY | O_CLOEXEC, 0);
    if (reader->fd < 0)
        return errno == ENOENT ? 0 : err_from_errno(errno);
    reader->offset = 0;
    return 1;
}

/* Moves through the open segment to reader->next: 1 when reader->record is it; 0 when it is not in
 * the run of sound records that begins at the offset. */
static int find_next(struct spool_reader *reader)
{
    struct record_header header;
    int rc;
    while ((rc = segment_read(reader->fd, reader->offset, &reader->record)) == 1) {
        if (record_peek(reader->record.bytes, reader->record.size, &header) != 0 ||
            memcmp(header.epoch, reader->epoch, EPOCH_SIZE) != 0 ||
            (header.first != reader->next && header.seq >= reader->next))
            return 0;
        reader->offset += (off_t)header.size;
        if (header.first == reader->next) {
            reader->last = header.seq;
            return 1;
        }
    }
    return rc;
}

/* Walks to reader->next through a segment with damage: 1 with the offset at it, or 0 and in
 * reader->lost the last sequence before the next one that can be read. SPOOL_LOST, and the same: it is
 * within a merged record, of which the aggregator holds a part, so that the rest cannot be told apart. */
static int search(struct spool_reader *reader, struct segment_walk *walk, uint64_t through)
{
    struct segment_piece piece;
    enum segment_found found;
    while ((found = segment_next(walk, &piece)) != SEGMENT_END) {
        if (piece.last < reader->next || piece.last < piece.first)
            continue;
        reader->offset = (off_t)piece.at;
        reader->lost = piece.last;
        if (found == SEGMENT_RECORD)
            return piece.first == reader->next ? 1 : SPOOL_LOST;
        return 0;
    }
    reader->lost = walk->limit ? walk->limit - 1 : through;
    return 0;
}

/* Takes reader->next at the offset of the segment as it has its name now: the one that is open may have been
 * put aside. */
static int take_at(struct spool_reader *reader, off_t offset)
{
    int rc = open_segment(reader);
    reader->offset = offset;
    return rc == 1 ? find_next(reader) : rc;
}

/* reader->next is not where it should be: 1 when it is behind damage in its segment, SPOOL_LOST when
 * it is nowhere, or an error. */
static int look_behind(struct spool_reader *reader, uint64_t through)
{
    struct segment_walk walk = {.epoch = reader->epoch};
    uint64_t first;
    struct buf bytes;
    buf_init(&bytes);
    int rc = which_segment(reader->path, reader->next, &first, &walk.limit);
    if (rc == 0 && first > 0)
        rc = segment_load(reader->path, first, &bytes);
    if (rc && rc != ERR_UNKNOWN)
        return rc;
    walk.bytes = bytes.bytes;
    walk.size = bytes.size;
    walk.next = first;
    rc = search(reader, &walk, through);
    buf_close(&bytes);
    if (first > 0 && rc != SPOOL_LOST)
        segment_quarantine(reader->path, reader->epoch, first, walk.limit, through);
    if (rc == 1)
        return take_at(reader, reader->offset);
    if (reader->lost > through)
        reader->lost = through;
    return SPOOL_LOST;
}

int spool_read(struct spool_reader *reader, uint64_t through, const uint8_t **sealed, size_t *size,
               char *errmsg)
{
    if (reader->next > through)
        return 0;
    int rc = reader->fd >= 0 ? find_next(reader) : 0;
    if (rc == 0)
        rc = open_segment(reader);
    if (rc == 1 && reader->offset == 0)
        rc = find_next(reader);
    if (rc == 0)
        rc = look_behind(reader, through);
    if (rc == 1) {
        reader->next = reader->last + 1;
        *sealed = reader->record.bytes;
        *size = reader->record.size;
    } else if (rc < 0) {
        err_set(errmsg, rc, "spool %s: record %" PRIu64 ": %s", reader->path, reader->next,
                err_str(rc));
    }
    return rc;
}

uint64_t spool_reader_lost(const struct spool_reader *reader)
{
    return reader->lost;
}

void spool_reader_reopen(struct spool_reader *reader)
{
    close_segment(reader);
}

void spool_reader_skip(struct spool_reader *reader, uint64_t seq)
{
    if (seq > reader->next)
        reader->next = seq;
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/spool_private.h"
#include "common/err.h"

struct spool_reader {
    char path[PATH_MAX];
    uint64_t next; /* sequence to be read */
    int fd;        /* segment that holds it; -1 when not open */
    off_t offset;
    struct buf record;
};

/* --- epochs ----------------------------------------------------------------------------------- */

static uint64_t read_acked(const char *path)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%.4000s/acked", path);
    FILE *file = fopen(name, "re");
    uint64_t acked = 0;
    if (file) {
        if (fscanf(file, "%20" SCNu64, &acked) != 1)
            acked = 0;
        fclose(file);
    }
    return acked;
}

/* The first and last sequence on disk. The last is that of the newest segment's last sound record. */
static int find_range(struct spool_epoch *epoch)
{
    uint64_t *firsts;
    size_t count;
    int rc = segments_list(epoch->path, &firsts, &count);
    if (rc == 0 && count > 0) {
        char name[PATH_MAX];
        size_t size;
        segment_path(name, epoch->path, firsts[count - 1]);
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        rc = fd < 0
                 ? err_from_errno(errno)
                 : segment_walk(fd, epoch->identity.epoch, firsts[count - 1], &epoch->last, &size);
        if (fd >= 0)
            close(fd);
        epoch->first = epoch->last ? firsts[0] : 0;
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
    epoch->acked = read_acked(epoch->path);
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

/* Adds the epoch in spool/name, if it is one, to the list. */
static int list_add(struct spool_epoch **epochs, size_t *count, const char *spool, const char *name,
                    char *errmsg)
{
    uint8_t epoch[EPOCH_SIZE];
    if (epoch_parse(name, epoch) != 0)
        return 0;
    struct spool_epoch *more = realloc(*epochs, (*count + 1) * sizeof *more);
    if (!more)
        return ERR_NOMEM;
    *epochs = more;
    int rc = read_epoch(&more[*count], spool, name);
    if (rc == 0)
        (*count)++;
    else if (rc != ERR_UNKNOWN) /* a directory without identity: a crash right after mkdir */
        err_set(errmsg, rc, "spool %s/%s: left out: %s", spool, name, err_str(rc));
    return rc == ERR_NOMEM ? rc : 0;
}

int spool_list(const char *spool, struct spool_epoch **epochs, size_t *count, char *errmsg)
{
    *epochs = NULL;
    *count = 0;
    errmsg[0] = '\0';
    DIR *directory = opendir(spool);
    if (!directory)
        return err_set(errmsg, err_from_errno(errno), "spool %s: %s", spool, strerror(errno));
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(directory));)
        rc = list_add(epochs, count, spool, entry->d_name, errmsg);
    closedir(directory);
    if (rc) {
        spool_list_free(*epochs, *count);
        *epochs = NULL;
        *count = 0;
        return rc;
    }
    if (*count)
        qsort(*epochs, *count, sizeof **epochs, compare_epochs);
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

/* A segment that has a successor was synced before that was begun. */
int spool_settle(const struct spool_epoch *epoch, char *errmsg)
{
    uint64_t *firsts;
    size_t count;
    int rc = segments_list(epoch->path, &firsts, &count);
    if (rc == 0 && count > 0) {
        char name[PATH_MAX];
        segment_path(name, epoch->path, firsts[count - 1]);
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fdatasync(fd) != 0)
            rc = err_from_errno(errno);
        if (fd >= 0)
            close(fd);
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
    if (!reader)
        return NULL;
    snprintf(reader->path, sizeof reader->path, "%s", path);
    reader->next = seq;
    reader->fd = -1;
    buf_init(&reader->record);
    return reader;
}

void spool_reader_free(struct spool_reader *reader)
{
    if (!reader)
        return;
    if (reader->fd >= 0)
        close(reader->fd);
    buf_close(&reader->record);
    free(reader);
}

/* Opens the segment that holds reader->next. Returns 1, 0 when there is none yet, or an error. */
static int open_segment(struct spool_reader *reader)
{
    uint64_t *firsts;
    size_t count, i = 0;
    int rc = segments_list(reader->path, &firsts, &count);
    if (rc) {
        free(firsts);
        return rc;
    }
    while (i < count && firsts[i] <= reader->next)
        i++;
    uint64_t first = i ? firsts[i - 1] : 0;
    free(firsts);
    if (i == 0)
        return count ? ERR_UNKNOWN : 0;
    char name[PATH_MAX];
    segment_path(name, reader->path, first);
    reader->fd = open(name, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0)
        return errno == ENOENT ? ERR_UNKNOWN : err_from_errno(errno);
    reader->offset = 0;
    return 1;
}

/* Reads the record at reader->offset: 1, 0 at the end of what is written, or an error. */
static int read_record(struct spool_reader *reader, struct record_header *header)
{
    uint8_t head[RECORD_HEADER_SIZE];
    ssize_t got = pread(reader->fd, head, sizeof head, reader->offset);
    if (got < 0)
        return err_from_errno(errno);
    if (got < (ssize_t)sizeof head)
        return 0;
    if (record_peek(head, sizeof head, header) != 0)
        return ERR_DAMAGED;
    reader->record.size = 0;
    uint8_t *room = buf_extend(&reader->record, header->size);
    if (!room)
        return ERR_NOMEM;
    got = pread(reader->fd, room, header->size, reader->offset);
    if (got < 0)
        return err_from_errno(errno);
    if ((size_t)got < header->size)
        return 0;
    return record_check(room, header->size) == 0 ? 1 : ERR_DAMAGED;
}

/* Moves through the open segment to reader->next: 1 when reader->record is it, 0 at the segment's
 * end. */
static int find_next(struct spool_reader *reader)
{
    struct record_header header;
    int rc;
    while ((rc = read_record(reader, &header)) == 1) {
        reader->offset += (off_t)header.size;
        if (header.seq == reader->next)
            return 1;
        if (header.seq > reader->next)
            return ERR_DAMAGED;
    }
    return rc;
}

int spool_read(struct spool_reader *reader, const uint8_t **sealed, size_t *size, char *errmsg)
{
    int rc = reader->fd >= 0 ? find_next(reader) : 0;
    if (rc == 0) {
        /* At the end of a segment the record may be in the next one. */
        int before = reader->fd;
        off_t offset = reader->offset;
        reader->fd = -1;
        rc = open_segment(reader);
        if (rc == 1)
            rc = find_next(reader);
        if (before >= 0) {
            if (reader->fd < 0) {
                reader->fd = before;
                reader->offset = offset;
            } else {
                close(before);
            }
        }
    }
    if (rc == 1) {
        reader->next++;
        *sealed = reader->record.bytes;
        *size = reader->record.size;
    } else if (rc < 0) {
        err_set(errmsg, rc, "spool %s: record %" PRIu64 ": %s", reader->path, reader->next,
                rc == ERR_UNKNOWN ? "no longer there" : err_str(rc));
    }
    return rc;
}

/* --- notes ------------------------------------------------------------------------------------ */

int spool_acknowledge(const char *path, uint64_t seq, char *errmsg)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64 "\n", seq);
    return file_replace(path, "acked", text, false, errmsg);
}

int spool_refuse(const char *path, const char *reason, char *errmsg)
{
    char text[ERRMSG_SIZE];
    snprintf(text, sizeof text, "%.1000s\n", reason);
    return file_replace(path, "refused", text, true, errmsg);
}

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

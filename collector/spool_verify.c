#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/spool_private.h"
#include "common/err.h"

struct verify {
    const struct spool_epoch *epoch;
    uint64_t mark; /* read before any segment, so that these hold at least that much */
    uint64_t *records;
    void (*report)(void *user, const struct spool_damage *damage);
    void *user;
};

static void report(const struct verify *verify, uint64_t segment, const struct segment_piece *piece)
{
    struct spool_damage damage = {
        .at = piece->at, .size = piece->size, .first = piece->first, .last = piece->last};
    segment_path(damage.file, verify->epoch->path, segment);
    verify->report(verify->user, &damage);
}

/* A file that is no segment costs no record. */
static void report_note(const struct verify *verify, const char *name)
{
    struct stat info;
    struct spool_damage damage = {.first = 1};
    snprintf(damage.file, sizeof damage.file, "%.4000s/%s", verify->epoch->path, name);
    if (spool_env->stat(damage.file, &info) == 0)
        damage.size = (size_t)info.st_size;
    verify->report(verify->user, &damage);
}

/* What is behind the last sound record of the newest segment may be an append under way, or what a
 * crash left of one. */
static void verify_end(const struct verify *verify, uint64_t first, uint64_t limit,
                       struct segment_piece *piece)
{
    piece->last = limit ? limit - 1 : verify->mark;
    if (piece->last >= piece->first || (limit && piece->size > 0))
        report(verify, first, piece);
}

static int verify_segment(const struct verify *verify, uint64_t first, uint64_t limit)
{
    struct buf bytes;
    buf_init(&bytes);
    int rc = segment_load(verify->epoch->path, first, &bytes);
    struct segment_walk walk = {.bytes = bytes.bytes,
                                .size = bytes.size,
                                .epoch = verify->epoch->identity.epoch,
                                .next = first,
                                .limit = limit};
    struct segment_piece piece;
    enum segment_found found = SEGMENT_RECORD;
    while (rc == 0 && (found = segment_next(&walk, &piece)) != SEGMENT_END) {
        if (found == SEGMENT_DAMAGE)
            report(verify, first, &piece);
        else
            ++*verify->records;
    }
    if (rc == 0)
        verify_end(verify, first, limit, &piece);
    buf_close(&bytes);
    return rc == ERR_UNKNOWN ? 0 : rc; /* deleted meanwhile, as acknowledged ones are */
}

static bool has_file(const char *path, const char *name)
{
    char file[PATH_MAX];
    struct stat info;
    snprintf(file, sizeof file, "%.4000s/%s", path, name);
    return spool_env->stat(file, &info) == 0 && info.st_size > 0;
}

static void verify_notes(const struct verify *verify)
{
    const char *path = verify->epoch->path;
    const uint8_t *epoch = verify->epoch->identity.epoch;
    if (!identity_sound(path, "identity"))
        report_note(verify, "identity");
    if (has_file(path, "identity.copy") && !identity_sound(path, "identity.copy"))
        report_note(verify, "identity.copy");
    if (has_file(path, "mark") && mark_read(path, epoch) == 0)
        report_note(verify, "mark");
    if (has_file(path, "acked") && acked_read(path, epoch) == 0)
        report_note(verify, "acked");
}

int spool_verify(const struct spool_epoch *epoch, uint64_t *records,
                 void (*report_damage)(void *user, const struct spool_damage *damage), void *user,
                 char *errmsg)
{
    struct verify verify = {.epoch = epoch,
                            .mark = mark_read(epoch->path, epoch->identity.epoch),
                            .records = records,
                            .report = report_damage,
                            .user = user};
    uint64_t *firsts;
    size_t count;
    *records = 0;
    int rc = segments_list(epoch->path, &firsts, &count);
    if (rc == 0)
        verify_notes(&verify);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = verify_segment(&verify, firsts[i], i + 1 < count ? firsts[i + 1] : 0);
    if (rc == 0 && count == 0 && verify.mark > 0)
        report(&verify, 1, &(struct segment_piece){.first = 1, .last = verify.mark});
    free(firsts);
    return rc ? err_set(errmsg, rc, "spool %s: %s", epoch->path, err_str(rc)) : 0;
}

/* --- figures ---------------------------------------------------------------------------------- */

struct bytes_of {
    const char *path;
    uint64_t bytes;
};

static int add_bytes(void *user, const char *name)
{
    struct bytes_of *sum = user;
    char file[PATH_MAX];
    struct stat info;
    snprintf(file, sizeof file, "%.4000s/%.80s", sum->path, name);
    if (name[0] != '.' && spool_env->stat(file, &info) == 0 && S_ISREG(info.st_mode))
        sum->bytes += (uint64_t)info.st_size;
    return 0;
}

uint64_t spool_bytes(const struct spool_epoch *epoch)
{
    struct bytes_of sum = {.path = epoch->path};
    spool_env->list(epoch->path, add_bytes, &sum);
    return sum.bytes;
}

/* The start, or the end, of the interval of the record that `piece` is. */
static bool time_of(const struct buf *bytes, const struct segment_piece *piece, bool end,
                    int64_t *at_s)
{
    char errmsg[ERRMSG_SIZE];
    struct record *record = malloc(sizeof *record);
    if (!record)
        return false;
    record_init(record);
    bool opened = record_open(record, bytes->bytes + piece->at, piece->size, errmsg) == 0;
    if (opened)
        *at_s = record->start_s + (end ? (int64_t)record->width_s : 0);
    record_close(record);
    free(record);
    return opened;
}

/* The start of the first, or the end of the last sound record of a segment. */
static bool segment_time(const struct spool_epoch *epoch, uint64_t first, bool last, int64_t *at_s)
{
    struct buf bytes;
    buf_init(&bytes);
    bool known = false;
    if (segment_load(epoch->path, first, &bytes) == 0) {
        struct segment_walk walk = {.bytes = bytes.bytes,
                                    .size = bytes.size,
                                    .epoch = epoch->identity.epoch,
                                    .next = first};
        struct segment_piece piece, wanted = {0};
        enum segment_found found;
        while ((last || wanted.size == 0) && (found = segment_next(&walk, &piece)) != SEGMENT_END)
            if (found == SEGMENT_RECORD)
                wanted = piece;
        known = wanted.size > 0 && time_of(&bytes, &wanted, last, at_s);
    }
    buf_close(&bytes);
    return known;
}

bool spool_times(const struct spool_epoch *epoch, int64_t *from_s, int64_t *until_s)
{
    uint64_t *firsts;
    size_t count;
    bool from = false, until = false;
    if (segments_list(epoch->path, &firsts, &count) == 0) {
        for (size_t i = 0; i < count && !from; i++)
            from = segment_time(epoch, firsts[i], false, from_s);
        for (size_t i = count; i-- > 0 && !until;)
            until = segment_time(epoch, firsts[i], true, until_s);
    }
    free(firsts);
    return from && until;
}

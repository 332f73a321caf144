#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/spool_private.h"
#include "common/err.h"
#include "common/list.h"

#define PASSES 10 /* over an epoch whose segments change meanwhile */

/* One damage: of a segment, or of a note beside the segments, which costs no record. */
struct finding {
    uint64_t segment;
    const char *note; /* NULL: of the segment */
    struct segment_piece piece;
};

struct verify {
    const struct spool_epoch *epoch;
    uint64_t mark; /* read before any segment, so that these hold at least that much */
    uint64_t records;
    struct finding *findings;
    size_t count, room;
};

static int find(struct verify *verify, const struct finding *finding)
{
    struct finding *more =
        list_room(verify->findings, verify->count, &verify->room, sizeof *finding);
    if (!more)
        return ERR_NOMEM;
    verify->findings = more;
    verify->findings[verify->count++] = *finding;
    return 0;
}

static int find_piece(struct verify *verify, uint64_t segment, const struct segment_piece *piece)
{
    return find(verify, &(struct finding){.segment = segment, .piece = *piece});
}

static int find_note(struct verify *verify, const char *name)
{
    struct stat info;
    char file[PATH_MAX];
    struct finding finding = {.note = name, .piece.first = 1};
    snprintf(file, sizeof file, "%.4000s/%s", verify->epoch->path, name);
    if (spool_env->stat(file, &info) == 0)
        finding.piece.size = (size_t)info.st_size;
    return find(verify, &finding);
}

/* What is behind the last sound record of the newest segment may be an append under way, or what a
 * crash left of one. */
static int verify_end(struct verify *verify, uint64_t first, uint64_t limit,
                      struct segment_piece *piece)
{
    piece->last = limit ? limit - 1 : verify->mark;
    bool lost = piece->last >= piece->first;
    return lost || (limit && piece->size > 0) ? find_piece(verify, first, piece) : 0;
}

static int verify_segment(struct verify *verify, uint64_t first, uint64_t limit)
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
            rc = find_piece(verify, first, &piece);
        else
            verify->records++;
    }
    if (rc == 0)
        rc = verify_end(verify, first, limit, &piece);
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

static int verify_notes(struct verify *verify)
{
    const char *path = verify->epoch->path;
    const uint8_t *epoch = verify->epoch->identity.epoch;
    int rc = 0;
    if (!identity_sound(path, "identity"))
        rc = find_note(verify, "identity");
    if (rc == 0 && has_file(path, "identity.copy") && !identity_sound(path, "identity.copy"))
        rc = find_note(verify, "identity.copy");
    if (rc == 0 && has_file(path, "mark") && mark_read(path, epoch) == 0)
        rc = find_note(verify, "mark");
    if (rc == 0 && has_file(path, "acked") && acked_read(path, epoch) == 0)
        rc = find_note(verify, "acked");
    return rc;
}

/* Whether the segments are others than those, or about to be. */
static bool changed(const char *path, const uint64_t *firsts, size_t count)
{
    uint64_t *now;
    size_t now_count;
    if (segments_list(path, &now, &now_count) != 0)
        return false;
    bool same = now_count == count && (count == 0 || memcmp(now, firsts, count * sizeof *now) == 0);
    free(now);
    return !same || merge_unfinished(path);
}

/* Looks at everything once: 0, 1 when what was found may be no damage, or an error. */
static int verify_pass(struct verify *verify)
{
    const char *path = verify->epoch->path;
    uint64_t *firsts;
    size_t count;
    verify->count = verify->records = 0;
    verify->mark = mark_read(path, verify->epoch->identity.epoch);
    int rc = segments_list(path, &firsts, &count);
    if (rc == 0)
        rc = verify_notes(verify);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = verify_segment(verify, firsts[i], i + 1 < count ? firsts[i + 1] : 0);
    if (rc == 0 && count == 0 && verify->mark > 0)
        rc = find_piece(verify, 1, &(struct segment_piece){.first = 1, .last = verify->mark});
    if (rc == 0 && verify->count > 0)
        rc = changed(path, firsts, count);
    free(firsts);
    return rc;
}

static void tell(const struct verify *verify, const struct finding *finding,
                 void (*report)(void *user, const struct spool_damage *damage), void *user)
{
    const struct segment_piece *piece = &finding->piece;
    struct spool_damage damage = {
        .at = piece->at, .size = piece->size, .first = piece->first, .last = piece->last};
    if (finding->note)
        snprintf(damage.file, sizeof damage.file, "%.4000s/%s", verify->epoch->path, finding->note);
    else
        segment_path(damage.file, verify->epoch->path, finding->segment);
    report(user, &damage);
}

int spool_verify(const struct spool_epoch *epoch, uint64_t *records,
                 void (*report)(void *user, const struct spool_damage *damage), void *user,
                 char *errmsg)
{
    struct verify verify = {.epoch = epoch};
    int rc = 1;
    for (int pass = 0; rc == 1 && pass < PASSES; pass++)
        rc = verify_pass(&verify);
    *records = verify.records;
    for (size_t i = 0; rc >= 0 && i < verify.count; i++)
        tell(&verify, &verify.findings[i], report, user);
    free(verify.findings);
    return rc < 0 ? err_set(errmsg, rc, "spool %s: %s", epoch->path, err_str(rc)) : 0;
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

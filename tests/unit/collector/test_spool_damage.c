#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/spool_private.h"
#include "common/err.h"
#include "tests/unit/collector/between.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/sealed.h"

/* A small spool: three segments of three records. */
#define RECORDS     9
#define PER_SEGMENT 3
#define SEGMENTS    (RECORDS / PER_SEGMENT)
#define PAYLOAD     20
#define RECORD_SIZE (RECORD_HEADER_SIZE + PAYLOAD)
#define ACKED       2

static char spool[64];
static char path[PATH_MAX - 64];
static char errmsg[ERRMSG_SIZE];
static char darknet[] = "198.51.100.0/24";

static struct spool_identity identity = {
    .epoch = {0xaa, 1, 2, 3, 4, 5, 0x46, 7, 0x88, 9, 10, 11, 12, 13, 14, 15},
    .sensor = "tester",
    .darknet = darknet,
    .first_ns = 1000,
};

/* Every file of the spool as it was before it was damaged. */
static const char *const names[] = {"00000000000000000001.segment",
                                    "00000000000000000004.segment",
                                    "00000000000000000007.segment",
                                    "identity",
                                    "identity.copy",
                                    "mark",
                                    "acked"};
#define FILES (sizeof names / sizeof *names)
static uint8_t files[FILES][4096];
static size_t sizes[FILES];

static void write_file(const char *name, const uint8_t *bytes, size_t size)
{
    char file[PATH_MAX];
    snprintf(file, sizeof file, "%s/%s", path, name);
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

static void read_files(void)
{
    for (size_t i = 0; i < FILES; i++) {
        char file[PATH_MAX];
        snprintf(file, sizeof file, "%s/%s", path, names[i]);
        int fd = open(file, O_RDONLY);
        cr_assert_geq(fd, 0, "%s", file);
        sizes[i] = (size_t)read(fd, files[i], sizeof files[i]);
        close(fd);
    }
}

static struct spool_writer *open_writer(void)
{
    struct spool_writer *writer;
    cr_assert_eq(spool_writer_open(&writer, spool, &identity, errmsg), 0, "%s", errmsg);
    return writer;
}

static void append(struct spool_writer *writer)
{
    struct buf sealed;
    buf_init(&sealed);
    sealed_put(&sealed, identity.epoch, spool_writer_last(writer) + 1, PAYLOAD);
    cr_assert_eq(spool_append(writer, sealed.bytes, sealed.size, errmsg), 0, "%s", errmsg);
    buf_close(&sealed);
}

/* What the spool logs is not looked at. */
static void set_up(void)
{
    char epoch[37];
    folder_make_quick(spool);
    epoch_format(identity.epoch, epoch);
    snprintf(path, sizeof path, "%s/%s", spool, epoch);
    struct spool_writer *writer = open_writer();
    for (int i = 0; i < RECORDS; i++)
        append(writer);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    spool_writer_close(writer);
    cr_assert_eq(spool_acknowledge(path, ACKED, errmsg), 0);
    char file[PATH_MAX];
    uint8_t all[RECORDS * RECORD_SIZE];
    snprintf(file, sizeof file, "%s/%s", path, names[0]);
    int fd = open(file, O_RDONLY);
    cr_assert_eq(read(fd, all, sizeof all), (ssize_t)sizeof all);
    close(fd);
    for (size_t i = 0; i < SEGMENTS; i++)
        write_file(names[i], all + i * PER_SEGMENT * RECORD_SIZE, PER_SEGMENT * RECORD_SIZE);
    read_files();
    cr_assert(freopen("/dev/null", "w", stderr));
}

static void tear_down(void)
{
    folder_remove(spool);
}

TestSuite(spool_damage, .init = set_up, .fini = tear_down, .timeout = 300);

/* The spool as it was. */
static void restore(void)
{
    folder_remove(path);
    cr_assert_eq(mkdir(path, 0700), 0);
    for (size_t i = 0; i < FILES; i++)
        write_file(names[i], files[i], sizes[i]);
}

/* The records that a change of the file's bytes [at, until) costs. */
static void expect_loss(size_t file, size_t at, size_t until, bool lost[RECORDS + 2])
{
    memset(lost, 0, RECORDS + 2);
    for (size_t i = 0; file < SEGMENTS && i < PER_SEGMENT; i++)
        if (i * RECORD_SIZE < until && at < (i + 1) * RECORD_SIZE)
            lost[file * PER_SEGMENT + i + 1] = true;
}

static void expect_delivery(uint64_t through, const bool lost[RECORDS + 2], const char *what)
{
    struct spool_reader *reader = spool_reader_new(path, 1);
    const uint8_t *bytes;
    size_t size;
    uint64_t seq = 1;
    int rc;
    while ((rc = spool_read(reader, through, &bytes, &size, errmsg)) > 0) {
        if (rc == 1) {
            cr_assert_not(lost[seq], "%s: record %lu", what, (unsigned long)seq);
            cr_assert(sealed_is(bytes, size, identity.epoch, seq), "%s", what);
            seq++;
            continue;
        }
        cr_assert_geq(spool_reader_lost(reader), seq, "%s", what);
        for (; seq <= spool_reader_lost(reader); seq++)
            cr_assert(lost[seq], "%s: record %lu is not lost", what, (unsigned long)seq);
        spool_reader_skip(reader, seq);
    }
    cr_assert_eq(rc, 0, "%s: %s", what, errmsg);
    cr_assert_eq(seq, through + 1, "%s: ended at %lu", what, (unsigned long)seq);
    spool_reader_free(reader);
}

struct verified {
    bool lost[RECORDS + 2];
    unsigned damages;
};

static void note_damage(void *user, const struct spool_damage *damage)
{
    struct verified *verified = user;
    verified->damages++;
    for (uint64_t seq = damage->first; seq <= damage->last; seq++) {
        cr_assert_not(verified->lost[seq], "%lu is said twice", (unsigned long)seq);
        verified->lost[seq] = true;
    }
}

static void expect_verified(const struct spool_epoch *epoch, const bool lost[RECORDS + 2],
                            const char *what)
{
    struct verified verified = {0};
    uint64_t records, expected = epoch->last;
    cr_assert_eq(spool_verify(epoch, &records, note_damage, &verified, errmsg), 0);
    for (uint64_t seq = 1; seq <= RECORDS; seq++) {
        cr_assert_eq(verified.lost[seq], lost[seq], "%s: record %lu", what, (unsigned long)seq);
        expected -= lost[seq];
    }
    cr_assert_eq(records, expected, "%s: %lu records", what, (unsigned long)records);
    cr_assert_gt(verified.damages, 0, "%s: damage is not seen", what);
}

static struct spool_epoch find(const char *what)
{
    struct spool_epoch *epochs, epoch;
    size_t count;
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0);
    cr_assert_eq(count, 1, "%s: %s", what, errmsg);
    epoch = epochs[0];
    cr_assert_str_eq(epoch.identity.darknet, darknet);
    cr_assert_eq(epoch.identity.first_ns, 1000);
    spool_list_free(epochs, count);
    epoch.identity.darknet = NULL;
    return epoch;
}

/* Looks at the damaged spool as `spool verify`, the ship process and the capture process would, in
 * this order: everything but what is lost is there, and a new record follows. */
static void expect_healed(const bool lost[RECORDS + 2], const char *what)
{
    struct spool_epoch epoch = find(what);
    cr_assert_eq(epoch.last, RECORDS, "%s: last is %lu", what, (unsigned long)epoch.last);
    cr_assert(epoch.acked == ACKED || epoch.acked == 0, "%s", what);
    expect_verified(&epoch, lost, what);
    struct spool_identity wanted = {.sensor = "tester", .darknet = darknet};
    cr_assert(spool_find_live(spool, &wanted), "%s", what);
    struct spool_writer *writer = open_writer();
    cr_assert_eq(spool_writer_last(writer), RECORDS, "%s", what);
    append(writer);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    expect_delivery(RECORDS + 1, lost, what);
    spool_writer_close(writer);
    epoch = find(what);
    cr_assert_eq(epoch.last, RECORDS + 1, "%s", what);
    expect_delivery(RECORDS + 1, lost, what);
}

Test(spool_damage, every_byte_flipped_costs_the_record_that_it_is_in)
{
    bool lost[RECORDS + 2];
    char what[64];
    for (size_t i = 0; i < FILES; i++)
        for (size_t at = 0; at < sizes[i]; at++) {
            static const uint8_t flips[] = {0x01, 0x80, 0xff};
            uint8_t bytes[4096];
            snprintf(what, sizeof what, "byte %zu of %s", at, names[i]);
            restore();
            memcpy(bytes, files[i], sizes[i]);
            bytes[at] ^= flips[at % 3];
            write_file(names[i], bytes, sizes[i]);
            expect_loss(i, at, at + 1, lost);
            expect_healed(lost, what);
        }
}

/* A note that is cut to nothing is one that was never written: only its being there tells. */
Test(spool_damage, every_truncation_costs_the_records_behind_it)
{
    bool lost[RECORDS + 2];
    char what[64];
    for (size_t i = 0; i < FILES; i++)
        for (size_t size = i < SEGMENTS ? 0 : 1; size < sizes[i]; size++) {
            snprintf(what, sizeof what, "%s cut at %zu", names[i], size);
            restore();
            write_file(names[i], files[i], size);
            expect_loss(i, size, sizes[i], lost);
            expect_healed(lost, what);
        }
}

Test(spool_damage, segment_that_is_gone_costs_its_records)
{
    for (size_t i = 1; i < SEGMENTS; i++) {
        bool lost[RECORDS + 2];
        char file[PATH_MAX];
        restore();
        snprintf(file, sizeof file, "%s/%s", path, names[i]);
        cr_assert_eq(unlink(file), 0);
        expect_loss(i, 0, sizes[i], lost);
        expect_healed(lost, names[i]);
    }
}

Test(spool_damage, damaged_segment_is_kept)
{
    bool lost[RECORDS + 2];
    uint8_t bytes[4096];
    char aside[PATH_MAX];
    struct stat info;
    for (size_t i = 0; i < SEGMENTS; i++) {
        restore();
        memcpy(bytes, files[i], sizes[i]);
        memset(bytes + RECORD_SIZE - 5, 0, 10);
        write_file(names[i], bytes, sizes[i]);
        expect_loss(i, RECORD_SIZE - 5, RECORD_SIZE + 5, lost);
        expect_healed(lost, names[i]);
        snprintf(aside, sizeof aside, "%s/%s.damaged", path, names[i]);
        cr_assert_eq(stat(aside, &info), 0);
        struct spool_epoch epoch = find(names[i]);
        spool_prune(&epoch, RECORDS + 1, 0, info.st_mtime + 10);
        cr_assert_eq(stat(aside, &info), 0);
        cr_assert_eq((size_t)info.st_size, sizes[i]);
    }
}

/* Bytes that are no record between two that follow one another. */
Test(spool_damage, foreign_bytes_between_records_cost_none)
{
    bool lost[RECORDS + 2] = {false};
    uint8_t bytes[4096];
    for (size_t i = 0; i < SEGMENTS; i++) {
        restore();
        memcpy(bytes, files[i], RECORD_SIZE);
        memset(bytes + RECORD_SIZE, 'D', 33);
        memcpy(bytes + RECORD_SIZE + 33, files[i] + RECORD_SIZE, sizes[i] - RECORD_SIZE);
        write_file(names[i], bytes, sizes[i] + 33);
        expect_healed(lost, names[i]);
    }
}

/* A capture can be counted again: its damaged segment and those behind it go. */
Test(spool_damage, capture_begins_again_at_its_damaged_segment)
{
    identity.replay = true;
    cr_assert_eq(identity_write(path, &identity, errmsg), 0);
    read_files();
    for (size_t i = 0; i < SEGMENTS; i++)
        for (size_t at = 0; at < sizes[i]; at += 7) {
            bool lost[RECORDS + 2] = {false};
            uint8_t bytes[4096];
            restore();
            memcpy(bytes, files[i], sizes[i]);
            bytes[at] ^= 0x40;
            write_file(names[i], bytes, sizes[i]);
            struct spool_writer *writer = open_writer();
            uint64_t last = spool_writer_last(writer);
            uint64_t sound = at / RECORD_SIZE;
            /* At the very end of a capture damage looks like what a crash left, and is cut. */
            uint64_t expected = i * PER_SEGMENT + (i + 1 == SEGMENTS && sound == 2 ? 2 : 0);
            cr_assert_eq(last, expected, "segment %zu byte %zu: %lu", i, at, (unsigned long)last);
            while (spool_writer_last(writer) < RECORDS)
                append(writer);
            cr_assert_eq(spool_sync(writer, errmsg), 0);
            spool_writer_close(writer);
            expect_delivery(RECORDS, lost, names[i]);
        }
    identity.replay = false;
}

/* --- a capture is mended while another process looks at it --------------------------------------- */

static void mend(void *unused)
{
    struct spool_writer *writer = open_writer();
    (void)unused;
    while (spool_writer_last(writer) < RECORDS)
        append(writer);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    spool_writer_close(writer);
}

/* What the ship process does with what it finds; whether the capture was mended meanwhile. */
static bool look_while_mended(unsigned calls)
{
    struct spool_epoch *epochs;
    size_t count;
    between_begin(calls, mend, NULL);
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0, "%u: %s", calls, errmsg);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(spool_settle(&epochs[i], errmsg), 0, "%u: %s", calls, errmsg);
    spool_list_free(epochs, count);
    struct spool_reader *reader = spool_reader_new(path, 1);
    const uint8_t *bytes;
    size_t size;
    while (spool_reader_lost(reader) < RECORDS) {
        int rc = spool_read(reader, RECORDS, &bytes, &size, errmsg);
        cr_assert_geq(rc, 0, "%u: %s", calls, errmsg);
        if (rc == 0)
            break;
        if (rc == SPOOL_LOST)
            spool_reader_skip(reader, spool_reader_lost(reader) + 1);
    }
    spool_reader_free(reader);
    return between_end();
}

/* The damaged bytes are still there under the second name. */
static void expect_kept(const char *name, const uint8_t *bytes, size_t size)
{
    char aside[PATH_MAX];
    uint8_t kept[4096];
    snprintf(aside, sizeof aside, "%s/%s.damaged", path, name);
    int fd = open(aside, O_RDONLY);
    cr_assert_geq(fd, 0, "%s", aside);
    cr_assert_eq(read(fd, kept, sizeof kept), (ssize_t)size, "%s", aside);
    cr_assert_arr_eq(kept, bytes, size, "%s", aside);
    close(fd);
}

Test(spool_damage, capture_is_mended_while_it_is_looked_at)
{
    unsigned calls = 0;
    uint8_t bytes[4096];
    identity.replay = true;
    cr_assert_eq(identity_write(path, &identity, errmsg), 0);
    read_files();
    for (size_t i = 0; i < SEGMENTS; i++) {
        bool mended = true;
        for (calls = 0; mended; calls++) {
            bool lost[RECORDS + 2] = {false};
            restore();
            memcpy(bytes, files[i], sizes[i]);
            bytes[RECORD_SIZE] ^= 0x40;
            write_file(names[i], bytes, sizes[i]);
            mended = look_while_mended(calls);
            if (!mended)
                continue;
            expect_delivery(RECORDS, lost, names[i]);
            expect_kept(names[i], bytes, sizes[i]);
        }
        cr_assert_gt(calls, 5);
    }
    identity.replay = false;
}

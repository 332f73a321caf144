#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/spool_env.h"
#include "collector/spool_private.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/common/tables_of.h"

/*
 * Three processes share a spool: the capture process appends, the ship process reads, deletes and merges,
 * and somebody looks with `spool list` or `spool verify`. Here one of them does the whole of its work
 * between any two system calls of another.
 */

#define NS_PER_S INT64_C(1000000000)
#define BASE_S   1795320900 /* a quarter of an hour begins */
#define RECORDS  32         /* of a minute each, in segments of ten */
#define ACKED    10
#define SENT     12

static const uint8_t epoch_id[EPOCH_SIZE] = {0xbb, 1, 2,  3,  4,  5,  0x46, 7,
                                             0x88, 9, 10, 11, 12, 13, 14,   15};
static char darknet[] = "198.51.100.0/24";
static struct spool_identity identity = {
    .sensor = "tester", .darknet = darknet, .first_ns = BASE_S * NS_PER_S};
static char spool[64];
static struct spool_epoch epoch;
static char errmsg[ERRMSG_SIZE];

/* --- a spool ---------------------------------------------------------------------------------- */

static void put_record(struct buf *out, uint64_t seq)
{
    struct record record;
    record_init(&record);
    memcpy(record.epoch, epoch_id, EPOCH_SIZE);
    record.seq = seq;
    strcpy(record.sensor, "tester");
    record.start_s = BASE_S + 60 * (int64_t)seq;
    record.width_s = RECORD_WIDTH_S;
    record.first_ns = record.start_s * NS_PER_S;
    record.last_ns = (record.start_s + 60) * NS_PER_S - 1;
    record.packets = record.captured = seq;
    record.bytes = seq * 40;
    addrvec_append4(&record.addresses, 0xc6336401, seq);
    hll_add(&record.hosts, "x", 1);
    tables_of(&record.tables, record.packets, record.bytes);
    cr_assert_eq(record_seal(&record, out, errmsg), 0, "%s", errmsg);
    record_close(&record);
}

static void put_segment(uint64_t first, uint64_t last)
{
    char file[PATH_MAX];
    struct buf out;
    buf_init(&out);
    for (uint64_t seq = first; seq <= last; seq++)
        put_record(&out, seq);
    segment_path(file, epoch.path, first);
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, out.bytes, out.size), (ssize_t)out.size);
    close(fd);
    buf_close(&out);
}

static struct spool_writer *open_writer(void)
{
    struct spool_writer *writer;
    cr_assert_eq(spool_writer_open(&writer, spool, &identity, errmsg), 0, "%s", errmsg);
    return writer;
}

static void set_up(void)
{
    char name[37];
    strcpy(spool, "/dev/shm/darkcount-test-XXXXXX");
    if (!mkdtemp(spool))
        folder_make(spool);
    memcpy(identity.epoch, epoch_id, EPOCH_SIZE);
    epoch_format(epoch_id, name);
    epoch.identity = identity;
    snprintf(epoch.path, sizeof epoch.path, "%s/%s", spool, name);
    cr_assert(freopen("/dev/null", "w", stderr));
}

static void tear_down(void)
{
    folder_remove(spool);
}

TestSuite(spool_beside, .init = set_up, .fini = tear_down, .timeout = 300);

/* The spool as each turn finds it; its writer, which has it open. */
static struct spool_writer *begin(void)
{
    folder_remove(epoch.path);
    struct spool_writer *writer = open_writer();
    spool_writer_close(writer);
    for (uint64_t first = 1; first <= RECORDS; first += 10)
        put_segment(first, first + 9 < RECORDS ? first + 9 : RECORDS);
    cr_assert_eq(spool_acknowledge(epoch.path, ACKED, errmsg), 0);
    writer = open_writer();
    cr_assert_eq(spool_writer_last(writer), RECORDS);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    epoch.last = RECORDS;
    return writer;
}

/* --- between two system calls -------------------------------------------------------------------- */

static const struct spool_env *system_env;
static unsigned calls_left;
static void (*intruder)(struct spool_writer *writer);
static struct spool_writer *its_writer;

static void turn(void)
{
    if (calls_left-- > 0)
        return;
    const struct spool_env *was = spool_env;
    spool_env = system_env;
    intruder(its_writer);
    spool_env = was;
    calls_left = UINT32_MAX;
    intruder = NULL;
}

#define BETWEEN(type, call, parameters, arguments)                                                 \
    static type between_##call parameters                                                          \
    {                                                                                              \
        turn();                                                                                    \
        return system_env->call arguments;                                                         \
    }
BETWEEN(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode))
BETWEEN(ssize_t, pread, (int fd, void *bytes, size_t size, off_t at), (fd, bytes, size, at))
BETWEEN(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at))
BETWEEN(int, ftruncate, (int fd, off_t size), (fd, size))
BETWEEN(int, fsync, (int fd), (fd))
BETWEEN(int, fdatasync, (int fd), (fd))
BETWEEN(int, fstat, (int fd, struct stat *info), (fd, info))
BETWEEN(int, stat, (const char *path, struct stat *info), (path, info))
BETWEEN(int, mkdir, (const char *path, mode_t mode), (path, mode))
BETWEEN(int, rename, (const char *from, const char *to), (from, to))
BETWEEN(int, link, (const char *from, const char *to), (from, to))
BETWEEN(int, unlink, (const char *path), (path))
BETWEEN(int, list, (const char *path, int (*each)(void *user, const char *name), void *user),
        (path, each, user))

/* Does `work` again and again, `beside` before one system call of it after the other, then `look`s. */
static void each_turn(void (*work)(struct spool_writer *writer),
                      void (*beside)(struct spool_writer *writer),
                      void (*look)(struct spool_writer *writer, unsigned calls))
{
    unsigned calls = 0;
    system_env = spool_env;
    struct spool_env env = *system_env;
    env.open = between_open;
    env.pread = between_pread;
    env.pwrite = between_pwrite;
    env.ftruncate = between_ftruncate;
    env.fsync = between_fsync;
    env.fdatasync = between_fdatasync;
    env.fstat = between_fstat;
    env.stat = between_stat;
    env.mkdir = between_mkdir;
    env.rename = between_rename;
    env.link = between_link;
    env.unlink = between_unlink;
    env.list = between_list;
    for (bool came = true; came; calls++) {
        struct spool_writer *writer = begin();
        its_writer = writer;
        intruder = beside;
        calls_left = calls;
        spool_env = &env;
        work(writer);
        spool_env = system_env;
        came = intruder == NULL;
        if (came)
            look(writer, calls);
        spool_writer_close(writer);
    }
    cr_assert_gt(calls, 3);
}

/* --- what the processes do ------------------------------------------------------------------------- */

static void append(struct spool_writer *writer)
{
    struct buf out;
    buf_init(&out);
    put_record(&out, spool_writer_last(writer) + 1);
    cr_assert_eq(spool_append(writer, out.bytes, out.size, errmsg), 0, "%s", errmsg);
    cr_assert_eq(spool_sync(writer, errmsg), 0, "%s", errmsg);
    buf_close(&out);
}

static void capture_starts(struct spool_writer *unused)
{
    struct spool_identity wanted = {.sensor = "tester", .darknet = darknet};
    (void)unused;
    cr_assert(spool_find_live(spool, &wanted));
    struct spool_writer *writer = open_writer();
    cr_assert_eq(spool_writer_last(writer), RECORDS);
    append(writer);
    spool_writer_close(writer);
}

static void prune(struct spool_writer *unused)
{
    (void)unused;
    spool_prune(&epoch, ACKED, 0, INT64_MAX / 2);
}

static void shrink(struct spool_writer *unused)
{
    (void)unused;
    cr_assert_gt(spool_shrink(&epoch, ACKED, SENT, UINT64_MAX, UINT64_MAX), 0);
}

static void merge(struct spool_writer *unused)
{
    struct spool_merging merging;
    (void)unused;
    cr_assert_eq(spool_merge(&epoch, SENT + 1, &merging, errmsg), 0, "%s", errmsg);
    cr_assert_geq(merging.last, 30);
}

static void ship_starts(struct spool_writer *unused)
{
    struct spool_epoch *epochs;
    size_t count;
    (void)unused;
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0, "%s", errmsg);
    cr_assert_str_empty(errmsg);
    cr_assert_eq(count, 1);
    cr_assert_geq(epochs[0].last, RECORDS);
    cr_assert_eq(epochs[0].acked, ACKED);
    cr_assert_eq(spool_settle(&epochs[0], errmsg), 0, "%s", errmsg);
    cr_assert_eq(spool_merge_finish(&epochs[0], errmsg), 0, "%s", errmsg);
    spool_list_free(epochs, count);
}

/* Everything from ACKED + 1 to what was there when it began. */
static void read_all(struct spool_writer *unused)
{
    struct spool_reader *reader = spool_reader_new(epoch.path, ACKED + 1);
    const uint8_t *sealed;
    size_t size;
    uint64_t next = ACKED + 1;
    int rc;
    (void)unused;
    while ((rc = spool_read(reader, RECORDS, &sealed, &size, errmsg)) == 1) {
        struct record_header header;
        cr_assert_eq(record_peek(sealed, size, &header), 0);
        cr_assert_eq(header.first, next);
        next = header.seq + 1;
    }
    cr_assert_eq(rc, 0, "%d: %s", rc, errmsg);
    cr_assert_eq(next, RECORDS + 1, "%" PRIu64, next);
    spool_reader_free(reader);
}

static void damaged(void *user, const struct spool_damage *damage)
{
    (void)user;
    cr_assert_fail("damage in %s: %" PRIu64 " to %" PRIu64, damage->file, damage->first,
                   damage->last);
}

static void verify(struct spool_writer *unused)
{
    uint64_t records;
    int64_t from_s, until_s;
    (void)unused;
    cr_assert_eq(spool_verify(&epoch, &records, damaged, NULL, errmsg), 0, "%s", errmsg);
    cr_assert_gt(records, 0);
    cr_assert(spool_times(&epoch, &from_s, &until_s));
    cr_assert_gt(spool_bytes(&epoch), 0);
    cr_assert_gt(spool_usage(&epoch), 0);
}

/* --- what is there afterwards ------------------------------------------------------------------------ */

static void all_is_there(struct spool_writer *unused, unsigned calls)
{
    (void)calls;
    read_all(unused);
    verify(unused);
}

static void nothing(struct spool_writer *unused, unsigned calls)
{
    (void)unused;
    (void)calls;
}

Test(spool_beside, a_ship_process_starts_while_records_are_appended)
{
    each_turn(ship_starts, append, all_is_there);
}

Test(spool_beside, records_are_read_while_more_are_appended)
{
    each_turn(read_all, append, all_is_there);
}

Test(spool_beside, records_are_merged_while_more_are_appended)
{
    each_turn(merge, append, all_is_there);
}

Test(spool_beside, records_are_deleted_while_more_are_appended)
{
    each_turn(prune, append, all_is_there);
    each_turn(shrink, append, nothing);
}

Test(spool_beside, a_capture_process_starts_while_records_are_deleted_or_merged)
{
    each_turn(capture_starts, prune, all_is_there);
    each_turn(capture_starts, shrink, nothing);
    each_turn(capture_starts, merge, all_is_there);
}

Test(spool_beside, no_damage_is_seen_where_records_are_appended_deleted_or_merged)
{
    each_turn(verify, append, nothing);
    each_turn(verify, prune, nothing);
    each_turn(verify, merge, nothing);
}

Test(spool_beside, the_spool_is_listed_while_records_are_deleted_or_merged)
{
    each_turn(ship_starts, prune, all_is_there);
    each_turn(ship_starts, merge, all_is_there);
}

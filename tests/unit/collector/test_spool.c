#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/spool_private.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/powercut.h"
#include "tests/unit/collector/sealed.h"

static char spool[64];
static char path[PATH_MAX]; /* of the epoch */
static char errmsg[ERRMSG_SIZE];
static char darknet[] = "198.51.100.0/24";

static struct spool_identity identity = {
    .epoch = {0xaa, 1, 2, 3, 4, 5, 0x46, 7, 0x88, 9, 10, 11, 12, 13, 14, 15},
    .sensor = "tester",
    .darknet = darknet,
    .first_ns = 1000,
};

static void set_up(void)
{
    char epoch[37];
    folder_make(spool);
    epoch_format(identity.epoch, epoch);
    snprintf(path, sizeof path, "%s/%s", spool, epoch);
}

static void tear_down(void)
{
    folder_remove(spool);
}

TestSuite(spool, .init = set_up, .fini = tear_down);

static struct spool_writer *open_writer(void)
{
    struct spool_writer *writer;
    int rc = spool_writer_open(&writer, spool, &identity, errmsg);
    cr_assert_eq(rc, 0, "%s", errmsg);
    return writer;
}

static int append(struct spool_writer *writer, size_t size)
{
    struct buf sealed;
    buf_init(&sealed);
    sealed_put(&sealed, identity.epoch, spool_writer_last(writer) + 1, size);
    int rc = spool_append(writer, sealed.bytes, sealed.size, errmsg);
    buf_close(&sealed);
    return rc;
}

/* Writes records of the given payload size and closes. */
static void fill(int records, size_t size)
{
    struct spool_writer *writer = open_writer();
    for (int i = 0; i < records; i++)
        cr_assert_eq(append(writer, size), 0, "%s", errmsg);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    spool_writer_close(writer);
}

static uint64_t last_on_disk(void)
{
    struct spool_epoch found;
    if (spool_find(spool, identity.epoch, &found, errmsg) != 0)
        return 0;
    free(found.identity.darknet);
    return found.last;
}

/* Reads from `seq` on until nothing more comes; every record must be the right one. Returns how the
 * reading ended and in `next` the first sequence that was not read. */
static int read_from(uint64_t seq, uint64_t *next)
{
    struct spool_reader *reader = spool_reader_new(path, seq);
    uint64_t through = last_on_disk();
    const uint8_t *bytes;
    size_t size;
    int rc;
    while ((rc = spool_read(reader, through, &bytes, &size, errmsg)) == 1)
        cr_assert(sealed_is(bytes, size, identity.epoch, seq++), "not record %lu",
                  (unsigned long)seq - 1);
    spool_reader_free(reader);
    *next = seq;
    return rc;
}

static void check_reads(uint64_t seq, uint64_t last)
{
    uint64_t next;
    int rc = read_from(seq, &next);
    cr_assert_eq(rc, 0, "%s", errmsg);
    cr_assert_eq(next, last + 1, "read up to %lu, not %lu", (unsigned long)next - 1,
                 (unsigned long)last);
}

/* As if the last records had been appended and not synced. */
static void forget_mark(void)
{
    char name[PATH_MAX + 8];
    snprintf(name, sizeof name, "%s/mark", path);
    cr_assert_eq(unlink(name), 0);
}

static size_t segments(void)
{
    uint64_t *firsts;
    size_t count;
    cr_assert_eq(segments_list(path, &firsts, &count), 0);
    free(firsts);
    return count;
}

static size_t segment_size(uint64_t first)
{
    char name[PATH_MAX];
    struct stat info;
    segment_path(name, path, first);
    cr_assert_eq(stat(name, &info), 0);
    return (size_t)info.st_size;
}

/* --- writing ---------------------------------------------------------------------------------- */

Test(spool, goes_on_where_it_ended)
{
    fill(3, 100);
    fill(0, 0);
    fill(2, 50);
    struct spool_writer *writer = open_writer();
    cr_assert_eq(spool_writer_last(writer), 5);
    spool_writer_close(writer);
    cr_assert_eq(segments(), 1);
    for (uint64_t seq = 1; seq <= 6; seq++)
        check_reads(seq, 5);
}

Test(spool, new_epoch_is_empty)
{
    struct spool_writer *writer = open_writer();
    cr_assert_eq(spool_writer_last(writer), 0);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    spool_writer_close(writer);
    spool_writer_close(NULL);
    check_reads(1, 0);
}

/* A crash can leave any beginning of the last record. */
Test(spool, torn_tail_is_cut_at_every_byte)
{
    char name[PATH_MAX];
    fill(3, 40);
    forget_mark();
    size_t whole = segment_size(1), before = whole / 3 * 2;
    segment_path(name, path, 1);
    for (size_t cut = before; cut < whole; cut++) {
        cr_assert_eq(truncate(name, (off_t)cut), 0);
        check_reads(1, 2);
        struct spool_writer *writer = open_writer();
        cr_assert_eq(spool_writer_last(writer), 2, "cut at %zu", cut);
        cr_assert_eq(segment_size(1), before);
        cr_assert_eq(append(writer, 40), 0);
        spool_writer_close(writer);
        forget_mark();
        check_reads(1, 3);
    }
}

/* Or blocks that were allocated and never written, or written with something else. */
Test(spool, garbage_behind_the_last_record_is_cut)
{
    char name[PATH_MAX];
    fill(2, 40);
    size_t whole = segment_size(1);
    segment_path(name, path, 1);
    uint64_t state = 3;
    for (int round = 0; round < 200; round++) {
        uint8_t garbage[300] = {0};
        size_t size = 1 + random_below(&state, sizeof garbage);
        for (size_t i = 0; round % 2 && i < size; i++)
            garbage[i] = (uint8_t)random_next(&state);
        if (round % 4 == 3)
            memcpy(garbage, "DCR1", 4);
        int fd = open(name, O_WRONLY | O_APPEND);
        cr_assert_eq(write(fd, garbage, size), (ssize_t)size);
        close(fd);
        struct spool_writer *writer = open_writer();
        cr_assert_eq(spool_writer_last(writer), 2);
        cr_assert_eq(segment_size(1), whole);
        spool_writer_close(writer);
    }
    fill(1, 40);
    check_reads(1, 3);
}

/* Appends a sound record to the first segment's file, behind the writer's back. */
static void smuggle(uint8_t mark, uint64_t seq)
{
    char name[PATH_MAX];
    uint8_t epoch[EPOCH_SIZE];
    struct buf sealed;
    memcpy(epoch, identity.epoch, EPOCH_SIZE);
    epoch[0] = mark;
    buf_init(&sealed);
    sealed_put(&sealed, epoch, seq, 40);
    segment_path(name, path, 1);
    int fd = open(name, O_WRONLY | O_APPEND);
    cr_assert_eq(write(fd, sealed.bytes, sealed.size), (ssize_t)sealed.size);
    close(fd);
    buf_close(&sealed);
}

/* A disk block of another file's, however sound, is not ours. */
Test(spool, record_of_another_epoch_is_cut)
{
    fill(2, 40);
    smuggle(0x77, 3);
    fill(1, 40);
    check_reads(1, 3);
}

Test(spool, segments_rotate)
{
    fill(5, 3 << 20);
    cr_assert_eq(segments(), 3);
    for (uint64_t seq = 1; seq <= 6; seq++)
        check_reads(seq, 5);
    fill(2, 3 << 20);
    check_reads(1, 7);
    cr_assert_eq(segments(), 4);
}

Test(spool, record_larger_than_a_segment_has_one_of_its_own)
{
    fill(1, 10);
    fill(2, 9 << 20);
    fill(1, 10);
    cr_assert_eq(segments(), 4);
    check_reads(1, 4);
}

/* Rotation made the file and the crash came before its first record. */
Test(spool, empty_newest_segment_is_gone_on_with)
{
    char name[PATH_MAX];
    fill(3, 3 << 20);
    segment_path(name, path, 3);
    cr_assert_eq(truncate(name, 0), 0);
    forget_mark();
    struct spool_writer *writer = open_writer();
    cr_assert_eq(spool_writer_last(writer), 2);
    spool_writer_close(writer);
    fill(1, 100);
    check_reads(1, 3);
    cr_assert_eq(segments(), 2);
}

Test(spool, other_darknet_is_refused)
{
    fill(1, 10);
    char other[] = "203.0.113.0/24";
    struct spool_identity meant = identity;
    struct spool_writer *writer;
    meant.darknet = other;
    cr_assert_eq(spool_writer_open(&writer, spool, &meant, errmsg), ERR_REFUSED);
    cr_assert(strstr(errmsg, darknet));
}

Test(spool, other_sensor_under_the_same_epoch_is_damage)
{
    fill(1, 10);
    struct spool_identity meant = identity;
    struct spool_writer *writer;
    strcpy(meant.sensor, "other");
    cr_assert_eq(spool_writer_open(&writer, spool, &meant, errmsg), ERR_DAMAGED);
}

Test(spool, refused_epoch_is_not_written_to)
{
    fill(1, 10);
    cr_assert_eq(spool_refuse(path, "because", errmsg), 0);
    struct spool_writer *writer;
    cr_assert_eq(spool_writer_open(&writer, spool, &identity, errmsg), ERR_REFUSED);
}

Test(spool, damaged_identity_is_said)
{
    fill(1, 10);
    cr_assert_eq(file_replace(path, "identity", "epoch nonsense\n", true, errmsg), 0);
    cr_assert_eq(file_replace(path, "identity.copy", "epoch nonsense\n", true, errmsg), 0);
    struct spool_writer *writer;
    cr_assert_eq(spool_writer_open(&writer, spool, &identity, errmsg), ERR_DAMAGED);
}

Test(spool, lock_is_taken_once)
{
    char deep[128];
    snprintf(deep, sizeof deep, "%s/a/b/c", spool);
    int lock = spool_lock(deep, errmsg);
    cr_assert_geq(lock, 0, "%s", errmsg);
    cr_assert_eq(spool_lock(deep, errmsg), ERR_REFUSED);
    close(lock);
    lock = spool_lock(deep, errmsg);
    cr_assert_geq(lock, 0);
    close(lock);
}

Test(spool, lock_on_a_path_that_cannot_be)
{
    char name[128];
    snprintf(name, sizeof name, "%s/file", spool);
    close(open(name, O_CREAT | O_WRONLY, 0600));
    cr_assert_eq(spool_lock(name, errmsg), ERR_IO);
    strcat(name, "/below");
    cr_assert_eq(spool_lock(name, errmsg), ERR_IO);
}

/* A file size limit stands in for a full disk: a write that fits in part, then none. */
Test(spool, failed_append_leaves_nothing_and_can_be_repeated)
{
    signal(SIGXFSZ, SIG_IGN);
    struct spool_writer *writer = open_writer();
    cr_assert_eq(append(writer, 1000), 0);
    size_t whole = segment_size(1);
    for (rlim_t room = 0; room < 1000 + RECORD_HEADER_SIZE; room += 100) {
        struct rlimit limit, before;
        getrlimit(RLIMIT_FSIZE, &before);
        limit = before;
        limit.rlim_cur = whole + room;
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        int rc = append(writer, 1000);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        cr_assert(rc == ERR_FULL || rc == ERR_IO);
        cr_assert_eq(segment_size(1), whole);
        cr_assert_eq(spool_writer_last(writer), 1);
    }
    cr_assert_eq(append(writer, 1000), 0);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    spool_writer_close(writer);
    check_reads(1, 2);
}

/* The system calls clean what it could not write: it is written once more. */
Test(spool, failed_sync_is_made_good_by_the_next)
{
    struct spool_writer *writer = open_writer();
    cr_assert_eq(append(writer, 1000), 0);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    cr_assert_eq(append(writer, 500), 0);
    powercut_failing_syncs = 2;
    cr_assert_eq(spool_sync(writer, errmsg), ERR_IO);
    cr_assert_eq(append(writer, 400), 0);
    cr_assert_eq(spool_sync(writer, errmsg), ERR_IO);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    spool_writer_close(writer);
    check_reads(1, 3);
}

static uint64_t blocks(const char *name)
{
    char file[PATH_MAX + 64];
    struct stat info;
    snprintf(file, sizeof file, "%s/%s", path, name);
    return stat(file, &info) == 0 ? (uint64_t)info.st_blocks * 512 : 0;
}

/* Room for the segment being written and for the next is taken ahead, and given back. */
Test(spool, room_is_kept_a_segment_ahead)
{
    struct spool_writer *writer = open_writer();
    spool_reserve(writer);
    cr_assert_geq(blocks(".spare"), SPOOL_SEGMENT_MAX);
    cr_assert_eq(append(writer, 100), 0);
    cr_assert_geq(blocks("00000000000000000001.segment"), SPOOL_SEGMENT_MAX);
    cr_assert_geq(blocks(".spare"), SPOOL_SEGMENT_MAX);
    cr_assert_eq(append(writer, SPOOL_SEGMENT_MAX), 0);
    cr_assert_lt(blocks("00000000000000000001.segment"), 1 << 20);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    cr_assert_eq(append(writer, 100), 0);
    cr_assert_geq(blocks("00000000000000000003.segment"), SPOOL_SEGMENT_MAX);
    check_reads(1, 3);
    spool_writer_close(writer);
    cr_assert_eq(blocks(".spare"), 0);
    cr_assert_lt(blocks("00000000000000000003.segment"), 1 << 20);
    check_reads(1, 3);
}

/* --- reading ---------------------------------------------------------------------------------- */

Test(spool, reader_follows_the_writer)
{
    struct spool_writer *writer = open_writer();
    struct spool_reader *reader = spool_reader_new(path, 1);
    const uint8_t *bytes;
    size_t size;
    cr_assert_eq(spool_read(reader, 0, &bytes, &size, errmsg), 0);
    for (uint64_t seq = 1; seq <= 12; seq++) {
        cr_assert_eq(append(writer, seq % 3 ? 100 : 5 << 20), 0);
        cr_assert_eq(spool_read(reader, seq, &bytes, &size, errmsg), 1, "record %lu",
                     (unsigned long)seq);
        cr_assert(sealed_is(bytes, size, identity.epoch, seq));
        cr_assert_eq(spool_read(reader, seq, &bytes, &size, errmsg), 0);
    }
    spool_reader_free(reader);
    spool_writer_close(writer);
}

Test(spool, reader_of_what_was_pruned)
{
    char name[PATH_MAX];
    uint64_t next;
    fill(3, 5 << 20);
    segment_path(name, path, 1);
    unlink(name);
    cr_assert_eq(read_from(1, &next), SPOOL_LOST);
    cr_assert_eq(next, 1);
    check_reads(2, 3);
}

/* --- the list --------------------------------------------------------------------------------- */

static void make_epoch(uint8_t mark, bool replay, int64_t first_ns, const char *sensor)
{
    struct spool_identity one = identity;
    struct spool_writer *writer;
    one.epoch[0] = mark;
    one.replay = replay;
    one.first_ns = first_ns;
    one.last_ns = replay ? first_ns + 10 : 0;
    strcpy(one.sensor, sensor);
    cr_assert_eq(spool_writer_open(&writer, spool, &one, errmsg), 0);
    spool_writer_close(writer);
}

Test(spool, list_has_replays_first_then_time)
{
    make_epoch(1, false, 500, "tester");
    make_epoch(2, true, 900, "tester");
    make_epoch(3, false, 100, "tester");
    make_epoch(4, true, 200, "tester");
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/not-an-epoch", spool);
    mkdir(name, 0700);
    snprintf(name, sizeof name, "%s/00000000-0000-4000-8000-000000000000", spool);
    mkdir(name, 0700); /* a crash right after mkdir */
    struct spool_epoch *epochs;
    size_t count;
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0);
    cr_assert_eq(count, 4);
    static const uint8_t order[] = {4, 2, 3, 1};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(epochs[i].identity.epoch[0], order[i], "place %zu", i);
        cr_assert_eq(epochs[i].first + epochs[i].last + epochs[i].acked, 0);
        cr_assert_str_eq(epochs[i].identity.darknet, darknet);
    }
    cr_assert_str_empty(errmsg);
    spool_list_free(epochs, count);
}

Test(spool, list_tells_range_acknowledged_and_refused)
{
    fill(7, 3 << 20);
    cr_assert_eq(spool_acknowledge(path, 5, errmsg), 0);
    cr_assert_eq(spool_refuse(path, "no", errmsg), 0);
    struct spool_epoch found;
    cr_assert_eq(spool_find(spool, identity.epoch, &found, errmsg), 0);
    cr_assert_eq(found.first, 1);
    cr_assert_eq(found.last, 7);
    cr_assert_eq(found.acked, 5);
    cr_assert(found.refused);
    cr_assert_eq(found.identity.first_ns, 1000);
    free(found.identity.darknet);
    identity.epoch[0] ^= 1;
    cr_assert_eq(spool_find(spool, identity.epoch, &found, errmsg), ERR_UNKNOWN);
    identity.epoch[0] ^= 1;
}

Test(spool, list_names_a_damaged_epoch_and_goes_on)
{
    fill(1, 10);
    make_epoch(1, true, 5, "tester");
    cr_assert_eq(file_replace(path, "identity", "x\n", true, errmsg), 0);
    cr_assert_eq(file_replace(path, "identity.copy", "x\n", true, errmsg), 0);
    struct spool_epoch *epochs;
    size_t count;
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0);
    cr_assert_eq(count, 1);
    cr_assert(strstr(errmsg, path));
    spool_list_free(epochs, count);
}

Test(spool, list_of_no_directory)
{
    struct spool_epoch *epochs;
    size_t count;
    cr_assert_eq(spool_list("/nonexistent/spool", &epochs, &count, errmsg), ERR_IO);
    cr_assert_null(epochs);
}

Test(spool, damaged_acknowledgement_counts_as_none)
{
    fill(1, 10);
    file_replace(path, "acked", "many\n", false, errmsg);
    struct spool_epoch found;
    cr_assert_eq(spool_find(spool, identity.epoch, &found, errmsg), 0);
    cr_assert_eq(found.acked, 0);
    free(found.identity.darknet);
}

Test(spool, find_live_takes_the_most_recent_that_fits)
{
    struct spool_identity wanted = {.sensor = "tester", .darknet = darknet, .first_ns = 77};
    cr_assert_not(spool_find_live(spool, &wanted));
    make_epoch(1, false, 100, "tester");
    make_epoch(2, false, 300, "tester");
    make_epoch(3, false, 900, "other");
    make_epoch(4, true, 950, "tester");
    cr_assert(spool_find_live(spool, &wanted));
    cr_assert_eq(wanted.epoch[0], 2);
    cr_assert_eq(wanted.first_ns, 300);
    char other[] = "203.0.113.0/24";
    struct spool_identity elsewhere = {.sensor = "tester", .darknet = other, .first_ns = 77};
    cr_assert_not(spool_find_live(spool, &elsewhere));
    cr_assert_eq(elsewhere.first_ns, 77);
}

/* --- pruning ---------------------------------------------------------------------------------- */

static void prune(uint64_t acked, int64_t retention_s, int64_t now_s)
{
    struct spool_epoch found;
    cr_assert_eq(spool_find(spool, identity.epoch, &found, errmsg), 0);
    spool_prune(&found, acked, retention_s, now_s);
    free(found.identity.darknet);
}

Test(spool, prune_keeps_what_is_young_unacknowledged_or_newest)
{
    fill(6, 5 << 20);
    int64_t now = (int64_t)time(NULL);
    prune(6, 3600, now);
    cr_assert_eq(segments(), 6);
    prune(0, 0, now + 10);
    cr_assert_eq(segments(), 6);
    prune(2, 3600, now + 3700);
    cr_assert_eq(segments(), 4);
    check_reads(3, 6);
    prune(6, 3600, now + 3700);
    cr_assert_eq(segments(), 1);
    struct spool_writer *writer = open_writer();
    cr_assert_eq(spool_writer_last(writer), 6);
    spool_writer_close(writer);
}

Test(spool, prune_takes_a_replay_whole_or_not_at_all)
{
    identity.replay = true;
    fill(3, 5 << 20);
    int64_t now = (int64_t)time(NULL);
    prune(2, 0, now + 10);
    cr_assert_eq(segments(), 3);
    prune(3, 3600, now + 10);
    cr_assert_eq(segments(), 3);
    prune(3, 3600, now + 3700);
    cr_assert_eq(segments(), 0);
    fill(2, 10); /* the capture is replayed again */
    check_reads(1, 2);
    identity.replay = false;
}

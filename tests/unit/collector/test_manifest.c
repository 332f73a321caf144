#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "collector/manifest.h"
#include "collector/spool_private.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/sealed.h"

static char spool[64];
static char errmsg[ERRMSG_SIZE];
static char darknet[] = "198.51.100.0/24";
static struct manifest manifest;
static struct delivery_source source;

static void set_up(void)
{
    folder_make(spool);
}

static void tear_down(void)
{
    manifest_close(&manifest);
    folder_remove(spool);
}

TestSuite(manifest, .init = set_up, .fini = tear_down);

static void identify(struct spool_identity *identity, uint8_t mark, bool replay)
{
    *identity = (struct spool_identity){.epoch = {mark},
                                        .sensor = "tester",
                                        .darknet = darknet,
                                        .replay = replay,
                                        .first_ns = mark,
                                        .last_ns = replay ? mark : 0};
}

/* Writes so many records more into the epoch. */
static void fill(uint8_t mark, bool replay, unsigned records, size_t size)
{
    struct spool_identity identity;
    struct spool_writer *writer;
    struct buf sealed;
    identify(&identity, mark, replay);
    cr_assert_eq(spool_writer_open(&writer, spool, &identity, errmsg), 0, "%s", errmsg);
    buf_init(&sealed);
    for (unsigned i = 0; i < records; i++) {
        sealed.size = 0;
        sealed_put(&sealed, identity.epoch, spool_writer_last(writer) + 1, size);
        cr_assert_eq(spool_append(writer, sealed.bytes, sealed.size, errmsg), 0);
    }
    buf_close(&sealed);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    spool_writer_close(writer);
}

static void open_manifest(void)
{
    struct spool_epoch *epochs;
    size_t count;
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0);
    cr_assert_eq(manifest_init(&manifest, spool, epochs, count), 0);
    source = manifest_source(&manifest);
}

static void resume(uint64_t seq)
{
    cr_assert_eq(source.resumed(source.user, seq, errmsg), 0, "%s", errmsg);
}

static int durable(uint8_t mark, uint64_t seq)
{
    uint8_t epoch[EPOCH_SIZE] = {mark};
    return manifest_durable(&manifest, epoch, seq, errmsg);
}

/* The first byte of the epoch that is to be opened; 0 for none. */
static uint8_t next_epoch(void)
{
    struct frame_open open;
    int rc = source.epoch(source.user, &open);
    cr_assert_geq(rc, 0);
    return rc ? open.epoch[0] : 0;
}

static void expect_record(uint8_t mark, uint64_t seq)
{
    uint8_t epoch[EPOCH_SIZE] = {mark};
    const uint8_t *bytes;
    size_t size;
    int rc = source.read(source.user, seq, &bytes, &size, errmsg);
    cr_assert_eq(rc, 1, "record %lu: %d %s", (unsigned long)seq, rc, errmsg);
    cr_assert(sealed_is(bytes, size, epoch, seq));
}

static int read_any(uint64_t seq)
{
    const uint8_t *bytes;
    size_t size;
    return source.read(source.user, seq, &bytes, &size, errmsg);
}

static uint64_t acked_on_disk(uint8_t mark)
{
    uint8_t epoch[EPOCH_SIZE] = {mark};
    struct spool_epoch found;
    cr_assert_eq(spool_find(spool, epoch, &found, errmsg), 0);
    free(found.identity.darknet);
    return found.acked;
}

Test(manifest, empty_spool_wants_nothing)
{
    open_manifest();
    cr_assert_not(manifest_wants(&manifest));
    cr_assert_eq(manifest_waiting(&manifest), 0);
    cr_assert_eq(next_epoch(), 0);
}

Test(manifest, what_an_earlier_run_left_is_delivered)
{
    fill(7, false, 3, 10);
    open_manifest();
    cr_assert(manifest_wants(&manifest));
    cr_assert_eq(manifest_waiting(&manifest), 3);
    cr_assert_eq(next_epoch(), 7);
    cr_assert_eq(source.resumed(source.user, 1, errmsg), 0);
    cr_assert_eq(manifest_waiting(&manifest), 2);
    expect_record(7, 2);
    expect_record(7, 3);
    cr_assert_eq(read_any(4), 0);
    cr_assert_eq(source.acked(source.user, 3, errmsg), 0);
    cr_assert_eq(manifest_waiting(&manifest), 0);
    cr_assert_not(manifest_wants(&manifest));
    cr_assert_eq(acked_on_disk(7), 0);
    manifest_save(&manifest, 3600, time(NULL));
    cr_assert_eq(acked_on_disk(7), 3);
    cr_assert_eq(manifest.progress, 2);
}

/* Replays before the live epoch, oldest first. */
Test(manifest, replays_come_first)
{
    fill(1, false, 1, 10);
    fill(9, true, 1, 10);
    fill(5, true, 1, 10);
    open_manifest();
    static const uint8_t order[] = {5, 9, 1, 0};
    for (size_t i = 0; i < sizeof order; i++) {
        cr_assert_eq(next_epoch(), order[i]);
        if (order[i]) {
            source.resumed(source.user, 0, errmsg);
            source.acked(source.user, 1, errmsg);
        }
    }
}

/* Only what the capture process said to be on disk is offered. */
Test(manifest, record_is_not_offered_before_it_is_durable)
{
    open_manifest();
    fill(3, false, 5, 10);
    cr_assert_eq(durable(3, 2), 0);
    cr_assert_eq(manifest_waiting(&manifest), 2);
    cr_assert_eq(next_epoch(), 3);
    source.resumed(source.user, 0, errmsg);
    expect_record(3, 1);
    expect_record(3, 2);
    cr_assert_eq(read_any(3), 0);
    cr_assert_eq(durable(3, 4), 0);
    expect_record(3, 3);
    cr_assert_eq(durable(3, 3), 0, "an old note changes nothing");
    expect_record(3, 4);
    cr_assert_eq(read_any(5), 0);
}

Test(manifest, note_about_an_epoch_that_is_not_there)
{
    open_manifest();
    cr_assert_eq(durable(8, 1), ERR_UNKNOWN);
    cr_assert_eq(manifest.count, 0);
}

/* The same capture again: the aggregator is asked, though the spool believes that it has
 * everything. */
Test(manifest, announced_epoch_is_asked_about_again)
{
    fill(4, true, 3, 10);
    open_manifest();
    next_epoch();
    source.resumed(source.user, 0, errmsg);
    source.acked(source.user, 3, errmsg);
    manifest_save(&manifest, 3600, time(NULL));
    manifest_close(&manifest);
    open_manifest();
    cr_assert_not(manifest_wants(&manifest));
    cr_assert_eq(durable(4, 3), 0);
    cr_assert(manifest_wants(&manifest));
    cr_assert_eq(manifest_waiting(&manifest), 3);
    cr_assert_eq(next_epoch(), 4);
    cr_assert_eq(source.resumed(source.user, 1, errmsg), 0); /* it lost two of them */
    cr_assert_eq(manifest_waiting(&manifest), 2);
    expect_record(4, 2);
    expect_record(4, 3);
    source.acked(source.user, 3, errmsg);
    cr_assert_not(manifest_wants(&manifest));
}

/* A fresh spool and a capture that the aggregator has: nothing goes out, nothing waits. */
Test(manifest, aggregator_may_hold_more_of_a_capture)
{
    fill(4, true, 2, 10);
    open_manifest();
    durable(4, 2);
    next_epoch();
    cr_assert_eq(source.resumed(source.user, 9, errmsg), 0);
    cr_assert_eq(manifest_waiting(&manifest), 0);
    cr_assert_eq(read_any(10), 0);
    durable(4, 9);
    cr_assert_eq(manifest_waiting(&manifest), 0);
}

/* A live epoch cannot: its numbers would be given to other records. */
Test(manifest, live_spool_that_was_put_back_is_an_error)
{
    fill(4, false, 2, 10);
    open_manifest();
    next_epoch();
    cr_assert_eq(source.resumed(source.user, 3, errmsg), ERR_DAMAGED);
    cr_assert(manifest.broken);
    cr_assert(strstr(errmsg, spool));
}

Test(manifest, empty_capture_is_asked_about_once)
{
    fill(4, true, 0, 0);
    open_manifest();
    durable(4, 0);
    cr_assert(manifest_wants(&manifest));
    cr_assert_eq(manifest_waiting(&manifest), 0);
    next_epoch();
    source.resumed(source.user, 0, errmsg);
    cr_assert_not(manifest_wants(&manifest));
}

Test(manifest, refused_capture_is_marked_and_left_out)
{
    struct frame_refuse refuse = {.code = REFUSE_OVERLAP, .text = "twice", .final = true};
    fill(4, true, 2, 10);
    fill(5, true, 1, 10);
    open_manifest();
    cr_assert_eq(next_epoch(), 4);
    cr_assert_eq(source.refused(source.user, &refuse, errmsg), 0);
    cr_assert(manifest.refused);
    cr_assert_not(manifest.live_refused);
    cr_assert_eq(manifest_waiting(&manifest), 1);
    cr_assert_eq(next_epoch(), 5);
    manifest_close(&manifest);
    open_manifest();
    cr_assert_not(manifest.refused);
    cr_assert_eq(next_epoch(), 5);
}

Test(manifest, refused_live_epoch_is_offered_again_by_the_next_run)
{
    struct frame_refuse refuse = {.code = REFUSE_OVERLAP, .text = "twice", .final = true};
    fill(4, false, 2, 10);
    open_manifest();
    next_epoch();
    source.refused(source.user, &refuse, errmsg);
    cr_assert(manifest.live_refused);
    cr_assert_not(manifest_wants(&manifest));
    manifest_close(&manifest);
    open_manifest();
    cr_assert_eq(next_epoch(), 4);
}

static void damage(uint8_t mark, off_t offset)
{
    uint8_t epoch[EPOCH_SIZE] = {mark}, byte;
    struct spool_epoch found;
    char name[PATH_MAX];
    cr_assert_eq(spool_find(spool, epoch, &found, errmsg), 0);
    free(found.identity.darknet);
    segment_path(name, found.path, 1);
    int fd = open(name, O_RDWR);
    cr_assert_eq(pread(fd, &byte, 1, offset), 1);
    byte ^= 1;
    cr_assert_eq(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

#define SIZE10 (RECORD_HEADER_SIZE + 10)

/* It is said again until delivery could tell the aggregator, which it does with nothing under way. */
Test(manifest, damaged_record_of_a_live_epoch_is_told_as_lost)
{
    fill(4, false, 5, 10);
    damage(4, SIZE10 + 40);
    damage(4, 2 * SIZE10);
    open_manifest();
    next_epoch();
    source.resumed(source.user, 0, errmsg);
    expect_record(4, 1);
    cr_assert_eq(read_any(2), DELIVERY_LOST);
    cr_assert_eq(read_any(2), DELIVERY_LOST);
    cr_assert_eq(source.lost(source.user), 3);
    expect_record(4, 4);
    expect_record(4, 5);
    cr_assert_eq(read_any(6), 0);
    cr_assert_not(manifest.broken);
}

/* The capture is there still: it mends the epoch when it is replayed again. Others go on. */
Test(manifest, damaged_capture_waits_for_its_replay)
{
    fill(4, true, 5, 10);
    fill(5, true, 1, 10);
    damage(4, 2 * SIZE10 + 40);
    open_manifest();
    cr_assert_eq(next_epoch(), 4);
    source.resumed(source.user, 0, errmsg);
    expect_record(4, 1);
    expect_record(4, 2);
    cr_assert_eq(read_any(3), 0);
    source.acked(source.user, 2, errmsg);
    cr_assert_eq(next_epoch(), 5);
    source.resumed(source.user, 0, errmsg);
    source.acked(source.user, 1, errmsg);
    cr_assert_eq(next_epoch(), 0);
    cr_assert_eq(manifest_waiting(&manifest), 3);
    fill(4, true, 5, 10);
    durable(4, 5);
    cr_assert_eq(next_epoch(), 4);
    source.resumed(source.user, 2, errmsg);
    expect_record(4, 3);
    expect_record(4, 4);
}

Test(manifest, resume_again_reads_again)
{
    fill(4, false, 4, 10);
    open_manifest();
    next_epoch();
    source.resumed(source.user, 0, errmsg);
    expect_record(4, 1);
    expect_record(4, 2);
    next_epoch();
    source.resumed(source.user, 1, errmsg); /* the connection was lost */
    expect_record(4, 2);
    expect_record(4, 3);
}

static uint64_t first_on_disk(uint8_t mark)
{
    uint8_t epoch[EPOCH_SIZE] = {mark};
    struct spool_epoch found;
    cr_assert_eq(spool_find(spool, epoch, &found, errmsg), 0);
    free(found.identity.darknet);
    return found.first;
}

/* Nine segments of a record each, 5 MB, while six have room: the acknowledged go first. */
Test(manifest, limit_deletes_what_is_acknowledged_first)
{
    fill(3, false, 3, 5 << 20);
    fill(4, false, 6, 5 << 20);
    open_manifest();
    manifest.max_bytes = 31 << 20;
    manifest.entries[1].acked = 4;
    manifest_save(&manifest, 3600, time(NULL));
    cr_assert_eq(first_on_disk(3), 1);
    cr_assert_eq(first_on_disk(4), 4);
    cr_assert_eq(manifest_waiting(&manifest), 5);
}

/* Nothing is acknowledged: the oldest go, but not what may be on its way, and never the newest. What
 * went is told to the aggregator. */
Test(manifest, limit_drops_the_oldest_that_is_not_on_its_way)
{
    fill(3, false, 2, 5 << 20);
    fill(4, false, 6, 5 << 20);
    open_manifest();
    manifest.max_bytes = 31 << 20;
    cr_assert_eq(next_epoch(), 3);
    manifest_save(&manifest, 3600, time(NULL));
    cr_assert_eq(first_on_disk(3), 1);
    cr_assert_eq(first_on_disk(4), 3);
    source.resumed(source.user, 2, errmsg);
    cr_assert_eq(next_epoch(), 4);
    manifest.max_bytes = 1;
    manifest_save(&manifest, 3600, time(NULL));
    cr_assert_eq(first_on_disk(3), 2);
    cr_assert_eq(first_on_disk(4), 3);
    source.resumed(source.user, 0, errmsg);
    cr_assert_eq(read_any(1), DELIVERY_LOST);
    cr_assert_eq(source.lost(source.user), 2);
    expect_record(4, 3);
}

static uint64_t offered_on_disk(uint8_t mark)
{
    uint8_t epoch[EPOCH_SIZE] = {mark};
    struct spool_epoch found;
    cr_assert_eq(spool_find(spool, epoch, &found, errmsg), 0);
    free(found.identity.darknet);
    return spool_offered(found.path);
}

/* Before a record is handed out the disk says that it may be sent, and those of the window behind it; not
 * more than there are. */
Test(manifest, what_is_offered_is_noted_first)
{
    fill(4, false, 0, 10);
    open_manifest();
    manifest_save(&manifest, 3600, time(NULL));
    cr_assert_eq(offered_on_disk(4), 0);
    fill(4, false, 100, 10);
    durable(4, 100);
    cr_assert_eq(offered_on_disk(4), 0);
    next_epoch();
    resume(0);
    cr_assert_eq(offered_on_disk(4), 0);
    expect_record(4, 1);
    cr_assert_eq(offered_on_disk(4), FRAME_WINDOW);
    for (uint64_t seq = 2; seq <= FRAME_WINDOW + 1; seq++)
        expect_record(4, seq);
    cr_assert_eq(offered_on_disk(4), 100);
}

/* What was there before anything was noted may have been sent. */
Test(manifest, without_a_note_all_of_it_may_have_been_offered)
{
    fill(4, false, 7, 10);
    open_manifest();
    manifest_save(&manifest, 3600, time(NULL));
    cr_assert_eq(offered_on_disk(4), 7);
    fill(4, false, 2, 10);
    manifest_close(&manifest);
    open_manifest();
    cr_assert_eq(manifest.entries[0].offered, 7);
}

/* The first sequence that the spool has of its epoch number `at`. */
static uint64_t first_of(size_t at)
{
    struct spool_epoch *epochs;
    size_t count;
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0);
    uint64_t first = epochs[at].first;
    spool_list_free(epochs, count);
    return first;
}

static void set_mark(uint8_t mark, uint64_t seq)
{
    uint8_t epoch[EPOCH_SIZE] = {mark};
    struct spool_epoch found;
    cr_assert_eq(spool_find(spool, epoch, &found, errmsg), 0);
    free(found.identity.darknet);
    int fd = mark_open(found.path);
    cr_assert_eq(mark_write(fd, epoch, seq), 0);
    close(fd);
}

/* When the acknowledgement of the only epoch was noted. */
static void set_noted(int64_t at_s)
{
    const struct timespec times[] = {{.tv_sec = at_s}, {.tv_sec = at_s}};
    struct spool_epoch *epochs;
    size_t count;
    char name[256];
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0);
    snprintf(name, sizeof name, "%.200s/acked", epochs[0].path);
    cr_assert_eq(utimensat(AT_FDCWD, name, times, 0), 0);
    spool_list_free(epochs, count);
}

static int64_t noted_at(void)
{
    struct spool_epoch *epochs;
    size_t count;
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0);
    int64_t at_s = epochs[0].acked_s;
    spool_list_free(epochs, count);
    return at_s;
}

Test(manifest, save_prunes_live_segments_only)
{
    fill(4, false, 4, 5 << 20);
    fill(5, true, 4, 5 << 20);
    open_manifest();
    for (int i = 0; i < 2; i++) {
        next_epoch();
        source.resumed(source.user, 0, errmsg);
        source.acked(source.user, 4, errmsg);
    }
    manifest_save(&manifest, 3600, time(NULL));
    manifest_save(&manifest, 3600, time(NULL) + 7200);
    cr_expect_eq(first_of(0), 1);
    cr_expect_eq(first_of(1), 4);
}

/* A live epoch of four records in a segment each, all of them acknowledged when the spool is looked at. */
static void acknowledge_four(int64_t now_s)
{
    fill(4, false, 4, 5 << 20);
    open_manifest();
    next_epoch();
    source.resumed(source.user, 0, errmsg);
    source.acked(source.user, 4, errmsg);
    manifest_save(&manifest, 3600, now_s);
}

Test(manifest, retention_begins_with_the_acknowledgement)
{
    int64_t now_s = time(NULL) + 7200; /* the segments are two hours old */
    acknowledge_four(now_s);
    manifest_save(&manifest, 3600, now_s + 3599);
    cr_expect_eq(first_of(0), 1);
    manifest_save(&manifest, 3600, now_s + 3600);
    cr_expect_eq(first_of(0), 4);
}

Test(manifest, retention_goes_on_over_a_restart)
{
    acknowledge_four(time(NULL));
    manifest_close(&manifest);
    open_manifest();
    manifest_save(&manifest, 3600, time(NULL) + 3500);
    cr_expect_eq(first_of(0), 1);
    manifest_save(&manifest, 3600, time(NULL) + 3700);
    cr_expect_eq(first_of(0), 4);
}

Test(manifest, store_that_went_back_begins_the_retention_anew)
{
    int64_t now_s = time(NULL);
    acknowledge_four(now_s);
    source.resumed(source.user, 1, errmsg);
    manifest_save(&manifest, 3600, now_s + 3500);
    source.acked(source.user, 4, errmsg);
    manifest_save(&manifest, 3600, now_s + 3800);
    manifest_save(&manifest, 3600, now_s + 7300);
    cr_expect_eq(first_of(0), 2); /* that one it had not lost */
    manifest_save(&manifest, 3600, now_s + 7400);
    cr_expect_eq(first_of(0), 4);
}

/* Between two looks at the spool, so that only the resume tells it. */
Test(manifest, store_that_went_back_and_caught_up_at_once_begins_the_retention_anew)
{
    int64_t now_s = time(NULL);
    acknowledge_four(now_s);
    set_noted(now_s - 3599);
    source.resumed(source.user, 1, errmsg);
    source.acked(source.user, 4, errmsg);
    manifest_save(&manifest, 3600, now_s + 3500);
    manifest_save(&manifest, 3600, now_s + 7000);
    cr_expect_eq(first_of(0), 1);
    cr_expect_geq(noted_at(), now_s); /* so that the next run begins there */
    manifest_save(&manifest, 3600, now_s + 7100);
    cr_expect_eq(first_of(0), 4);
}

Test(manifest, what_is_behind_the_mark_is_not_offered_before_it_is_said)
{
    fill(4, false, 4, 100);
    set_mark(4, 2);
    open_manifest();
    next_epoch();
    source.resumed(source.user, 2, errmsg);
    cr_expect_eq(read_any(3), 0);
    cr_assert_eq(durable(4, 3), 0);
    expect_record(4, 3);
    cr_expect_eq(read_any(4), 0);
}

Test(manifest, what_is_acknowledged_is_asked_about_on_every_connection)
{
    struct frame_open open;
    fill(4, true, 3, 100);
    fill(5, false, 3, 100);
    open_manifest();
    for (int i = 0; i < 2; i++) {
        next_epoch();
        source.resumed(source.user, 0, errmsg);
        source.acked(source.user, 3, errmsg);
    }
    cr_expect_not(manifest_wants(&manifest));
    manifest_connected(&manifest);
    cr_assert_eq(source.epoch(source.user, &open), 1);
    cr_expect(open.replay);
    source.resumed(source.user, 1, errmsg); /* the store went back */
    cr_expect_eq(manifest_waiting(&manifest), 2 + 3);
}

/* A sensor that is let in and refused again and again is not getting on. */
Test(manifest, a_resume_is_progress_when_it_is_news)
{
    fill(1, false, 3, 100);
    open_manifest();
    cr_assert_eq(next_epoch(), 1);
    uint64_t before = manifest.progress;
    resume(0);
    cr_expect_eq(manifest.progress, before + 1);
    resume(0);
    cr_expect_eq(manifest.progress, before + 1);
    resume(2);
    cr_expect_eq(manifest.progress, before + 2);
    cr_assert_eq(source.acked(source.user, 3, errmsg), 0);
    cr_expect_eq(manifest.progress, before + 3);
    resume(3);
    cr_expect_eq(manifest.progress, before + 3);
}

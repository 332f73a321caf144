#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/spool_private.h"
#include "common/err.h"
#include "tests/unit/collector/between.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/handmade.h"

/*
 * Three processes share a spool: the capture process appends, the ship process reads, deletes and merges,
 * and somebody looks with `spool list` or `spool verify`. Here one of them does the whole of its work
 * between any two system calls of another.
 */

#define RECORDS 32 /* of a minute each, in segments of ten */
#define ACKED   10
#define SENT    12

static char darknet[] = "198.51.100.0/24";
static struct spool_identity identity = {
    .sensor = "tester", .darknet = darknet, .first_ns = HANDMADE_BASE_S * INT64_C(1000000000)};
static char spool[64];
static struct spool_epoch epoch;
static char errmsg[ERRMSG_SIZE];

/* --- a spool ---------------------------------------------------------------------------------- */

static struct spool_writer *open_writer(void)
{
    struct spool_writer *writer;
    cr_assert_eq(spool_writer_open(&writer, spool, &identity, errmsg), 0, "%s", errmsg);
    return writer;
}

static void set_up(void)
{
    char name[37];
    folder_make_quick(spool);
    memcpy(identity.epoch, handmade_epoch, EPOCH_SIZE);
    epoch_format(handmade_epoch, name);
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
        handmade_segment(epoch.path, first, first + 9 < RECORDS ? first + 9 : RECORDS, 0);
    cr_assert_eq(spool_acknowledge(epoch.path, ACKED, errmsg), 0);
    writer = open_writer();
    cr_assert_eq(spool_writer_last(writer), RECORDS);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    epoch.last = RECORDS;
    return writer;
}

/* --- between two system calls -------------------------------------------------------------------- */

/* Does `work` again and again, `beside` before one system call of it after the other, then `look`s. */
static void each_turn(void (*work)(void *writer), void (*beside)(void *writer),
                      void (*look)(void *writer))
{
    unsigned calls = 0;
    for (bool came = true; came; calls++) {
        struct spool_writer *writer = begin();
        between_begin(calls, beside, writer);
        work(writer);
        came = between_end();
        if (came)
            look(writer);
        spool_writer_close(writer);
    }
    cr_assert_gt(calls, 3);
}

/* --- what the processes do ------------------------------------------------------------------------- */

static void append(void *open)
{
    struct spool_writer *writer = open;
    struct buf out;
    buf_init(&out);
    handmade_record(&out, spool_writer_last(writer) + 1, 0);
    cr_assert_eq(spool_append(writer, out.bytes, out.size, errmsg), 0, "%s", errmsg);
    cr_assert_eq(spool_sync(writer, errmsg), 0, "%s", errmsg);
    buf_close(&out);
}

static void capture_starts(void *unused)
{
    struct spool_identity wanted = {.sensor = "tester", .darknet = darknet};
    (void)unused;
    cr_assert(spool_find_live(spool, &wanted));
    struct spool_writer *writer = open_writer();
    cr_assert_eq(spool_writer_last(writer), RECORDS);
    append(writer);
    spool_writer_close(writer);
}

static void prune(void *unused)
{
    (void)unused;
    spool_prune(&epoch, ACKED, 0, INT64_MAX / 2);
}

static void shrink(void *unused)
{
    (void)unused;
    cr_assert_gt(spool_shrink(&epoch, ACKED, SENT, UINT64_MAX, UINT64_MAX), 0);
}

static void merge(void *unused)
{
    struct spool_merging merging;
    (void)unused;
    cr_assert_eq(spool_merge(&epoch, SENT + 1, &merging, errmsg), 0, "%s", errmsg);
    cr_assert_geq(merging.last, 30);
}

static void ship_starts(void *unused)
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
static void read_all(void *unused)
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

static void verify(void *unused)
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

static void all_is_there(void *unused)
{
    read_all(unused);
    verify(unused);
}

static void nothing(void *unused)
{
    (void)unused;
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

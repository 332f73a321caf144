#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/spool_private.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/handmade.h"
#include "tests/unit/collector/powercut.h"

static const char name[] = "bb010203-0405-4607-8809-0a0b0c0d0e0f";
static char errmsg[ERRMSG_SIZE];

/* --- spools made by hand ------------------------------------------------------------------------- */

static struct spool_epoch make(const char *folder)
{
    struct spool_epoch epoch = {0};
    memcpy(epoch.identity.epoch, handmade_epoch, EPOCH_SIZE);
    snprintf(epoch.path, sizeof epoch.path, "%s/%s", folder, name);
    cr_assert_eq(mkdir(epoch.path, 0700), 0);
    return epoch;
}

/* --- what is in them -------------------------------------------------------------------------- */

struct seen {
    uint64_t spans[64][2];
    size_t count;
    uint64_t packets;
};

static void look(const struct spool_epoch *epoch, uint64_t from, uint64_t through,
                 struct seen *seen)
{
    struct spool_reader *reader = spool_reader_new(epoch->path, from);
    const uint8_t *sealed;
    size_t size;
    int rc;
    *seen = (struct seen){0};
    while ((rc = spool_read(reader, through, &sealed, &size, errmsg)) == 1) {
        struct record record;
        record_init(&record);
        cr_assert_eq(record_open(&record, sealed, size, errmsg), 0, "%s", errmsg);
        cr_assert_lt(seen->count, 64);
        seen->spans[seen->count][0] = record.seq - record.before;
        seen->spans[seen->count++][1] = record.seq;
        seen->packets += record.packets;
        record_close(&record);
    }
    cr_assert_eq(rc, 0, "%d: %s", rc, errmsg);
    spool_reader_free(reader);
}

static uint64_t sum_to(uint64_t n)
{
    return n * (n + 1) / 2;
}

static void expect_spans(const struct seen *seen, const uint64_t (*spans)[2], size_t count)
{
    cr_assert_eq(seen->count, count, "%zu records", seen->count);
    for (size_t i = 0; i < count; i++)
        cr_expect(seen->spans[i][0] == spans[i][0] && seen->spans[i][1] == spans[i][1],
                  "%" PRIu64 " to %" PRIu64, seen->spans[i][0], seen->spans[i][1]);
}

/* --- merging ---------------------------------------------------------------------------------- */

Test(spool_merge, quarters_become_one_record_across_segments)
{
    static const uint64_t spans[][2] = {{1, 14}, {15, 29}, {30, 30}, {31, 31}, {32, 32}};
    char folder[64];
    struct spool_merging merging;
    struct seen seen;
    folder_make(folder);
    struct spool_epoch epoch = make(folder);
    handmade_segment(epoch.path, 1, 10, 0);
    handmade_segment(epoch.path, 11, 20, 0);
    handmade_segment(epoch.path, 21, 30, 0);
    handmade_segment(epoch.path, 31, 32, 0);
    uint64_t before = spool_usage(&epoch);
    cr_assert_eq(spool_merge(&epoch, 1, &merging, errmsg), 0, "%s", errmsg);
    cr_expect(merging.first == 1 && merging.last == 30 && merging.records == 30 &&
              merging.into == 3 && merging.freed > 0);
    look(&epoch, 1, 32, &seen);
    expect_spans(&seen, spans, 5);
    cr_expect_eq(seen.packets, sum_to(32));
    cr_expect_lt(spool_usage(&epoch), before);
    cr_assert_eq(spool_merge(&epoch, merging.last + 1, &merging, errmsg), 0);
    cr_expect_eq(merging.last, 0, "the newest segment stays as it is");
    cr_assert_eq(spool_merge(&epoch, 1, &merging, errmsg), 0);
    cr_expect(merging.last == 30 && merging.into == 0, "nothing is merged twice");
    folder_remove(folder);
}

Test(spool_merge, what_may_have_been_sent_stays_as_it_was)
{
    static const uint64_t spans[][2] = {{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 10}, {11, 11}};
    char folder[64];
    struct spool_merging merging;
    struct seen seen;
    folder_make(folder);
    struct spool_epoch epoch = make(folder);
    handmade_segment(epoch.path, 1, 10, 0);
    handmade_segment(epoch.path, 11, 11, 0);
    cr_assert_eq(spool_merge(&epoch, 5, &merging, errmsg), 0, "%s", errmsg);
    look(&epoch, 1, 11, &seen);
    expect_spans(&seen, spans, 6);
    cr_expect_eq(seen.packets, sum_to(11));
    folder_remove(folder);
}

Test(spool_merge, a_moment_that_was_not_observed_parts_two_records)
{
    static const uint64_t spans[][2] = {{1, 5}, {6, 10}, {11, 11}};
    char folder[64];
    struct spool_merging merging;
    struct seen seen;
    folder_make(folder);
    struct spool_epoch epoch = make(folder);
    handmade_segment(epoch.path, 1, 10, 6);
    handmade_segment(epoch.path, 11, 11, 0);
    cr_assert_eq(spool_merge(&epoch, 1, &merging, errmsg), 0, "%s", errmsg);
    look(&epoch, 1, 11, &seen);
    expect_spans(&seen, spans, 3);
    folder_remove(folder);
}

/* What is damaged is to be found and said as ever. */
Test(spool_merge, a_damaged_segment_stays_and_those_before_it_go_on)
{
    static const uint64_t spans[][2] = {{1, 10}};
    char folder[64], file[PATH_MAX];
    struct spool_merging merging;
    struct seen seen;
    folder_make(folder);
    struct spool_epoch epoch = make(folder);
    handmade_segment(epoch.path, 1, 10, 0);
    handmade_segment(epoch.path, 11, 20, 0);
    handmade_segment(epoch.path, 21, 22, 0);
    segment_path(file, epoch.path, 11);
    int fd = open(file, O_WRONLY);
    cr_assert_eq(pwrite(fd, "?", 1, 700), 1);
    close(fd);
    cr_assert_eq(spool_merge(&epoch, 1, &merging, errmsg), 0, "%s", errmsg);
    cr_expect(merging.last == 10 && merging.into == 1);
    look(&epoch, 1, 10, &seen);
    expect_spans(&seen, spans, 1);
    cr_assert_eq(spool_merge(&epoch, 11, &merging, errmsg), 0, "%s", errmsg);
    cr_expect(merging.first == 11 && merging.last == 20 && merging.into == 0);
    folder_remove(folder);
}

/* Of which the aggregator holds a part: sent as it is, it would count that part twice. */
Test(spool_merge, the_rest_of_a_merged_record_is_lost)
{
    char folder[64];
    struct spool_merging merging;
    const uint8_t *sealed;
    size_t size;
    folder_make(folder);
    struct spool_epoch epoch = make(folder);
    handmade_segment(epoch.path, 1, 10, 0);
    handmade_segment(epoch.path, 11, 11, 0);
    cr_assert_eq(spool_merge(&epoch, 1, &merging, errmsg), 0, "%s", errmsg);
    struct spool_reader *reader = spool_reader_new(epoch.path, 5);
    cr_assert_eq(spool_read(reader, 11, &sealed, &size, errmsg), SPOOL_LOST);
    cr_expect_eq(spool_reader_lost(reader), 10);
    spool_reader_skip(reader, 11);
    cr_expect_eq(spool_read(reader, 11, &sealed, &size, errmsg), 1);
    spool_reader_free(reader);
    char aside[PATH_MAX];
    snprintf(aside, sizeof aside, "%.4000s/00000000000000000001.segment.damaged", epoch.path);
    cr_expect_neq(access(aside, F_OK), 0, "it is not damaged");
    folder_remove(folder);
}

/* --- power cuts ------------------------------------------------------------------------------- */

static bool *made; /* the spool is, and on disk; outlives the cut */

static void work(const char *folder)
{
    struct spool_merging merging;
    struct spool_epoch epoch = make(folder);
    handmade_segment(epoch.path, 1, 10, 0);
    handmade_segment(epoch.path, 11, 20, 0);
    handmade_segment(epoch.path, 21, 30, 0);
    handmade_segment(epoch.path, 31, 31, 0);
    directory_sync(epoch.path);
    directory_sync(folder);
    *made = true;
    spool_merge(&epoch, 3, &merging, errmsg);
}

/* Runs it to the cut; false when it ended before. */
static bool run(const char *folder, const char *left, unsigned n, enum powercut_mode mode)
{
    int status;
    *made = false;
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        powercut_arm(folder, name, left, n, mode);
        work(folder);
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status) == POWERCUT_EXIT;
}

static void expect_all(const char *left, const char *what)
{
    struct seen seen;
    struct spool_epoch epoch = {0};
    memcpy(epoch.identity.epoch, handmade_epoch, EPOCH_SIZE);
    snprintf(epoch.path, sizeof epoch.path, "%s/%s", left, name);
    cr_assert_eq(spool_merge_finish(&epoch, errmsg), 0, "%s: %s", what, errmsg);
    look(&epoch, 1, 31, &seen);
    cr_assert_eq(seen.packets, sum_to(31), "%s", what);
    cr_assert(seen.spans[0][1] == 1 && seen.spans[1][1] == 2, "%s", what);
    cr_assert(seen.spans[2][1] == 3 || seen.spans[2][1] == 14, "%s: merged as a whole or not",
              what);
}

Test(spool_merge, behind_every_call_each_record_is_there_once, .timeout = 300)
{
    unsigned cuts = 0;
    made = mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(made, MAP_FAILED);
    for (int mode = 0; mode < POWERCUT_MODES; mode++)
        for (unsigned n = 1, more = 1; more; n++) {
            char folder[64], left[64], what[64];
            snprintf(what, sizeof what, "mode %d, call %u", mode, n);
            folder_make(folder);
            folder_make(left);
            more = run(folder, left, n, (enum powercut_mode)mode);
            if (more && *made) {
                expect_all(left, what);
                cuts++;
            }
            folder_remove(folder);
            folder_remove(left);
        }
    cr_assert_geq(cuts, POWERCUT_MODES * 8, "%u calls were cut", cuts);
}

/* --- what was offered ------------------------------------------------------------------------- */

Test(spool_merge, what_was_offered_is_known_or_said_not_to_be)
{
    char folder[64], file[PATH_MAX];
    folder_make(folder);
    struct spool_epoch epoch = make(folder);
    cr_expect_eq(spool_offered(epoch.path), UINT64_MAX, "there is no note");
    cr_expect_eq(spool_offer(epoch.path, 0, errmsg), 0);
    cr_expect_eq(spool_offered(epoch.path), 0);
    cr_expect_eq(spool_offer(epoch.path, 77, errmsg), 0);
    cr_expect_eq(spool_offered(epoch.path), 77);
    snprintf(file, sizeof file, "%.4000s/offered", epoch.path);
    int fd = open(file, O_WRONLY);
    cr_assert_eq(pwrite(fd, "x", 1, 3), 1);
    close(fd);
    cr_expect_eq(spool_offered(epoch.path), UINT64_MAX, "it is damaged");
    powercut_failing_syncs = 1;
    cr_expect_neq(spool_offer(epoch.path, 78, errmsg), 0);
    cr_expect_neq(access(file, F_OK), 0, "it may say less than was offered");
    cr_expect_eq(spool_offer(epoch.path, 78, errmsg), 0);
    folder_remove(folder);
}

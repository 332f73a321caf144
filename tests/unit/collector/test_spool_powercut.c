#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/spool.h"
#include "common/err.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/powercut.h"
#include "tests/unit/collector/sealed.h"

/* The payloads of the records that are written until the cut, and of those after it. */
#define LARGE ((size_t)8 << 20)
static const size_t payloads[] = {10, 300, 7000, LARGE, 40, 50, LARGE - 100, 60, 70};
#define RECORDS (sizeof payloads / sizeof *payloads)
#define LATER   99

static char errmsg[ERRMSG_SIZE];
static char darknet[] = "198.51.100.0/24";
static const char name[] = "aa010203-0405-4607-8809-0a0b0c0d0e0f";
static struct spool_identity identity = {
    .epoch = {0xaa, 1, 2, 3, 4, 5, 0x46, 7, 0x88, 9, 10, 11, 12, 13, 14, 15},
    .sensor = "tester",
    .darknet = darknet,
    .first_ns = 1000,
};

static uint64_t *offered; /* the last record that was said to be on disk; outlives the cut */

static struct buf records[RECORDS]; /* made once: they are large */

static int append_later(struct spool_writer *writer)
{
    struct buf sealed;
    buf_init(&sealed);
    sealed_put(&sealed, identity.epoch, spool_writer_last(writer) + 1, LATER);
    int rc = spool_append(writer, sealed.bytes, sealed.size, errmsg);
    buf_close(&sealed);
    return rc;
}

static void publish(struct spool_writer *writer)
{
    if (spool_sync(writer, errmsg) == 0)
        *offered = spool_writer_last(writer);
}

/* What a sensor's two processes do with a spool: a start, records, a restart in between. */
static void work(const char *spool)
{
    struct spool_writer *writer;
    struct spool_epoch epoch;
    for (size_t i = 0; i < RECORDS; i++) {
        if (i == 0 || i == 5) {
            if (i > 0)
                spool_writer_close(writer);
            if (spool_writer_open(&writer, spool, &identity, errmsg) != 0)
                exit(1);
            spool_reserve(writer);
            publish(writer);
        }
        if (spool_append(writer, records[i].bytes, records[i].size, errmsg) != 0)
            exit(1);
        if (i % 2)
            publish(writer);
        if (i == 6 && spool_find(spool, identity.epoch, &epoch, errmsg) == 0) {
            spool_acknowledge(epoch.path, 5, errmsg);
            spool_prune(&epoch, 3, 0, INT64_MAX);
        }
    }
    publish(writer);
    spool_writer_close(writer);
}

/* Runs it to the cut; false when it ended before. */
static bool run(const char *spool, const char *left, unsigned n, enum powercut_mode mode)
{
    int status;
    *offered = 0;
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        powercut_arm(spool, name, left, n, mode);
        work(spool);
        _exit(0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status));
    cr_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == POWERCUT_EXIT, "status %d",
              WEXITSTATUS(status));
    return WEXITSTATUS(status) == POWERCUT_EXIT;
}

/* Every record from `first` on is there, once, as it was sealed first, and none is called lost. */
static void expect_records(const char *path, uint64_t first, uint64_t before, uint64_t through,
                           const char *what)
{
    struct spool_reader *reader = spool_reader_new(path, first);
    const uint8_t *bytes;
    size_t size;
    for (uint64_t seq = first; seq <= through; seq++) {
        cr_assert_eq(spool_read(reader, through, &bytes, &size, errmsg), 1, "%s: record %lu", what,
                     (unsigned long)seq);
        bool same =
            seq <= before
                ? size == records[seq - 1].size && memcmp(bytes, records[seq - 1].bytes, size) == 0
                : size == RECORD_HEADER_SIZE + LATER && sealed_is(bytes, size, identity.epoch, seq);
        cr_assert(same, "%s: record %lu is another", what, (unsigned long)seq);
    }
    spool_reader_free(reader);
}

static void restart(const char *left, const char *what)
{
    struct spool_writer *writer;
    struct spool_epoch epoch;
    cr_assert_eq(spool_writer_open(&writer, left, &identity, errmsg), 0, "%s: %s", what, errmsg);
    spool_reserve(writer);
    uint64_t before = spool_writer_last(writer);
    cr_assert_geq(before, *offered, "%s: %lu were offered, %lu are left", what,
                  (unsigned long)*offered, (unsigned long)before);
    cr_assert_leq(before, RECORDS, "%s", what);
    cr_assert_eq(append_later(writer), 0, "%s: %s", what, errmsg);
    cr_assert_eq(spool_sync(writer, errmsg), 0);
    cr_assert_eq(spool_find(left, identity.epoch, &epoch, errmsg), 0);
    free(epoch.identity.darknet);
    cr_assert_eq(epoch.last, before + 1, "%s", what);
    cr_assert_leq(epoch.acked, *offered, "%s", what);
    cr_assert_leq(epoch.first, 4, "%s: nothing but what was acknowledged is deleted", what);
    expect_records(epoch.path, epoch.first, before, before + 1, what);
    spool_writer_close(writer);
}

Test(spool_powercut, behind_every_call_nothing_offered_is_lost_or_doubled, .timeout = 300)
{
    offered =
        mmap(NULL, sizeof *offered, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(offered, MAP_FAILED);
    for (size_t i = 0; i < RECORDS; i++)
        sealed_put(&records[i], identity.epoch, i + 1, payloads[i]);
    unsigned calls = 0;
    for (int mode = 0; mode < POWERCUT_MODES; mode++) {
        bool more = true;
        unsigned n = 0;
        while (more) {
            char spool[64], left[64], what[64];
            folder_make_quick(spool);
            folder_make_quick(left);
            snprintf(what, sizeof what, "mode %d, call %u", mode, ++n);
            more = run(spool, left, n, (enum powercut_mode)mode);
            if (more)
                restart(left, what);
            folder_remove(spool);
            folder_remove(left);
        }
        calls += n - 1;
    }
    cr_assert_gt(calls, POWERCUT_MODES * 40, "%u calls were cut", calls);
    for (size_t i = 0; i < RECORDS; i++)
        buf_close(&records[i]);
}

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "collector/child.h"
#include "collector/interval.h"
#include "collector/journal.h"
#include "collector/recover.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/stream_of.h"

#define S INT64_C(1000000000)

static char folder[64], spool[128], errmsg[ERRMSG_SIZE];
static struct sensor sensor;

static void begin(void)
{
    static char name[] = "tester", darknet[] = "198.51.0.0/16";
    folder_make(folder);
    snprintf(spool, sizeof spool, "%s/spool", folder);
    signal(SIGPIPE, SIG_IGN);
    sensor = (struct sensor){.name = name, .darknet_text = darknet, .spool = spool, .signals = -1};
    sensor.darknet = stream_darknet(darknet);
    int lock = spool_lock(spool, errmsg);
    struct ship_options options = {.spool = spool, .aggregator = "unix:///nonexistent/socket"};
    cr_assert_eq(child_start(&sensor.child, &options, errmsg), 0, "%s", errmsg);
    close(lock);
}

static void end(void)
{
    child_free(sensor.child);
    prefixset_free(sensor.darknet);
    folder_remove(folder);
}

TestSuite(journal, .init = begin, .fini = end);

static struct journal *open_journal(void)
{
    struct journal *journal;
    cr_assert_eq(journal_open(&journal, &sensor, STREAM_START, errmsg), 0, "%s", errmsg);
    return journal;
}

/* An empty record of a minute, from STREAM_START; a broken one breaks a rule. */
static void append(struct journal *journal, int minute, bool broken)
{
    struct record *record = malloc(sizeof *record);
    record_init(record);
    strcpy(record->sensor, "tester");
    record->width_s = 60;
    record->start_s = STREAM_START / S + minute * 60;
    record->first_ns = record->start_s * S;
    record->last_ns = record->first_ns - broken;
    cr_assert_eq(journal_append(journal, record), 0);
    record_close(record);
    free(record);
}

static uint64_t last_on_disk(void)
{
    struct spool_epoch *epochs;
    struct spool_writer *writer;
    size_t count;
    cr_assert_eq(spool_list(spool, &epochs, &count, errmsg), 0);
    cr_assert_eq(count, 1);
    cr_assert_eq(spool_writer_open(&writer, spool, &epochs[0].identity, errmsg), 0, "%s", errmsg);
    uint64_t last = spool_writer_last(writer);
    spool_writer_close(writer);
    spool_list_free(epochs, count);
    return last;
}

static void bound_files(rlim_t size)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(journal, what_is_appended_is_in_the_spool)
{
    struct journal *journal = open_journal();
    for (int minute = 0; minute < 3; minute++) {
        cr_expect_eq(journal_next_seq(journal), minute + 1);
        append(journal, minute, false);
    }
    journal_close(journal); /* as if it were killed: nothing was published */
    cr_expect_eq(last_on_disk(), 3);
}

Test(journal, goes_on_in_its_epoch)
{
    struct journal *journal = open_journal();
    char path[PATH_MAX];
    strcpy(path, journal_path(journal));
    append(journal, 0, false);
    cr_expect_eq(journal_finish(journal, errmsg), 0);
    journal_close(journal);
    journal = open_journal();
    cr_expect_str_eq(journal_path(journal), path);
    cr_expect_eq(journal_next_seq(journal), 2);
    journal_close(journal);
}

/* Sequences are told as if the disk had taken all before. */
Test(journal, full_disk_is_waited_for_in_memory)
{
    struct journal *journal = open_journal();
    append(journal, 0, false);
    bound_files(1);
    append(journal, 1, false);
    append(journal, 2, false);
    cr_expect_eq(journal_next_seq(journal), 4);
    cr_expect_eq(journal_finish(journal, errmsg), ERR_FULL);
    bound_files(RLIM_INFINITY);
    journal_publish(journal);
    cr_expect_eq(journal_next_seq(journal), 4);
    cr_expect_eq(journal_finish(journal, errmsg), 0, "%s", errmsg);
    journal_close(journal);
    cr_expect_eq(last_on_disk(), 3);
}

/* A mistake of ours, in one record, must not keep all that follow from the disk. */
Test(journal, record_that_can_never_be_sealed_holds_up_no_other)
{
    struct journal *journal = open_journal();
    append(journal, 0, false);
    append(journal, 1, true);
    append(journal, 2, false);
    cr_expect_eq(journal_finish(journal, errmsg), 0);
    cr_expect_eq(journal_next_seq(journal), 3);
    journal_close(journal);
    cr_expect_eq(last_on_disk(), 2);
}

/* What a killed sensor left in its epoch is appended there, before anything is counted anew. */
Test(journal, recovery_puts_the_open_interval_into_the_epoch)
{
    struct journal *journal = open_journal();
    struct interval *interval;
    char path[PATH_MAX];
    uint64_t seed = 1;
    append(journal, 0, false);
    snprintf(path, sizeof path, "%s/" INTERVAL_FILE "0-0", journal_path(journal));
    cr_assert_eq(interval_new(&interval, sensor.darknet, path, errmsg), 0);
    interval_open(interval, STREAM_START + 60 * S, STREAM_START + 61 * S);
    stream_add(interval, &darknet_cases[0], &seed, 1000);
    interval_free(interval);
    journal_close(journal);
    cr_assert_eq(recover_spool(&sensor, errmsg), 0, "%s", errmsg);
    cr_expect_eq(last_on_disk(), 2);
    cr_expect_neq(access(path, F_OK), 0);
    cr_assert_eq(recover_spool(&sensor, errmsg), 0, "%s", errmsg);
    cr_expect_eq(last_on_disk(), 2);
}

/* Counters of another darknet, that of the configuration now, are none of this epoch's. */
Test(journal, epoch_of_another_darknet_is_recovered_with_its_own)
{
    static char other[] = "203.0.113.0/24";
    struct journal *journal = open_journal();
    struct interval *interval;
    char path[PATH_MAX];
    uint64_t seed = 1;
    snprintf(path, sizeof path, "%s/" INTERVAL_FILE "0-0", journal_path(journal));
    cr_assert_eq(interval_new(&interval, sensor.darknet, path, errmsg), 0);
    interval_open(interval, STREAM_START, STREAM_START);
    stream_add(interval, &darknet_cases[0], &seed, 10);
    interval_free(interval);
    journal_close(journal);
    prefixset_free(sensor.darknet);
    sensor.darknet_text = other;
    sensor.darknet = stream_darknet(other);
    cr_assert_eq(recover_spool(&sensor, errmsg), 0, "%s", errmsg);
    cr_expect_eq(last_on_disk(), 1);
}

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/interval_private.h"
#include "collector/recover.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/meters.h"
#include "tests/unit/collector/stream_of.h"

#define S    INT64_C(1000000000)
#define MOST 16

static const struct darknet_case *row = &darknet_cases[3];
static char folder[64], errmsg[ERRMSG_SIZE];
static struct prefixset *darknet;

static struct {
    size_t count;
    struct {
        int64_t start_s, first_ns, last_ns;
        uint64_t packets;
        uint32_t flags;
        uint64_t of_sources; /* packets */
        uint64_t sources;
    } records[MOST];
    uint64_t packets, of_sources;
    int fail_at, fail_with; /* the record, from 1, that is answered so */
    size_t calls;
} found;

static int sink(void *user, struct record *record)
{
    (void)user;
    struct buf sealed;
    buf_init(&sealed);
    record->seq = 1;
    cr_assert_eq(record_seal(record, &sealed, errmsg), 0, "%s", errmsg);
    buf_close(&sealed);
    if (++found.calls == (size_t)found.fail_at)
        return found.fail_with;
    cr_assert_lt(found.count, MOST);
    found.records[found.count].start_s = record->start_s;
    found.records[found.count].first_ns = record->first_ns;
    found.records[found.count].last_ns = record->last_ns;
    found.records[found.count].packets = record->packets;
    found.records[found.count].of_sources = addrvec_packets(&record->sources);
    found.records[found.count].sources = addrvec_active(&record->sources);
    found.records[found.count++].flags = record->flags;
    found.packets += record->packets;
    found.of_sources += addrvec_packets(&record->sources);
    return 0;
}

static void begin(void)
{
    folder_make(folder);
    darknet = stream_darknet(row->prefixes);
    memset(&found, 0, sizeof found);
}

static void end(void)
{
    prefixset_free(darknet);
    folder_remove(folder);
}

TestSuite(recover, .init = begin, .fini = end, .timeout = 200);

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static bool is_there(const char *name)
{
    struct stat st;
    return lstat(path_of(name), &st) == 0;
}

/* Leaves a file as a killed process does: minutes and seconds from STREAM_START. */
static void leave(const char *name, int minute, int first_s, int last_s, uint64_t packets,
                  uint64_t sealing)
{
    struct interval *interval;
    char path[128];
    uint64_t seed = packets;
    strcpy(path, path_of(name));
    int64_t start_ns = STREAM_START + minute * 60 * S;
    cr_assert_eq(interval_new(&interval, darknet, path, errmsg), 0);
    interval_open(interval, start_ns, start_ns + first_s * S);
    stream_add(interval, row, &seed, packets);
    interval_seen(interval, start_ns + last_s * S);
    interval_set_sealing(interval, sealing);
    interval_free(interval);
}

static int recover(uint64_t last)
{
    return recover_open(folder, "tester", darknet, last, sink, NULL, errmsg);
}

static void check(size_t index, int minute, int64_t first_ns, int64_t last_ns, uint64_t packets)
{
    cr_assert_lt(index, found.count);
    int64_t start_ns = STREAM_START + minute * 60 * S;
    cr_expect_eq(found.records[index].start_s * S, start_ns, "record %zu", index);
    cr_expect_eq(found.records[index].first_ns - start_ns, first_ns, "record %zu", index);
    cr_expect_eq(found.records[index].last_ns - start_ns, last_ns, "record %zu", index);
    cr_expect_eq(found.records[index].packets, packets, "record %zu", index);
    cr_expect_eq(found.records[index].flags, RECORD_RECOVERED);
    cr_expect_eq(found.records[index].of_sources, packets, "record %zu", index);
}

/* --- what is sealed --------------------------------------------------------------------------- */

Test(recover, open_interval_is_sealed_with_its_true_seconds)
{
    leave("open-0-0", 0, 7, 23, 100, 0);
    cr_assert_eq(recover(4), 0);
    cr_expect_eq(found.count, 1);
    check(0, 0, 7 * S, 23 * S, 100);
    cr_expect_not(is_there("open-0-0"));
    cr_assert_eq(recover(5), 0);
    cr_expect_eq(found.count, 1);
}

Test(recover, nothing_there_is_nothing_to_do)
{
    cr_expect_eq(recover(4), 0);
    cr_expect_eq(found.count, 0);
    cr_expect_lt(recover_open("/nonexistent", "tester", darknet, 0, sink, NULL, errmsg), 0);
}

Test(recover, lanes_of_an_interval_are_one_record)
{
    leave("open-0-0", 0, 7, 23, 100, 0);
    leave("open-1-0", 0, 7, 29, 50, 0);
    leave("open-2-2", 0, 7, 11, 0, 0);
    cr_assert_eq(recover(4), 0);
    cr_expect_eq(found.count, 1);
    check(0, 0, 7 * S, 29 * S, 150);
}

Test(recover, closed_files_are_deleted)
{
    struct interval *interval;
    char path[128];
    strcpy(path, path_of("open-0-2"));
    cr_assert_eq(interval_new(&interval, darknet, path, errmsg), 0);
    interval_free(interval);
    cr_assert_eq(recover(4), 0);
    cr_expect_eq(found.count, 0);
    cr_expect_not(is_there("open-0-2"));
}

/* The process was killed behind the append, or before it. */
Test(recover, interval_whose_record_is_in_the_spool_is_not_sealed_again)
{
    leave("open-0-2", 0, 0, 59, 100, 5);
    leave("open-1-2", 0, 0, 59, 200, 5);
    leave("open-0-0", 1, 0, 9, 10, 0);
    cr_assert_eq(recover(5), 0);
    cr_expect_eq(found.count, 1);
    check(0, 1, 0, 9 * S, 10);
    found.count = 0;
    leave("open-0-2", 0, 0, 59, 100, 5);
    leave("open-1-2", 0, 0, 59, 200, 0);
    leave("open-0-0", 1, 0, 9, 10, 0);
    cr_assert_eq(recover(4), 0);
    cr_expect_eq(found.count, 2);
    check(0, 0, 0, 60 * S - 1, 300);
    check(1, 1, 0, 9 * S, 10);
}

/* An interval that goes on right behind says that the one before was observed to its end; one that
 * begins later does not. */
Test(recover, gap_behind_an_interval_is_not_observed)
{
    leave("open-0-2", 0, 0, 30, 1, 5);
    leave("open-0-0", 1, 15, 20, 2, 0);
    cr_assert_eq(recover(4), 0);
    check(0, 0, 0, 30 * S, 1);
    check(1, 1, 15 * S, 20 * S, 2);
}

/* A pause, or full counters. */
Test(recover, two_of_a_minute_are_two_records)
{
    leave("open-0-0", 0, 40, 45, 2, 0);
    leave("open-1-0", 0, 40, 41, 4, 0);
    leave("open-0-2", 0, 10, 20, 1, 5);
    leave("open-1-2", 0, 10, 19, 3, 5);
    cr_assert_eq(recover(4), 0);
    cr_expect_eq(found.count, 2);
    check(0, 0, 10 * S, 20 * S, 4);
    check(1, 0, 40 * S, 45 * S, 6);
}

/* --- what goes wrong -------------------------------------------------------------------------- */

Test(recover, what_cannot_be_appended_stays_for_the_next_time)
{
    leave("open-0-0", 0, 0, 30, 1, 0);
    leave("open-0-1", 1, 0, 5, 2, 0);
    found.fail_at = 2;
    found.fail_with = ERR_FULL;
    cr_assert_eq(recover(4), ERR_FULL);
    cr_expect(strstr(errmsg, folder));
    cr_expect_eq(found.count, 1);
    cr_expect_not(is_there("open-0-0"));
    cr_expect(is_there("open-0-1"));
    cr_assert_eq(recover(5), 0);
    cr_expect_eq(found.count, 2);
    cr_expect_eq(found.packets, 3);
}

/* Written, and killed before it could delete the file: it had noted the sequence. */
Test(recover, recovery_that_was_killed_seals_once)
{
    leave("open-0-0", 0, 0, 30, 1, 0);
    found.fail_at = 1;
    found.fail_with = ERR_IO;
    cr_assert_eq(recover(4), ERR_IO);
    cr_assert_eq(recover(5), 0);
    cr_expect_eq(found.count, 0);
    cr_expect_not(is_there("open-0-0"));
}

Test(recover, what_makes_no_record_is_set_aside)
{
    leave("open-0-0", 0, 0, 30, 1, 0);
    leave("open-0-1", 1, 0, 5, 2, 0);
    found.fail_at = 1;
    found.fail_with = ERR_INVALID;
    cr_assert_eq(recover(4), 0);
    cr_expect_eq(found.count, 1);
    cr_expect_eq(found.packets, 2);
    cr_expect(is_there("open-0-0.damaged"));
    cr_expect_not(is_there("open-0-0") || is_there("open-0-1"));
}

/* A file of counters has its name only from when it is whole. */
Test(recover, killed_while_it_makes_its_files_leaves_nothing_to_set_aside)
{
    leave("open-0-0", 0, 0, 30, 7, 0);
    cr_assert_eq(rename(path_of("open-0-0"), path_of("open-0-1.new")), 0);
    leave("open-0-0", 0, 0, 30, 5, 0);
    cr_assert_eq(recover(4), 0);
    cr_expect_eq(found.packets, 5);
    cr_expect_not(is_there("open-0-1.new"));
    cr_expect_not(is_there("open-0-1.new.damaged"));
}

static void spoil(const char *name, off_t at)
{
    int fd = open(path_of(name), O_RDWR);
    uint64_t other = 0x1234567;
    cr_assert_eq(pwrite(fd, &other, sizeof other, at), (ssize_t)sizeof other);
    close(fd);
}

Test(recover, files_that_cannot_be_believed_are_set_aside)
{
    leave("open-0-0", 0, 0, 30, 7, 0);
    leave("open-1-0", 0, 0, 30, 7, 0);
    spoil("open-1-0", (off_t)offsetof(struct image, classes));
    leave("open-2-0", 0, 0, 30, 7, 0);
    cr_assert_eq(truncate(path_of("open-2-0"), 1000), 0);
    leave("open-3-0", 0, 0, 30, 7, 0);
    spoil("open-3-0", 0);
    cr_assert_eq(symlink("/etc/passwd", path_of("open-4-0")), 0);
    cr_assert_eq(mkdir(path_of("open-5-0"), 0700), 0);
    cr_assert_eq(mkfifo(path_of("open-6-0"), 0600), 0);
    leave("open-7-0", 0, 0, 30, 7, 0);
    cr_assert_eq(truncate(path_of("open-7-0"), (off_t)1 << 40), 0);
    leave("open-8-0.damaged", 0, 0, 30, 7, 0);
    leave("open-neighbour", 0, 0, 30, 7, 0);
    cr_assert_eq(recover(4), 0, "%s", errmsg);
    cr_expect_eq(found.count, 1);
    cr_expect_eq(found.packets, 7);
    for (int lane = 1; lane <= 7; lane++) {
        char name[32];
        snprintf(name, sizeof name, "open-%d-0", lane);
        cr_expect_not(is_there(name), "%s", name);
        strcat(name, ".damaged");
        cr_expect(is_there(name), "%s", name);
    }
    cr_expect(is_there("open-8-0.damaged") && is_there("open-neighbour"));
}

/* --- a meter that is killed ------------------------------------------------------------------- */

/* A damaged table of sources: the record has none, and everything else. */
Test(recover, sources_that_cannot_be_believed_are_left_out)
{
    struct interval *interval;
    leave("open-0-0", 0, 0, 30, 7, 0);
    cr_assert_eq(interval_load(&interval, darknet, path_of("open-0-0"), errmsg), 0);
    off_t at = (uint8_t *)interval->sources.tables4 - interval->region.at;
    interval_free(interval);
    spoil("open-0-0", at);
    leave("open-1-0", 0, 0, 30, 5, 0);
    cr_assert_eq(recover(4), 0, "%s", errmsg);
    cr_assert_eq(found.count, 1);
    cr_expect_eq(found.packets, 12);
    cr_expect_eq(found.records[0].sources, 0);
}

/* What a killed meter leaves: its files, and the records that its sink had written, one after the
 * other; the child tells how many packets meter_packet has returned for. */
struct killed {
    volatile uint64_t returned;
    int spool;
    uint64_t seq;
};
static struct killed *killed;

static int write_record(void *user, struct record *record)
{
    struct killed *into = user;
    struct buf sealed;
    buf_init(&sealed);
    record->seq = into->seq + 1;
    if (record_seal(record, &sealed, errmsg) != 0 ||
        write(into->spool, sealed.bytes, sealed.size) != (ssize_t)sealed.size)
        _exit(1);
    into->seq++;
    buf_close(&sealed);
    return 0;
}

static uint64_t next_seq(void *user)
{
    return ((struct killed *)user)->seq + 1;
}

/* Two lanes in turn; every 50 packets the clock goes on by 3 seconds and intervals are sealed. */
static void count_until_killed(uint64_t seed)
{
    struct meter *meter;
    struct meter_options options = {.sensor = "tester",
                                    .darknet = darknet,
                                    .lanes = 2,
                                    .dir = folder,
                                    .max_quiet_ns = 10 * S,
                                    .sink = write_record,
                                    .next_seq = next_seq,
                                    .user = killed};
    uint8_t bytes[20] = {0x45, [3] = 20, [9] = 47, [12] = 203, 0, 113, 1, 198, 51, 100};
    if (meter_new(&meter, &options, errmsg) != 0 || meter_begin(meter, STREAM_START) != 0)
        _exit(1);
    for (uint64_t i = 1;; i++) {
        int64_t now = STREAM_START + (int64_t)(i / 50) * 3 * S;
        bytes[19] = (uint8_t)random_next(&seed);
        struct capture_packet packet = {now, 20, 20, bytes};
        meter_enter(meter, i % 2);
        int rc = meter_packet(meter, i % 2, STREAM_RAW, &packet);
        meter_leave(meter, i % 2);
        if (rc)
            _exit(1);
        killed->returned = i;
        if (i % 25 == 0 && meter_advance(meter, now - S) != 0)
            _exit(1);
        if (i % 5000 == 0 && meter_pause(meter, now) != 0)
            _exit(1);
    }
}

/* The records in the file that are whole: how many, and their packets; all are of one source. */
static uint64_t read_spool(uint64_t *packets)
{
    struct record *record = malloc(sizeof *record);
    struct stat st;
    cr_assert_eq(fstat(killed->spool, &st), 0);
    size_t size = (size_t)st.st_size, at = 0;
    uint8_t *bytes = malloc(size + 1);
    cr_assert_eq(pread(killed->spool, bytes, size, 0), (ssize_t)size);
    struct record_header header;
    uint64_t count = 0;
    while (record_peek(bytes + at, size - at, &header) == 0 && header.size <= size - at) {
        record_init(record);
        cr_assert_eq(record_open(record, bytes + at, header.size, errmsg), 0, "%s", errmsg);
        *packets += record->packets;
        cr_assert_eq(addrvec_packets(&record->sources), record->packets);
        record_close(record);
        at += header.size;
        cr_assert_eq(header.seq, ++count);
    }
    free(bytes);
    free(record);
    return count;
}

Test(recover, meter_killed_at_any_moment_counts_every_packet_once)
{
    uint64_t state = 5;
    killed = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(killed, MAP_FAILED);
    for (int round = 0; round < 100; round++) {
        uint64_t packets = 0;
        memset(&found, 0, sizeof found);
        killed->returned = killed->seq = 0;
        killed->spool = open(path_of("records"), O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
        cr_assert_geq(killed->spool, 0);
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0)
            count_until_killed((uint64_t)round);
        while (killed->returned == 0 && waitpid(child, NULL, WNOHANG) == 0)
            ;
        struct timespec moment = {0, (long)random_below(&state, 30000000)};
        nanosleep(&moment, NULL); /* the moment of the fault */
        kill(child, SIGKILL);
        cr_assert_eq(waitpid(child, NULL, 0), child);
        uint64_t last = read_spool(&packets);
        cr_assert_eq(recover(last), 0, "%s", errmsg);
        packets += found.packets;
        cr_assert_eq(found.of_sources, found.packets, "round %d", round);
        cr_assert(packets == killed->returned || packets == killed->returned + 1,
                  "round %d: %lu of %lu", round, (unsigned long)packets,
                  (unsigned long)killed->returned);
        close(killed->spool);
    }
}

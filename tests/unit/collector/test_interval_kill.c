/*
 * Whatever moment a process is killed at, what it left gives the record of exactly the packets that it
 * had added.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/interval_private.h"
#include "tests/unit/collector/folder.h"
#include "tests/unit/collector/stream_of.h"

static char folder[64], path[96], copy[96], errmsg[ERRMSG_SIZE];

/* What the child tells: how many packets interval_add and its kin have returned for. */
static volatile uint64_t *returned;

static void begin(void)
{
    folder_make(folder);
    snprintf(path, sizeof path, "%s/" INTERVAL_FILE "0-0", folder);
    snprintf(copy, sizeof copy, "%s/copy", folder);
    returned = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(returned, MAP_FAILED);
}

static void end(void)
{
    folder_remove(folder);
}

TestSuite(interval_kill, .init = begin, .fini = end, .timeout = 300);

static struct interval *make(const struct prefixset *darknet, const char *where)
{
    struct interval *interval;
    cr_assert_eq(interval_new(&interval, darknet, where, errmsg), 0);
    interval_open(interval, STREAM_START, STREAM_START);
    return interval;
}

/* The sealed record of the first `count` packets. */
static struct buf want_of(const struct darknet_case *row, const struct prefixset *darknet,
                          uint64_t seed, uint64_t count)
{
    struct interval *interval = make(darknet, NULL);
    stream_add(interval, row, &seed, count);
    struct buf want = stream_sealed(interval);
    interval_free(interval);
    return want;
}

/* What is left in `from`: how many packets were added, to the darknet or not, and the sealed record. */
static uint64_t load(const char *from, const struct prefixset *darknet, struct buf *have)
{
    struct interval *interval;
    cr_assert_eq(interval_load(&interval, darknet, from, errmsg), 0, "%s", errmsg);
    uint64_t packets = interval_packets(interval) + interval->image->reasons[INTERVAL_OFF_DARKNET];
    *have = stream_sealed(interval);
    interval_free(interval);
    return packets;
}

/* --- at random moments ------------------------------------------------------------------------ */

static void count_until_killed(struct interval *interval, const struct darknet_case *row,
                               uint64_t seed)
{
    for (uint64_t i = 1;; i++) {
        stream_add(interval, row, &seed, 1);
        *returned = i;
    }
}

/* Kills a process that counts after `ns`; how many packets it had added, for sure. */
static uint64_t kill_after(long ns, const struct darknet_case *row, const struct prefixset *darknet,
                           uint64_t seed)
{
    *returned = 0;
    struct interval *interval = make(darknet, path);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        count_until_killed(interval, row, seed);
    while (*returned == 0)
        ;
    nanosleep(&(struct timespec){0, ns}, NULL); /* the moment of the fault */
    kill(child, SIGKILL);
    cr_assert_eq(waitpid(child, NULL, 0), child);
    interval_free(interval);
    return *returned;
}

Test(interval_kill, nothing_that_was_counted_is_lost)
{
    uint64_t state = 99;
    for (int round = 0; round < 200; round++) {
        const struct darknet_case *row = &darknet_cases[round % DARKNET_CASES];
        struct prefixset *darknet = stream_darknet(row->prefixes);
        long ns = (long)random_below(&state, 3000000);
        uint64_t published = kill_after(ns, row, darknet, (uint64_t)round);
        struct buf have;
        uint64_t packets = load(path, darknet, &have);
        cr_assert(packets == published || packets == published + 1, "%s: %lu of %lu", row->name,
                  (unsigned long)packets, (unsigned long)published);
        struct buf want = want_of(row, darknet, (uint64_t)round, packets);
        cr_assert(stream_same(&want, &have), "%s: another record of %lu", row->name,
                  (unsigned long)packets);
        buf_close(&want);
        buf_close(&have);
        prefixset_free(darknet);
    }
}

/* --- behind every instruction ----------------------------------------------------------------- */

/* Shadow: the file as it was behind the last instruction that changed it. Only pages that the packets
 * can hit are looked at, the others never change. */
struct shadow {
    uint8_t *now, *then; /* mappings of the file and of the copy */
    size_t size, count;
    size_t pages[4096];
};

static uint8_t *map_file(const char *name, size_t size, int flags)
{
    int fd = open(name, flags, 0600);
    cr_assert_geq(fd, 0);
    cr_assert(!(flags & O_CREAT) || ftruncate(fd, (off_t)size) == 0);
    uint8_t *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq(at, MAP_FAILED);
    close(fd);
    return at;
}

#define GROWN 65536 /* bytes: the IPv4 tables of sources that are hit lie in them */

/* Whether there is anything in the file from `at` on, which is set to where it is then. */
static bool next_data(int fd, size_t *at)
{
    off_t data = lseek(fd, (off_t)*at, SEEK_DATA);
    *at = (size_t)data & ~(size_t)4095;
    return data >= 0;
}

/* The pages that counting the packets changes, found by counting them elsewhere: those that have something
 * at the end, and the tables of sources that were too small. */
static void shadow_open(struct shadow *shadow, const struct darknet_case *row,
                        const struct prefixset *darknet, uint64_t seed, uint64_t count)
{
    struct interval *interval = make(darknet, copy);
    size_t tables4 = (size_t)((uint8_t *)interval->sources.tables4 - interval->region.at);
    stream_add(interval, row, &seed, count);
    interval_settle(interval, NULL);
    struct stat st;
    cr_assert_eq(stat(copy, &st), 0);
    shadow->size = (size_t)st.st_size;
    shadow->count = 0;
    for (size_t page = 0; next_data(interval->region.fd, &page); page += 4096) {
        static const uint8_t zeros[4096];
        if (page < sizeof(struct image) - sizeof interval->image->details ||
            (page >= tables4 && page < tables4 + GROWN) ||
            memcmp(interval->region.at + page, zeros, 4096) != 0)
            shadow->pages[shadow->count++] = page;
        cr_assert_leq(shadow->count, 4095);
    }
    interval_discard(interval);
    shadow->then = map_file(copy, shadow->size, O_RDWR | O_CREAT);
}

/* Takes over what the last instruction changed; false when it was nothing. */
static bool shadow_follow(struct shadow *shadow)
{
    bool changed = false;
    for (size_t i = 0; i < shadow->count; i++) {
        size_t at = shadow->pages[i];
        if (memcmp(shadow->then + at, shadow->now + at, 4096) == 0)
            continue;
        memcpy(shadow->then + at, shadow->now + at, 4096);
        changed = true;
    }
    return changed;
}

/* A child that counts packets `from` to `count`, stopped before the first one; those before are in. */
static pid_t start_child(struct interval *interval, const struct darknet_case *row, uint64_t *seed,
                         uint64_t from, uint64_t count)
{
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child > 0)
        return child;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(77);
    raise(SIGSTOP);
    for (uint64_t i = from; i <= count; i++) {
        stream_add_packet(interval, stream_packet(row, seed), i % 2);
        *returned = i;
    }
    _exit(0);
}

/* Single-steps the child through its packets; behind each instruction that changed the file, what it
 * holds must give the packets that were added. Returns how often it changed. */
static uint64_t step_through(pid_t child, struct shadow *shadow, const struct prefixset *darknet,
                             const struct buf *wanted)
{
    uint64_t changes = 0;
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    while (WIFSTOPPED(status)) {
        if (shadow_follow(shadow)) {
            struct buf have;
            uint64_t packets = load(copy, darknet, &have);
            cr_assert(packets == *returned || packets == *returned + 1, "%lu of %lu",
                      (unsigned long)packets, (unsigned long)*returned);
            cr_assert(stream_same(&wanted[packets], &have), "another record of %lu",
                      (unsigned long)packets);
            buf_close(&have);
            changes++;
            for (size_t i = 0; i < shadow->count; i++) /* loading has finished the batch there */
                memcpy(shadow->then + shadow->pages[i], shadow->now + shadow->pages[i], 4096);
        }
        cr_assert_eq(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
        cr_assert_eq(waitpid(child, &status, 0), child);
    }
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return changes;
}

#define MOST_STEPPED 140

/* Steps through `stepped` packets behind `before` of them; how often they changed the file. */
static uint64_t step_case(const struct darknet_case *row, uint64_t seed, uint64_t before,
                          uint64_t stepped)
{
    struct prefixset *darknet = stream_darknet(row->prefixes);
    struct buf wanted[MOST_STEPPED + 1];
    struct shadow shadow;
    uint64_t count = before + stepped, state = seed;
    cr_assert_leq(count, MOST_STEPPED);
    for (uint64_t i = before; i <= count; i++)
        wanted[i] = want_of(row, darknet, seed, i);
    shadow_open(&shadow, row, darknet, seed, count);
    struct interval *interval = make(darknet, path);
    cr_assert_eq(region_reserve(&interval->region, 0, shadow.size), 0);
    stream_add(interval, row, &state, before);
    *returned = before;
    shadow.now = map_file(path, shadow.size, O_RDWR);
    shadow_follow(&shadow);
    pid_t child = start_child(interval, row, &state, before + 1, count);
    uint64_t changes = step_through(child, &shadow, darknet, wanted);
    cr_expect_eq(*returned, count);
    interval_free(interval);
    munmap(shadow.now, shadow.size);
    munmap(shadow.then, shadow.size);
    for (uint64_t i = before; i <= count; i++)
        buf_close(&wanted[i]);
    prefixset_free(darknet);
    unlink(path);
    unlink(copy);
    return changes;
}

/* Under sanitizers a packet takes many times the instructions, and other code than ours. */
#ifdef __SANITIZE_ADDRESS__
#define STEPPING_DISABLED true
#else
#define STEPPING_DISABLED false
#endif

Test(interval_kill, every_instruction_leaves_what_was_added, .disabled = STEPPING_DISABLED)
{
    static const int cases[] = {0, 3, 4}; /* the array, the table, both */
    for (int i = 0; i < 3; i++)
        /* An item and its waiting; address, class, protocol and source: at least six stores a packet. */
        cr_expect_gt(step_case(&darknet_cases[cases[i]], 40, 0, INTERVAL_BATCH + 4),
                     6 * INTERVAL_BATCH, "%s", darknet_cases[cases[i]].name);
}

/* The 128th packet fills a batch, and the table of sources becomes too small for the next one. */
Test(interval_kill, every_instruction_of_a_growing_table_of_sources_leaves_what_was_added,
     .disabled = STEPPING_DISABLED)
{
    /* And 120 sources or so, each put into the next table by a store of its own. */
    cr_expect_gt(step_case(&darknet_cases[0], 40, 122, 10), 6 * 10 + 110);
}

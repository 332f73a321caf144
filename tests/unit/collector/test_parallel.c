/* How many threads are taken. What they count is in tests/system/parallel. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/parallel.h"

static struct prefixset *set;
static struct capture_file files[300];
static struct capture_list list = {.files = files};

static void begin(void)
{
    static char there[] = "/proc/self/exe"; /* a regular file */
    list.count = sizeof files / sizeof files[0];
    for (size_t i = 0; i < list.count; i++)
        files[i].path = there;
}

static void end(void)
{
    prefixset_free(set);
}

TestSuite(parallel, .init = begin, .fini = end);

static unsigned threads(const char *darknet, const char *by, unsigned wanted)
{
    prefixset_free(set);
    set = prefixset_new();
    cr_assert_eq(prefixset_add(set, darknet, NULL), 0);
    cr_assert_eq(prefixset_finish(set, NULL), 0);
    struct breakdown_options options = {.darknet = set, .width_s = 60};
    return parallel_threads(&list, breakdown_find(by), &options, wanted);
}

Test(parallel, as_many_threads_as_wanted_but_not_more_than_files)
{
    cr_assert_eq(threads("10.0.0.0/16", "address", 3), 3);
    list.count = 2;
    cr_assert_eq(threads("10.0.0.0/16", "address", 3), 2);
    list.count = 0; /* an empty directory */
    cr_assert_eq(threads("10.0.0.0/16", "address", 3), 1);
}

Test(parallel, unless_told_as_many_as_there_are_cores)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned taken = threads("10.0.0.0/16", "class", 0);
    cr_assert_geq(taken, 1);
    cr_assert_leq(taken, cores);
}

/* The dense arrays of all threads stay within 12 bytes an address and 64 MiB. */
Test(parallel, memory_bounds_the_threads)
{
    cr_assert_eq(threads("10.0.0.0/8", "address", 8), 1);
    cr_assert_eq(threads("10.0.0.0/8,11.0.0.0/10", "address", 8), 1);
    cr_assert_eq(threads("10.0.0.0/12", "address", 8), 4);
    cr_assert_eq(threads("10.0.0.0/8", "class", 8), 8);
    cr_assert_eq(threads("10.0.0.0/24", "port", 250), 7);
    cr_assert_lt(threads("10.0.0.0/24", "class", 250), 32);
    cr_assert_eq(threads("0.0.0.0/0", "address", 250), 250);
}

Test(parallel, what_cannot_be_read_twice_is_read_by_one_thread)
{
    char dir[] = "/tmp/darkcount-test-XXXXXX", pipe[64], standard_input[] = "-";
    cr_assert_not_null(mkdtemp(dir));
    snprintf(pipe, sizeof pipe, "%s/pipe", dir);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    files[7].path = pipe;
    cr_assert_eq(threads("10.0.0.0/16", "address", 3), 1);
    files[7].path = standard_input;
    cr_assert_eq(threads("10.0.0.0/16", "address", 3), 1);
    unlink(pipe);
    files[7].path = pipe; /* nobody can read it */
    cr_assert_eq(threads("10.0.0.0/16", "address", 3), 3);
    rmdir(dir);
}

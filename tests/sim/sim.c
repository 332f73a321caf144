/*
 * Simulation of delivery, from the journal of a sensor to the keys of the store: one seed is one run,
 * and the same seed is the same run. See tests/sim/README.md.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/calendar.h"
#include "common/err.h"
#include "tests/sim/scenario.h"
#include "tests/sim/world.h"

#define JOBS_MAX       64
#define SCENARIO_SEEDS 20

struct arguments {
    uint64_t first, count;
    unsigned jobs;
};

static int usage(void)
{
    fputs("usage: sim-delivery [--first SEED] [--seeds COUNT] [--jobs COUNT] | [--scenario NAME] "
          "--seed SEED\n",
          stderr);
    return 2;
}

static void say_tally(void)
{
    printf("%" PRIu64 " runs, %" PRIu64 " events, %" PRIu64 " records; died with a process or its "
           "machine %" PRIu64 ", merged %" PRIu64 ", dropped by the limit %" PRIu64
           ", behind a store that went back %" PRIu64 "; %" PRIu64 " processes killed, %" PRIu64
           " connections cut, the store went back %" PRIu64 " times; slowest drain %.1f s\n",
           tally.runs, tally.steps, tally.records, tally.fates[1], tally.merged, tally.fates[2],
           tally.fates[3], tally.kills, tally.cuts, tally.went_back,
           (double)tally.drained_us_max / 1e6);
}

static const struct scenario *find_scenario(const char *name)
{
    for (const struct scenario *scenario = scenarios; scenario->name; scenario++)
        if (strcmp(scenario->name, name) == 0)
            return scenario;
    return NULL;
}

static void run_scenarios(void)
{
    for (const struct scenario *scenario = scenarios; scenario->name; scenario++)
        for (uint64_t seed = 0; seed < SCENARIO_SEEDS; seed++)
            scenario->run(seed);
}

/* Every `step`-th seed; `*at` is the one under way. */
static void run_seeds(uint64_t first, uint64_t end, unsigned step, volatile uint64_t *at)
{
    for (*at = first; *at < end; *at += step)
        scenario_run(*at);
    say_tally();
}

/* What a run that ended the program by a signal cannot say itself. */
static void say_died(uint64_t seed, int status)
{
    if (WIFSIGNALED(status))
        fprintf(stderr,
                "sim: seed %" PRIu64 " died of signal %d\n  again: make sim SEED=%" PRIu64 "\n",
                seed, WTERMSIG(status), seed);
}

static int run_jobs(const struct arguments *arguments)
{
    pid_t pids[JOBS_MAX];
    int failed = 0, status;
    volatile uint64_t *at = mmap(NULL, sizeof *at * JOBS_MAX, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(stdout);
    for (unsigned job = 0; job < arguments->jobs; job++)
        if ((pids[job] = fork()) == 0) {
            if (job == 0)
                run_scenarios();
            run_seeds(arguments->first + job, arguments->first + arguments->count, arguments->jobs,
                      &at[job]);
            exit(0);
        }
    for (unsigned job = 0; job < arguments->jobs; job++) {
        if (waitpid(pids[job], &status, 0) != pids[job])
            return 1;
        failed |= status != 0;
        say_died(at[job], status);
    }
    if (!failed)
        printf("sim: %" PRIu64 " seeds passed\n", arguments->count);
    return failed;
}

static int run_one(const struct scenario *scenario, uint64_t seed)
{
    world.trace = true;
    if (scenario)
        scenario->run(seed);
    else
        scenario_run(seed);
    say_tally();
    printf("sim: seed %" PRIu64 " passed\n", seed);
    return 0;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.first = 0, .count = 10000, .jobs = 1};
    const struct scenario *scenario = NULL;
    char errmsg[ERRMSG_SIZE];
    if (calendar_init("UTC", errmsg) != 0) {
        fprintf(stderr, "sim: %s\n", errmsg);
        return 1;
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t number = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seed") == 0)
            return run_one(scenario, number);
        else if (strcmp(argv[i], "--scenario") == 0 && (scenario = find_scenario(argv[i + 1])))
            continue;
        else if (strcmp(argv[i], "--first") == 0)
            arguments.first = number;
        else if (strcmp(argv[i], "--seeds") == 0)
            arguments.count = number;
        else if (strcmp(argv[i], "--jobs") == 0 && number > 0 && number <= JOBS_MAX)
            arguments.jobs = (unsigned)number;
        else
            return usage();
    }
    return argc % 2 ? run_jobs(&arguments) : usage();
}

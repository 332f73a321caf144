#include "collector/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "collector/progress.h"
#include "common/err.h"
#include "common/log.h"

/* --- how many threads ------------------------------------------------------------------------- */

/* All of count is to stay within ADDRESS_BYTES for each monitored address and BASE_BYTES, of which
 * PROGRAM_BYTES go to the program itself and READER_BYTES to the buffers of each open file. */
#define ADDRESS_BYTES 12
#define BASE_BYTES    (UINT64_C(64) << 20)
#define PROGRAM_BYTES (UINT64_C(12) << 20)
#define READER_BYTES  (UINT64_C(2) << 20)

static unsigned cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

/* Each thread has a dense array of its own. A darknet so large that several arrays break the rule
 * above is counted by fewer threads, down to one: memory is promised, speed is not. */
static uint64_t threads_in_memory(const struct breakdown_kind *kind,
                                  const struct breakdown_options *options)
{
    uint64_t room = ADDRESS_BYTES * prefixset_count4(options->darknet) + BASE_BYTES - PROGRAM_BYTES;
    return room / ((kind->memory ? kind->memory(options) : 0) + READER_BYTES);
}

/* Adds a file's size to `*total`. False where it is no file that can be read twice; one that is not
 * there is read by nobody. */
static bool add_size(const struct capture_file *file, uint64_t *total)
{
    struct stat status;
    if (strcmp(file->path, "-") == 0)
        return false;
    if (stat(file->path, &status))
        return true;
    *total += (uint64_t)status.st_size;
    return S_ISREG(status.st_mode);
}

/* Bytes of all files; 0 where that is not known. */
static uint64_t total_size(const struct capture_list *files, bool *known)
{
    uint64_t total = 0;
    *known = true;
    for (size_t i = 0; i < files->count; i++)
        *known = add_size(&files->files[i], &total) && *known;
    return *known ? total : 0;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

unsigned parallel_threads(const struct capture_list *files, const struct breakdown_kind *kind,
                          const struct breakdown_options *options, unsigned wanted)
{
    bool known;
    total_size(files, &known);
    uint64_t threads = lesser(wanted ? wanted : cores(), known ? PARALLEL_MAX : 1);
    threads = lesser(threads, files->count);
    threads = lesser(threads, threads_in_memory(kind, options));
    return threads ? (unsigned)threads : 1;
}

/* --- the threads ------------------------------------------------------------------------------ */

struct outcome {
    bool done;
    enum counting_outcome outcome;
    char *message; /* NULL: none, or no memory for it */
};

struct worker {
    struct run *run;
    pthread_t thread;
    struct counting counting;
    struct counting_meter meter;
};

struct run {
    const struct capture_list *files;
    const struct breakdown_kind *kind;
    struct breakdown_options *options;
    struct worker *workers;
    unsigned worker_count; /* of which the first so many count: */
    unsigned started;
    atomic_size_t next; /* the file to be taken next */
    atomic_bool stop;

    pthread_mutex_t mutex; /* of the following */
    pthread_cond_t news;   /* a file is done, or a worker is */
    unsigned working;
    struct outcome *outcomes; /* one per file */

    size_t told; /* messages of the first so many files */
    struct progress progress;
};

/* NULL when there is none left, or when all shall end. */
static const struct capture_file *take_file(struct run *run)
{
    size_t next = atomic_fetch_add(&run->next, 1);
    return next < run->files->count && !run->stop ? &run->files->files[next] : NULL;
}

/* A file that was left in the middle, since all shall end, is not done. */
static void put_outcome(struct run *run, size_t index, enum counting_outcome outcome,
                        const char *errmsg)
{
    struct outcome *to = &run->outcomes[index];
    if (run->stop)
        return;
    pthread_mutex_lock(&run->mutex);
    free(to->message);
    to->message = outcome == COUNTING_DONE ? NULL : strdup(errmsg);
    to->outcome = outcome;
    to->done = true;
    pthread_cond_signal(&run->news);
    pthread_mutex_unlock(&run->mutex);
}

static void *work(void *user)
{
    char errmsg[ERRMSG_SIZE];
    struct worker *worker = user;
    struct run *run = worker->run;
    const struct capture_file *file;
    while ((file = take_file(run))) {
        enum counting_outcome outcome = counting_file(&worker->counting, file, errmsg);
        put_outcome(run, (size_t)(file - run->files->files), outcome, errmsg);
    }
    pthread_mutex_lock(&run->mutex);
    run->working--;
    pthread_cond_signal(&run->news);
    pthread_mutex_unlock(&run->mutex);
    return NULL;
}

static bool start_one(struct run *run, struct worker *worker)
{
    pthread_mutex_lock(&run->mutex);
    run->working++;
    pthread_mutex_unlock(&run->mutex);
    if (pthread_create(&worker->thread, NULL, work, worker) == 0)
        return true;
    pthread_mutex_lock(&run->mutex);
    run->working--;
    pthread_mutex_unlock(&run->mutex);
    return false;
}

/* Where the system gives fewer threads, those will do; where it gives none, the caller's. */
static void start(struct run *run)
{
    run->started = 0;
    while (run->started < run->worker_count && start_one(run, &run->workers[run->started]))
        run->started++;
    if (run->started)
        return;
    run->working = 1;
    work(&run->workers[0]);
}

/* --- meanwhile, in the caller's thread -------------------------------------------------------- */

/* Takes the message of the next file, if that is done. */
static bool take_outcome(struct run *run, struct outcome *outcome)
{
    if (run->told == run->files->count)
        return false;
    pthread_mutex_lock(&run->mutex);
    *outcome = run->outcomes[run->told];
    if (outcome->done)
        run->outcomes[run->told].message = NULL;
    pthread_mutex_unlock(&run->mutex);
    return outcome->done;
}

/* Logs the messages of the files that are done, up to the first that is not. */
static void tell(struct run *run)
{
    struct outcome outcome;
    while (take_outcome(run, &outcome)) {
        const char *path = run->files->files[run->told++].path;
        if (outcome.outcome == COUNTING_DONE)
            continue;
        progress_hide(&run->progress);
        if (!outcome.message)
            log_error("counting %s: out of memory for what went wrong there", path);
        else if (outcome.outcome == COUNTING_LEFT_OUT)
            log_warn("%s; left out", outcome.message);
        else
            log_error("%s", outcome.message);
        free(outcome.message);
    }
}

static void show(struct run *run)
{
    uint64_t bytes = 0, packets = 0;
    for (unsigned i = 0; i < run->worker_count; i++) {
        bytes += atomic_load_explicit(&run->workers[i].meter.bytes, memory_order_relaxed);
        packets += atomic_load_explicit(&run->workers[i].meter.packets, memory_order_relaxed);
    }
    progress_show(&run->progress, bytes, packets);
}

/* Waits for news or, where a bar is shown, for its next update. Returns whether anyone works. */
static bool await_news(struct run *run)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PROGRESS_PERIOD_MS * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&run->mutex);
    if (run->working && run->progress.shows)
        pthread_cond_timedwait(&run->news, &run->mutex, &until);
    else if (run->working)
        pthread_cond_wait(&run->news, &run->mutex);
    bool working = run->working > 0;
    pthread_mutex_unlock(&run->mutex);
    return working;
}

static void attend(struct run *run)
{
    do {
        tell(run);
        show(run);
    } while (await_news(run));
    for (unsigned i = 0; i < run->started; i++)
        pthread_join(run->workers[i].thread, NULL);
    tell(run);
    progress_hide(&run->progress);
}

/* --- one counting of several ------------------------------------------------------------------ */

static bool open_worker(struct run *run, struct worker *worker)
{
    *worker = (struct worker){.run = run};
    if (counting_open(&worker->counting, run->kind, run->options))
        return false;
    worker->counting.meter = &worker->meter;
    worker->counting.stop = run->options->states > 1 ? &run->stop : NULL;
    return true;
}

/* Counts all files with so many threads, or with fewer where there is no memory. */
static int count_all(struct run *run, unsigned threads)
{
    run->options->states = threads;
    run->worker_count = 0;
    while (run->worker_count < threads && open_worker(run, &run->workers[run->worker_count]))
        run->worker_count++;
    if (run->worker_count == 0)
        return ERR_NOMEM;
    run->next = 0;
    run->stop = false;
    start(run);
    attend(run);
    return 0;
}

/* Makes one counting of all, the first, and closes the others. False where it would not be what one
 * thread had counted. */
static bool merge(struct run *run)
{
    struct counting *into = &run->workers[0].counting;
    bool merged = !run->stop;
    for (unsigned i = 1; i < run->worker_count; i++) {
        merged = merged && counting_merge(into, &run->workers[i].counting) == 0;
        counting_close(&run->workers[i].counting);
    }
    return merged;
}

static int count_merged(struct run *run, unsigned threads)
{
    int result = count_all(run, threads);
    if (result || merge(run))
        return result;
    counting_close(&run->workers[0].counting);
    return count_all(run, 1);
}

static int run_open(struct run *run, unsigned threads)
{
    bool known;
    pthread_condattr_t attributes;
    run->workers = aligned_alloc(_Alignof(struct worker), threads * sizeof *run->workers);
    run->outcomes = calloc(run->files->count ? run->files->count : 1, sizeof *run->outcomes);
    pthread_mutex_init(&run->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&run->news, &attributes);
    pthread_condattr_destroy(&attributes);
    progress_begin(&run->progress, total_size(run->files, &known));
    progress_show(&run->progress, 0, 0);
    return run->workers && run->outcomes ? 0 : ERR_NOMEM;
}

static void run_close(struct run *run)
{
    for (size_t i = 0; run->outcomes && i < run->files->count; i++)
        free(run->outcomes[i].message);
    pthread_cond_destroy(&run->news);
    pthread_mutex_destroy(&run->mutex);
    free(run->outcomes);
    free(run->workers);
}

int parallel_count(struct counting *counting, const struct capture_list *files,
                   const struct breakdown_kind *kind, struct breakdown_options *options,
                   unsigned threads)
{
    struct run run = {.files = files, .kind = kind, .options = options};
    int result = run_open(&run, threads);
    if (result == 0)
        result = count_merged(&run, threads);
    if (result == 0) {
        *counting = run.workers[0].counting;
        counting->meter = NULL;
        counting->stop = NULL;
    }
    run_close(&run);
    return result;
}

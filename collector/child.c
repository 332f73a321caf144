#include "collector/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"

#define DEATH_SOON_S 10
#define DEATHS_MAX   5

struct child {
    struct ship_options options;
    int lock;
    pid_t pid; /* 0: none */
    int notes; /* writing end */
    /* Everything a new child must be told: how far each epoch is on disk, then how to end. */
    struct told {
        struct ship_note note;
        bool sent;
    } * durable, ending;
    size_t count, room;
    bool is_ending;
    time_t started_s; /* monotonic */
    unsigned deaths;  /* in a row, each soon after the start */
    bool ended;       /* by itself, or it cannot be started any more */
    enum ship_result result;
};

static time_t monotonic_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* In the child: its own signal set-up, then the loop. Never returns. */
static void run_child(const struct ship_options *options, struct spool_epoch *epochs, size_t count)
{
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    exit((int)ship_run(options, epochs, count));
}

static int fork_child(struct child *child, char *errmsg)
{
    struct spool_epoch *epochs;
    size_t count;
    int rc = spool_list(child->options.spool, &epochs, &count, errmsg);
    if (rc)
        return rc;
    if (errmsg[0])
        log_warn("%s", errmsg);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        spool_list_free(epochs, count);
        return err_set(errmsg, err_from_errno(errno), "pipe: %s", strerror(errno));
    }
    pid_t pid = fork();
    if (pid == 0) {
        /* Nothing of the capture process's goes along: not its lock, and where a child is started
         * again, no segment and no interface. */
        close_range(STDERR_FILENO + 1, (unsigned)ends[0] - 1, 0);
        close_range((unsigned)ends[0] + 1, ~0U, 0);
        child->options.notes = ends[0];
        run_child(&child->options, epochs, count);
    }
    int saved = errno;
    spool_list_free(epochs, count);
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        return err_set(errmsg, err_from_errno(saved), "fork: %s", strerror(saved));
    }
    child->pid = pid;
    child->notes = ends[1];
    child->started_s = monotonic_s();
    return 0;
}

int child_start(struct child **out, const struct ship_options *options, int lock, char *errmsg)
{
    struct child *child = calloc(1, sizeof *child);
    if (!child)
        return ERR_NOMEM;
    child->options = *options;
    child->lock = lock;
    child->notes = -1;
    int rc = fork_child(child, errmsg);
    if (rc) {
        free(child);
        return rc;
    }
    *out = child;
    return 0;
}

/* Writes a note that was not written yet; false when it cannot be now. */
static bool send_note(const struct child *child, struct told *told)
{
    ssize_t wrote = (ssize_t)sizeof told->note;
    while (!told->sent && (wrote = write(child->notes, &told->note, sizeof told->note)) < 0 &&
           errno == EINTR)
        ;
    return told->sent = wrote == (ssize_t)sizeof told->note;
}

/* Writes what was not written yet, in order; the last word comes after everything else. */
static void send_notes(struct child *child)
{
    if (child->notes < 0)
        return;
    for (size_t i = 0; i < child->count; i++)
        if (!send_note(child, &child->durable[i]))
            return;
    if (child->is_ending)
        send_note(child, &child->ending);
}

/* The place of the epoch's note, made where there is none; NULL without memory. */
static struct told *find_durable(struct child *child, const uint8_t epoch[EPOCH_SIZE])
{
    for (size_t i = child->count; i-- > 0;)
        if (memcmp(child->durable[i].note.epoch, epoch, EPOCH_SIZE) == 0)
            return &child->durable[i];
    if (child->count == child->room) {
        size_t room = child->room ? child->room * 2 : 16;
        struct told *more = realloc(child->durable, room * sizeof *more);
        if (!more)
            return NULL;
        child->durable = more;
        child->room = room;
    }
    return &child->durable[child->count++];
}

void child_note(struct child *child, enum ship_note_kind kind, const uint8_t epoch[EPOCH_SIZE],
                uint64_t seq)
{
    struct told told = {.note = {.kind = kind, .seq = seq}};
    if (kind == SHIP_DURABLE) {
        memcpy(told.note.epoch, epoch, EPOCH_SIZE);
        struct told *place = find_durable(child, epoch);
        if (place)
            *place = told;
    } else {
        child->ending = told;
        child->is_ending = true;
    }
    send_notes(child);
}

/* Starts a child in place of one that died and tells it what it has to know. */
static bool restart(struct child *child, int signal_number)
{
    char errmsg[ERRMSG_SIZE];
    close(child->notes);
    child->notes = -1;
    child->deaths = monotonic_s() - child->started_s < DEATH_SOON_S ? child->deaths + 1 : 0;
    if (child->deaths > DEATHS_MAX) {
        log_error("the ship process died of signal %d again: giving up", signal_number);
        return false;
    }
    log_warn("the ship process died of signal %d: starting it again", signal_number);
    if (fork_child(child, errmsg) != 0) {
        log_error("%s", errmsg);
        return false;
    }
    for (size_t i = 0; i < child->count; i++)
        child->durable[i].sent = false;
    child->ending.sent = false;
    send_notes(child);
    return true;
}

/* What a child that ended by itself says with its exit status. */
static enum ship_result exit_result(int status)
{
    if (status >= SHIP_DELIVERED && status <= SHIP_BROKEN)
        return (enum ship_result)status;
    log_error("the ship process ended with status %d", status);
    return SHIP_BROKEN;
}

bool child_ended(struct child *child, enum ship_result *result)
{
    int status;
    if (!child->ended && waitpid(child->pid, &status, WNOHANG) == child->pid) {
        child->pid = 0;
        child->result = WIFSIGNALED(status) ? SHIP_BROKEN : exit_result(WEXITSTATUS(status));
        child->ended = !WIFSIGNALED(status) || !restart(child, WTERMSIG(status));
    }
    if (child->ended)
        *result = child->result;
    else
        send_notes(child);
    return child->ended;
}

void child_free(struct child *child)
{
    if (!child)
        return;
    if (child->notes >= 0)
        close(child->notes);
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    free(child->durable);
    free(child);
}

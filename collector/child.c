#include "collector/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"

struct child {
    struct ship_options options;
    int lock;
    pid_t pid; /* 0: none */
    int notes; /* writing end */
    struct ship_note last[2]; /* what a new child must be told: how far the disk is, how to end */
    bool has[2];
};

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
        close(ends[1]);
        close(child->lock);
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

static void send_note(const struct child *child, const struct ship_note *note)
{
    ssize_t wrote;
    do {
        wrote = write(child->notes, note, sizeof *note);
    } while (wrote < 0 && errno == EINTR);
}

void child_note(struct child *child, enum ship_note_kind kind, const uint8_t epoch[EPOCH_SIZE],
                uint64_t seq)
{
    struct ship_note note = {.kind = kind, .seq = seq};
    if (epoch)
        memcpy(note.epoch, epoch, EPOCH_SIZE);
    int slot = kind == SHIP_DURABLE ? 0 : 1;
    child->last[slot] = note;
    child->has[slot] = true;
    if (child->notes >= 0)
        send_note(child, &note);
}

/* Starts a child in place of one that died and tells it what it has to know. */
static bool restart(struct child *child, int signal_number)
{
    char errmsg[ERRMSG_SIZE];
    log_warn("the ship process died of signal %d: starting it again", signal_number);
    close(child->notes);
    child->notes = -1;
    if (fork_child(child, errmsg) != 0) {
        log_error("%s", errmsg);
        return false;
    }
    for (int i = 0; i < 2; i++)
        if (child->has[i])
            send_note(child, &child->last[i]);
    return true;
}

bool child_ended(struct child *child, enum ship_result *result)
{
    int status;
    if (child->pid == 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return false;
    child->pid = 0;
    *result = SHIP_BROKEN;
    if (WIFSIGNALED(status))
        return !restart(child, WTERMSIG(status));
    *result = (enum ship_result)WEXITSTATUS(status);
    return true;
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
    free(child);
}

#include "collector/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/keeper.h"
#include "collector/privilege.h"
#include "common/err.h"
#include "common/list.h"
#include "common/log.h"

#define END_WAIT_MS 1000 /* for a keeper that was told to end */

struct child {
    pid_t keeper; /* 0: ended and waited for */
    int notes;    /* writing end */
    int line;     /* to the keeper */
    /* Everything a new ship process must be told: how far each epoch is on disk, then how to end. */
    struct told {
        struct ship_note note;
        bool sent;
    } * durable, ending;
    size_t count, room;
    bool is_ending;
    bool ended;
    enum ship_result result;
};

/* --- starting --------------------------------------------------------------------------------- */

/* Closes every descriptor above standard error but those kept (-1: none). */
static void close_others(const int *keep, size_t count)
{
    unsigned from = STDERR_FILENO + 1;
    for (;;) {
        unsigned next = ~0U;
        for (size_t i = 0; i < count; i++)
            if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        if (next > from)
            close_range(from, next == ~0U ? next : next - 1, 0);
        if (next == ~0U)
            return;
        from = next + 1;
    }
}

static _Noreturn void become_keeper(const struct ship_options *options, int notes, int line)
{
    const int keep[] = {notes, line, options->privilege ? options->privilege->spool : -1,
                        options->metrics > 0 ? options->metrics : -1};
    struct ship_options own = *options;
    close_others(keep, sizeof keep / sizeof keep[0]);
    own.notes = notes;
    keeper_run(&own, line);
}

/* Forks; the child's ends are closed here and the other way round. */
static int fork_keeper(struct child *child, const struct ship_options *options, char *errmsg)
{
    int notes[2], line[2];
    if (pipe2(notes, O_CLOEXEC | O_NONBLOCK) != 0)
        return err_set(errmsg, err_from_errno(errno), "pipe: %s", strerror(errno));
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) != 0) {
        int saved = errno;
        close(notes[0]);
        close(notes[1]);
        return err_set(errmsg, err_from_errno(saved), "socketpair: %s", strerror(saved));
    }
    child->notes = notes[1];
    child->line = line[0];
    child->keeper = fork();
    if (child->keeper == 0)
        become_keeper(options, notes[0], line[1]);
    int saved = errno;
    close(notes[0]);
    close(line[1]);
    return child->keeper > 0 ? 0
                             : err_set(errmsg, err_from_errno(saved), "fork: %s", strerror(saved));
}

/* Waits for the keeper's end and takes its status for the ship process's. */
static void take_status(struct child *child)
{
    int status = 0;
    while (waitpid(child->keeper, &status, 0) < 0 && errno == EINTR)
        ;
    child->keeper = 0;
    child->ended = true;
    child->result = SHIP_BROKEN;
    if (WIFSIGNALED(status))
        log_error("the ship process's keeper died of signal %d (%s)%s", WTERMSIG(status),
                  strsignal(WTERMSIG(status)),
                  WTERMSIG(status) == SIGSYS ? ": its sandbox does not allow what it did" : "");
    else if (WEXITSTATUS(status) > SHIP_BROKEN)
        log_error("the ship process ended with status %d", WEXITSTATUS(status));
    else
        child->result = (enum ship_result)WEXITSTATUS(status);
}

/* The keeper's first word. */
static int hear_start(struct child *child, char *errmsg)
{
    struct keeper_word word;
    ssize_t got;
    while ((got = read(child->line, &word, sizeof word)) < 0 && errno == EINTR)
        ;
    if (got == (ssize_t)sizeof word && word.kind == KEEPER_READY)
        return fcntl(child->line, F_SETFL, O_NONBLOCK) == 0
                   ? 0
                   : err_set(errmsg, ERR_IO, "fcntl: %s", strerror(errno));
    bool told = got == (ssize_t)sizeof word && word.kind == KEEPER_FAILED;
    take_status(child);
    return told ? err_set(errmsg, word.value, "%.*s", (int)sizeof word.text - 1,
                          word.text[0] ? word.text : err_str(word.value))
                : err_set(errmsg, ERR_IO, "the ship process could not be started");
}

int child_start(struct child **out, const struct ship_options *options, char *errmsg)
{
    struct child *child = calloc(1, sizeof *child);
    if (!child)
        return ERR_NOMEM;
    child->notes = child->line = -1;
    int rc = fork_keeper(child, options, errmsg);
    if (rc == 0)
        rc = hear_start(child, errmsg);
    if (rc) {
        child_free(child);
        return rc;
    }
    *out = child;
    return 0;
}

/* --- notes ------------------------------------------------------------------------------------ */

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
    struct told *more = list_room(child->durable, child->count, &child->room, sizeof *more);
    if (!more)
        return NULL;
    child->durable = more;
    return &child->durable[child->count++];
}

/* A keeper that is gone is found out by child_ended. */
static ssize_t tell_keeper(const struct child *child, enum keeper_word_kind kind)
{
    struct keeper_word word = {.kind = kind};
    return write(child->line, &word, sizeof word);
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
        tell_keeper(child, KEEPER_ENDING);
    }
    send_notes(child);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Another ship process took the place of one that died: it knows nothing. */
static void forget_sent(struct child *child)
{
    for (size_t i = 0; i < child->count; i++)
        child->durable[i].sent = false;
    child->ending.sent = false;
}

bool child_ended(struct child *child, enum ship_result *result)
{
    struct keeper_word word;
    ssize_t got = -1;
    while (!child->ended && (got = read(child->line, &word, sizeof word)) > 0)
        forget_sent(child);
    if (!child->ended && (got == 0 || (errno != EAGAIN && errno != EINTR)))
        take_status(child);
    if (child->ended)
        *result = child->result;
    else
        send_notes(child);
    return child->ended;
}

/* A keeper that does not answer is left to its end, which it finds when it runs again. */
static void end_keeper(const struct child *child)
{
    struct keeper_word word;
    struct pollfd fd = {.fd = child->line, .events = POLLIN};
    if (tell_keeper(child, KEEPER_END) == (ssize_t)sizeof word)
        while (poll(&fd, 1, END_WAIT_MS) > 0 && read(child->line, &word, sizeof word) > 0)
            ;
    waitpid(child->keeper, NULL, WNOHANG);
}

void child_free(struct child *child)
{
    if (!child)
        return;
    if (child->keeper > 0)
        end_keeper(child);
    if (child->notes >= 0)
        close(child->notes);
    if (child->line >= 0)
        close(child->line);
    free(child->durable);
    free(child);
}

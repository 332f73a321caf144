#include "collector/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/privilege.h"
#include "collector/sandbox.h"
#include "common/clock.h"
#include "common/address.h"
#include "common/log.h"

#define DEATH_SOON_S   10
#define DEATHS_AT_ONCE 5     /* so many ship processes that died soon are followed at once */
#define DELAY_MIN_MS   1000  /* then the next one waits, */
#define DELAY_MAX_MS   60000 /* each time twice as long, up to this */

struct keeper {
    struct ship_options options;
    int line;
    int signals; /* SIGCHLD */
    pid_t ship;
    int64_t started_ms;
    unsigned deaths;  /* in a row, each soon after the start */
    bool ending;      /* nothing more is captured */
    int64_t until_ms; /* when the ship process is ended; INT64_MAX: never */
};

static void say(const struct keeper *keeper, enum keeper_word_kind kind, int value,
                const char *text)
{
    struct keeper_word word = {.kind = kind, .value = value};
    strncpy(word.text, text, sizeof word.text - 1);
    while (write(keeper->line, &word, sizeof word) < 0 && errno == EINTR)
        ;
}

/* --- the ship process ------------------------------------------------------------------------- */

/* What waits in the spool, with all of it on disk: the capture process may be writing. */
static int list_spool(const char *spool, struct spool_epoch **epochs, size_t *count, char *errmsg)
{
    int rc = spool_list(spool, epochs, count, errmsg);
    if (rc)
        return rc;
    if (errmsg[0])
        log_warn("%s", errmsg);
    for (size_t i = 0; rc == 0 && i < *count; i++)
        if ((*epochs)[i].last > (*epochs)[i].acked)
            rc = spool_settle(&(*epochs)[i], errmsg);
    if (rc)
        spool_list_free(*epochs, *count);
    return rc;
}

/* Whether the aggregator's address has to be found by a name. */
static bool needs_names(const struct keeper *keeper)
{
    struct address address;
    return address_parse(&address, keeper->options.aggregator, NULL) == 0 &&
           address.kind != ADDRESS_UNIX && !address.literal;
}

static enum ship_result run_ship(const struct keeper *keeper)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct spool_epoch *epochs;
    size_t count;
    int rc = sandbox_ship(needs_names(keeper), keeper->options.metrics, errmsg);
    if (rc == 0)
        rc = list_spool(keeper->options.spool, &epochs, &count, errmsg);
    if (rc == 0)
        return ship_run(&keeper->options, epochs, count);
    log_error("%s", errmsg[0] ? errmsg : err_str(rc));
    return SHIP_BROKEN;
}

/* Returns 0 or an error; the child does not return. It dies with the keeper. */
static int start_ship(struct keeper *keeper, char *errmsg)
{
    pid_t parent = getpid();
    keeper->started_ms = monotonic_ms();
    keeper->ship = fork();
    if (keeper->ship < 0)
        return err_set(errmsg, err_from_errno(errno), "starting the ship process: fork: %s",
                       strerror(errno));
    if (keeper->ship > 0)
        return 0;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(SHIP_BROKEN);
    close(keeper->line);
    close(keeper->signals);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    exit((int)run_ship(keeper));
}

/* --- watching it ------------------------------------------------------------------------------ */

/* Takes what came from the capture process. */
static void hear(struct keeper *keeper)
{
    struct keeper_word word;
    ssize_t got = read(keeper->line, &word, sizeof word);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got == (ssize_t)sizeof word && word.kind == KEEPER_ENDING)
        keeper->ending = true;
    else
        keeper->until_ms = monotonic_ms() + (got > 0 ? 0 : KEEPER_LINGER_MS);
}

/* Waits for the ship process's end and returns its status, as waitpid gives it. */
static int watch(struct keeper *keeper)
{
    int status;
    struct pollfd fds[] = {{.fd = keeper->signals, .events = POLLIN},
                           {.fd = keeper->line, .events = POLLIN}};
    keeper->until_ms = INT64_MAX;
    while (waitpid(keeper->ship, &status, WNOHANG) != keeper->ship) {
        int64_t left_ms = keeper->until_ms - monotonic_ms();
        if (left_ms <= 0) {
            kill(keeper->ship, SIGKILL);
            left_ms = KEEPER_LINGER_MS;
        }
        if (poll(fds, 2, keeper->until_ms == INT64_MAX ? -1 : (int)left_ms) < 0)
            continue;
        struct signalfd_siginfo info;
        if (fds[0].revents && read(keeper->signals, &info, sizeof info) < 0)
            continue; /* taken already */
        if (fds[1].revents)
            hear(keeper);
        if (keeper->until_ms != INT64_MAX)
            fds[1].fd = -1; /* nothing more is said */
    }
    return status;
}

/* --- starting it again ------------------------------------------------------------------------ */

/* How long after a death the next ship process starts. */
static int64_t delay_ms(unsigned deaths)
{
    int64_t delay = deaths > DEATHS_AT_ONCE ? DELAY_MIN_MS : 0;
    for (unsigned i = DEATHS_AT_ONCE + 1; i < deaths && delay < DELAY_MAX_MS; i++)
        delay *= 2;
    return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

/* Says what follows, but not again and again that it is the same. */
static void tell_death(const struct keeper *keeper, int number)
{
    int64_t delay = delay_ms(keeper->deaths);
    if (delay == 0)
        log_warn("the ship process died of signal %d: starting it again", number);
    else if (!keeper->ending && delay != delay_ms(keeper->deaths - 1))
        log_error("the ship process died of signal %d, %u times in a row: starting it again in "
                  "%d s; until then the records wait in %s",
                  number, keeper->deaths, (int)(delay / 1000), keeper->options.spool);
}

/* Waits, unless nobody needs another ship process any more. */
static void wait_to_start(struct keeper *keeper)
{
    struct pollfd fd = {.fd = keeper->line, .events = POLLIN};
    int64_t left_ms, start_ms = monotonic_ms() + delay_ms(keeper->deaths);
    while (!keeper->ending && keeper->until_ms == INT64_MAX &&
           (left_ms = start_ms - monotonic_ms()) > 0)
        if (poll(&fd, 1, (int)left_ms) > 0)
            hear(keeper);
}

/* A sensor that ends does not wait for a ship process that dies again and again. */
static bool gives_up(const struct keeper *keeper)
{
    if (keeper->deaths <= DEATHS_AT_ONCE || !keeper->ending)
        return false;
    log_error("the ship process dies again and again: giving up; what is not acknowledged stays in "
              "%s and goes out when the sensor runs again",
              keeper->options.spool);
    return true;
}

/* After the ship process died of a signal: 0 when another runs, or the keeper's exit status. One that
 * its sandbox ended is not started again: it would do the same again. */
static int restart(struct keeper *keeper, int number)
{
    char errmsg[ERRMSG_SIZE];
    bool soon = monotonic_ms() - keeper->started_ms < DEATH_SOON_S * 1000;
    keeper->deaths = soon ? keeper->deaths + 1 : 0;
    if (number == SIGSYS) {
        log_error("the ship process died of signal %d (%s): its sandbox does not allow what it did",
                  number, strsignal(number));
        return SHIP_BROKEN;
    }
    tell_death(keeper, number);
    wait_to_start(keeper);
    if (gives_up(keeper))
        return SHIP_WAITING;
    if (keeper->until_ms != INT64_MAX)
        return SHIP_BROKEN;
    if (start_ship(keeper, errmsg) != 0) {
        log_error("%s", errmsg);
        return SHIP_BROKEN;
    }
    say(keeper, KEEPER_AGAIN, 0, "");
    return 0;
}

/* --- the keeper itself ------------------------------------------------------------------------ */

/* Deletes replays that were acknowledged long enough ago, before anybody writes to one again. */
static int prune_replays(const struct ship_options *options, char *errmsg)
{
    struct spool_epoch *epochs;
    size_t count;
    int rc = spool_list(options->spool, &epochs, &count, errmsg);
    if (rc)
        return rc;
    for (size_t i = 0; i < count; i++)
        if (epochs[i].identity.replay)
            spool_prune(&epochs[i], epochs[i].acked, (int64_t)options->retention_s,
                        (int64_t)time(NULL));
    spool_list_free(epochs, count);
    return 0;
}

static int open_signals(struct keeper *keeper, char *errmsg)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    signal(SIGTERM, SIG_IGN); /* for the capture process, which then says what is to be done */
    signal(SIGINT, SIG_IGN);
    if (sigprocmask(SIG_SETMASK, &child, NULL) == 0)
        keeper->signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    return keeper->signals >= 0 ? 0 : err_set(errmsg, ERR_IO, "signals: %s", strerror(errno));
}

static int prepare(struct keeper *keeper, char *errmsg)
{
    struct ship_options *options = &keeper->options;
    int rc = open_signals(keeper, errmsg);
    if (rc == 0 && options->privilege) {
        rc = privilege_drop(options->privilege, PRIVILEGE_SHIP, &options->spool, errmsg);
        if (options->privilege->spool >= 0)
            close(options->privilege->spool);
    }
    if (rc == 0)
        rc = sandbox_keeper(needs_names(keeper), options->metrics, errmsg);
    if (rc == 0)
        rc = prune_replays(options, errmsg);
    return rc ? rc : start_ship(keeper, errmsg);
}

void keeper_run(const struct ship_options *options, int line)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct keeper keeper = {.options = *options, .line = line, .signals = -1};
    int rc = prepare(&keeper, errmsg);
    say(&keeper, rc ? KEEPER_FAILED : KEEPER_READY, rc, errmsg);
    if (rc)
        exit(SHIP_BROKEN);
    int status = watch(&keeper);
    while (WIFSIGNALED(status)) {
        int end = keeper.until_ms == INT64_MAX ? restart(&keeper, WTERMSIG(status)) : SHIP_BROKEN;
        if (end)
            exit(end);
        status = watch(&keeper);
    }
    exit(WEXITSTATUS(status));
}

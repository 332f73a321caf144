#include "collector/survey_private.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "collector/decode.h"
#include "collector/privilege.h"
#include "collector/sandbox.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)
#define TICK_MS   500
#define BATCH     4096 /* packets taken from one interface before the next is looked at */

static void report(struct survey *survey, const char *errmsg)
{
    survey->failed = true;
    log_error("%s", errmsg);
}

static void look_at(struct survey *survey, int linktype, const struct capture_packet *frame)
{
    struct packet packet;
    survey->captured++;
    switch (decode(linktype, frame->data, frame->caplen, frame->len, &packet)) {
    case DECODE_IP:
        lit_packet(survey->lit, &packet, linktype, frame);
        break;
    case DECODE_NOT_IP:
        lit_arp(survey->lit, linktype, frame);
        break;
    case DECODE_UNDECODABLE:
        survey->undecodable++;
        break;
    }
}

/* --- capture files ---------------------------------------------------------------------------- */

static int by_first(const void *a, const void *b)
{
    const struct survey_span *left = a, *right = b;
    return (left->first_ns > right->first_ns) - (left->first_ns < right->first_ns);
}

/* Differences are taken without a sign: any two times of a damaged capture have one. */
uint64_t survey_covered(struct survey_span *spans, size_t count)
{
    uint64_t covered_ns = 0;
    if (count)
        qsort(spans, count, sizeof *spans, by_first);
    for (size_t i = 0; i < count;) {
        struct survey_span whole = spans[i++];
        for (; i < count && spans[i].first_ns <= whole.last_ns; i++)
            if (spans[i].last_ns > whole.last_ns)
                whole.last_ns = spans[i].last_ns;
        covered_ns += (uint64_t)whole.last_ns - (uint64_t)whole.first_ns;
    }
    return covered_ns;
}

static void widen(struct survey_span *span, int64_t ts_ns)
{
    if (ts_ns < span->first_ns)
        span->first_ns = ts_ns;
    if (ts_ns > span->last_ns)
        span->last_ns = ts_ns;
}

/* The span of a capture without packets is left with its first after its last. */
static void watch_capture(struct survey *survey, struct capture *cap, struct survey_span *span)
{
    char errmsg[ERRMSG_SIZE];
    const struct capture_packet *frames;
    int count;
    while ((count = capture_batch(cap, &frames, errmsg)) > 0)
        for (int i = 0; i < count; i++) {
            look_at(survey, capture_linktype(cap), &frames[i]);
            widen(span, frames[i].ts_ns);
        }
    if (count == 0)
        return;
    survey->failed = true;
    log_error("%s; the packets before it were looked at", errmsg);
}

static void watch_file(struct survey *survey, const struct capture_file *file,
                       struct survey_span *span)
{
    char errmsg[ERRMSG_SIZE];
    struct capture *cap;
    int result = capture_open_file(&cap, file->path, errmsg);
    if (result == 0) {
        watch_capture(survey, cap, span);
        capture_close(cap);
    } else if (result == ERR_INVALID && file->listed) {
        log_warn("%s; left out", errmsg);
    } else {
        report(survey, errmsg);
    }
}

void survey_files(struct survey *survey, const struct capture_list *files)
{
    size_t count = 0;
    struct survey_span *spans = calloc(files->count + 1, sizeof *spans);
    if (!spans) {
        report(survey, "reading captures: out of memory");
        return;
    }
    for (size_t i = 0; i < files->count; i++) {
        struct survey_span *span = &spans[count];
        *span = (struct survey_span){.first_ns = INT64_MAX, .last_ns = INT64_MIN};
        watch_file(survey, &files->files[i], span);
        count += span->first_ns <= span->last_ns;
    }
    survey->observed_ns = survey_covered(spans, count);
    free(spans);
}

/* --- interfaces ------------------------------------------------------------------------------- */

struct tap {
    struct survey *survey;
    struct capture *capture;
    int linktype;
};

struct watch {
    struct survey *survey;
    struct tap taps[SURVEY_INTERFACES_MAX];
    size_t count;
    int signals; /* signalfd for SIGINT and SIGTERM */
};

static int open_signals(struct watch *watch, char *errmsg)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        watch->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return watch->signals >= 0 ? 0 : err_set(errmsg, ERR_IO, "signals: %s", strerror(errno));
}

/* Promiscuous, since the hosts' packets to one another are what a mirror port brings. */
static int open_taps(struct watch *watch, const char *const *names, size_t count, char *errmsg)
{
    const struct capture_options options = {.promiscuous = true, .both_directions = true};
    for (size_t i = 0; i < count; i++) {
        struct tap *tap = &watch->taps[i];
        int rc = capture_open_live(&tap->capture, names[i], &options, errmsg);
        if (rc)
            return rc;
        tap->survey = watch->survey;
        tap->linktype = capture_linktype(tap->capture);
        watch->count++;
    }
    return 0;
}

static void on_packet(void *user, const struct capture_packet *frame)
{
    struct tap *tap = user;
    look_at(tap->survey, tap->linktype, frame);
}

static int drain_taps(struct watch *watch, char *errmsg)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct tap *tap = &watch->taps[i];
        int got = capture_dispatch(tap->capture, BATCH, on_packet, tap, errmsg);
        if (got < 0)
            return got;
    }
    return 0;
}

/* Waits for packets or a signal, at most until `end_ns`; returns whether to go on. */
static bool wait_for_packets(const struct watch *watch, int64_t end_ns)
{
    struct pollfd fds[SURVEY_INTERFACES_MAX + 1];
    int64_t left_ms = (end_ns - monotonic_ns()) / NS_PER_MS + 1;
    for (size_t i = 0; i < watch->count; i++)
        fds[i] = (struct pollfd){.fd = capture_fd(watch->taps[i].capture), .events = POLLIN};
    fds[watch->count] = (struct pollfd){.fd = watch->signals, .events = POLLIN};
    poll(fds, watch->count + 1, left_ms < TICK_MS ? (int)left_ms : TICK_MS);
    return !(fds[watch->count].revents & POLLIN);
}

/* Takes what was captured until now: the kernel hands out a block that is not full only when it is
 * CAPTURE_BLOCK_MS old. Packets keep coming, so that the time is bounded, not their number. */
static int drain_rings(struct watch *watch, char *errmsg)
{
    int64_t until_ns = monotonic_ns() + 2 * CAPTURE_BLOCK_MS * NS_PER_MS;
    int rc = 0;
    do {
        poll(NULL, 0, 1);
        rc = drain_taps(watch, errmsg);
    } while (rc == 0 && monotonic_ns() < until_ns);
    return rc;
}

static void add_drops(struct survey *survey, struct capture *capture)
{
    uint64_t kernel, interface;
    capture_stats(capture, &kernel, &interface); /* the last known where it fails */
    survey->kernel_dropped += kernel;
    survey->interface_dropped += interface;
}

/* Watches for so many seconds; what was seen until an error counts. */
static int watch_taps(struct watch *watch, uint64_t seconds, char *errmsg)
{
    int64_t begin_ns = monotonic_ns(), end_ns = begin_ns + (int64_t)seconds * NS_PER_S;
    int rc = 0;
    bool go_on = true;
    while (rc == 0 && go_on && monotonic_ns() < end_ns) {
        go_on = wait_for_packets(watch, end_ns);
        rc = drain_taps(watch, errmsg);
    }
    watch->survey->observed_ns = (uint64_t)(monotonic_ns() - begin_ns);
    if (rc == 0)
        rc = drain_rings(watch, errmsg);
    for (size_t i = 0; i < watch->count; i++)
        add_drops(watch->survey, watch->taps[i].capture);
    return rc;
}

/* The interfaces are open: no byte from outside is looked at before everything else is given up. */
static int confine(const struct watch *watch, char *errmsg)
{
    struct privilege privilege;
    const char *spool = ""; /* none */
    int taps[SURVEY_INTERFACES_MAX];
    for (size_t i = 0; i < watch->count; i++)
        taps[i] = capture_fd(watch->taps[i].capture);
    int rc = privilege_choose(&privilege, NULL, spool, "", errmsg);
    if (rc == 0)
        rc = privilege_drop(&privilege, PRIVILEGE_CAPTURE, &spool, errmsg);
    return rc ? rc : sandbox_capture(taps, watch->count, errmsg);
}

static void close_watch(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        capture_close(watch->taps[i].capture);
    if (watch->signals >= 0)
        close(watch->signals);
}

bool survey_interfaces(struct survey *survey, const char *const *names, size_t count,
                       uint64_t seconds)
{
    char errmsg[ERRMSG_SIZE];
    struct watch watch = {.survey = survey, .signals = -1};
    survey->live = true;
    int rc = open_signals(&watch, errmsg);
    if (rc == 0)
        rc = open_taps(&watch, names, count, errmsg);
    if (rc == 0)
        rc = confine(&watch, errmsg);
    bool opened = rc == 0;
    if (opened) {
        log_info("watching for %" PRIu64 " s; SIGINT or SIGTERM ends it early", seconds);
        rc = watch_taps(&watch, seconds, errmsg);
    }
    if (rc)
        report(survey, errmsg);
    close_watch(&watch);
    return opened;
}

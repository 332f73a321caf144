#include "collector/taps.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "collector/capture.h"
#include "collector/fanout.h"
#include "collector/link.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/log.h"

#define WAIT_MS 100
#define BATCH   4096 /* packets taken from one interface before the next is looked at */
/* The kernel hands out a block that is not full only when it is CAPTURE_BLOCK_MS old. */
#define DRAIN_NS     (2 * CAPTURE_BLOCK_MS * INT64_C(1000000))
#define DRAIN_MAX_NS INT64_C(2000000000) /* while packets keep coming */
#define DROPS_NS     INT64_C(400000000)  /* between two looks at what was lost */

struct tap {
    struct capture *capture;
    int64_t failing_ns;         /* since when it gives errors only; monotonic; 0: it does not */
    bool ended;                 /* its interface is gone, or it failed */
    uint64_t kernel, interface; /* dropped, as told already */
};

struct worker {
    struct taps *taps;
    unsigned lane;
    struct tap *tap;     /* one per interface */
    struct tap *current; /* whose packets on_packet gets */
    pthread_t thread;
    bool started;
    int64_t drops_ns; /* the last look; monotonic */
    int rc;
};

struct taps {
    const struct sensor *sensor;
    struct meter *meter;
    struct link links[SENSOR_INTERFACES_MAX];
    enum link_state states[SENSOR_INTERFACES_MAX]; /* as said last */
    struct worker *workers;
    unsigned count;
    atomic_bool stop;
    pthread_mutex_t lock; /* of the following */
    /* The first error of each interface; behind them that of the meter. */
    struct failure {
        int rc;
        char errmsg[ERRMSG_SIZE];
    } failures[SENSOR_INTERFACES_MAX + 1];
};

/* --- threads ---------------------------------------------------------------------------------- */

static void fail(struct taps *taps, struct failure *failure, int rc, const char *errmsg)
{
    pthread_mutex_lock(&taps->lock);
    if (failure->rc == 0) {
        failure->rc = rc;
        snprintf(failure->errmsg, sizeof failure->errmsg, "%s", errmsg);
    }
    pthread_mutex_unlock(&taps->lock);
}

static void on_packet(void *user, const struct capture_packet *packet)
{
    struct worker *worker = user;
    int rc = meter_packet(worker->taps->meter, worker->lane,
                          capture_linktype(worker->current->capture), packet);
    if (rc)
        worker->rc = rc;
}

/* An interface that went away is told of before the last packets that came from it. */
static void give_up(struct worker *worker, size_t index, int rc, const char *errmsg)
{
    struct tap *tap = &worker->tap[index];
    int64_t now_ns = monotonic_ns();
    if (tap->failing_ns == 0)
        tap->failing_ns = now_ns;
    if (now_ns - tap->failing_ns < DRAIN_NS)
        return;
    tap->ended = true;
    fail(worker->taps, &worker->taps->failures[index], rc, errmsg);
}

/* Packets taken; the number says whether there may be more. */
static int drain(struct worker *worker, size_t index)
{
    char errmsg[ERRMSG_SIZE];
    struct tap *tap = &worker->tap[index];
    if (tap->ended)
        return 0;
    worker->current = tap;
    meter_enter(worker->taps->meter, worker->lane);
    int got = capture_dispatch(tap->capture, BATCH, on_packet, worker, errmsg);
    meter_leave(worker->taps->meter, worker->lane);
    if (got < 0)
        give_up(worker, index, got, errmsg);
    else
        tap->failing_ns = 0;
    return got > 0 ? got : 0;
}

static int drain_all(struct worker *worker)
{
    int got = 0;
    for (size_t i = 0; i < worker->taps->sensor->interface_count; i++)
        got += drain(worker, i);
    return got;
}

static void wait_for_packets(struct worker *worker, int timeout_ms)
{
    struct pollfd fds[SENSOR_INTERFACES_MAX];
    nfds_t count = 0;
    for (size_t i = 0; i < worker->taps->sensor->interface_count; i++)
        if (!worker->tap[i].ended)
            fds[count++] =
                (struct pollfd){.fd = capture_fd(worker->tap[i].capture), .events = POLLIN};
    poll(fds, count, timeout_ms);
}

/* Tells the meter what was newly lost. Every thread's capture knows the whole interface's drops:
 * those of the first are taken. */
static void count_drops(struct worker *worker, struct tap *tap)
{
    uint64_t kernel, interface;
    int rc = capture_stats(tap->capture, &kernel, &interface);
    uint64_t of_interface = worker->lane == 0 ? interface - tap->interface : 0;
    if (kernel - tap->kernel + of_interface > 0)
        meter_dropped(worker->taps->meter, kernel - tap->kernel, of_interface);
    if (rc == ERR_DAMAGED) {
        log_warn("interface %s: its driver told absurd numbers of lost packets: discarded",
                 capture_name(tap->capture));
        meter_flag(worker->taps->meter, RECORD_DROPS_SUSPECT);
    }
    tap->kernel = kernel;
    tap->interface = interface;
}

static void count_all_drops(struct worker *worker)
{
    for (size_t i = 0; i < worker->taps->sensor->interface_count; i++)
        count_drops(worker, &worker->tap[i]);
    worker->drops_ns = monotonic_ns();
}

/* Waits, and takes what there is; how many packets. */
static int take(struct worker *worker)
{
    wait_for_packets(worker, WAIT_MS);
    int got = drain_all(worker);
    if (got == 0)
        poll(NULL, 0, 1); /* an interface that is down reports an error without end */
    if (monotonic_ns() - worker->drops_ns >= DROPS_NS)
        count_all_drops(worker);
    return got;
}

/* Takes what the kernel held when the thread was told to stop: all of it was found when a round that
 * began after DRAIN_NS comes back empty, however long the thread had to wait for the processor. */
static void take_last(struct worker *worker)
{
    int64_t stopped_ns = monotonic_ns(), began_ns;
    int got;
    do {
        began_ns = monotonic_ns();
        got = take(worker);
    } while (worker->rc == 0 && began_ns - stopped_ns < (got ? DRAIN_MAX_NS : DRAIN_NS));
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct taps *taps = worker->taps;
    while (worker->rc == 0 && !atomic_load(&taps->stop))
        take(worker);
    take_last(worker);
    count_all_drops(worker);
    if (worker->rc)
        fail(taps, &taps->failures[SENSOR_INTERFACES_MAX], worker->rc, err_str(worker->rc));
    return NULL;
}

int taps_start(struct taps *taps, struct meter *meter, char *errmsg)
{
    taps->meter = meter;
    for (unsigned lane = 0; lane < taps->count; lane++) {
        struct worker *worker = &taps->workers[lane];
        int error = pthread_create(&worker->thread, NULL, work, worker);
        if (error) {
            taps_stop(taps);
            return err_set(errmsg, ERR_NOMEM,
                           "starting thread %u of %u: %s; set a smaller number of threads",
                           lane + 1, taps->count, strerror(error));
        }
        worker->started = true;
    }
    return 0;
}

void taps_stop(struct taps *taps)
{
    atomic_store(&taps->stop, true);
    for (unsigned lane = 0; lane < taps->count; lane++) {
        if (taps->workers[lane].started)
            pthread_join(taps->workers[lane].thread, NULL);
        taps->workers[lane].started = false;
    }
}

int taps_error(struct taps *taps, char *errmsg)
{
    int rc = 0;
    pthread_mutex_lock(&taps->lock);
    for (size_t i = 0; rc == 0 && i <= SENSOR_INTERFACES_MAX; i++) {
        bool renamed;
        struct link link = i < SENSOR_INTERFACES_MAX ? taps->links[i] : (struct link){0};
        if (taps->failures[i].rc == 0 || link_read(&link, &renamed) == LINK_GONE)
            continue;
        rc = taps->failures[i].rc;
        memcpy(errmsg, taps->failures[i].errmsg, ERRMSG_SIZE);
    }
    pthread_mutex_unlock(&taps->lock);
    return rc;
}

/* --- opening ---------------------------------------------------------------------------------- */

static void tell_filter(const struct capture *capture)
{
    double extra;
    if (!capture_filtered(capture, &extra))
        log_warn("%s: no kernel filter can be made for it: all packets are looked at",
                 capture_name(capture));
    else if (extra > 0)
        log_info("%s: the darknet has more ranges than the kernel's filter: it lets through %.0f "
                 "addresses beside it, which are then counted as off the darknet",
                 capture_name(capture), extra);
}

/* Each packet of an interface that is captured twice would be counted twice. */
static int refuse_overlap(const struct taps *taps, size_t index, char *errmsg)
{
    const char *const *names = taps->sensor->interfaces;
    for (size_t i = 0; i < index; i++)
        if (link_overlaps(&taps->links[i], &taps->links[index]))
            return err_set(errmsg, ERR_INVALID,
                           "interfaces %s and %s: what comes in there would be counted twice; name "
                           "each interface once, and \"any\" alone",
                           names[i], names[index]);
    return 0;
}

static int open_interface(struct taps *taps, size_t index, const struct capture_options *options,
                          char *errmsg)
{
    struct capture *captures[METER_LANES_MAX];
    int rc = 0;
    for (unsigned lane = 0; rc == 0 && lane < taps->count; lane++) {
        struct tap *tap = &taps->workers[lane].tap[index];
        rc = capture_open_live(&tap->capture, taps->sensor->interfaces[index], options, errmsg);
        captures[lane] = tap->capture;
    }
    if (rc)
        return rc;
    link_init(&taps->links[index], capture_fd(captures[0]), taps->sensor->interfaces[index]);
    rc = refuse_overlap(taps, index, errmsg);
    if (rc == 0 && taps->sensor->filter_inventory)
        tell_filter(captures[0]);
    if (rc == 0 && taps->count > 1)
        rc = fanout_join(captures, taps->count, errmsg);
    return rc;
}

static struct taps *make(const struct sensor *sensor)
{
    struct taps *taps = calloc(1, sizeof *taps);
    if (!taps)
        return NULL;
    pthread_mutex_init(&taps->lock, NULL);
    taps->sensor = sensor;
    taps->count = (unsigned)sensor->threads;
    taps->workers = calloc(taps->count, sizeof *taps->workers);
    for (unsigned lane = 0; taps->workers && lane < taps->count; lane++) {
        struct worker *worker = &taps->workers[lane];
        *worker = (struct worker){.taps = taps, .lane = lane};
        worker->tap = calloc(sensor->interface_count, sizeof *worker->tap);
        if (!worker->tap)
            break;
        if (lane + 1 == taps->count)
            return taps;
    }
    taps_close(taps);
    return NULL;
}

int taps_open(struct taps **out, const struct sensor *sensor, char *errmsg)
{
    struct capture_options options = {.snaplen = (uint32_t)sensor->snaplen,
                                      .ring_bytes = (uint32_t)(sensor->ring_mb << 20),
                                      .promiscuous = sensor->promiscuous,
                                      .filter = sensor->filter,
                                      .darknet = sensor->filter_inventory ? sensor->darknet : NULL,
                                      .tunnels = sensor->tunnels};
    struct taps *taps = make(sensor);
    int rc = taps ? 0 : err_set(errmsg, ERR_NOMEM, "opening the interfaces: out of memory");
    for (size_t i = 0; rc == 0 && i < sensor->interface_count; i++)
        rc = open_interface(taps, i, &options, errmsg);
    if (rc) {
        taps_close(taps);
        return rc;
    }
    *out = taps;
    return 0;
}

size_t taps_descriptors(const struct taps *taps, int descriptors[TAPS_MAX])
{
    size_t count = 0;
    for (unsigned lane = 0; lane < taps->count; lane++)
        for (size_t i = 0; i < taps->sensor->interface_count; i++)
            descriptors[count++] = capture_fd(taps->workers[lane].tap[i].capture);
    return count;
}

void taps_close(struct taps *taps)
{
    if (!taps)
        return;
    for (unsigned lane = 0; taps->workers && lane < taps->count; lane++) {
        struct worker *worker = &taps->workers[lane];
        for (size_t i = 0; worker->tap && i < taps->sensor->interface_count; i++)
            capture_close(worker->tap[i].capture);
        free(worker->tap);
    }
    free(taps->workers);
    pthread_mutex_destroy(&taps->lock);
    free(taps);
}

/* --- links ------------------------------------------------------------------------------------ */

static void say_state(struct taps *taps, size_t index, enum link_state state)
{
    const char *name = taps->links[index].name;
    if (state == taps->states[index])
        return;
    if (state == LINK_UP)
        log_info("interface %s is up again", name);
    else if (state == LINK_DOWN)
        log_warn("interface %s is down: nothing is observed there until it is up again", name);
    else
        log_error("interface %s is gone: start the sensor again when it is back", name);
    taps->states[index] = state;
}

struct taps_links taps_links(struct taps *taps)
{
    struct taps_links links = {0};
    for (size_t i = 0; i < taps->sensor->interface_count; i++) {
        bool renamed;
        enum link_state state = link_read(&taps->links[i], &renamed);
        if (renamed)
            log_warn("interface %s was renamed to %s", taps->sensor->interfaces[i],
                     taps->links[i].name);
        say_state(taps, i, state);
        links.up += state == LINK_UP;
        links.down += state == LINK_DOWN;
        links.gone += state == LINK_GONE;
    }
    return links;
}

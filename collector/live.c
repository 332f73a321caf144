#include "collector/sensor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "collector/backlog.h"
#include "collector/capture.h"
#include "collector/child.h"
#include "collector/meter.h"
#include "common/err.h"
#include "common/log.h"

#define NS_PER_S     INT64_C(1000000000)
#define TICK_MS      500
#define GRACE_NS     NS_PER_S         /* packets of an interval may come this much after its end */
#define MAX_QUIET_NS (120 * NS_PER_S) /* between two ticks: suspended, or the clock was set */
#define BATCH        4096 /* packets taken from one interface before the next is looked at */

struct tap {
    struct capture *capture;
    int linktype;
    uint64_t kernel_dropped, interface_dropped; /* as told already */
};

struct live {
    struct sensor *sensor;
    struct tap taps[SENSOR_INTERFACES_MAX];
    struct tap *current; /* whose packets on_packet gets */
    struct meter *meter;
    struct spool_writer *writer;
    uint8_t epoch[EPOCH_SIZE];
    struct backlog backlog;
    bool spool_failing; /* said so already */
    int meter_error;
    uint64_t packets, intervals;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* --- records into the spool ------------------------------------------------------------------- */

/* Appends what waits in memory, oldest first. Returns whether the backlog is empty. */
static bool flush_backlog(struct live *live)
{
    char errmsg[ERRMSG_SIZE];
    struct record *record;
    while ((record = backlog_front(&live->backlog))) {
        int rc = sensor_append(live->writer, live->epoch, record, errmsg);
        if (rc) {
            if (!live->spool_failing)
                log_error("%s; intervals are kept in memory until it is mended", errmsg);
            live->spool_failing = true;
            return false;
        }
        backlog_pop(&live->backlog);
    }
    if (live->spool_failing)
        log_info("spool %s: takes records again", live->sensor->spool);
    live->spool_failing = false;
    return true;
}

static int on_record(void *user, struct record *record)
{
    struct live *live = user;
    live->packets += record->packets;
    live->intervals++;
    uint64_t packets = record->packets;
    int64_t start_s = record->start_s;
    if (backlog_push(&live->backlog, record) != 0)
        log_error("spool and memory are full: the interval of %" PRId64 " with %" PRIu64
                  " packets is lost",
                  start_s, packets);
    return 0;
}

/* Writes what was sealed, forces it to disk and tells the ship process. */
static void publish(struct live *live)
{
    char errmsg[ERRMSG_SIZE];
    if (!backlog_front(&live->backlog))
        return;
    flush_backlog(live);
    if (sensor_publish(live->sensor, live->writer, live->epoch, errmsg) != 0 &&
        !live->spool_failing) {
        log_error("%s", errmsg);
        live->spool_failing = true;
    }
}

/* --- packets ---------------------------------------------------------------------------------- */

static void on_packet(void *user, const struct capture_packet *packet)
{
    struct live *live = user;
    int rc = meter_packet(live->meter, live->current->linktype, packet);
    if (rc)
        live->meter_error = rc;
}

static int drain_tap(struct live *live, struct tap *tap, char *errmsg)
{
    live->current = tap;
    int got = capture_dispatch(tap->capture, BATCH, on_packet, live, errmsg);
    if (got < 0)
        return got;
    return live->meter_error
               ? err_set(errmsg, live->meter_error, "counting: %s", err_str(live->meter_error))
               : 0;
}

/* Moves what the kernel newly lost into the open interval. */
static void count_drops(struct live *live, struct tap *tap)
{
    uint64_t kernel, interface;
    if (capture_stats(tap->capture, &kernel, &interface) != 0)
        return;
    meter_dropped(live->meter, kernel - tap->kernel_dropped, interface - tap->interface_dropped);
    tap->kernel_dropped = kernel;
    tap->interface_dropped = interface;
}

static int tick(struct live *live, char *errmsg)
{
    for (size_t i = 0; i < live->sensor->interface_count; i++)
        count_drops(live, &live->taps[i]);
    int rc = meter_advance(live->meter, now_ns() - GRACE_NS);
    publish(live);
    enum ship_result ended;
    if (rc == 0 && child_ended(live->sensor->child, &ended))
        rc = err_set(errmsg, ERR_REFUSED, "the ship process ended: see the line above");
    return rc;
}

static int loop(struct live *live, char *errmsg)
{
    size_t count = live->sensor->interface_count;
    struct pollfd fds[SENSOR_INTERFACES_MAX + 1];
    for (size_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = capture_fd(live->taps[i].capture), .events = POLLIN};
    fds[count] = (struct pollfd){.fd = live->sensor->signals, .events = POLLIN};
    int64_t next_tick_ns = 0;
    int rc = 0;
    while (rc == 0 && !sensor_stopping(live->sensor)) {
        if (poll(fds, count + 1, TICK_MS) < 0 && errno != EINTR)
            return err_set(errmsg, ERR_IO, "waiting for packets: %s", strerror(errno));
        for (size_t i = 0; rc == 0 && i < count; i++)
            rc = drain_tap(live, &live->taps[i], errmsg);
        if (rc == 0 && monotonic_ns() >= next_tick_ns) {
            next_tick_ns = monotonic_ns() + TICK_MS * (NS_PER_S / 1000);
            rc = tick(live, errmsg);
        }
    }
    return rc;
}

/* Takes what was captured until now: the kernel hands out a block that is not full only when it is
 * CAPTURE_BLOCK_MS old. Packets keep coming, so that the time is bounded, not their number. */
static void drain_rings(struct live *live)
{
    char ignored[ERRMSG_SIZE];
    int64_t until_ns = monotonic_ns() + 2 * CAPTURE_BLOCK_MS * (NS_PER_S / 1000);
    do {
        poll(NULL, 0, 1);
        for (size_t i = 0; i < live->sensor->interface_count; i++)
            drain_tap(live, &live->taps[i], ignored);
    } while (monotonic_ns() < until_ns);
    for (size_t i = 0; i < live->sensor->interface_count; i++)
        count_drops(live, &live->taps[i]);
}

/* Takes what still waits in the rings, seals the open interval and puts everything on disk. */
static int end(struct live *live, int rc, char *errmsg)
{
    drain_rings(live);
    int ended = meter_end(live->meter, now_ns());
    publish(live);
    if (rc == 0 && ended)
        rc = err_set(errmsg, ended, "sealing the last interval: %s", err_str(ended));
    if (rc == 0 && backlog_front(&live->backlog))
        rc = err_set(errmsg, ERR_FULL,
                     "spool %s: the last intervals could not be written and are lost",
                     live->sensor->spool);
    log_info("%" PRIu64 " packets to the darknet in %" PRIu64 " intervals", live->packets,
             live->intervals);
    return rc;
}

/* --- set-up ----------------------------------------------------------------------------------- */

static int open_taps(struct live *live, char *errmsg)
{
    const struct sensor *sensor = live->sensor;
    struct capture_options options = {.snaplen = (uint32_t)sensor->snaplen,
                                      .ring_bytes = (uint32_t)(sensor->ring_mb << 20),
                                      .promiscuous = sensor->promiscuous};
    for (size_t i = 0; i < sensor->interface_count; i++) {
        struct tap *tap = &live->taps[i];
        int rc = capture_open_live(&tap->capture, sensor->interfaces[i], &options, errmsg);
        if (rc)
            return rc;
        tap->linktype = capture_linktype(tap->capture);
    }
    return 0;
}

/* From here on packets may be read. */
static int confine(struct live *live, char *errmsg)
{
    int taps[SENSOR_INTERFACES_MAX];
    size_t count = live->sensor->interface_count;
    for (size_t i = 0; i < count; i++)
        taps[i] = capture_fd(live->taps[i].capture);
    return sensor_confine(live->sensor, taps, count, errmsg);
}

/* A UUID of version 4 (RFC 9562 section 5.4). */
static int random_epoch(uint8_t epoch[EPOCH_SIZE])
{
    if (getrandom(epoch, EPOCH_SIZE, 0) != EPOCH_SIZE)
        return ERR_IO;
    epoch[6] = (uint8_t)((epoch[6] & 0x0f) | 0x40);
    epoch[8] = (uint8_t)((epoch[8] & 0x3f) | 0x80);
    return 0;
}

/* Goes on with the spool's live epoch of this sensor and darknet, or begins one. */
static int open_epoch(struct live *live, char *errmsg)
{
    struct sensor *sensor = live->sensor;
    struct spool_identity identity = {.darknet = sensor->darknet_text, .first_ns = now_ns()};
    strcpy(identity.sensor, sensor->name);
    if (!spool_find_live(sensor->spool, &identity) && random_epoch(identity.epoch) != 0)
        return err_set(errmsg, ERR_IO, "spool: no random numbers for a new epoch: %s",
                       strerror(errno));
    memcpy(live->epoch, identity.epoch, EPOCH_SIZE);
    int rc = spool_writer_open(&live->writer, sensor->spool, &identity, errmsg);
    return rc ? rc : sensor_publish(sensor, live->writer, live->epoch, errmsg);
}

static int begin(struct live *live, char *errmsg)
{
    struct meter_options options = {
        .sensor = live->sensor->name,
        .darknet = live->sensor->darknet,
        .max_quiet_ns = MAX_QUIET_NS,
        .sink = on_record,
        .user = live,
    };
    live->meter = meter_new(&options);
    if (!live->meter)
        return err_set(errmsg, ERR_NOMEM, "counters for the darknet: out of memory");
    int rc = open_taps(live, errmsg);
    if (rc == 0 && meter_begin(live->meter, now_ns()) != 0)
        rc = err_set(errmsg, ERR_INVALID, "the system clock is not set");
    if (rc == 0)
        rc = confine(live, errmsg);
    return rc ? rc : open_epoch(live, errmsg);
}

int sensor_live(struct sensor *sensor, char *errmsg)
{
    struct live *live = calloc(1, sizeof *live);
    if (!live)
        return err_set(errmsg, ERR_NOMEM, "out of memory");
    live->sensor = sensor;
    int rc = begin(live, errmsg);
    if (rc == 0) {
        log_info("sensor %s counts %s", sensor->name, sensor->darknet_text);
        rc = loop(live, errmsg);
        rc = end(live, rc, errmsg);
    }
    for (size_t i = 0; i < sensor->interface_count; i++)
        capture_close(live->taps[i].capture);
    spool_writer_close(live->writer);
    backlog_close(&live->backlog);
    meter_free(live->meter);
    free(live);
    return rc;
}

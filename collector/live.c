#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "collector/alarms.h"
#include "collector/child.h"
#include "collector/clockwatch.h"
#include "collector/journal.h"
#include "collector/meter.h"
#include "collector/recover.h"
#include "collector/sensor.h"
#include "collector/taps.h"
#include "common/err.h"
#include "common/log.h"

#define NS_PER_S     INT64_C(1000000000)
#define TICK_MS      500
#define GRACE_NS     NS_PER_S        /* packets of an interval may come this much after its end */
#define MAX_QUIET_NS (10 * NS_PER_S) /* without a tick: the process was stopped, or the clock set */

struct live {
    struct sensor *sensor;
    struct journal *journal;
    struct alarms *alarms;
    struct meter *meter;
    struct taps *taps;
    struct clockwatch clock;
    int64_t observed_ns; /* the last tick at which an interface was up */
    int dark_ticks;      /* in a row without one */
    bool behind;         /* this tick came late: the rings hold packets of before */
};

static int64_t now_ns(void)
{
    return clockwatch_read().real_ns;
}

/* --- time and interfaces ---------------------------------------------------------------------- */

static int begin_at(struct live *live, int64_t at_ns, char *errmsg)
{
    live->observed_ns = at_ns;
    return meter_begin(live->meter, at_ns) == 0
               ? 0
               : err_set(errmsg, ERR_INVALID, "the system clock is not set");
}

/* Leaves out the time that was jumped over, which nobody observed. */
static int jump(struct live *live, int64_t now, char *errmsg)
{
    int rc = meter_pause(live->meter, live->observed_ns);
    return rc ? err_set(errmsg, rc, "counting: %s", err_str(rc)) : begin_at(live, now, errmsg);
}

/* A clock that was set back seals nothing, and what is captured until it has caught up is late. */
static int watch_clock(struct live *live, int64_t *now, char *errmsg)
{
    struct clockwatch_reading reading = clockwatch_read();
    struct clockwatch_result result = clockwatch_tick(&live->clock, &reading);
    int rc = 0;
    *now = reading.real_ns;
    live->behind = result.passed_ns > GRACE_NS;
    if (result.stepped_ns) {
        log_warn("the clock was set %s by %.1f seconds", result.stepped_ns < 0 ? "back" : "ahead",
                 (double)(result.stepped_ns < 0 ? -result.stepped_ns : result.stepped_ns) / 1e9);
        meter_flag(live->meter, RECORD_CLOCK_SUSPECT);
    }
    if (result.slept_ns)
        log_warn("the machine slept for %.1f seconds", (double)result.slept_ns / 1e9);
    if ((result.stepped_ns > 0 || result.slept_ns) && live->dark_ticks == 0)
        rc = jump(live, *now, errmsg);
    if (rc == 0 && result.stepped_ns)
        meter_flag(live->meter, RECORD_CLOCK_SUSPECT);
    return rc;
}

/* While no interface is up nothing is observed. The ring may hold packets of before: they have a tick
 * to come out. */
static int watch_links(struct live *live, int64_t now, char *errmsg)
{
    struct taps_links links = taps_links(live->taps);
    if (links.down + links.gone > 0)
        meter_flag(live->meter, RECORD_INTERFACE_DOWN);
    if (links.up == 0) {
        live->dark_ticks++;
        if (links.down == 0)
            return err_set(errmsg, ERR_IO, "nothing is left to capture from");
        if (live->dark_ticks != 2)
            return 0;
        int rc = meter_pause(live->meter, live->observed_ns);
        meter_flag(live->meter, RECORD_INTERFACE_DOWN); /* what begins when one is up again, too */
        return rc ? err_set(errmsg, rc, "counting: %s", err_str(rc)) : 0;
    }
    bool was_dark = live->dark_ticks >= 2;
    live->dark_ticks = 0;
    live->observed_ns = now;
    return was_dark ? begin_at(live, now, errmsg) : 0;
}

/* A process that was stopped, or had to wait for a processor or a disk, first counts what the kernel
 * captured meanwhile: packets of an interval that was sealed before them would be late. */
static int tick(struct live *live, char *errmsg)
{
    int64_t now;
    int rc = watch_clock(live, &now, errmsg);
    if (rc == 0)
        rc = watch_links(live, now, errmsg);
    if (rc == 0)
        rc = taps_error(live->taps, errmsg);
    if (rc == 0 && live->dark_ticks == 0 && !live->behind) {
        rc = meter_advance(live->meter, now - GRACE_NS);
        if (rc)
            err_set(errmsg, rc, "counting: %s", err_str(rc));
    }
    journal_publish(live->journal);
    enum ship_result ended;
    if (rc == 0 && child_ended(live->sensor->child, &ended))
        rc = err_set(errmsg, ERR_REFUSED, "the ship process ended: see the line above");
    return rc;
}

static int loop(struct live *live, char *errmsg)
{
    int rc = 0;
    while (rc == 0 && !sensor_stopping(live->sensor)) {
        struct pollfd fd = {.fd = live->sensor->signals, .events = POLLIN};
        if (poll(&fd, 1, TICK_MS) < 0 && errno != EINTR)
            return err_set(errmsg, ERR_IO, "waiting: %s", strerror(errno));
        rc = tick(live, errmsg);
    }
    return rc;
}

/* Takes what still waits in the rings, seals the open interval and puts everything on disk. */
static int end(struct live *live, int rc, char *errmsg)
{
    char last_words[ERRMSG_SIZE];
    taps_stop(live->taps);
    int ended = meter_end(live->meter, live->dark_ticks ? live->observed_ns : now_ns());
    if (rc == 0 && ended)
        rc = err_set(errmsg, ended, "sealing the last interval: %s", err_str(ended));
    int finished = journal_finish(live->journal, last_words);
    if (rc == 0 && finished)
        rc = err_set(errmsg, finished, "%.1000s", last_words);
    return rc;
}

/* --- set-up ----------------------------------------------------------------------------------- */

/* The meter's sink. */
static int append(void *user, struct record *record)
{
    struct live *live = user;
    alarms_record(live->alarms, record);
    return journal_append(live->journal, record);
}

static uint64_t next_seq(void *user)
{
    struct live *live = user;
    return journal_next_seq(live->journal);
}

static int make_alarms(struct live *live, char *errmsg)
{
    live->alarms = alarms_new(live->sensor->darknet, live->sensor->skew);
    return live->alarms ? 0 : err_set(errmsg, ERR_NOMEM, "alarms: out of memory");
}

static int make_meter(struct live *live, char *errmsg)
{
    struct meter_options options = {
        .sensor = live->sensor->name,
        .darknet = live->sensor->darknet,
        .tunnels = live->sensor->tunnels,
        .lanes = (unsigned)live->sensor->threads,
        .dir = journal_path(live->journal),
        .without_sources = !live->sensor->sources,
        .max_quiet_ns = MAX_QUIET_NS,
        .sink = append,
        .next_seq = next_seq,
        .user = live,
    };
    int rc = meter_new(&live->meter, &options, errmsg);
    if (rc)
        return err_set(errmsg, rc, "counters for the darknet: %s", err_str(rc));
    if (errmsg[0])
        log_warn("%s: what is being counted is kept in memory, and lost if the sensor is killed",
                 errmsg);
    return 0;
}

/* The interfaces are opened while there is a privilege to, and what is observed begins then; anything
 * that others could have written is read only behind sensor_confine. */
static int begin(struct live *live, char *errmsg)
{
    int taps[TAPS_MAX];
    int rc = taps_open(&live->taps, live->sensor, errmsg);
    /* From here on a clock that is set is noticed. */
    struct clockwatch_reading opened = clockwatch_read();
    clockwatch_tick(&live->clock, &opened);
    if (rc == 0)
        rc = sensor_confine(live->sensor, taps, taps_descriptors(live->taps, taps), errmsg);
    if (rc == 0)
        rc = recover_spool(live->sensor, errmsg);
    if (rc == 0)
        rc = journal_open(&live->journal, live->sensor, opened.real_ns, errmsg);
    if (rc == 0)
        rc = make_alarms(live, errmsg);
    if (rc == 0)
        rc = make_meter(live, errmsg);
    if (rc == 0)
        rc = begin_at(live, opened.real_ns, errmsg);
    return rc ? rc : taps_start(live->taps, live->meter, errmsg);
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
    taps_close(live->taps);
    meter_free(live->meter);
    alarms_free(live->alarms);
    journal_close(live->journal);
    free(live);
    return rc;
}

#include "collector/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "collector/child.h"
#include "collector/sandbox.h"
#include "collector/sensor.h"
#include "collector/settings.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/httpd.h"
#include "common/log.h"
#include "common/output.h"

#define STOP_WAIT_MS (SHIP_STOP_MS + 1000) /* a ship process that hangs is not waited for */

static sigset_t handled_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    return set;
}

/* Before anything else: a sensor that is told to stop while it starts is to end as any other. The
 * signal waits until there is a descriptor to read it from. */
static void block_signals(void)
{
    sigset_t set = handled_signals();
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int open_signals(struct sensor *sensor, char *errmsg)
{
    sigset_t set = handled_signals();
    sensor->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return sensor->signals >= 0 ? 0 : err_set(errmsg, ERR_IO, "signals: %s", strerror(errno));
}

/* Waits for the ship process: it delivers everything (a replay that was not stopped) or what it
 * can. */
static enum ship_result wait_for_ship(struct sensor *sensor, bool drain)
{
    enum ship_result result;
    int64_t deadline_ms = drain ? INT64_MAX : monotonic_ms() + STOP_WAIT_MS;
    child_note(sensor->child, drain ? SHIP_DRAIN : SHIP_STOP, NULL, 0);
    while (!child_ended(sensor->child, &result)) {
        if (monotonic_ms() >= deadline_ms) {
            log_error("the ship process does not end: ending it; its records stay in %s",
                      sensor->spool);
            return SHIP_WAITING;
        }
        struct pollfd fd = {.fd = sensor->signals, .events = POLLIN};
        poll(&fd, 1, 200);
        if (sensor_stopping(sensor) && deadline_ms == INT64_MAX) {
            deadline_ms = monotonic_ms() + STOP_WAIT_MS;
            child_note(sensor->child, SHIP_STOP, NULL, 0);
        }
    }
    return result;
}

static int run(struct sensor *sensor, char *errmsg)
{
    bool replay = sensor->path_count > 0;
    errmsg[0] = '\0';
    int rc = replay ? sensor_confine(sensor, NULL, 0, errmsg) : sensor_live(sensor, errmsg);
    if (rc == 0 && replay)
        rc = sensor_replay(sensor, errmsg);
    if (rc == ERR_STOPPED)
        err_set(errmsg, rc, "stopped before everything was counted: run the same again to go on");
    if (rc)
        log_error("%s", errmsg[0] ? errmsg : err_str(rc));
    bool drain = replay && (rc == 0 || rc == ERR_DAMAGED);
    enum ship_result shipped = wait_for_ship(sensor, drain);
    if (shipped == SHIP_BROKEN || shipped == SHIP_REFUSED)
        return 1; /* the ship process said why */
    /* A live sensor that leaves records in its spool ended well; a replay promised to deliver. */
    return rc || (replay && shipped == SHIP_WAITING) ? 1 : 0;
}

/* The spool is made as the user that was started, then given away; what is in it is read only by
 * processes that have given up their privileges. */
static int start(struct sensor *sensor, const char *user, int metrics, char *errmsg)
{
    struct privilege *privilege = &sensor->privilege;
    int rc = open_signals(sensor, errmsg);
    if (rc == 0)
        rc = privilege_choose(privilege, user, sensor->spool, sensor->aggregator, errmsg);
    int lock = rc ? rc : spool_lock(sensor->spool, errmsg);
    if (lock < 0)
        return lock;
    struct ship_options options = {.spool = sensor->spool,
                                   .aggregator = sensor->aggregator,
                                   .retention_s = sensor->retention_h * 3600,
                                   .max_bytes = sensor->spool_max_mb << 20,
                                   .patience_s = sensor->patience_s,
                                   .privilege = privilege,
                                   .vitals = sensor->vitals,
                                   .metrics = metrics};
    rc = privilege_take_spool(privilege, sensor->spool, errmsg);
    if (rc == 0)
        rc = child_start(&sensor->child, &options, errmsg);
    if (rc)
        close(lock);
    return rc;
}

/* The descriptor on which the ship process will serve metrics, which opens none itself; 0: none. */
static int listen_for_metrics(struct sensor *sensor, const struct settings *settings, char *errmsg)
{
    if (!settings->metrics || !*settings->metrics)
        return 0;
    sensor->vitals = vitals_new();
    return sensor->vitals ? httpd_listen(settings->metrics, settings->metrics_anywhere, errmsg)
                          : err_set(errmsg, ERR_NOMEM, "metrics: %s", err_str(ERR_NOMEM));
}

static int run_settings(struct settings *settings, char *errmsg)
{
    struct sensor sensor = {.signals = -1};
    int status = 1, metrics = 0;
    int rc = settings_sensor(settings, &sensor, errmsg);
    if (rc == 0 && sensor.interface_count == 0 && sensor.path_count == 0)
        rc = err_set(errmsg, ERR_INVALID, "run: nothing to capture: give -i IFACE or -r FILE");
    if (rc == 0)
        rc = sandbox_check(errmsg);
    if (rc == 0)
        rc = metrics = listen_for_metrics(&sensor, settings, errmsg);
    if (rc >= 0)
        rc = start(&sensor, settings->user, metrics, errmsg);
    if (metrics > 0)
        close(metrics); /* it is the ship process's */
    if (rc == 0)
        status = run(&sensor, errmsg);
    else
        log_error("%s", errmsg[0] ? errmsg : err_str(rc));
    child_free(sensor.child);
    vitals_free(sensor.vitals);
    settings_sensor_close(&sensor);
    return rc == ERR_INVALID ? 2 : status;
}

int run_main(int argc, char **argv)
{
    block_signals();
    char errmsg[ERRMSG_SIZE] = "";
    struct settings settings;
    int status = 1, rc = settings_init(&settings, (size_t)argc + 1);
    if (rc == 0)
        rc = settings_options(&settings, argc, argv);
    if (rc == 0) {
        rc = settings_config(&settings, errmsg);
        if (rc)
            log_error("%s", errmsg);
        else
            status = run_settings(&settings, errmsg);
    } else {
        status = rc == 1 ? output_finish() : 2;
    }
    settings_close(&settings);
    return status;
}

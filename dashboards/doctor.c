#include "dashboards/doctor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "dashboards/child.h"
#include "dashboards/font.h"

#define NS_PER_S INT64_C(1000000000)

/* --- sensors ---------------------------------------------------------------------------------- */

static uint64_t per_cent(double share)
{
    return (uint64_t)(share * 100); /* cut: only what is whole says 100 */
}

static void say_live(struct checks *checks, const char *what, const struct serve_sensor *sensor)
{
    const struct query_figures *day = &sensor->day;
    double seen = (double)day->packets + (double)day->dropped;
    const char *zero = sensor->state == SERVE_SILENT ? "; no packet lately, a true zero" : "";
    if (sensor->coverage < DOCTOR_COVERAGE)
        checks_say(checks, CHECK_WARN, what,
                   "observed %ju %% of the last day; its log says when it was down or cut off",
                   (uintmax_t)per_cent(sensor->coverage));
    else if (day->any_data && (double)day->dropped > seen * DOCTOR_DROPPED)
        checks_say(checks, CHECK_WARN, what,
                   "kernel and interface dropped %ju packets in the last day, beside %ju that were "
                   "counted; more ring_mb or threads in [capture] help",
                   (uintmax_t)day->dropped, (uintmax_t)day->packets);
    else
        checks_say(checks, CHECK_OK, what, "%ju packets in the last day, %ju %% of it observed%s",
                   (uintmax_t)day->packets, (uintmax_t)per_cent(sensor->coverage), zero);
}

void doctor_sensor(struct checks *checks, const struct serve_sensor *sensor, int64_t now_s)
{
    char what[SENSOR_NAME_MAX + 16], until[32];
    int64_t until_s = sensor->sensor->until_ns / NS_PER_S;
    snprintf(what, sizeof what, "sensor %s", sensor->sensor->name);
    calendar_rfc3339(until_s, until);
    if (sensor->sensor->enrolled && !sensor->due)
        checks_say(checks, CHECK_OK, what, "nothing of it is in the inventory at present");
    else if (sensor->state == SERVE_NEW)
        checks_say(checks, CHECK_WARN, what, "it has delivered nothing yet; is it running?");
    else if (sensor->state == SERVE_DOWN && !sensor->sensor->enrolled &&
             now_s - until_s > DOCTOR_ARCHIVE_S)
        checks_say(checks, CHECK_OK, what,
                   "nothing since %s: an archive, or retired; it is not enrolled", until);
    else if (sensor->state == SERVE_DOWN)
        checks_say(checks, CHECK_FAIL, what,
                   "nothing since %s; run darkcount-collector check there, and "
                   "darkcount-aggregator sensor list here",
                   until);
    else
        say_live(checks, what, sensor);
}

static int look_at_sensors(struct checks *checks, struct store *store, char *errmsg)
{
    struct serve_sensors sensors = {0};
    int64_t now_s = time(NULL);
    int rc = serve_sensors_read(store, now_s, &sensors, errmsg);
    for (size_t i = 0; rc == 0 && i < sensors.count; i++)
        doctor_sensor(checks, &sensors.sensors[i], now_s);
    if (rc == 0 && sensors.count == 0)
        checks_say(checks, CHECK_WARN, "sensors",
                   "there are none yet; darkcount-aggregator sensor "
                   "add enrols one");
    serve_sensors_close(&sensors);
    return rc;
}

/* --- store and aggregator --------------------------------------------------------------------- */

static void look_at_setting(struct checks *checks, struct store *store, const char *name,
                            const char *wanted, const char *then)
{
    char value[STORE_SETTING_MAX], cause[ERRMSG_SIZE];
    if (store_setting(store, name, value, cause) != 0)
        checks_say(checks, CHECK_WARN, "store", "%s cannot be asked for; look at it on the server",
                   name);
    else if (strcmp(value, wanted) != 0)
        checks_say(checks, CHECK_WARN, "store", "%s is '%s', not '%s': %s", name, value, wanted,
                   then);
    else
        checks_say(checks, CHECK_OK, "store", "%s is '%s'", name, value);
}

void doctor_aggregators(struct checks *checks, const char *const *beats, size_t count,
                        int64_t now_s)
{
    size_t there = 0;
    for (size_t i = 1; i < count; i += 2) {
        const char *at = strchr(beats[i], ' ');
        there += at && now_s - strtoll(at + 1, NULL, 10) <= DOCTOR_BEAT_S;
    }
    if (there)
        checks_say(checks, CHECK_OK, "aggregator", "%zu %s", there,
                   there == 1 ? "is there" : "are there");
    else
        checks_say(checks, CHECK_FAIL, "aggregator",
                   "none is working on this store: sensors cannot deliver; start "
                   "darkcount-aggregator");
}

static int look_at_store(struct checks *checks, struct store *store, char *errmsg)
{
    struct store_hash beats;
    look_at_setting(checks, store, "appendonly", "yes",
                    "acknowledged records are lost when Redis stops");
    look_at_setting(checks, store, "appendfsync", "always",
                    "acknowledged records of the last second are lost when the machine stops");
    look_at_setting(checks, store, "maxmemory-policy", "noeviction",
                    "Redis may throw counts away when its memory is short");
    int rc = store_read_hash(store, SCHEMA_AGGREGATORS, &beats, errmsg);
    if (rc)
        return rc;
    doctor_aggregators(checks, beats.words, beats.count, time(NULL));
    store_free_hash(&beats);
    return 0;
}

/* --- charts ----------------------------------------------------------------------------------- */

static void look_at_gnuplot(struct checks *checks)
{
    char *const words[] = {(char *)"gnuplot", (char *)"--version", NULL};
    const struct child_task task = {.words = words, .timeout_s = 10};
    char complaint[CHILD_COMPLAINT_SIZE], errmsg[ERRMSG_SIZE];
    struct buf version;
    buf_init(&version);
    if (child_run(&task, &version, complaint, errmsg) == 0)
        checks_say(checks, CHECK_OK, "charts", "%.*s", (int)strcspn((char *)version.bytes, "\n"),
                   (char *)version.bytes);
    else
        checks_say(checks, CHECK_FAIL, "charts", "%s", errmsg);
    buf_close(&version);
}

static void look_at_font(struct checks *checks, enum language language)
{
    char errmsg[ERRMSG_SIZE];
    if (font_check(labels_font(language), labels_font_package(language), errmsg) == 0)
        checks_say(checks, CHECK_OK, "font", "%s", labels_font(language));
    else
        checks_say(checks, CHECK_WARN, "font", "%s", errmsg);
}

/* --- the command ------------------------------------------------------------------------------ */

static void look_at_telescope(struct checks *checks, const struct options *options)
{
    struct store *store;
    struct storeurl url;
    char errmsg[ERRMSG_SIZE];
    int rc = options_store(options, &url, errmsg);
    if (rc == 0)
        rc = store_open(&store, &url, errmsg);
    if (rc) {
        checks_say(checks, CHECK_FAIL, "store", "%s", errmsg);
        return;
    }
    checks_say(checks, CHECK_OK, "store", "%s, time zone %s", url.shown, store_timezone(store));
    rc = look_at_store(checks, store, errmsg);
    if (rc == 0)
        rc = look_at_sensors(checks, store, errmsg);
    if (rc)
        checks_say(checks, CHECK_FAIL, "store", "%s", errmsg);
    store_close(store);
}

int doctor_run(const struct options *options, char *errmsg)
{
    struct checks checks = {.out = stdout};
    look_at_telescope(&checks, options);
    look_at_gnuplot(&checks);
    look_at_font(&checks, LANGUAGE_EN);
    look_at_font(&checks, LANGUAGE_JA);
    checks_clock(&checks);
    if (fflush(stdout) != 0)
        return err_set(errmsg, ERR_IO, "doctor: writing to standard output failed");
    if (checks.failed)
        return err_set(errmsg, ERR_REFUSED, "doctor: %u of these failed", checks.failed);
    return 0;
}

#include "dashboards/serve_sensors.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "common/err.h"

#define DAY_S    86400
#define NS_PER_S 1000000000

const char *serve_state_name(enum serve_state state)
{
    static const char *const names[] = {"live", "silent", "down", "new"};
    return names[state];
}

static int take_day(void *user, const struct query_period *period, char *errmsg)
{
    struct serve_sensors *sensors = user;
    (void)errmsg;
    for (size_t i = 0; i < period->sensor_count; i++)
        sensors->sensors[i].day = period->sensors[i];
    return 0;
}

static int take_recent(void *user, const struct query_period *period, char *errmsg)
{
    struct serve_sensors *sensors = user;
    (void)errmsg;
    for (size_t i = 0; i < period->sensor_count; i++) {
        const struct query_figures *recent = &period->sensors[i];
        sensors->sensors[i].due = recent->coverage.expected > 0;
        if (recent->any_data)
            sensors->sensors[i].state = recent->packets ? SERVE_LIVE : SERVE_SILENT;
    }
    return 0;
}

static int ask(struct store *store, int64_t from_s, int64_t to_s, struct serve_sensors *sensors,
               int (*take)(void *, const struct query_period *, char *), char *errmsg)
{
    const struct query query = {
        .from_s = from_s, .to_s = to_s, .step = QUERY_WHOLE, .by = QUERY_SENSOR};
    const struct query_reader reader = {sensors, take};
    return query_run(store, &query, &reader, errmsg);
}

int serve_sensors_read(struct store *store, int64_t now_s, struct serve_sensors *sensors,
                       char *errmsg)
{
    const struct store_sensor *all = store_sensors(store, &sensors->count);
    int64_t to_s = now_s - now_s % 60, from_s = to_s - DAY_S;
    sensors->sensors = calloc(sensors->count + 1, sizeof *sensors->sensors);
    if (!sensors->sensors)
        return err_set(errmsg, ERR_NOMEM, "sensors: %s", err_str(ERR_NOMEM));
    for (size_t i = 0; i < sensors->count; i++)
        sensors->sensors[i] = (struct serve_sensor){
            .sensor = &all[i], .state = all[i].until_ns < all[i].from_ns ? SERVE_NEW : SERVE_DOWN};
    int rc = ask(store, from_s, to_s, sensors, take_day, errmsg);
    if (rc == 0)
        rc = ask(store, to_s - SERVE_RECENT_S, to_s, sensors, take_recent, errmsg);
    for (size_t i = 0; i < sensors->count; i++)
        sensors->sensors[i].coverage = query_coverage(&sensors->sensors[i].day);
    if (rc)
        serve_sensors_close(sensors);
    return rc;
}

void serve_sensors_close(struct serve_sensors *sensors)
{
    free(sensors->sensors);
    sensors->sensors = NULL;
}

/* --- as rows ---------------------------------------------------------------------------------- */

static const char *const columns[] = {
    "sensor",      "state",        "addresses", "first_observed", "last_observed", "packets_24h",
    "dropped_24h", "coverage_24h", NULL,
};

static void put_time(struct rows *rows, bool known, int64_t at_ns)
{
    char text[32];
    if (!known) {
        rows_missing(rows);
        return;
    }
    calendar_rfc3339(at_ns / NS_PER_S, text);
    rows_text(rows, text);
}

static void put_sensor(struct rows *rows, const struct serve_sensor *of)
{
    bool known = of->state != SERVE_NEW;
    rows_text(rows, of->sensor->name);
    rows_text(rows, serve_state_name(of->state));
    rows_double(rows, known ? of->sensor->addresses : NAN, 0);
    put_time(rows, known, of->sensor->from_ns);
    put_time(rows, known, of->sensor->until_ns);
    rows_double(rows, of->day.any_data ? (double)of->day.packets : NAN, 0);
    rows_double(rows, of->day.any_data ? (double)of->day.dropped : NAN, 0);
    rows_double(rows, figures_cut_coverage(of->coverage), FIGURES_COVERAGE_DECIMALS);
}

int serve_sensors_print(FILE *out, struct store *store, const struct options *options, char *errmsg)
{
    struct serve_sensors sensors;
    int rc = serve_sensors_read(store, time(NULL), &sensors, errmsg);
    if (rc)
        return rc;
    struct rows *rows = rows_begin(out, options->format, columns);
    for (size_t i = 0; rows && i < sensors.count; i++)
        put_sensor(rows, &sensors.sensors[i]);
    rc = rows ? rows_end(rows) : ERR_NOMEM;
    serve_sensors_close(&sensors);
    return rc ? err_set(errmsg, rc, "sensors: %s", err_str(rc)) : 0;
}

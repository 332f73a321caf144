#include "dashboards/serve_metrics.h"

#include <inttypes.h>
#include <math.h>
#include <time.h>

#include "common/err.h"
#include "dashboards/prometheus.h"
#include "dashboards/serve_sensors.h"

#define PORTS 10

static void put_family(FILE *out, const char *name, const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* --- sensors ---------------------------------------------------------------------------------- */

static int put_sensors(FILE *out, struct store *store, int64_t now_s, char *errmsg)
{
    struct serve_sensors sensors;
    int rc = serve_sensors_read(store, now_s, &sensors, errmsg);
    if (rc)
        return rc;
    put_family(out, "darkcount_sensor_up",
               "Whether the sensor observed anything in the last 15 minutes.");
    for (size_t i = 0; i < sensors.count; i++)
        fprintf(out, "darkcount_sensor_up{sensor=\"%s\"} %d\n", sensors.sensors[i].sensor->name,
                sensors.sensors[i].state == SERVE_LIVE || sensors.sensors[i].state == SERVE_SILENT);
    put_family(out, "darkcount_sensor_coverage_24h_ratio",
               "The part of the last 24 hours in which the sensor observed.");
    for (size_t i = 0; i < sensors.count; i++)
        if (isfinite(sensors.sensors[i].coverage))
            fprintf(out, "darkcount_sensor_coverage_24h_ratio{sensor=\"%s\"} %.9f\n",
                    sensors.sensors[i].sensor->name,
                    figures_cut_coverage(sensors.sensors[i].coverage));
    serve_sensors_close(&sensors);
    return 0;
}

/* --- today and this year ---------------------------------------------------------------------- */

struct part {
    FILE *out;
    const char *name;
};

static int put_active(void *user, const struct query_period *period, char *errmsg)
{
    const struct part *part = user;
    (void)errmsg;
    if (period->all.any_data && period->all.active_known)
        fprintf(part->out, "%s %" PRIu64 "\n", part->name, period->all.active);
    return 0;
}

static int put_classes(void *user, const struct query_period *period, char *errmsg)
{
    const struct part *part = user;
    struct query_rows rows;
    struct query_row row;
    (void)errmsg;
    query_rows_begin(&rows, period);
    while (query_rows_next(&rows, &row))
        fprintf(part->out, "%s{class=\"%s\"} %" PRIu64 "\n", part->name,
                packet_class_name(row.class), row.sum.packets);
    return 0;
}

static int put_periods(FILE *out, struct store *store, int64_t now_s, char *errmsg)
{
    static const struct {
        const char *name, *help;
        enum level level;
        enum query_by by;
        int (*put)(void *user, const struct query_period *period, char *errmsg);
    } parts[] = {
        {"darkcount_today_active_addresses",
         "Darknet addresses that received a packet today, in the telescope's time zone.", LEVEL_DAY,
         QUERY_TOTAL, put_active},
        {"darkcount_today_class_packets", "Packets of today by class.", LEVEL_DAY, QUERY_CLASS,
         put_classes},
        {"darkcount_year_class_packets", "Packets of this year by class.", LEVEL_YEAR, QUERY_CLASS,
         put_classes},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof parts / sizeof *parts; i++) {
        struct period period = calendar_period(parts[i].level, now_s);
        const struct query query = {
            .from_s = period.start_s, .to_s = period.end_s, .step = QUERY_WHOLE, .by = parts[i].by};
        struct part part = {out, parts[i].name};
        const struct query_reader reader = {&part, parts[i].put};
        put_family(out, parts[i].name, parts[i].help);
        rc = query_run(store, &query, &reader, errmsg);
    }
    return rc;
}

/* --- the page --------------------------------------------------------------------------------- */

static int put_totals(FILE *out, struct store *store, char *errmsg)
{
    const struct prometheus_page page = {store, QUERY_OPEN, QUERY_OPEN, PORTS};
    struct buf text;
    buf_init(&text);
    int rc = prometheus_write(&page, &text, errmsg);
    if (rc == 0)
        fwrite(text.bytes, 1, text.size, out); /* fclose tells of errors */
    buf_close(&text);
    return rc;
}

int serve_metrics_print(FILE *out, struct store *store, const struct options *options, char *errmsg)
{
    int64_t now_s = time(NULL);
    (void)options;
    int rc = put_totals(out, store, errmsg);
    if (rc == 0)
        rc = put_sensors(out, store, now_s, errmsg);
    return rc ? rc : put_periods(out, store, now_s, errmsg);
}

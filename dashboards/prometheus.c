#include "dashboards/prometheus.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

/* Appends printf-formatted text; numbers and words of this program or checked names alone, so that
 * nothing needs escaping. A line is shorter than 512 bytes. */
__attribute__((format(printf, 2, 3))) static void put(struct buf *out, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    buf_put(out, line, strlen(line));
}

static void put_family(struct buf *out, const char *name, const char *kind, const char *help)
{
    put(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* --- by sensor -------------------------------------------------------------------------------- */

struct sensor_family {
    const char *name, *kind, *help;
    /* Appends the sample's value. */
    void (*value)(struct buf *out, const struct store_sensor *sensor,
                  const struct query_figures *figures);
};

static void packets(struct buf *out, const struct store_sensor *sensor,
                    const struct query_figures *figures)
{
    (void)sensor;
    put(out, "%" PRIu64, figures->packets);
}

static void bytes(struct buf *out, const struct store_sensor *sensor,
                  const struct query_figures *figures)
{
    (void)sensor;
    put(out, "%" PRIu64, figures->bytes);
}

static void dropped(struct buf *out, const struct store_sensor *sensor,
                    const struct query_figures *figures)
{
    (void)sensor;
    put(out, "%" PRIu64, figures->dropped);
}

static void observed(struct buf *out, const struct store_sensor *sensor,
                     const struct query_figures *figures)
{
    (void)sensor;
    put(out, "%.3f", (double)figures->observed_ns / 1e9);
}

static void expected(struct buf *out, const struct store_sensor *sensor,
                     const struct query_figures *figures)
{
    (void)sensor;
    put(out, "%.3f", (double)figures->expected_ns / 1e9);
}

static void addresses(struct buf *out, const struct store_sensor *sensor,
                      const struct query_figures *figures)
{
    (void)figures;
    put(out, "%.17g", sensor->addresses);
}

static void last_observed(struct buf *out, const struct store_sensor *sensor,
                          const struct query_figures *figures)
{
    (void)figures;
    put(out, "%" PRId64 ".%03" PRId64, sensor->until_ns / 1000000000,
        sensor->until_ns / 1000000 % 1000);
}

static const struct sensor_family sensor_families[] = {
    {"darkcount_packets_total", "counter", "Packets to darknet addresses.", packets},
    {"darkcount_bytes_total", "counter", "Their bytes, IP total length.", bytes},
    {"darkcount_dropped_packets_total", "counter",
     "Packets that kernel and interface lost before they could be counted.", dropped},
    {"darkcount_observed_seconds_total", "counter", "Time in which the sensor observed.", observed},
    {"darkcount_expected_seconds_total", "counter",
     "Time in which the sensor was to observe by its inventory.", expected},
    {"darkcount_darknet_addresses", "gauge", "Addresses in the sensor's darknet.", addresses},
    {"darkcount_last_observed_timestamp_seconds", "gauge",
     "The last moment that the sensor observed, as far as the store knows.", last_observed},
};

/* A sensor without data in the range has no samples: missing, not 0. */
static int put_sensors(void *user, const struct query_period *period, char *errmsg)
{
    struct buf *out = user;
    (void)errmsg;
    for (size_t i = 0; i < sizeof sensor_families / sizeof *sensor_families; i++) {
        const struct sensor_family *family = &sensor_families[i];
        put_family(out, family->name, family->kind, family->help);
        for (size_t k = 0; k < period->sensor_count; k++) {
            if (!period->sensors[k].any_data)
                continue;
            put(out, "%s{sensor=\"%s\"} ", family->name, period->sensor[k]->name);
            family->value(out, period->sensor[k], &period->sensors[k]);
            put(out, "\n");
        }
    }
    return 0;
}

/* --- by class and port ------------------------------------------------------------------------ */

static int put_classes(void *user, const struct query_period *period, char *errmsg)
{
    struct query_rows rows;
    struct query_row row;
    (void)errmsg;
    put_family(user, "darkcount_class_packets_total", "counter",
               "Packets to darknet addresses by class.");
    query_rows_begin(&rows, period);
    while (query_rows_next(&rows, &row))
        put(user, "darkcount_class_packets_total{class=\"%s\"} %" PRIu64 "\n",
            packet_class_name(row.class), row.sum.packets);
    return 0;
}

/* The others are left out: a port that comes among the first would take from them, and a counter may
 * not shrink. */
static int put_ports(void *user, const struct query_period *period, char *errmsg)
{
    struct query_rows rows;
    struct query_row row;
    (void)errmsg;
    put_family(user, "darkcount_port_packets_total", "counter",
               "Packets to darknet addresses by destination port, of the ports with most packets.");
    query_rows_begin(&rows, period);
    while (query_rows_next(&rows, &row))
        if (row.key == QUERY_KEY_KNOWN)
            put(user, "darkcount_port_packets_total{protocol=\"%s\",port=\"%u\"} %" PRIu64 "\n",
                row.protocol == PROTOCOL_TCP ? "tcp" : "udp", row.port, row.sum.packets);
    return 0;
}

/* --- years ------------------------------------------------------------------------------------ */

static int put_years(const struct prometheus_page *page, struct buf *out, char *errmsg)
{
    struct query_annual annual;
    int rc = query_annual(page->store, METHOD_DAILY, 0, &annual, errmsg);
    if (rc)
        return rc;
    put_family(out, "darkcount_year_packets_per_address", "gauge",
               "Packets per darknet address in a year, of the telescope.");
    for (size_t i = 0; i < annual.count; i++)
        if (isfinite(annual.years[i].packets_per_address))
            put(out, "darkcount_year_packets_per_address{year=\"%d\",method=\"%s\"} %.2f\n",
                annual.years[i].year, method_name(annual.years[i].method),
                annual.years[i].packets_per_address);
    put_family(out, "darkcount_year_coverage_ratio", "gauge",
               "The part of the year's expected observation that there was.");
    for (size_t i = 0; i < annual.count; i++)
        if (isfinite(annual.years[i].coverage))
            put(out, "darkcount_year_coverage_ratio{year=\"%d\"} %.9f\n", annual.years[i].year,
                figures_cut_coverage(annual.years[i].coverage));
    query_annual_close(&annual);
    return 0;
}

/* --- the page --------------------------------------------------------------------------------- */

int prometheus_write(const struct prometheus_page *page, struct buf *out, char *errmsg)
{
    static const struct {
        enum query_by by;
        int (*on_period)(void *user, const struct query_period *period, char *errmsg);
    } parts[] = {{QUERY_SENSOR, put_sensors}, {QUERY_CLASS, put_classes}, {QUERY_PORT, put_ports}};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof parts / sizeof *parts; i++) {
        const struct query_reader reader = {out, parts[i].on_period};
        struct query query = {.from_s = page->from_s,
                              .to_s = page->to_s,
                              .step = QUERY_WHOLE,
                              .by = parts[i].by,
                              .top = parts[i].by == QUERY_PORT ? page->ports : 0};
        if (query_range(page->store, &query))
            rc = query_run(page->store, &query, &reader, errmsg);
    }
    if (rc == 0)
        rc = put_years(page, out, errmsg);
    return rc == 0 && out->failed ? err_set(errmsg, ERR_NOMEM, "metrics: %s", err_str(ERR_NOMEM))
                                  : rc;
}

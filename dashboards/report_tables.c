#include <math.h>
#include <stdio.h>

#include "common/err.h"
#include "common/rows.h"
#include "dashboards/annual.h"
#include "dashboards/nict.h"
#include "dashboards/prose.h"
#include "dashboards/report_write.h"

static void put_if(struct rows *rows, bool known, uint64_t value)
{
    if (known)
        rows_u64(rows, value);
    else
        rows_missing(rows);
}

static void put_coverage(struct rows *rows, const struct query_figures *figures)
{
    rows_double(rows, figures_cut_coverage(query_coverage(figures)), 9);
}

static void put_date(struct rows *rows, const struct report_data *data,
                     const struct report_day *day)
{
    rows_text(rows, prose_date(data->year, day->month, day->day).text);
}

static int write_annual(const struct report_data *data, FILE *out)
{
    return annual_print(out, ROWS_CSV, &data->annual);
}

static int write_days(const struct report_data *data, FILE *out)
{
    static const char *const columns[] = {"date",         "state",    "packets", "active_addresses",
                                          "unique_hosts", "coverage", "dropped", NULL};
    struct rows *rows = rows_begin(out, ROWS_CSV, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < data->day_count; i++) {
        const struct report_day *day = &data->days[i];
        const struct query_figures *of = &day->figures;
        put_date(rows, data, day);
        rows_text(rows, query_state_name(day->state));
        put_if(rows, of->any_data, of->packets);
        put_if(rows, of->any_data && of->active_known, of->active);
        put_if(rows, of->any_data && of->hosts_known, of->unique_hosts);
        put_coverage(rows, of);
        put_if(rows, of->any_data, of->dropped);
    }
    return rows_end(rows);
}

static int write_classes_daily(const struct report_data *data, FILE *out)
{
    const char *columns[PACKET_CLASSES + 3] = {"date"};
    for (int class = 0; class < PACKET_CLASSES; class ++)
        columns[class + 1] = packet_class_name((enum packet_class) class);
    columns[PACKET_CLASSES + 1] = "withheld";
    struct rows *rows = rows_begin(out, ROWS_CSV, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < data->day_count; i++) {
        const struct chart_classes_column *classes = &data->days[i].classes;
        put_date(rows, data, &data->days[i]);
        for (int class = 0; class < PACKET_CLASSES; class ++)
            put_if(rows, classes->known && !classes->hidden[class], classes->packets[class]);
        put_if(rows, classes->known, classes->withheld);
    }
    return rows_end(rows);
}

/* The end of a row: packets, bytes and share. */
static void put_sum(struct rows *rows, const struct report_data *data, struct sum sum)
{
    rows_u64(rows, sum.packets);
    rows_u64(rows, sum.bytes);
    rows_double(rows, (double)sum.packets / (double)data->total.packets, 9);
}

static int write_classes(const struct report_data *data, FILE *out)
{
    static const char *const columns[] = {"class", "packets", "bytes", "share", NULL};
    struct rows *rows = rows_begin(out, ROWS_CSV, columns);
    if (!rows)
        return ERR_NOMEM;
    for (int class = 0; class < PACKET_CLASSES && data->tables_known; class ++) {
        if (data->class_withheld[class])
            continue;
        rows_text(rows, packet_class_name((enum packet_class) class));
        put_sum(rows, data, data->tables.classes[class]);
    }
    if (data->classes_withheld.packets) {
        rows_text(rows, "withheld");
        put_sum(rows, data, data->classes_withheld);
    }
    return rows_end(rows);
}

static int write_ports(const struct report_data *data, FILE *out)
{
    static const char *const columns[] = {"protocol", "port", "packets", "bytes", "share", NULL};
    struct rows *rows = rows_begin(out, ROWS_CSV, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < data->port_count; i++) {
        const struct report_port *port = &data->ports[i];
        rows_u64(rows, port->protocol);
        rows_u64(rows, port->port);
        put_sum(rows, data, port->sum);
    }
    if (data->ports_withheld.packets) {
        rows_text(rows, "withheld");
        rows_missing(rows);
        put_sum(rows, data, data->ports_withheld);
    }
    return rows_end(rows);
}

static int write_countries(const struct report_data *data, FILE *out)
{
    static const char *const columns[] = {"country", "packets", "share", NULL};
    const struct report_countries *of = &data->countries;
    const struct {
        const char *name;
        uint64_t packets;
    } rest[] = {{"others", of->top.others},
                {"unknown", of->top.unknown},
                {"not_kept", of->top.not_kept},
                {"withheld", of->top.withheld}};
    struct rows *rows = rows_begin(out, ROWS_CSV, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < of->top.count; i++) {
        rows_text(rows, of->top.rows[i].country);
        rows_u64(rows, of->top.rows[i].packets);
        rows_double(rows, (double)of->top.rows[i].packets / (double)data->total.packets, 9);
    }
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) {
        rows_text(rows, rest[i].name);
        rows_u64(rows, rest[i].packets);
        rows_double(rows, (double)rest[i].packets / (double)data->total.packets, 9);
    }
    return rows_end(rows);
}

static int write_unusual(const struct report_data *data, FILE *out)
{
    static const char *const columns[] = {"date",        "packets", "usual", "factor",
                                          "protocol",    "port",    "class", "cause_packets",
                                          "cause_usual", NULL};
    struct rows *rows = rows_begin(out, ROWS_CSV, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < data->unusual_count; i++) {
        const struct report_unusual *day = &data->unusual[i];
        put_date(rows, data, &data->days[day->day]);
        rows_u64(rows, data->days[day->day].figures.packets);
        rows_double(rows, day->usual, 1);
        rows_double(rows, day->factor, 2);
        put_if(rows, day->cause == REPORT_CAUSE_PORT, day->protocol);
        put_if(rows, day->cause == REPORT_CAUSE_PORT, day->port);
        if (day->cause == REPORT_CAUSE_CLASS)
            rows_text(rows, packet_class_name(day->class));
        else
            rows_missing(rows);
        put_if(rows, day->cause != REPORT_CAUSE_NONE, day->cause_packets);
        rows_double(rows, day->cause == REPORT_CAUSE_NONE ? NAN : day->cause_usual, 1);
    }
    return rows_end(rows);
}

static int write_sensors(const struct report_data *data, FILE *out)
{
    static const char *const columns[] = {"sensor",  "addresses", "packets", "coverage",
                                          "dropped", "restated",  NULL};
    struct rows *rows = rows_begin(out, ROWS_CSV, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < data->sensor_count; i++) {
        const struct report_sensor *sensor = &data->sensors[i];
        rows_text(rows, sensor->name);
        rows_double(rows, sensor->addresses, 0);
        put_if(rows, sensor->figures.any_data, sensor->figures.packets);
        put_coverage(rows, &sensor->figures);
        put_if(rows, sensor->figures.any_data, sensor->figures.dropped);
        rows_u64(rows, sensor->restated);
    }
    return rows_end(rows);
}

static int write_inventory(const struct report_data *data, FILE *out)
{
    static const char *const columns[] = {"sensor", "from", "addresses", NULL};
    struct rows *rows = rows_begin(out, ROWS_CSV, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < data->version_count; i++) {
        const struct report_version *version = &data->versions[i];
        char from[32];
        calendar_rfc3339(version->from_s, from);
        rows_text(rows, data->sensors[version->sensor].name);
        rows_text(rows, from);
        rows_double(rows, version->addresses, 0);
    }
    return rows_end(rows);
}

static int write_nict(const struct report_data *data, FILE *out)
{
    static const char *const columns[] = {"year",
                                          "total_packets",
                                          "observed_addresses",
                                          "packets_per_address",
                                          "exact",
                                          "edition",
                                          "source",
                                          NULL};
    (void)data;
    struct rows *rows = rows_begin(out, ROWS_CSV, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < nict_row_count; i++) {
        const struct nict_row *row = &nict_rows[i];
        rows_u64(rows, (uint64_t)row->year);
        put_if(rows, row->total_packets != NICT_UNPUBLISHED, row->total_packets);
        put_if(rows, row->observed_addresses != NICT_UNPUBLISHED, row->observed_addresses);
        put_if(rows, row->packets_per_address != NICT_UNPUBLISHED, row->packets_per_address);
        rows_text(rows, row->exact ? "yes" : "no");
        rows_u64(rows, (uint64_t)row->edition);
        rows_text(rows, row->source);
    }
    return rows_end(rows);
}

const struct report_table report_tables[] = {
    {"annual.csv", write_annual, false},
    {"days.csv", write_days, false},
    {"unusual_days.csv", write_unusual, false},
    {"ports.csv", write_ports, false},
    {"countries.csv", write_countries, true},
    {"classes.csv", write_classes, false},
    {"classes_daily.csv", write_classes_daily, false},
    {"sensors.csv", write_sensors, false},
    {"inventory.csv", write_inventory, false},
    {"nict.csv", write_nict, false},
};
const size_t report_table_count = sizeof report_tables / sizeof *report_tables;

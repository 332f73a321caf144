#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/nict.h"
#include "dashboards/prose.h"
#include "dashboards/report_write.h"

/* Enough digits for every rounded figure, and few enough that none shows how binary fractions end. */
#define DIGITS 15

/* --- values ----------------------------------------------------------------------------------- */

/* Counts beyond 2^63, which JSON readers could not hold, do not come out of a 64-bit year. */
static json_t *count(bool known, uint64_t value)
{
    return known ? json_integer((json_int_t)value) : json_null();
}

/* Rounded as printf does it, and so as it stands in the text. */
static json_t *rounded(double value, int decimals)
{
    char text[400];
    if (isnan(value))
        return json_null();
    snprintf(text, sizeof text, "%.*f", decimals, value);
    return json_real(strtod(text, NULL));
}

static json_t *cut(double coverage)
{
    return isnan(coverage) ? json_null() : json_real(figures_cut_coverage(coverage));
}

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value); /* a NULL of either is found out when it is dumped */
}

static void set_share(json_t *object, uint64_t part, uint64_t whole)
{
    set(object, "share", rounded(whole ? (double)part / (double)whole : NAN, 9));
    set(object, "share_percent", rounded(report_percent(part, whole), 1));
}

static void set_coverage(json_t *object, double coverage)
{
    set(object, "coverage", cut(coverage));
    set(object, "coverage_percent", rounded(report_cut_percent(coverage), 1));
}

static void set_date(json_t *object, const struct report_data *data, const struct report_day *day)
{
    set(object, "date", json_string(prose_date(data->year, day->month, day->day).text));
}

/* --- parts ------------------------------------------------------------------------------------ */

/* Null where the whole year was to be observed. */
static void set_part(json_t *object, const struct figures *of)
{
    struct period first, last;
    bool part = figures_part_of_year(of, &first, &last);
    set(object, "part_first_day", part ? json_string(first.label) : json_null());
    set(object, "part_last_day", part ? json_string(last.label) : json_null());
}

static json_t *years(const struct report_data *data)
{
    json_t *list = json_array();
    for (size_t i = 0; i < data->annual.count; i++) {
        const struct figures *of = &data->annual.years[i];
        json_t *year = json_object();
        set(year, "year", json_integer(of->year));
        set(year, "packets", count(true, of->packets));
        set(year, "observed_addresses", count(true, of->observed_addresses));
        set(year, "packets_per_address", rounded(of->packets_per_address, 2));
        set(year, "method", json_string(method_name(of->method)));
        set(year, "seconds_per_packet", rounded(of->seconds_per_packet, 3));
        set(year, "unique_hosts", count(of->hosts_known, of->unique_hosts));
        set_coverage(year, of->coverage);
        set(year, "dropped", count(true, of->dropped));
        set(year, "revision", count(true, of->revision));
        set_part(year, of);
        json_array_append_new(list, year);
    }
    return list;
}

static json_t *methods(const struct report_data *data)
{
    json_t *list = json_array();
    for (int method = METHOD_DAILY; method <= METHOD_INVENTORY; method++) {
        const struct figures *of = &data->methods[method];
        json_t *one = json_object();
        set(one, "method", json_string(method_name((enum method)method)));
        set(one, "packets_per_address", rounded(of->packets_per_address, 2));
        set(one, "seconds_per_packet", rounded(of->seconds_per_packet, 3));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *change(const struct report_data *data)
{
    json_t *object = json_object();
    double before = data->before ? data->before->packets_per_address : NAN;
    double percent = report_change(data->now->packets_per_address, before);
    set(object, "year_before", json_integer(data->year - 1));
    set(object, "packets_per_address_before", rounded(before, 2));
    set(object, "percent", rounded(percent, 1));
    set(object, "percent_absolute", rounded(fabs(percent), 1));
    return object;
}

static json_t *days(const struct report_data *data)
{
    json_t *list = json_array();
    for (size_t i = 0; i < data->day_count; i++) {
        const struct report_day *day = &data->days[i];
        const struct query_figures *of = &day->figures;
        json_t *one = json_object();
        set_date(one, data, day);
        set(one, "state", json_string(query_state_name(day->state)));
        set(one, "packets", count(of->any_data, of->packets));
        set(one, "active_addresses", count(of->any_data && of->active_known, of->active));
        set(one, "unique_hosts", count(of->any_data && of->hosts_known, of->unique_hosts));
        set_coverage(one, query_coverage(of));
        set(one, "dropped", count(of->any_data, of->dropped));
        json_t *classes = json_object();
        for (int class = 0; class < PACKET_CLASSES; class ++)
            set(classes, packet_class_name((enum packet_class) class),
                count(day->classes.known && !day->classes.hidden[class],
                      day->classes.packets[class]));
        set(classes, "withheld", count(day->classes.known, day->classes.withheld));
        set(one, "classes", classes);
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *cause(const struct report_unusual *day)
{
    json_t *object = json_object();
    if (day->cause == REPORT_CAUSE_NONE)
        return object;
    if (day->cause == REPORT_CAUSE_PORT) {
        set(object, "protocol", json_integer(day->protocol));
        set(object, "port", json_integer(day->port));
    } else {
        set(object, "class", json_string(packet_class_name(day->class)));
    }
    set(object, "packets", count(true, day->cause_packets));
    set(object, "usual", rounded(day->cause_usual, 1));
    return object;
}

static json_t *unusual(const struct report_data *data)
{
    json_t *object = json_object(), *list = json_array();
    set(object, "days_compared", json_integer((json_int_t)data->compared));
    set(object, "window_days", json_integer(REPORT_WINDOW));
    set(object, "least_factor", rounded(REPORT_FACTOR, 1));
    for (size_t i = 0; i < data->unusual_count; i++) {
        const struct report_unusual *day = &data->unusual[i];
        json_t *one = json_object();
        set_date(one, data, &data->days[day->day]);
        set(one, "packets", count(true, data->days[day->day].figures.packets));
        set(one, "usual", rounded(day->usual, 1));
        set(one, "factor", rounded(day->factor, 2));
        set(one, "cause", cause(day));
        json_array_append_new(list, one);
    }
    set(object, "days", list);
    return object;
}

static json_t *ports(const struct report_data *data)
{
    json_t *object = json_object(), *list = json_array();
    for (size_t i = 0; i < data->port_count; i++) {
        const struct report_port *port = &data->ports[i];
        json_t *one = json_object();
        set(one, "protocol", json_integer(port->protocol));
        set(one, "port", json_integer(port->port));
        set(one, "packets", count(true, port->sum.packets));
        set(one, "bytes", count(true, port->sum.bytes));
        set_share(one, port->sum.packets, data->total.packets);
        json_array_append_new(list, one);
    }
    json_t *others = json_object(), *without = json_object(), *withheld = json_object();
    set(others, "packets", count(data->tables_known, data->ports_others));
    set_share(others, data->ports_others, data->tables_known ? data->total.packets : 0);
    set(without, "packets", count(data->tables_known, data->ports_without));
    set_share(without, data->ports_without, data->tables_known ? data->total.packets : 0);
    set(withheld, "packets", count(data->tables_known, data->ports_withheld.packets));
    set(withheld, "bytes", count(data->tables_known, data->ports_withheld.bytes));
    set_share(withheld, data->ports_withheld.packets, data->tables_known ? data->total.packets : 0);
    set(object, "top", list);
    set(object, "others", others);
    set(object, "without_port", without);
    set(object, "withheld", withheld);
    return object;
}

static json_t *packets_of(const struct report_data *data, uint64_t packets)
{
    json_t *object = json_object();
    set(object, "packets", count(true, packets));
    set_share(object, packets, data->total.packets);
    return object;
}

/* null without a database, or without sources. */
static json_t *countries(const struct report_data *data)
{
    const struct report_countries *of = &data->countries;
    if (!of->known)
        return json_null();
    json_t *object = json_object(), *list = json_array(), *database = json_object();
    for (size_t i = 0; i < of->top.count; i++) {
        json_t *one = packets_of(data, of->top.rows[i].packets);
        set(one, "country", json_string(of->top.rows[i].country));
        json_array_append_new(list, one);
    }
    set(database, "name", json_string(of->database));
    set(database, "date", json_string(of->date));
    set(object, "database", database);
    set(object, "top", list);
    set(object, "others", packets_of(data, of->top.others));
    set(object, "unknown", packets_of(data, of->top.unknown));
    set(object, "not_kept", packets_of(data, of->top.not_kept));
    set(object, "withheld", packets_of(data, of->top.withheld));
    return object;
}

static json_t *sum_of(const struct report_data *data, bool known, struct sum sum)
{
    json_t *object = json_object();
    known = known && data->tables_known;
    set(object, "packets", count(known, sum.packets));
    set(object, "bytes", count(known, sum.bytes));
    set_share(object, sum.packets, known ? data->total.packets : 0);
    return object;
}

/* What the days of the year have in the chart: without the days on which the class is withheld. */
static json_t *by_day(const struct report_data *data, int class)
{
    uint64_t packets = 0, all = 0;
    for (size_t i = 0; i < data->day_count; i++) {
        const struct chart_classes_column *day = &data->days[i].classes;
        packets += class == PACKET_CLASSES ? day->withheld : day->packets[class];
        all += day->withheld;
        for (int c = 0; c < PACKET_CLASSES; c++)
            all += day->packets[c];
    }
    return rounded(report_percent(packets, all), 1);
}

static json_t *classes(const struct report_data *data)
{
    json_t *object = json_object();
    for (int class = 0; class < PACKET_CLASSES; class ++) {
        json_t *one = sum_of(data, !data->class_withheld[class], data->tables.classes[class]);
        set(one, "share_percent_by_day", by_day(data, class));
        set(object, packet_class_name((enum packet_class) class), one);
    }
    json_t *withheld = sum_of(data, true, data->classes_withheld);
    set(withheld, "share_percent_by_day", by_day(data, PACKET_CLASSES));
    set(object, "withheld", withheld);
    return object;
}

/* How many of each a cell needs; 0 and 1 ask for nothing. */
static json_t *withhold(const struct report_data *data)
{
    json_t *object = json_object();
    set(object, "sensors", count(true, data->rule.sensors));
    set(object, "sources", count(true, data->rule.sources));
    return object;
}

static json_t *inventory(const struct report_data *data)
{
    json_t *list = json_array();
    for (size_t i = 0; i < data->version_count; i++) {
        const struct report_version *version = &data->versions[i];
        json_t *one = json_object();
        char from[32];
        calendar_rfc3339(version->from_s, from);
        set(one, "sensor", json_string(data->sensors[version->sensor].name));
        set(one, "from", json_string(from));
        set(one, "addresses", rounded(version->addresses, 0));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *sensors(const struct report_data *data)
{
    json_t *list = json_array();
    for (size_t i = 0; i < data->sensor_count; i++) {
        const struct report_sensor *sensor = &data->sensors[i];
        bool any = sensor->figures.any_data;
        json_t *one = json_object();
        set(one, "sensor", json_string(sensor->name));
        set(one, "addresses", rounded(sensor->addresses, 0));
        set(one, "packets", count(any, sensor->figures.packets));
        set_coverage(one, query_coverage(&sensor->figures));
        set(one, "dropped", count(any, sensor->figures.dropped));
        set(one, "restated", count(true, sensor->restated));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *nict(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < nict_row_count; i++) {
        const struct nict_row *row = &nict_rows[i];
        json_t *one = json_object();
        set(one, "year", json_integer(row->year));
        set(one, "total_packets",
            count(row->total_packets != NICT_UNPUBLISHED, row->total_packets));
        set(one, "observed_addresses",
            count(row->observed_addresses != NICT_UNPUBLISHED, row->observed_addresses));
        set(one, "packets_per_address",
            count(row->packets_per_address != NICT_UNPUBLISHED, row->packets_per_address));
        set(one, "exact", json_boolean(row->exact));
        set(one, "edition", json_integer(row->edition));
        set(one, "source", json_string(row->source));
        json_array_append_new(list, one);
    }
    return list;
}

int report_figures(const struct report_data *data, struct buf *out)
{
    json_t *all = json_object();
    set(all, "year", json_integer(data->year));
    set(all, "timezone", json_string(data->timezone));
    set(all, "sensor_count", json_integer((json_int_t)data->sensor_count));
    set(all, "sensors_down", json_integer((json_int_t)data->sensors_down));
    set(all, "day_count", json_integer((json_int_t)data->day_count));
    set(all, "days_with_data", json_integer((json_int_t)data->days_with_data));
    set(all, "withhold", withhold(data));
    set(all, "annual", years(data));
    set(all, "change", change(data));
    set(all, "methods", methods(data));
    set(all, "days", days(data));
    set(all, "unusual", unusual(data));
    set(all, "ports", ports(data));
    set(all, "countries", countries(data));
    set(all, "classes", classes(data));
    set(all, "backscatter", sum_of(data, data->backscatter_known, data->backscatter));
    set(all, "sensors", sensors(data));
    set(all, "inventory", inventory(data));
    set(all, "nict", nict());
    char *text = json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(DIGITS));
    json_decref(all);
    if (!text)
        return ERR_NOMEM;
    buf_put(out, text, strlen(text));
    buf_put_u8(out, '\n');
    free(text);
    return out->failed ? ERR_NOMEM : 0;
}

/* --- the schema ------------------------------------------------------------------------------- */

static const char schema[] =
#include "dashboards/figures.schema.json.inc"
    ;

const char *report_schema(void)
{
    return schema;
}

#include "dashboards/report_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

static int nomem(char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "report: %s", err_str(ERR_NOMEM));
}

double report_percent(uint64_t part, uint64_t whole)
{
    return whole ? round((double)part / (double)whole * 1000) / 10 : NAN;
}

double report_cut_percent(double share)
{
    return floor(share * 1000) / 10;
}

double report_change(double now, double before)
{
    return before > 0 ? round((now / before - 1) * 1000) / 10 : NAN;
}

/* --- what is asked ---------------------------------------------------------------------------- */

struct reading {
    struct report_data *data;
    struct store *store;
    struct disclose disclose;
};

typedef int on_period_fn(void *user, const struct query_period *period, char *errmsg);

static struct query query_of_year(const struct report_data *data, enum query_by by)
{
    return (struct query){
        .from_s = data->period.start_s, .to_s = data->period.end_s, .step = QUERY_WHOLE, .by = by};
}

static int ask(struct reading *reading, enum query_step step, enum query_by by,
               on_period_fn *on_period, char *errmsg)
{
    struct query query = query_of_year(reading->data, by);
    const struct query_reader reader = {reading, on_period};
    query.step = step;
    return query_run(reading->store, &query, &reader, errmsg);
}

static int on_total(void *user, const struct query_period *period, char *errmsg)
{
    struct report_data *data = ((struct reading *)user)->data;
    (void)errmsg;
    data->total = period->all;
    return 0;
}

static int on_day(void *user, const struct query_period *period, char *errmsg)
{
    struct report_data *data = ((struct reading *)user)->data;
    if (data->day_count == sizeof data->days / sizeof *data->days)
        return err_set(errmsg, ERR_FULL, "report: the year has more than 366 days");
    struct period date = calendar_period(LEVEL_DAY, period->start_s);
    struct report_day *day = &data->days[data->day_count];
    *day = (struct report_day){.month = date.month,
                               .day = date.day,
                               .state = query_state(&period->all),
                               .figures = period->all};
    if (day->figures.any_data) {
        if (data->days_with_data == 0 ||
            day->figures.packets > data->days[data->most].figures.packets)
            data->most = data->day_count;
        if (data->days_with_data == 0 ||
            day->figures.packets < data->days[data->fewest].figures.packets)
            data->fewest = data->day_count;
        data->days_with_data++;
    }
    data->day_count++;
    return 0;
}

void report_data_classes(struct report_data *data, const struct chart_classes *chart)
{
    for (size_t i = 0; i < data->day_count && i < chart->count; i++)
        data->days[i].classes = chart->columns[i];
}

/* Takes the versions of a sensor's inventory that were true at any time of the year. */
static int take_versions(struct report_data *data, size_t position,
                         const struct store_sensor *sensor)
{
    const struct inventory *inventory = &sensor->inventory;
    size_t room = data->version_count + inventory->count + 1;
    struct report_version *versions = realloc(data->versions, room * sizeof *versions);
    if (!versions)
        return ERR_NOMEM;
    data->versions = versions;
    for (size_t i = 0; i < inventory->count; i++) {
        const struct inventory_version *version = &inventory->versions[i];
        if (version->from_s >= data->period.end_s ||
            inventory_until(inventory, version) <= data->period.start_s)
            continue;
        versions[data->version_count++] =
            (struct report_version){position, version->from_s, version->size};
        if (version->size > 0)
            data->sensors[position].addresses = version->size;
    }
    return 0;
}

static int on_sensors(void *user, const struct query_period *period, char *errmsg)
{
    struct report_data *data = ((struct reading *)user)->data;
    data->sensors = calloc(period->sensor_count ? period->sensor_count : 1, sizeof *data->sensors);
    if (!data->sensors)
        return nomem(errmsg);
    for (size_t i = 0; i < period->sensor_count; i++) {
        const struct store_sensor *sensor = period->sensor[i];
        struct report_sensor *of = &data->sensors[data->sensor_count++];
        memcpy(of->name, sensor->name, sizeof of->name);
        of->from_ns = sensor->from_ns;
        of->until_ns = sensor->until_ns;
        of->restated = sensor->restated[data->year - STORE_YEAR_MIN];
        of->figures = period->sensors[i];
        data->sensors_down += query_state(&of->figures) == QUERY_DOWN;
        if (take_versions(data, i, sensor) != 0)
            return nomem(errmsg);
    }
    return 0;
}

/* --- ports ------------------------------------------------------------------------------------ */

/* Puts a row among the ports with most packets; of equals the lower protocol and port first. */
static void rank_port(struct report_data *data, struct report_port row)
{
    size_t at = data->port_count;
    while (at > 0 && data->ports[at - 1].sum.packets < row.sum.packets)
        at--;
    if (at == REPORT_PORTS)
        return;
    if (data->port_count < REPORT_PORTS)
        data->port_count++;
    memmove(&data->ports[at + 1], &data->ports[at],
            (data->port_count - at - 1) * sizeof *data->ports);
    data->ports[at] = row;
}

/* Takes what is withheld out of the ports of a protocol. */
static int keep_ports(struct table *table, const struct table *from, uint8_t protocol,
                      const struct disclose *disclose)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < from->count; i++)
        if (!disclose_withholds_port(disclose, protocol, from->keys[i]))
            rc = table_append(table, from->keys[i], from->sums[i]);
    return rc;
}

static uint64_t rank_ports(struct report_data *data, const struct table *table, uint8_t protocol)
{
    uint64_t packets = 0;
    for (size_t i = 0; i < table->count; i++) {
        rank_port(data, (struct report_port){protocol, table->keys[i], table->sums[i]});
        packets += table->sums[i].packets;
    }
    return packets;
}

static int on_ports(void *user, const struct query_period *period, char *errmsg)
{
    struct reading *reading = user;
    struct report_data *data = reading->data;
    struct tables *tables = &data->tables;
    data->tables_known = period->rows_known;
    if (!period->rows_known)
        return 0;
    int rc = disclose_period(&reading->disclose, period, errmsg);
    if (rc)
        return rc;
    data->ports_withheld = reading->disclose.sum;
    if (keep_ports(&tables->tcp_ports, &period->tables->tcp_ports, PROTOCOL_TCP,
                   &reading->disclose) ||
        keep_ports(&tables->udp_ports, &period->tables->udp_ports, PROTOCOL_UDP,
                   &reading->disclose))
        return nomem(errmsg);
    uint64_t with = rank_ports(data, &tables->tcp_ports, PROTOCOL_TCP);
    with += rank_ports(data, &tables->udp_ports, PROTOCOL_UDP);
    data->ports_others = with;
    for (size_t i = 0; i < data->port_count; i++)
        data->ports_others -= data->ports[i].sum.packets;
    data->ports_without = period->all.packets - with - data->ports_withheld.packets;
    return 0;
}

/* --- classes ---------------------------------------------------------------------------------- */

static void take_backscatter(struct report_data *data)
{
    static const enum packet_class classes[] = {CLASS_TCP_SYNACK, CLASS_TCP_RST,
                                                CLASS_ICMP_BACKSCATTER};
    data->backscatter_known = true;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        sum_join(&data->backscatter, data->tables.classes[classes[i]]);
        data->backscatter_known &= !data->class_withheld[classes[i]];
    }
}

static int on_classes(void *user, const struct query_period *period, char *errmsg)
{
    struct reading *reading = user;
    struct report_data *data = reading->data;
    const struct disclose *disclose = &reading->disclose;
    if (!period->rows_known)
        return 0;
    int rc = disclose_period(&reading->disclose, period, errmsg);
    for (size_t i = 0; rc == 0 && i < disclose->count; i++) {
        enum packet_class class = disclose->rows[i].class;
        data->class_withheld[class] = disclose->cells[i].withheld;
        if (!disclose->cells[i].withheld)
            data->tables.classes[class] = disclose->rows[i].sum;
    }
    data->classes_withheld = disclose->sum;
    take_backscatter(data);
    return rc;
}

/* --- countries -------------------------------------------------------------------------------- */

static int on_countries(void *user, const struct query_period *period, char *errmsg)
{
    struct reading *reading = user;
    struct disclose *disclose = &reading->disclose;
    struct top_countries *top = &reading->data->countries.top;
    int rc = period->rows_known ? disclose_period(disclose, period, errmsg) : 0;
    if (rc || !period->rows_known)
        return rc;
    top_countries_take(top, disclose);
    reading->data->countries.known = top->count > 0 || top->unknown > 0 || top->withheld > 0;
    return 0;
}

static int read_countries(struct reading *reading, struct geo *geo, char *errmsg)
{
    struct report_data *data = reading->data;
    struct query query = query_of_year(data, QUERY_COUNTRY);
    const struct query_reader reader = {reading, on_countries};
    char built[32];
    if (!geo)
        return 0;
    query.geo = geo;
    data->countries.top.most = REPORT_COUNTRIES;
    calendar_rfc3339(geo_built_s(geo), built);
    snprintf(data->countries.database, sizeof data->countries.database, "%s", geo_name(geo));
    snprintf(data->countries.date, sizeof data->countries.date, "%.10s", built);
    return query_run(reading->store, &query, &reader, errmsg);
}

/* --- unusual days ----------------------------------------------------------------------------- */

static bool comparable(const struct report_day *day)
{
    return day->figures.any_data && query_coverage(&day->figures) >= REPORT_WHOLE;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of the days around day `at`; NaN when there are too few. */
static double usual(const struct report_data *data, size_t at)
{
    double around[2 * REPORT_WINDOW];
    size_t count = 0;
    size_t first = at > REPORT_WINDOW ? at - REPORT_WINDOW : 0;
    for (size_t i = first; i < data->day_count && i <= at + REPORT_WINDOW; i++)
        if (i != at && comparable(&data->days[i]))
            around[count++] = (double)data->days[i].figures.packets;
    if (count < REPORT_NEIGHBOURS)
        return NAN;
    qsort(around, count, sizeof *around, compare_doubles);
    return count % 2 ? around[count / 2] : (around[count / 2 - 1] + around[count / 2]) / 2;
}

/* How unusual: a factor of 2 is as unusual as a half. */
static double distance(const struct report_unusual *day)
{
    return fabs(log(day->factor));
}

static void rank_day(struct report_data *data, struct report_unusual day)
{
    size_t at = data->unusual_count;
    while (at > 0 && distance(&data->unusual[at - 1]) < distance(&day))
        at--;
    if (at == REPORT_UNUSUAL)
        return;
    if (data->unusual_count < REPORT_UNUSUAL)
        data->unusual_count++;
    memmove(&data->unusual[at + 1], &data->unusual[at],
            (data->unusual_count - at - 1) * sizeof *data->unusual);
    data->unusual[at] = day;
}

void report_find_unusual(struct report_data *data)
{
    for (size_t i = 0; i < data->day_count; i++) {
        double median = comparable(&data->days[i]) ? usual(data, i) : NAN;
        if (isnan(median))
            continue;
        data->compared++;
        double packets = (double)data->days[i].figures.packets;
        if (median > 0 && packets > 0 &&
            (packets >= median * REPORT_FACTOR || packets * REPORT_FACTOR <= median))
            rank_day(data, (struct report_unusual){
                               .day = i, .usual = median, .factor = packets / median});
    }
}

/* --- what made them --------------------------------------------------------------------------- */

struct causing {
    const struct report_data *data;
    struct report_unusual *day;
    struct disclose *disclose;
    double direction; /* 1: more than usual, -1: less */
    double part;      /* the greatest so far */
};

static double mean_a_day(const struct causing *causing, uint64_t packets)
{
    return (double)packets / (double)causing->data->days_with_data;
}

/* Whether a row of `packets` on that day and `year` in the year has more part than any before. */
static bool more_part(struct causing *causing, uint64_t packets, uint64_t year)
{
    double part = ((double)packets - mean_a_day(causing, year)) * causing->direction;
    if (part <= causing->part)
        return false;
    causing->part = part;
    causing->day->cause_packets = packets;
    causing->day->cause_usual = mean_a_day(causing, year);
    return true;
}

static void consider_ports(struct causing *causing, const struct table *day,
                           const struct table *year, uint8_t protocol)
{
    for (size_t i = 0; i < year->count; i++) {
        if (disclose_withholds_port(causing->disclose, protocol, year->keys[i]) ||
            !more_part(causing, table_at(day, year->keys[i]).packets, year->sums[i].packets))
            continue;
        causing->day->cause = REPORT_CAUSE_PORT;
        causing->day->protocol = protocol;
        causing->day->port = year->keys[i];
    }
}

static int on_unusual_ports(void *user, const struct query_period *period, char *errmsg)
{
    struct causing *causing = user;
    const struct tables *year = &causing->data->tables;
    int rc = period->rows_known ? disclose_period(causing->disclose, period, errmsg) : 0;
    if (rc || !period->rows_known)
        return rc;
    consider_ports(causing, &period->tables->tcp_ports, &year->tcp_ports, PROTOCOL_TCP);
    consider_ports(causing, &period->tables->udp_ports, &year->udp_ports, PROTOCOL_UDP);
    return 0;
}

static int on_unusual_classes(void *user, const struct query_period *period, char *errmsg)
{
    struct causing *causing = user;
    const struct report_data *data = causing->data;
    bool hidden[PACKET_CLASSES];
    int rc = period->rows_known ? disclose_period(causing->disclose, period, errmsg) : 0;
    if (rc || !period->rows_known)
        return rc;
    memcpy(hidden, data->class_withheld, sizeof hidden);
    for (size_t i = 0; i < causing->disclose->count; i++)
        hidden[causing->disclose->rows[i].class] |= causing->disclose->cells[i].withheld;
    for (int class = 0; class < PACKET_CLASSES; class ++) {
        if (hidden[class] || !more_part(causing, period->tables->classes[class].packets,
                                        data->tables.classes[class].packets))
            continue;
        causing->day->cause = REPORT_CAUSE_CLASS;
        causing->day->class = (enum packet_class) class;
    }
    return 0;
}

static int explain(struct reading *reading, struct report_unusual *day, char *errmsg)
{
    const struct report_data *data = reading->data;
    const struct report_day *of = &data->days[day->day];
    const struct period date = calendar_date(LEVEL_DAY, data->year, of->month, of->day);
    struct causing causing = {data, day, &reading->disclose, day->factor > 1 ? 1 : -1,
                              fabs((double)of->figures.packets - day->usual) / 4};
    struct query query = {
        .from_s = date.start_s, .to_s = date.end_s, .step = QUERY_WHOLE, .by = QUERY_PORT};
    const struct query_reader ports = {&causing, on_unusual_ports};
    const struct query_reader classes = {&causing, on_unusual_classes};
    if (!data->tables_known)
        return 0;
    int rc = query_run(reading->store, &query, &ports, errmsg);
    query.by = QUERY_CLASS;
    return rc || day->cause != REPORT_CAUSE_NONE
               ? rc
               : query_run(reading->store, &query, &classes, errmsg);
}

/* --- all of it -------------------------------------------------------------------------------- */

static int read_years(struct report_data *data, struct store *store, char *errmsg)
{
    int rc = query_annual(store, METHOD_DAILY, 0, &data->annual, errmsg);
    for (size_t i = 0; i < data->annual.count && rc == 0; i++) {
        if (data->annual.years[i].year == data->year)
            data->now = &data->annual.years[i];
        if (data->annual.years[i].year == data->year - 1)
            data->before = &data->annual.years[i];
    }
    if (rc == 0 && !data->now)
        rc = err_set(errmsg, ERR_UNKNOWN, "report: the store holds no data of %d", data->year);
    for (int method = METHOD_DAILY; method <= METHOD_INVENTORY && rc == 0; method++) {
        struct query_annual one;
        rc = query_annual(store, (enum method)method, data->year, &one, errmsg);
        if (rc == 0) {
            data->methods[method] = one.years[0];
            query_annual_close(&one);
        }
    }
    return rc;
}

static int read_all(struct reading *reading, struct geo *geo, char *errmsg)
{
    struct report_data *data = reading->data;
    int rc = ask(reading, QUERY_WHOLE, QUERY_TOTAL, on_total, errmsg);
    if (rc == 0)
        rc = ask(reading, QUERY_DAY, QUERY_TOTAL, on_day, errmsg);
    if (rc == 0)
        rc = ask(reading, QUERY_WHOLE, QUERY_PORT, on_ports, errmsg);
    if (rc == 0)
        rc = ask(reading, QUERY_WHOLE, QUERY_CLASS, on_classes, errmsg);
    if (rc == 0)
        rc = ask(reading, QUERY_WHOLE, QUERY_SENSOR, on_sensors, errmsg);
    if (rc == 0)
        rc = read_countries(reading, geo, errmsg);
    report_find_unusual(data);
    for (size_t i = 0; i < data->unusual_count && rc == 0; i++)
        rc = explain(reading, &data->unusual[i], errmsg);
    return rc;
}

int report_data_read(struct report_data *data, struct store *store, const struct storeurl *url,
                     int year, uint64_t withhold, struct geo *geo, char *errmsg)
{
    *data = (struct report_data){.year = year};
    data->period = calendar_date(LEVEL_YEAR, year, 1, 1);
    snprintf(data->timezone, sizeof data->timezone, "%s", store_timezone(store));
    int rc = read_years(data, store, errmsg);
    if (rc)
        return rc;
    struct reading reading = {.data = data, .store = store};
    const struct query query = query_of_year(data, QUERY_CLASS);
    rc = disclose_open(&reading.disclose, store, url, &query, withhold, errmsg);
    data->rule = reading.disclose.rule;
    if (rc == 0)
        rc = read_all(&reading, geo, errmsg);
    disclose_close(&reading.disclose);
    return rc;
}

void report_data_close(struct report_data *data)
{
    query_annual_close(&data->annual);
    tables_close(&data->tables);
    free(data->sensors);
    free(data->versions);
    data->sensors = NULL;
}

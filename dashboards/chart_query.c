#include "dashboards/chart_query.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define DAY_MIN_S 72000 /* no day is shorter, whatever is done to clocks */

static int nomem(char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "chart: %s", err_str(ERR_NOMEM));
}

/* --- the range -------------------------------------------------------------------------------- */

static int no_data(const struct options *options, char *errmsg)
{
    if (options->year)
        return err_set(errmsg, ERR_UNKNOWN, "%s: the store holds no data of %d; nothing drawn",
                       options->command->name, options->year);
    return err_set(errmsg, ERR_UNKNOWN, "%s: the store holds no data%s; nothing drawn",
                   options->command->name, options->from || options->to ? " of that time" : " yet");
}

static int read_times(const struct options *options, int64_t *from_s, int64_t *to_s, char *errmsg)
{
    int64_t at_s;
    if (options->from && calendar_parse(options->from, &at_s, errmsg) != 0)
        return err_wrap(errmsg, ERR_INVALID, "--from");
    if (options->from)
        *from_s = calendar_period(LEVEL_DAY, at_s).start_s;
    if (options->to && calendar_parse(options->to, &at_s, errmsg) != 0)
        return err_wrap(errmsg, ERR_INVALID, "--to");
    if (options->to && at_s > CALENDAR_MIN_S)
        *to_s = calendar_period(LEVEL_DAY, at_s - 1).end_s;
    if (options->from && options->to && *from_s >= *to_s)
        return err_set(errmsg, ERR_INVALID, "--from '%.40s' is not before --to '%.40s'",
                       options->from, options->to);
    return 0;
}

/* The year asked for as a whole, or what there is of the last one. */
static void take_year(int wanted, int64_t *from_s, int64_t *to_s)
{
    struct period year =
        wanted ? calendar_date(LEVEL_YEAR, wanted, 1, 1) : calendar_period(LEVEL_YEAR, *to_s - 1);
    *from_s = wanted || *from_s < year.start_s ? year.start_s : *from_s;
    *to_s = wanted || *to_s > year.end_s ? year.end_s : *to_s;
}

static int find_range(struct chart_query *ask, const struct options *options, char *errmsg)
{
    struct query span = {.step = QUERY_DAY, .from_s = QUERY_OPEN, .to_s = QUERY_OPEN};
    if (!query_range(ask->store, &span))
        return no_data(options, errmsg);
    int64_t from_s = span.from_s, to_s = span.to_s;
    int rc = 0;
    if (options->from || options->to)
        rc = read_times(options, &from_s, &to_s, errmsg);
    else
        take_year(options->year, &from_s, &to_s);
    if (rc)
        return rc;
    if (from_s >= to_s || from_s >= span.to_s || to_s <= span.from_s)
        return no_data(options, errmsg);
    ask->query.from_s = from_s;
    ask->query.to_s = to_s;
    return 0;
}

static struct caption_date date_of(int64_t at_s)
{
    struct period day = calendar_period(LEVEL_DAY, at_s);
    return (struct caption_date){day.year, day.month, day.day};
}

/* How often the sensors' years within the range were restated. */
static uint64_t restated(const struct chart_query *ask)
{
    size_t count;
    const struct store_sensor *sensors = store_sensors(ask->store, &count);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        for (int year = ask->caption.first.year; year <= ask->caption.last.year; year++)
            if (year >= STORE_YEAR_MIN && year <= STORE_YEAR_MAX)
                sum += sensors[i].restated[year - STORE_YEAR_MIN];
    return sum;
}

int chart_query_open(struct chart_query *ask, struct store *store, const struct options *options,
                     char *errmsg)
{
    memset(ask, 0, sizeof *ask);
    ask->store = store;
    ask->real_addresses = options->real_addresses;
    ask->options = options;
    map_cells_init(&ask->map);
    int rc = find_range(ask, options, errmsg);
    if (rc)
        return rc;
    ask->caption = (struct caption){.language = options->language,
                                    .timezone = store_timezone(store),
                                    .first = date_of(ask->query.from_s),
                                    .last = date_of(ask->query.to_s - 1),
                                    .coverage = NAN};
    ask->caption.revision = restated(ask);
    store_sensors(store, &ask->caption.sensors);
    return 0;
}

void chart_query_close(struct chart_query *ask)
{
    void *const all[] = {ask->dates, ask->packets, ask->hosts,   ask->coverage,   ask->classes,
                         ask->rows,  ask->cells,   ask->covered, ask->class_cells};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
    map_cells_close(&ask->map);
    disclose_close(&ask->disclose);
}

/* --- columns ---------------------------------------------------------------------------------- */

/* Room for the columns that the range has in days, which is enough for months too. */
static int make_room(struct chart_query *ask)
{
    ask->room = (size_t)((ask->query.to_s - ask->query.from_s) / DAY_MIN_S + 2);
    ask->dates = calloc(ask->room, sizeof *ask->dates);
    ask->packets = calloc(ask->room, sizeof *ask->packets);
    ask->hosts = calloc(ask->room, sizeof *ask->hosts);
    ask->coverage = calloc(ask->room, sizeof *ask->coverage);
    return ask->dates && ask->packets && ask->hosts && ask->coverage ? 0 : ERR_NOMEM;
}

/* The next column, for `period`; what all charts want of it. */
static int add_column(struct chart_query *ask, const struct query_period *period, char *errmsg)
{
    if (ask->count == ask->room)
        return err_set(errmsg, ERR_FULL, "chart: the range has more days than there is room for");
    ask->dates[ask->count++] = date_of(period->start_s);
    coverage_join(&ask->all, &period->all.coverage);
    return 0;
}

static int run(struct chart_query *ask, enum query_step step, enum query_by by,
               int (*on_period)(void *, const struct query_period *, char *), char *errmsg)
{
    const struct query_reader reader = {ask, on_period};
    ask->query.step = step;
    ask->query.by = by;
    int rc = query_run(ask->store, &ask->query, &reader, errmsg);
    ask->caption.coverage = coverage_share(&ask->all);
    return rc;
}

/* What of the range may be told by the charts that break packets down. */
static int open_disclose(struct chart_query *ask, char *errmsg)
{
    struct storeurl url;
    int rc = options_store(ask->options, &url, errmsg);
    return rc ? rc
              : disclose_open(&ask->disclose, ask->store, &url, &ask->query, ask->options->withhold,
                              errmsg);
}

/* --- daily ------------------------------------------------------------------------------------ */

static int on_day(void *user, const struct query_period *period, char *errmsg)
{
    struct chart_query *ask = user;
    const struct query_figures *all = &period->all;
    size_t i = ask->count;
    int rc = add_column(ask, period, errmsg);
    if (rc)
        return rc;
    ask->packets[i] = all->any_data ? (double)all->packets : NAN;
    ask->hosts[i] = all->any_data && all->hosts_known ? (double)all->unique_hosts : NAN;
    ask->coverage[i] = query_coverage(all);
    return 0;
}

int chart_query_daily(struct chart_query *ask, struct chart_daily *chart, char *errmsg)
{
    if (make_room(ask) != 0)
        return nomem(errmsg);
    int rc = run(ask, QUERY_DAY, QUERY_TOTAL, on_day, errmsg);
    *chart = (struct chart_daily){ask->caption, ask->count, ask->dates,
                                  ask->packets, ask->hosts, ask->coverage};
    return rc;
}

/* --- classes ---------------------------------------------------------------------------------- */

static int on_all_classes(void *user, const struct query_period *period, char *errmsg)
{
    struct chart_query *ask = user;
    int rc = period->rows_known ? disclose_period(&ask->disclose, period, errmsg) : 0;
    for (size_t i = 0; rc == 0 && period->rows_known && i < ask->disclose.count; i++)
        ask->hidden[ask->disclose.rows[i].class] = ask->disclose.cells[i].withheld;
    return rc;
}

/* A class that is withheld in the range as a whole is withheld in each column: they add up to it. */
static int on_classes(void *user, const struct query_period *period, char *errmsg)
{
    struct chart_query *ask = user;
    struct chart_classes_column *column = &ask->classes[ask->count];
    struct withhold_cell *cells = &ask->class_cells[ask->count * PACKET_CLASSES];
    int rc = add_column(ask, period, errmsg);
    if (rc)
        return rc;
    column->known = period->all.any_data && period->rows_known;
    if (column->known)
        rc = disclose_period(&ask->disclose, period, errmsg);
    for (size_t i = 0; rc == 0 && column->known && i < ask->disclose.count; i++) {
        enum packet_class class = ask->disclose.rows[i].class;
        cells[class] = ask->disclose.cells[i];
        cells[class].withheld |= ask->hidden[class];
    }
    return rc;
}

static void take_column(struct chart_classes_column *column, const struct withhold_cell *cells)
{
    for (int class = 0; class < PACKET_CLASSES && column->known; class ++) {
        column->hidden[class] = cells[class].withheld;
        column->packets[class] = cells[class].withheld ? 0 : cells[class].packets;
        column->withheld += cells[class].withheld ? cells[class].packets : 0;
    }
}

/* Sums over the columns are in the legend, and those over the year in the report. */
static void take_columns(struct chart_query *ask)
{
    withhold_grid(ask->class_cells, ask->count, PACKET_CLASSES);
    for (size_t i = 0; i < ask->count; i++)
        take_column(&ask->classes[i], &ask->class_cells[i * PACKET_CLASSES]);
}

int chart_query_classes(struct chart_query *ask, struct chart_classes *chart, char *errmsg)
{
    if (make_room(ask) != 0 || !(ask->classes = calloc(ask->room, sizeof *ask->classes)) ||
        !(ask->class_cells = calloc(ask->room, PACKET_CLASSES * sizeof *ask->class_cells)))
        return nomem(errmsg);
    bool months = (ask->query.to_s - ask->query.from_s) / 86400 > CHART_QUERY_DAYS;
    int rc = open_disclose(ask, errmsg);
    if (rc == 0)
        rc = run(ask, QUERY_WHOLE, QUERY_CLASS, on_all_classes, errmsg);
    if (rc == 0)
        rc = run(ask, months ? QUERY_MONTH : QUERY_DAY, QUERY_CLASS, on_classes, errmsg);
    take_columns(ask);
    *chart = (struct chart_classes){ask->caption, months, ask->count, ask->dates, ask->classes};
    return rc;
}

/* --- ports ------------------------------------------------------------------------------------ */

/* Puts a port into its place among the first ten, or what falls out of them to the others. */
static void add_port(struct chart_ports *chart, struct chart_ports_row row)
{
    size_t at = chart->count;
    while (at > 0 && chart->rows[at - 1].packets < row.packets)
        at--;
    if (at == CHART_PORTS_TOP) {
        chart->others += row.packets;
        return;
    }
    if (chart->count == CHART_PORTS_TOP)
        chart->others += chart->rows[--chart->count].packets;
    memmove(&chart->rows[at + 1], &chart->rows[at], (chart->count - at) * sizeof *chart->rows);
    chart->rows[at] = row;
    chart->count++;
}

/* What has no breakdown, or no data, has no rows. */
static int check_known(const struct query_period *period, const char *what, char *errmsg)
{
    if (!period->all.any_data)
        return err_set(errmsg, ERR_UNKNOWN,
                       "chart: nothing was observed in that time; nothing drawn");
    if (!period->rows_known)
        return err_set(errmsg, ERR_UNKNOWN,
                       "chart: the store no longer has the %s of that time; "
                       "nothing drawn",
                       what);
    return 0;
}

static int on_ports(void *user, const struct query_period *period, char *errmsg)
{
    struct chart_query *ask = user;
    struct chart_ports *ports = ask->ports;
    struct disclose *disclose = &ask->disclose;
    int rc = check_known(period, "ports", errmsg);
    coverage_join(&ask->all, &period->all.coverage);
    if (rc == 0)
        rc = disclose_period(disclose, period, errmsg);
    ports->total = period->all.packets;
    ports->without = ports->total - (ports->withheld = disclose->sum.packets);
    for (size_t i = 0; rc == 0 && i < disclose->count; i++) {
        const struct query_row *row = &disclose->rows[i];
        if (row->key != QUERY_KEY_KNOWN || disclose->cells[i].withheld)
            continue;
        add_port(ports, (struct chart_ports_row){row->protocol, row->port, row->sum.packets});
        ports->without -= row->sum.packets;
    }
    return rc;
}

int chart_query_ports(struct chart_query *ask, struct chart_ports *chart, char *errmsg)
{
    memset(chart, 0, sizeof *chart);
    ask->ports = chart;
    int rc = open_disclose(ask, errmsg);
    if (rc == 0)
        rc = run(ask, QUERY_WHOLE, QUERY_PORT, on_ports, errmsg);
    chart->caption = ask->caption;
    return rc;
}

/* --- countries -------------------------------------------------------------------------------- */

static int on_countries(void *user, const struct query_period *period, char *errmsg)
{
    struct chart_query *ask = user;
    struct disclose *disclose = &ask->disclose;
    struct top_countries *top = &ask->countries->top;
    int rc = check_known(period, "sources", errmsg);
    coverage_join(&ask->all, &period->all.coverage);
    if (rc == 0)
        rc = disclose_period(disclose, period, errmsg);
    ask->countries->total = period->all.packets;
    if (rc == 0)
        top_countries_take(top, disclose);
    if (rc == 0 && period->all.packets > 0 && top->not_kept == period->all.packets)
        rc = err_set(
            errmsg, ERR_UNKNOWN,
            "chart countries: the store has no sources of that time, which came before they "
            "were kept or from sensors that keep none; nothing drawn");
    return rc;
}

int chart_query_countries(struct chart_query *ask, struct geo *geo, struct chart_countries *chart,
                          char *errmsg)
{
    *chart = (struct chart_countries){.top.most = CHART_COUNTRIES_TOP};
    ask->countries = chart;
    ask->query.geo = geo;
    int rc = open_disclose(ask, errmsg);
    if (rc == 0)
        rc = run(ask, QUERY_WHOLE, QUERY_COUNTRY, on_countries, errmsg);
    chart->caption = ask->caption;
    geo_describe(geo, chart->database);
    return rc;
}

/* --- coverage --------------------------------------------------------------------------------- */

static struct chart_coverage_cell cell_of(const struct query_figures *figures)
{
    static const enum chart_coverage_state states[] = {
        [QUERY_COUNTED] = COVERAGE_COUNTED,
        [QUERY_TRUE_ZERO] = COVERAGE_ZERO,
        [QUERY_DOWN] = COVERAGE_DOWN,
        [QUERY_ABSENT] = COVERAGE_ABSENT,
    };
    return (struct chart_coverage_cell){states[query_state(figures)],
                                        (float)query_coverage(figures)};
}

static int make_rows(struct chart_query *ask, const struct query_period *period)
{
    size_t count = period->sensor_count;
    ask->sensors = count;
    ask->rows = calloc(count, sizeof *ask->rows);
    ask->cells = calloc(count * ask->room, sizeof *ask->cells);
    ask->covered = calloc(count, sizeof *ask->covered);
    if (!ask->rows || !ask->cells || !ask->covered)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        ask->rows[i] =
            (struct chart_coverage_row){period->sensor[i]->name, NAN, &ask->cells[i * ask->room]};
    return 0;
}

static int on_coverage(void *user, const struct query_period *period, char *errmsg)
{
    struct chart_query *ask = user;
    size_t column = ask->count;
    if (!ask->rows && make_rows(ask, period) != 0)
        return nomem(errmsg);
    int rc = add_column(ask, period, errmsg);
    if (rc)
        return rc;
    for (size_t i = 0; i < ask->sensors; i++) {
        ask->cells[i * ask->room + column] = cell_of(&period->sensors[i]);
        coverage_join(&ask->covered[i], &period->sensors[i].coverage);
    }
    return 0;
}

int chart_query_coverage(struct chart_query *ask, struct chart_coverage *chart, char *errmsg)
{
    if (make_room(ask) != 0)
        return nomem(errmsg);
    int rc = run(ask, QUERY_DAY, QUERY_TOTAL, on_coverage, errmsg);
    for (size_t i = 0; i < ask->sensors; i++)
        ask->rows[i].share = coverage_share(&ask->covered[i]);
    *chart = (struct chart_coverage){ask->caption, ask->count, ask->dates, ask->sensors, ask->rows};
    return rc;
}

/* --- map -------------------------------------------------------------------------------------- */

/* Everything that was the sensor's darknet at any time of the range. */
static int add_darknet(struct chart_query *ask, const struct query_period *period, size_t i)
{
    int rc;
    struct prefixset *darknet =
        expect_darknet(period->sensor[i], period->start_s, period->end_s, &rc);
    if (darknet)
        rc = map_cells_add(&ask->map, darknet, period->sensors[i].any_data);
    prefixset_free(darknet);
    return rc;
}

static int on_addresses(void *user, const struct query_period *period, char *errmsg)
{
    struct chart_query *ask = user;
    int rc = check_known(period, "addresses", errmsg);
    coverage_join(&ask->all, &period->all.coverage);
    for (size_t i = 0; rc == 0 && i < period->sensor_count; i++)
        if (add_darknet(ask, period, i) != 0)
            return nomem(errmsg);
    if (rc == 0)
        rc = map_cells_fill(&ask->map, period->addresses, ask->real_addresses);
    if (rc == ERR_NOMEM)
        return nomem(errmsg);
    if (rc == ERR_UNKNOWN && ask->map.count == 0 && period->rows_known)
        err_set(errmsg, rc, "chart map: the darknet has no IPv4 address; nothing drawn");
    return rc;
}

int chart_query_map(struct chart_query *ask, struct chart_map *chart, char *errmsg)
{
    int rc = run(ask, QUERY_WHOLE, QUERY_ADDRESS, on_addresses, errmsg);
    *chart = (struct chart_map){.caption = ask->caption,
                                .order = ask->map.order,
                                .cells = ask->map.cells,
                                .addresses = ask->map.addresses,
                                .per_cell = ask->map.per_cell,
                                .range = ask->real_addresses ? ask->map.range : NULL,
                                .ipv6_left_out = ask->map.any6};
    return rc;
}

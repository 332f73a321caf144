#include "dashboards/disclose.h"

#include <stdlib.h>

#include "common/err.h"

static int nomem(char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "withholding: %s", err_str(ERR_NOMEM));
}

/* --- the telescope ---------------------------------------------------------------------------- */

struct telescope {
    bool *seen; /* each sensor had data */
    size_t count;
};

static int on_period(void *user, const struct query_period *period, char *errmsg)
{
    struct telescope *telescope = user;
    (void)errmsg;
    for (size_t i = 0; i < period->sensor_count; i++) {
        telescope->count += period->sensors[i].any_data && !telescope->seen[i];
        telescope->seen[i] |= period->sensors[i].any_data;
    }
    return 0;
}

/* How many sensors have data in the range. By class little is read, and nothing is refused. */
static int count_sensors(struct store *store, const struct query *query, size_t *count,
                         char *errmsg)
{
    const struct query by_class = {.from_s = query->from_s,
                                   .to_s = query->to_s,
                                   .step = QUERY_YEAR,
                                   .by = QUERY_CLASS,
                                   .sensor = query->sensor};
    struct telescope telescope = {0};
    const struct query_reader reader = {&telescope, on_period};
    size_t sensors;
    store_sensors(store, &sensors);
    telescope.seen = calloc(sensors + 1, sizeof *telescope.seen);
    if (!telescope.seen)
        return nomem(errmsg);
    int rc = query_run(store, &by_class, &reader, errmsg);
    free(telescope.seen);
    *count = telescope.count;
    return rc;
}

int disclose_open(struct disclose *disclose, struct store *store, const struct storeurl *url,
                  const struct query *query, uint64_t k, char *errmsg)
{
    size_t sensors = 0;
    *disclose = (struct disclose){.url = *url};
    int rc = k > 1 ? count_sensors(store, query, &sensors, errmsg) : 0;
    disclose->rule = withhold_rule_of(k, sensors);
    return rc;
}

void disclose_close(struct disclose *disclose)
{
    presence_close(disclose->presence);
    free(disclose->rows);
    free(disclose->cells);
    *disclose = (struct disclose){0};
}

/* --- a table ---------------------------------------------------------------------------------- */

/* Room for one more row. */
static int make_room(struct disclose *disclose, char *errmsg)
{
    if (disclose->count < disclose->room)
        return 0;
    size_t room = disclose->room ? disclose->room * 2 : 1024;
    struct query_row *rows = realloc(disclose->rows, room * sizeof *rows);
    disclose->rows = rows ? rows : disclose->rows;
    struct withhold_cell *cells = realloc(disclose->cells, room * sizeof *cells);
    disclose->cells = cells ? cells : disclose->cells;
    if (!rows || !cells)
        return nomem(errmsg);
    disclose->room = room;
    return 0;
}

/* Of a place they are counted, as far as they are kept. Of the rest as many as there are witnesses are
 * certain; all eight stand for as many as may be asked for, since no more can be known. */
static uint64_t sources_of(const struct query_period *period, const struct query_row *row)
{
    int witnesses = __builtin_popcount(row->witnesses);
    if (period->query->by >= QUERY_COUNTRY)
        return row->sources;
    return witnesses == 0 || witnesses == 8 ? WITHHOLD_UNKNOWN : (uint64_t)witnesses;
}

static struct withhold_cell cell_of(const struct query_period *period, const struct query_row *row)
{
    bool classes = period->query->by == QUERY_CLASS;
    return (struct withhold_cell){
        .packets = row->key == QUERY_KEY_OTHER ? 0 : row->sum.packets,
        .sensors = classes ? row->sensors : WITHHOLD_UNKNOWN,
        .sources = sources_of(period, row),
    };
}

static int collect(struct disclose *disclose, const struct query_period *period, char *errmsg)
{
    struct query_rows rows;
    struct query_row row;
    disclose->count = 0;
    query_rows_begin(&rows, period);
    while (query_rows_next(&rows, &row)) {
        if (make_room(disclose, errmsg))
            return ERR_NOMEM;
        disclose->cells[disclose->count] = cell_of(period, &row);
        disclose->rows[disclose->count++] = row;
    }
    return 0;
}

/* Where one sensor suffices, every cell has one; those of a class are known. */
static int count_presence(struct disclose *disclose, const struct query_period *period,
                          char *errmsg)
{
    int rc = 0;
    if (disclose->rule.sensors <= 1 || period->query->by == QUERY_CLASS)
        return 0;
    if (!disclose->presence)
        rc = presence_open(&disclose->presence, &disclose->url, errmsg);
    return rc ? rc
              : presence_count(disclose->presence, period, disclose->rows, disclose->cells,
                               disclose->count, errmsg);
}

int disclose_period(struct disclose *disclose, const struct query_period *period, char *errmsg)
{
    disclose->sum = (struct sum){0};
    disclose->withheld = 0;
    int rc = collect(disclose, period, errmsg);
    if (rc == 0)
        rc = count_presence(disclose, period, errmsg);
    if (rc)
        return rc;
    disclose->withheld = withhold_mark(&disclose->rule, disclose->cells, disclose->count);
    for (size_t i = 0; i < disclose->count; i++)
        if (disclose->cells[i].withheld)
            sum_join(&disclose->sum, disclose->rows[i].sum);
    return 0;
}

int disclose_sensors(struct disclose *disclose, const struct query_period *period, char *errmsg)
{
    for (disclose->count = 0; disclose->count < period->sensor_count; disclose->count++) {
        const struct query_figures *sensor = &period->sensors[disclose->count];
        if (make_room(disclose, errmsg))
            return ERR_NOMEM;
        disclose->cells[disclose->count] = (struct withhold_cell){
            .packets = sensor->any_data ? sensor->packets : 0,
            .sensors = WITHHOLD_UNKNOWN, /* one, as was asked */
            .sources = sensor->hosts_known ? sensor->unique_hosts : WITHHOLD_UNKNOWN};
    }
    disclose->withheld = withhold_mark(&disclose->rule, disclose->cells, disclose->count);
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct query_row *x = a, *y = b;
    if (x->protocol != y->protocol)
        return x->protocol < y->protocol ? -1 : 1;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->port < y->port ? -1 : x->port > y->port;
}

bool disclose_withholds_port(const struct disclose *disclose, uint8_t protocol, uint16_t port)
{
    const struct query_row key = {.protocol = protocol, .port = port};
    const struct query_row *row = disclose->count ? bsearch(&key, disclose->rows, disclose->count,
                                                            sizeof *disclose->rows, compare)
                                                  : NULL;
    return row && disclose->cells[row - disclose->rows].withheld;
}

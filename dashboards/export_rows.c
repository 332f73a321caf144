/* Export of figures and tables as csv or JSON Lines: everything that is not broken down by address. */
#include <math.h>
#include <stdlib.h>

#include "common/calendar.h"
#include "common/err.h"
#include "dashboards/export_private.h"

#define FIGURE_COLUMNS "packets", "bytes", "active_addresses", "unique_hosts", "coverage", "dropped"

static const char *const columns_of[QUERY_BYS][LINES_COLUMNS] = {
    [QUERY_TOTAL] = {"start", FIGURE_COLUMNS},
    [QUERY_SENSOR] = {"start", "sensor", FIGURE_COLUMNS},
    [QUERY_CLASS] = {"start", "class", "packets", "bytes"},
    [QUERY_PROTOCOL] = {"start", "protocol", "packets", "bytes"},
    [QUERY_PORT] = {"start", "protocol", "port", "packets", "bytes"},
    [QUERY_ICMP] = {"start", "protocol", "type", "code", "packets", "bytes"},
};

void export_rows_begin(struct export *export)
{
    lines_begin(&export->lines, &export->text, export->options->export_format == EXPORT_JSON,
                columns_of[export->query.by]);
}

/* Room for the order of the table's rows. */
static int make_room(struct export *export, char *errmsg)
{
    if (export->disclose.count <= export->room)
        return 0;
    size_t *order = realloc(export->order, export->disclose.room * sizeof *order);
    if (!order)
        return err_set(errmsg, ERR_NOMEM, "export: %s", err_str(ERR_NOMEM));
    export->order = order;
    export->room = export->disclose.room;
    return 0;
}

/* --- figures ---------------------------------------------------------------------------------- */

static void put_if(struct lines *lines, bool known, uint64_t value)
{
    if (known)
        lines_u64(lines, value);
    else
        lines_missing(lines);
}

static void put_figures(struct lines *lines, const struct query_figures *figures)
{
    bool any = figures->any_data;
    put_if(lines, any, figures->packets);
    put_if(lines, any, figures->bytes);
    put_if(lines, any && figures->active_known, figures->active);
    put_if(lines, any && figures->hosts_known, figures->unique_hosts);
    lines_double(lines, figures_cut_coverage(query_coverage(figures)), FIGURES_COVERAGE_DECIMALS);
    put_if(lines, any, figures->dropped);
}

static void put_total(struct export *export, const struct query_period *period)
{
    export->unknown += !period->all.any_data;
    lines_text(&export->lines, export->start);
    put_figures(&export->lines, &period->all);
}

/* What is behind the withheld sensors, as one: nothing of it tells one of them from the other. */
static void put_withheld_sensors(struct export *export, const struct query_period *period)
{
    struct query_figures sum = {.any_data = true, .active_known = true};
    for (size_t i = 0; i < period->sensor_count; i++) {
        const struct query_figures *sensor = &period->sensors[i];
        if (!export->disclose.cells[i].withheld)
            continue;
        sum.packets += sensor->packets;
        sum.bytes += sensor->bytes;
        sum.active_known &= sensor->active_known;
        sum.active += sensor->active;
        sum.dropped += sensor->dropped;
    }
    lines_text(&export->lines, export->start);
    lines_text(&export->lines, "withheld");
    put_figures(&export->lines, &sum);
}

static int put_sensors(struct export *export, const struct query_period *period, char *errmsg)
{
    int rc = disclose_sensors(&export->disclose, period, errmsg);
    export->unknown += !period->all.any_data;
    if (rc)
        return rc;
    for (size_t i = 0; i < export->disclose.count; i++) {
        if (export->disclose.cells[i].withheld)
            continue;
        lines_text(&export->lines, export->start);
        lines_text(&export->lines, period->sensor[i]->name);
        put_figures(&export->lines, &period->sensors[i]);
    }
    if (export->disclose.withheld)
        put_withheld_sensors(export, period);
    export->withheld += export->disclose.withheld;
    return 0;
}

/* --- tables ----------------------------------------------------------------------------------- */

/* The key's cells: of `row`, or of the row that is called `word` where that is not NULL. */
static void put_key(struct lines *lines, enum query_by by, const struct query_row *row,
                    const char *word)
{
    bool known = !word && row->key == QUERY_KEY_KNOWN;
    if (word)
        lines_text(lines, word);
    else if (by == QUERY_CLASS)
        lines_text(lines, packet_class_name(row->class));
    else
        lines_u64(lines, row->protocol);
    if (by == QUERY_PORT)
        put_if(lines, known, known ? row->port : 0);
    if (by == QUERY_ICMP) {
        put_if(lines, known, known ? row->type : 0);
        put_if(lines, known, known ? row->code : 0);
    }
}

static void put_row(struct export *export, const struct query_row *row, const char *word,
                    struct sum sum)
{
    lines_text(&export->lines, export->start);
    put_key(&export->lines, export->query.by, row, word);
    lines_u64(&export->lines, sum.packets);
    lines_u64(&export->lines, sum.bytes);
}

/* Descending packets; equals in the order of their keys. */
static int compare_packets(const void *a, const void *b, void *user)
{
    const struct query_row *rows = user;
    const size_t *x = a, *y = b;
    uint64_t of_x = rows[*x].sum.packets, of_y = rows[*y].sum.packets;
    return of_x != of_y ? (of_x < of_y ? 1 : -1) : *x < *y ? -1 : *x > *y;
}

/* Orders what is published. Returns how many rows are. */
static size_t publish(struct export *export)
{
    const struct disclose *disclose = &export->disclose;
    size_t published = 0;
    export->withheld += disclose->withheld;
    for (size_t i = 0; i < disclose->count; i++)
        if (!disclose->cells[i].withheld)
            export->order[published++] = i;
    if (export->options->top && published)
        qsort_r(export->order, published, sizeof *export->order, compare_packets, disclose->rows);
    return published;
}

/* The class "other" has the name of the row that ends a ranking, and goes into it. */
static bool is_class_other(const struct export *export, const struct query_row *row)
{
    return export->query.by == QUERY_CLASS && row->class == CLASS_OTHER;
}

static int put_table(struct export *export, const struct query_period *period, char *errmsg)
{
    struct sum other = {0};
    int rc = disclose_period(&export->disclose, period, errmsg);
    if (rc == 0)
        rc = make_room(export, errmsg);
    if (rc)
        return rc;
    size_t top = export->options->top, published = publish(export);
    size_t left = top ? top : SIZE_MAX;
    for (size_t i = 0; i < published; i++) {
        const struct query_row *row = &export->disclose.rows[export->order[i]];
        if (left == 0 || (top && is_class_other(export, row))) {
            sum_join(&other, row->sum);
            continue;
        }
        put_row(export, row, NULL, row->sum);
        left--;
    }
    if (other.packets)
        put_row(export, NULL, "other", other);
    if (export->disclose.withheld)
        put_row(export, NULL, "withheld", export->disclose.sum);
    return 0;
}

/* A period of which the store does not know the breakdown is a row of nothing but its start. */
static void put_unknown(struct export *export)
{
    export->unknown++;
    lines_text(&export->lines, export->start);
    while (export->lines.column)
        lines_missing(&export->lines);
}

int export_rows_period(struct export *export, const struct query_period *period, char *errmsg)
{
    if (export->query.by == QUERY_TOTAL) {
        put_total(export, period);
        return 0;
    }
    if (export->query.by == QUERY_SENSOR)
        return put_sensors(export, period, errmsg);
    if (period->rows_known)
        return put_table(export, period, errmsg);
    put_unknown(export);
    return 0;
}

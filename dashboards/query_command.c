#include "dashboards/query_command.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"

#define SHARE_DECIMALS 9

#define FIGURES "packets", "bytes", "active_addresses", "unique_hosts", "coverage", "dropped"

static const char *const columns[QUERY_BYS][12] = {
    [QUERY_TOTAL] = {"start", FIGURES},
    [QUERY_SENSOR] = {"start", "sensor", FIGURES},
    [QUERY_ADDRESS] = {"start", "address", "packets", "share"},
    [QUERY_CLASS] = {"start", "class", "packets", "bytes", "share"},
    [QUERY_PROTOCOL] = {"start", "protocol", "packets", "bytes", "share"},
    [QUERY_PORT] = {"start", "protocol", "port", "packets", "bytes", "share"},
    [QUERY_ICMP] = {"start", "type", "code", "packets", "bytes", "share", "protocol"},
};

struct printing {
    FILE *out;
    struct rows *rows;
    size_t lost; /* periods with data whose breakdown is gone */
};

/* --- cells ------------------------------------------------------------------------------------ */

static void put_if(struct rows *rows, bool known, uint64_t value)
{
    if (known)
        rows_u64(rows, value);
    else
        rows_missing(rows);
}

static void put_figures(struct rows *rows, const struct query_figures *figures)
{
    bool any = figures->any_data;
    put_if(rows, any, figures->packets);
    put_if(rows, any, figures->bytes);
    put_if(rows, any && figures->active_known, figures->active);
    put_if(rows, any && figures->hosts_known, figures->unique_hosts);
    rows_double(rows, figures_cut_coverage(query_coverage(figures)), FIGURES_COVERAGE_DECIMALS);
    put_if(rows, any, figures->dropped);
}

static void put_address(struct rows *rows, const struct query_row *row)
{
    char text[INET6_ADDRSTRLEN] = "other";
    if (row->key == QUERY_KEY_KNOWN)
        inet_ntop(row->family == 4 ? AF_INET : AF_INET6, row->address, text, sizeof text);
    rows_text(rows, text);
}

/* The first of two cells of a key, or its only one; "other" stands in it. */
static void put_first(struct rows *rows, const struct query_row *row, bool known, uint64_t value)
{
    if (row->key == QUERY_KEY_OTHER)
        rows_text(rows, "other");
    else
        put_if(rows, known, value);
}

static void put_key(struct rows *rows, enum query_by by, const struct query_row *row)
{
    bool known = row->key == QUERY_KEY_KNOWN;
    switch (by) {
    case QUERY_ADDRESS:
        put_address(rows, row);
        break;
    case QUERY_CLASS:
        rows_text(rows, known ? packet_class_name(row->class) : "other");
        break;
    case QUERY_PROTOCOL:
        put_first(rows, row, true, row->protocol);
        break;
    case QUERY_PORT:
        put_first(rows, row, true, row->protocol);
        put_if(rows, known, row->port);
        break;
    default:
        put_first(rows, row, known, row->type);
        put_if(rows, known, row->code);
    }
}

/* --- rows ------------------------------------------------------------------------------------- */

static void put_sensors(struct rows *rows, const struct query_period *period, const char *start)
{
    for (size_t i = 0; i < period->sensor_count; i++) {
        rows_text(rows, start);
        rows_text(rows, period->sensor[i]->name);
        put_figures(rows, &period->sensors[i]);
    }
}

/* A period without data, or without a breakdown of them, is told as such, once. */
static void put_unknown(struct rows *rows, enum query_by by, const char *start)
{
    rows_text(rows, start);
    for (size_t i = 1; columns[by][i]; i++)
        rows_missing(rows);
}

static void put_rows(struct rows *rows, const struct query_period *period, const char *start)
{
    struct query_rows from;
    struct query_row row;
    query_rows_begin(&from, period);
    while (query_rows_next(&from, &row)) {
        rows_text(rows, start);
        put_key(rows, period->query->by, &row);
        rows_u64(rows, row.sum.packets);
        if (period->query->by != QUERY_ADDRESS)
            rows_u64(rows, row.sum.bytes);
        rows_double(rows, row.share, SHARE_DECIMALS);
        if (period->query->by == QUERY_ICMP) /* the same type means another thing in ICMPv6 */
            put_if(rows, row.key != QUERY_KEY_OTHER, row.protocol);
    }
}

static int on_period(void *user, const struct query_period *period, char *errmsg)
{
    struct printing *printing = user;
    char start[32];
    if (ferror(printing->out)) /* nobody takes the rest: rows_end says why */
        return err_set(errmsg, ERR_IO, "query: writing the rows: %s", err_str(ERR_IO));
    calendar_rfc3339(period->start_s, start);
    if (period->query->by == QUERY_TOTAL) {
        rows_text(printing->rows, start);
        put_figures(printing->rows, &period->all);
    } else if (period->query->by == QUERY_SENSOR) {
        put_sensors(printing->rows, period, start);
    } else if (period->rows_known) {
        put_rows(printing->rows, period, start);
    } else {
        put_unknown(printing->rows, period->query->by, start);
        printing->lost += period->all.any_data;
    }
    return 0;
}

int query_command_print(FILE *out, enum rows_format format, struct store *store,
                        const struct query *query, size_t *lost, char *errmsg)
{
    struct printing printing = {.out = out, .rows = rows_begin(out, format, columns[query->by])};
    const struct query_reader reader = {&printing, on_period};
    if (!printing.rows)
        return err_set(errmsg, ERR_NOMEM, "query: %s", err_str(ERR_NOMEM));
    int rc = query->from_s == QUERY_OPEN ? 0 : query_run(store, query, &reader, errmsg);
    int written = rows_end(printing.rows);
    *lost = printing.lost;
    if (written && (rc == 0 || rc == ERR_IO))
        rc = err_set(errmsg, written, "query: writing the rows: %s", err_str(written));
    return rc;
}

/* --- the command ------------------------------------------------------------------------------ */

int query_command_check(struct options *options, char *errmsg)
{
    int64_t from_s, to_s; /* only whether they are times: which, depends on the store's zone */
    int rc = options_range(options, &from_s, &to_s, errmsg);
    if (rc)
        return rc;
    if (options->top && options->by < QUERY_ADDRESS)
        return err_set(errmsg, ERR_INVALID,
                       "--top: goes with --by address, class, protocol, port or icmp");
    return options_check_format(options, errmsg);
}

/* A name that the store does not know is a mistake, whatever the range. */
static int check_sensor(const struct store *store, const char *name, char *errmsg)
{
    size_t count;
    const struct store_sensor *sensors = store_sensors(store, &count);
    for (size_t i = 0; i < count; i++)
        if (!name || strcmp(sensors[i].name, name) == 0)
            return 0;
    return name ? err_set(errmsg, ERR_UNKNOWN, "query: the store has no sensor %.64s", name) : 0;
}

int query_command_answer(FILE *out, struct store *store, const struct options *options,
                         struct query_command_told *told, char *errmsg)
{
    struct query query = {
        .step = options->step, .by = options->by, .top = options->top, .sensor = options->sensor};
    *told = (struct query_command_told){0};
    int rc = check_sensor(store, query.sensor, errmsg);
    if (rc == 0)
        rc = options_range(options, &query.from_s, &query.to_s, errmsg);
    if (rc)
        return rc;
    told->any = query_range(store, &query);
    if (!told->any)
        query.from_s = QUERY_OPEN;
    return query_command_print(out, options->format, store, &query, &told->lost, errmsg);
}

static void note(const struct options *options, const struct query_command_told *told)
{
    if (!told->any)
        log_info("the store holds no data%s", options->from || options->to ? " of that time" : "");
    if (told->lost)
        log_info("%zu %s: only packets and bytes are kept any more, no breakdown by %s", told->lost,
                 told->lost == 1 ? "period" : "periods", query_by_name(options->by));
}

int query_command_run(const struct options *options, char *errmsg)
{
    struct store *store;
    struct query_command_told told;
    int rc = options_open_store(options, &store, errmsg);
    if (rc)
        return rc;
    rc = query_command_answer(stdout, store, options, &told, errmsg);
    if (rc == 0)
        note(options, &told);
    store_close(store);
    return rc;
}

#include "dashboards/query_command.h"

#include <arpa/inet.h>
#include <inttypes.h>
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
    [QUERY_SOURCE] = {"start", "source", "packets", "share"},
    [QUERY_COUNTRY] = {"start", "country", "packets", "share"},
    [QUERY_ASN] = {"start", "asn", "packets", "share", "organisation"},
};

struct printing {
    FILE *out;
    enum rows_format format;
    const struct query *query;
    struct rows *rows; /* NULL until there is something to print: a failure leaves nothing behind */
    struct query_command_told *told;
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

static void put_country(struct rows *rows, const struct query_row *row)
{
    rows_text(rows, row->key == QUERY_KEY_OTHER   ? "other"
                    : row->key == QUERY_KEY_KNOWN ? row->country
                                                  : "unknown");
}

static void put_asn(struct rows *rows, const struct query_row *row)
{
    char text[16];
    snprintf(text, sizeof text, "AS%" PRIu32, row->asn);
    rows_text(rows, row->key == QUERY_KEY_OTHER   ? "other"
                    : row->key == QUERY_KEY_KNOWN ? text
                                                  : "unknown");
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
    case QUERY_SOURCE:
        put_address(rows, row);
        break;
    case QUERY_COUNTRY:
        put_country(rows, row);
        break;
    case QUERY_ASN:
        put_asn(rows, row);
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

static int put_organisation(struct rows *rows, struct geo *geo, const struct query_row *row,
                            char *errmsg)
{
    char name[GEO_NAME_MAX] = "";
    int rc = row->key == QUERY_KEY_KNOWN
                 ? geo_organisation(geo, row->family, row->address, name, errmsg)
                 : 0;
    if (*name)
        rows_text(rows, name);
    else
        rows_missing(rows);
    return rc;
}

/* Whether bytes are counted by that, too. */
static bool has_bytes(enum query_by by)
{
    return by != QUERY_ADDRESS && by < QUERY_SOURCE;
}

static int put_rows(struct rows *rows, const struct query_period *period, const char *start,
                    char *errmsg)
{
    const struct query *query = period->query;
    struct query_rows from;
    struct query_row row;
    int rc = 0;
    query_rows_begin(&from, period);
    while (rc == 0 && query_rows_next(&from, &row)) {
        rows_text(rows, start);
        put_key(rows, query->by, &row);
        rows_u64(rows, row.sum.packets);
        if (has_bytes(query->by))
            rows_u64(rows, row.sum.bytes);
        rows_double(rows, row.share, SHARE_DECIMALS);
        if (query->by == QUERY_ASN)
            rc = put_organisation(rows, query->geo, &row, errmsg);
        if (query->by == QUERY_ICMP) /* the same type means another thing in ICMPv6 */
            put_if(rows, row.key != QUERY_KEY_OTHER, row.protocol);
    }
    return rc;
}

/* A later database moves packets of the past to other countries. */
static void put_database(struct rows *rows, const struct geo *geo)
{
    char built[32];
    calendar_rfc3339(geo_built_s(geo), built);
    rows_extra_text(rows, "database", geo_name(geo));
    rows_extra_text(rows, "database_built", built);
}

static int begin(struct printing *printing, char *errmsg)
{
    if (printing->rows)
        return 0;
    printing->rows = rows_begin(printing->out, printing->format, columns[printing->query->by]);
    if (!printing->rows)
        return err_set(errmsg, ERR_NOMEM, "query: %s", err_str(ERR_NOMEM));
    if (printing->query->geo)
        put_database(printing->rows, printing->query->geo);
    return 0;
}

static int on_period(void *user, const struct query_period *period, char *errmsg)
{
    struct printing *printing = user;
    char start[32];
    int rc = begin(printing, errmsg);
    if (rc)
        return rc;
    if (ferror(printing->out)) /* nobody takes the rest: rows_end says why */
        return err_set(errmsg, ERR_IO, "query: writing the rows: %s", err_str(ERR_IO));
    calendar_rfc3339(period->start_s, start);
    if (period->query->by == QUERY_TOTAL) {
        rows_text(printing->rows, start);
        put_figures(printing->rows, &period->all);
    } else if (period->query->by == QUERY_SENSOR) {
        put_sensors(printing->rows, period, start);
    } else if (period->rows_known) {
        return put_rows(printing->rows, period, start, errmsg);
    } else {
        put_unknown(printing->rows, period->query->by, start);
        printing->told->lost += period->all.any_data;
    }
    printing->told->merged += period->all.merged;
    return 0;
}

int query_command_print(FILE *out, enum rows_format format, struct store *store,
                        const struct query *query, struct query_command_told *told, char *errmsg)
{
    struct printing printing = {.out = out, .format = format, .query = query, .told = told};
    const struct query_reader reader = {&printing, on_period};
    int rc = query->from_s == QUERY_OPEN ? 0 : query_run(store, query, &reader, errmsg);
    if (rc == 0)
        rc = begin(&printing, errmsg);
    int written = printing.rows ? rows_end(printing.rows) : 0;
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
                       "--top: goes with --by address, class, protocol, port, icmp, source, "
                       "country or asn");
    return options_check_format(options, errmsg);
}

int query_command_answer(FILE *out, struct store *store, const struct options *options,
                         struct query_command_told *told, char *errmsg)
{
    struct query query = {
        .step = options->step, .by = options->by, .top = options->top, .sensor = options->sensor};
    *told = (struct query_command_told){0};
    int rc = query_sensor_check(store, query.sensor, errmsg);
    if (rc == 0)
        rc = options_range(options, &query.from_s, &query.to_s, errmsg);
    if (rc)
        return rc;
    if (query.by == QUERY_COUNTRY || query.by == QUERY_ASN)
        rc =
            options_geo(options, query.by == QUERY_ASN ? GEO_ASN : GEO_COUNTRY, &query.geo, errmsg);
    if (rc)
        return err_wrap(errmsg, rc, "query by %s", query_by_name(query.by));
    if (query.geo)
        geo_describe(query.geo, told->database);
    told->any = query_range(store, &query);
    if (!told->any)
        query.from_s = QUERY_OPEN;
    rc = query_command_print(out, options->format, store, &query, told, errmsg);
    geo_close(query.geo);
    return rc;
}

static void note(const struct options *options, const struct query_command_told *told)
{
    if (*told->database)
        log_info("%s as %s says; a later one may say otherwise of the past",
                 options->by == QUERY_ASN ? "autonomous systems" : "countries", told->database);
    if (!told->any)
        log_info("the store holds no data%s", options->from || options->to ? " of that time" : "");
    if (told->lost)
        log_info("%zu %s: only packets and bytes are kept any more, no breakdown by %s", told->lost,
                 told->lost == 1 ? "period" : "periods", query_by_name(options->by));
    if (told->merged)
        log_info("%zu %s: a sensor without room has merged minutes, of which the figures are even "
                 "shares of a quarter of an hour",
                 told->merged, told->merged == 1 ? "period" : "periods");
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

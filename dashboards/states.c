#include "dashboards/states.h"

#include <arpa/inet.h>

#include "common/err.h"
#include "common/log.h"
#include "dashboards/query_states.h"

static const char *const columns[] = {
    "start", "address", "state", "packets", "coverage", "sensor", NULL,
};

struct printing {
    enum rows_format format;
    struct rows *rows; /* NULL until there is something to print: a failure leaves nothing behind */
    char address[INET6_ADDRSTRLEN];
    size_t lost; /* periods of which the state is not known any more */
};

static int begin(struct printing *printing, char *errmsg)
{
    if (!printing->rows)
        printing->rows = rows_begin(stdout, printing->format, columns);
    return printing->rows ? 0 : err_set(errmsg, ERR_NOMEM, "states: %s", err_str(ERR_NOMEM));
}

static int on_row(void *user, const struct query_states_row *row, char *errmsg)
{
    struct printing *printing = user;
    bool counts = row->state == QUERY_COUNTED || row->state == QUERY_TRUE_ZERO;
    char start[32];
    int rc = begin(printing, errmsg);
    if (rc)
        return rc;
    struct rows *rows = printing->rows;
    calendar_rfc3339(row->start_s, start);
    rows_text(rows, start);
    rows_text(rows, printing->address);
    if (row->known)
        rows_text(rows, query_state_name(row->state));
    else
        rows_missing(rows);
    if (row->known && counts)
        rows_u64(rows, row->packets);
    else
        rows_missing(rows);
    rows_double(rows, figures_cut_coverage(coverage_share(&row->coverage)),
                FIGURES_COVERAGE_DECIMALS);
    if (row->sensor)
        rows_text(rows, row->sensor->name);
    else
        rows_missing(rows);
    printing->lost += !row->known;
    return 0;
}

int states_check(struct options *options, char *errmsg)
{
    struct query_address address;
    int64_t from_s, to_s;
    if (!options->address || !options->from || !options->to)
        return err_set(errmsg, ERR_INVALID, "states: give --address, --from and --to");
    if (query_address_parse(&address, options->address, errmsg) != 0)
        return err_wrap(errmsg, ERR_INVALID, "--address");
    int rc = options_range(options, &from_s, &to_s, errmsg);
    return rc ? rc : options_check_format(options, errmsg);
}

static int print(struct store *store, const struct options *options, size_t *lost, char *errmsg)
{
    struct query_address address;
    struct query query = {.step = options->step};
    struct printing printing = {.format = options->format};
    const struct query_states_reader reader = {&printing, on_row};
    int rc = options_range(options, &query.from_s, &query.to_s, errmsg);
    if (rc == 0)
        rc = query_address_parse(&address, options->address, errmsg);
    if (rc)
        return rc;
    inet_ntop(address.family, address.bytes, printing.address, sizeof printing.address);
    rc = query_states(store, &query, &address, &reader, errmsg);
    if (rc == 0)
        rc = begin(&printing, errmsg);
    int written = printing.rows ? rows_end(printing.rows) : 0;
    *lost = printing.lost;
    if (written && rc == 0)
        rc = err_set(errmsg, written, "states: writing to standard output: %s", err_str(written));
    return rc;
}

int states_run(const struct options *options, char *errmsg)
{
    struct store *store;
    size_t lost = 0;
    int rc = options_open_store(options, &store, errmsg);
    if (rc)
        return rc;
    rc = print(store, options, &lost, errmsg);
    if (rc == 0 && lost)
        log_info("%zu %s: observed, but packets by address are not kept any more", lost,
                 lost == 1 ? "period" : "periods");
    store_close(store);
    return rc;
}

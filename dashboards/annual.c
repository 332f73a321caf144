#include "dashboards/annual.h"

#include <math.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"

static const char *const columns[] = {
    "year",
    "packets",
    "observed_addresses",
    "packets_per_address",
    "method",
    "seconds_per_packet",
    "unique_hosts",
    "coverage",
    "dropped",
    "revision",
    NULL,
};

#define COVERAGE_DECIMALS 9

/* Cut, not rounded: what is less than 1 must not be printed as 1. */
static double cut_coverage(double coverage)
{
    const double unit = 1e9; /* 10 ^ COVERAGE_DECIMALS */
    return floor(coverage * unit) / unit;
}

static void print_year(struct rows *rows, const struct figures *figures)
{
    rows_u64(rows, (uint64_t)figures->year);
    rows_u64(rows, figures->packets);
    rows_u64(rows, figures->observed_addresses);
    rows_double(rows, figures->packets_per_address, 2);
    rows_text(rows, method_name(figures->method));
    rows_double(rows, figures->seconds_per_packet, 3);
    if (figures->hosts_known)
        rows_u64(rows, figures->unique_hosts);
    else
        rows_missing(rows);
    rows_double(rows, cut_coverage(figures->coverage), COVERAGE_DECIMALS);
    rows_u64(rows, figures->dropped);
    rows_u64(rows, figures->revision);
}

int annual_print(FILE *out, enum rows_format format, const struct query_annual *annual)
{
    struct rows *rows = rows_begin(out, format, columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < annual->count; i++)
        print_year(rows, &annual->years[i]);
    return rows_end(rows);
}

/* Says on standard error what the table cannot: that there is nothing, or what is an estimate. */
static void note(const struct options *options, const struct query_annual *annual)
{
    char years[STORE_YEARS * sizeof ", YYYY"] = "";
    size_t used = 0, estimates = 0;
    if (annual->count == 0 && options->year)
        log_info("the store holds no data of %d", options->year);
    else if (annual->count == 0)
        log_info("the store holds no data yet");
    for (size_t i = 0; i < annual->count; i++) {
        if (!figures_estimate(&annual->years[i]))
            continue;
        used += (size_t)snprintf(years + used, sizeof years - used, "%s%d", estimates ? ", " : "",
                                 annual->years[i].year);
        estimates++;
    }
    if (estimates && options->format == ROWS_TABLE)
        log_info("%s %s: coverage is below 1", years,
                 estimates == 1 ? "is an estimate" : "are estimates");
}

int annual_run(const struct options *options, char *errmsg)
{
    struct store *store;
    struct query_annual annual;
    int rc = options_open_store(options, &store, errmsg);
    if (rc)
        return rc;
    rc = query_annual(store, options->method, options->year, &annual, errmsg);
    store_close(store);
    if (rc)
        return rc;
    rc = annual_print(stdout, options->format, &annual);
    if (rc)
        err_set(errmsg, rc, "annual: writing to standard output: %s", err_str(rc));
    else
        note(options, &annual);
    query_annual_close(&annual);
    return rc;
}

#include "dashboards/annual.h"

#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "dashboards/compare.h"

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
    rows_double(rows, figures_cut_coverage(figures->coverage), FIGURES_COVERAGE_DECIMALS);
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

static const char *const revision_columns[] = {
    "year", "revision", "when", "sensor", "records", "packets_added", "packets", "reason", NULL,
};

static void print_revision(struct rows *rows, const struct query_revision *revision)
{
    char when[32];
    rows_u64(rows, (uint64_t)revision->year);
    rows_u64(rows, revision->revision);
    if (revision->sensor) {
        calendar_rfc3339(revision->when_s, when);
        rows_text(rows, when);
        rows_text(rows, revision->sensor);
        rows_u64(rows, revision->records);
        rows_u64(rows, revision->packets_added);
    } else {
        rows_missing(rows);
        rows_missing(rows);
        rows_u64(rows, revision->records);
        rows_missing(rows);
    }
    rows_u64(rows, revision->packets);
    if (revision->sensor)
        rows_text(rows, query_reason_name(revision->reason));
    else
        rows_missing(rows);
}

int annual_print_revisions(FILE *out, enum rows_format format,
                           const struct query_revisions *revisions)
{
    struct rows *rows = rows_begin(out, format, revision_columns);
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < revisions->count; i++)
        print_revision(rows, &revisions->rows[i]);
    return rows_end(rows);
}

static void note_empty(const struct options *options)
{
    if (options->year)
        log_info("the store holds no data of %d", options->year);
    else
        log_info("the store holds no data yet");
}

/* Says on standard error what the table cannot: that there is nothing, or what is an estimate. */
static void note(const struct options *options, const struct query_annual *annual)
{
    char years[STORE_YEARS * sizeof ", YYYY"] = "";
    size_t used = 0, estimates = 0;
    if (annual->count == 0)
        note_empty(options);
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

static int run_figures(struct store *store, const struct options *options, char *errmsg)
{
    struct query_annual annual;
    int rc = query_annual(store, options->method, options->year, &annual, errmsg);
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

static int run_revisions(struct store *store, const struct options *options, char *errmsg)
{
    struct query_revisions revisions;
    int rc = query_revisions(store, options->year, &revisions, errmsg);
    if (rc)
        return rc;
    rc = annual_print_revisions(stdout, options->format, &revisions);
    if (rc)
        err_set(errmsg, rc, "annual: writing to standard output: %s", err_str(rc));
    else if (revisions.count == 0)
        note_empty(options);
    query_revisions_close(&revisions);
    return rc;
}

int annual_check(struct options *options, char *errmsg)
{
    if (options->revisions && (options->given & OPTION_BIT(OPTION_METHOD)))
        return err_set(errmsg, ERR_INVALID,
                       "--revisions: they are of all methods; --method does not go with them");
    if (options->compare && (options->revisions || (options->given & OPTION_BIT(OPTION_METHOD))))
        return err_set(errmsg, ERR_INVALID,
                       "--compare: the file says the method; --method and --revisions do not go "
                       "with it");
    return options_check_format(options, errmsg);
}

static int run(struct store *store, const struct options *options, char *errmsg)
{
    if (options->compare)
        return compare_run(store, options, errmsg);
    return options->revisions ? run_revisions(store, options, errmsg)
                              : run_figures(store, options, errmsg);
}

int annual_run(const struct options *options, char *errmsg)
{
    struct store *store;
    int rc = options_open_store(options, &store, errmsg);
    if (rc)
        return rc;
    rc = run(store, options, errmsg);
    store_close(store);
    return rc;
}

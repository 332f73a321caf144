#include "dashboards/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"

#define CAUSES_MAX 5 /* revisions that are told one by one */

static const char *const columns[] = {
    "year",     "method", "figure", "published", "present", "difference", "published_revision",
    "revision", "causes", NULL,
};

/* --- causes ----------------------------------------------------------------------------------- */

static size_t add_revision(char *text, size_t room, const struct query_revision *revision)
{
    char when[32];
    calendar_rfc3339(revision->when_s, when);
    int used = snprintf(
        text, room,
        "revision %" PRIu64 ", %s: %" PRIu64 " packets in %" PRIu64 " records of sensor %s",
        revision->revision, when, revision->packets_added, revision->records, revision->sensor);
    return (size_t)used < room ? (size_t)used : room - 1;
}

/* Adds the revisions of the year behind `since` to `text`; returns how many. */
static size_t list_revisions(const struct query_revisions *revisions, int year, uint64_t since,
                             char *text, size_t room)
{
    size_t count = 0, used = 0;
    for (size_t i = 0; i < revisions->count; i++) {
        const struct query_revision *revision = &revisions->rows[i];
        if (revision->year != year || revision->revision <= since || !revision->sensor)
            continue;
        if (count++ >= CAUSES_MAX)
            continue;
        if (count > 1)
            used += (size_t)snprintf(text + used, room - used, "; ");
        used += add_revision(text + used, room - used, revision);
    }
    if (count > CAUSES_MAX)
        snprintf(text + used, room - used, "; and %zu more", count - CAUSES_MAX);
    return count;
}

/* Why the year is another now; empty when nothing says so. */
static void find_causes(const struct query_revisions *revisions, const struct published_year *then,
                        const struct published_year *now, bool differs, char *text, size_t room)
{
    const struct published_value *since = &then->figures[PUBLISHED_REVISION];
    *text = '\0';
    if (!now) {
        snprintf(text, room, "the store holds no data of this year");
        return;
    }
    if (since->state == PUBLISHED_KNOWN && since->whole > now->figures[PUBLISHED_REVISION].whole)
        snprintf(text, room, "the store is older than what was published, or another one");
    else if (list_revisions(revisions, then->year,
                            since->state == PUBLISHED_KNOWN ? since->whole : 0, text, room) == 0 &&
             differs)
        snprintf(text, room,
                 "no revision: the year was not over when it was published, or its inventory has "
                 "changed since");
}

/* --- rows ------------------------------------------------------------------------------------- */

static void print_value(struct rows *rows, enum published_figure figure,
                        const struct published_value *value)
{
    int decimals = published_columns[figure].decimals;
    if (!value || value->state != PUBLISHED_KNOWN)
        rows_missing(rows);
    else if (decimals == 0)
        rows_u64(rows, value->whole);
    else
        rows_double(rows, value->real, decimals);
}

static void print_difference(struct rows *rows, enum published_figure figure,
                             const struct published_value *then, const struct published_value *now)
{
    int decimals = published_columns[figure].decimals;
    if (!now || then->state != PUBLISHED_KNOWN || now->state != PUBLISHED_KNOWN)
        rows_missing(rows);
    else if (published_same(figure, then, now))
        rows_u64(rows, 0);
    else if (decimals)
        rows_double(rows, now->real - then->real, decimals);
    else if (now->whole >= then->whole)
        rows_u64(rows, now->whole - then->whole);
    else
        rows_double(rows, -(double)(then->whole - now->whole), 0);
}

static const struct published_value *value_of(const struct published_year *year,
                                              enum published_figure figure)
{
    return year ? &year->figures[figure] : NULL;
}

static void print_row(struct rows *rows, enum published_figure figure,
                      const struct published_year *then, const struct published_year *now,
                      const char *causes)
{
    rows_u64(rows, (uint64_t)then->year);
    rows_text(rows, method_name(then->method));
    rows_text(rows, published_columns[figure].name);
    print_value(rows, figure, value_of(then, figure));
    print_value(rows, figure, value_of(now, figure));
    print_difference(rows, figure, value_of(then, figure), value_of(now, figure));
    print_value(rows, PUBLISHED_REVISION, value_of(then, PUBLISHED_REVISION));
    print_value(rows, PUBLISHED_REVISION, value_of(now, PUBLISHED_REVISION));
    if (*causes)
        rows_text(rows, causes);
    else
        rows_missing(rows);
}

/* A revision that changed no figure is no difference. */
static bool figure_differs(enum published_figure figure, const struct published_year *then,
                           const struct published_year *now)
{
    const struct published_value *value = &then->figures[figure];
    if (figure == PUBLISHED_REVISION || value->state == PUBLISHED_ABSENT)
        return false;
    return !now || !published_same(figure, value, &now->figures[figure]);
}

static size_t compare_year(struct rows *rows, const struct query_revisions *revisions,
                           const struct published_year *then, const struct published_year *now)
{
    char causes[1024];
    size_t differ = 0;
    for (int figure = 0; figure < PUBLISHED_FIGURES; figure++)
        differ += figure_differs((enum published_figure)figure, then, now);
    if (!now)
        differ = 1;
    find_causes(revisions, then, now, differ > 0, causes, sizeof causes);
    for (int figure = 0; figure < PUBLISHED_FIGURES; figure++)
        if (figure == PUBLISHED_PER_ADDRESS ||
            (now && figure_differs((enum published_figure)figure, then, now)))
            print_row(rows, (enum published_figure)figure, then, now, causes);
    return differ;
}

static const struct figures *find_year(const struct query_annual *annual, int year)
{
    for (size_t i = 0; i < annual->count; i++)
        if (annual->years[i].year == year)
            return &annual->years[i];
    return NULL;
}

int compare_print(FILE *out, enum rows_format format, const struct published *published,
                  const struct query_annual annual[METHOD_INVENTORY + 1],
                  const struct query_revisions *revisions, size_t *differ)
{
    struct rows *rows = rows_begin(out, format, columns);
    *differ = 0;
    if (!rows)
        return ERR_NOMEM;
    for (size_t i = 0; i < published->count; i++) {
        const struct published_year *then = &published->years[i];
        const struct figures *figures = find_year(&annual[then->method], then->year);
        struct published_year now = figures ? published_of(figures) : (struct published_year){0};
        *differ += compare_year(rows, revisions, then, figures ? &now : NULL);
    }
    return rows_end(rows);
}

/* --- the command ------------------------------------------------------------------------------ */

/* With --year, only what was published of it. */
static void keep_year(struct published *published, int year)
{
    size_t kept = 0;
    for (size_t i = 0; i < published->count; i++)
        if (year == 0 || published->years[i].year == year)
            published->years[kept++] = published->years[i];
    published->count = kept;
}

static bool has_method(const struct published *published, int method)
{
    for (size_t i = 0; i < published->count; i++)
        if ((int)published->years[i].method == method)
            return true;
    return false;
}

static int read_present(struct store *store, int year, const struct published *published,
                        struct query_annual annual[METHOD_INVENTORY + 1],
                        struct query_revisions *revisions, char *errmsg)
{
    int rc = query_revisions(store, year, revisions, errmsg);
    for (int method = 0; rc == 0 && method <= METHOD_INVENTORY; method++)
        if (has_method(published, method))
            rc = query_annual(store, (enum method)method, year, &annual[method], errmsg);
    return rc;
}

static int compare(struct store *store, const struct options *options, struct published *published,
                   char *errmsg)
{
    struct query_annual annual[METHOD_INVENTORY + 1] = {0};
    struct query_revisions revisions = {0};
    size_t differ = 0;
    int rc = read_present(store, options->year, published, annual, &revisions, errmsg);
    if (rc == 0) {
        rc = compare_print(stdout, options->format, published, annual, &revisions, &differ);
        if (rc)
            err_set(errmsg, rc, "annual: writing to standard output: %s", err_str(rc));
    }
    for (int method = 0; method <= METHOD_INVENTORY; method++)
        query_annual_close(&annual[method]);
    query_revisions_close(&revisions);
    if (rc || differ == 0)
        return rc;
    return err_set(errmsg, ERR_STALE, "annual: %zu figures differ from those in %.400s", differ,
                   options->compare);
}

int compare_run(struct store *store, const struct options *options, char *errmsg)
{
    struct published published;
    int rc = published_read(&published, options->compare, errmsg);
    keep_year(&published, options->year);
    if (rc == 0 && published.count == 0)
        rc = err_set(errmsg, ERR_INVALID, "%.400s: has no figures to compare with",
                     options->compare);
    if (rc == 0)
        rc = compare(store, options, &published, errmsg);
    if (rc == 0)
        log_info("%zu years agree with those in %s", published.count, options->compare);
    published_close(&published);
    return rc;
}

#include "dashboards/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/log.h"
#include "dashboards/chart.h"
#include "dashboards/chart_query.h"
#include "dashboards/outdir.h"
#include "dashboards/report_write.h"

#define TRIES 3 /* to read a store that is being written to */

static const char *const names[] = {
    "report.html",         "report.pdf", "report.md", "figures.json",
    "figures.schema.json", "charts",     "data",      NULL};
static const char *const folders[] = {"charts", "data", NULL};

struct report {
    const struct options *options;
    struct outdir dir;
    struct report_data data;
    struct geo *geo; /* NULL: there is no database of countries */
    struct chart_query asked;
    struct chart_classes classes;     /* of the days, in `asked` */
    struct buf charts[REPORT_CHARTS]; /* SVG; empty: there was nothing to draw */
};

int report_check(struct options *options, char *errmsg)
{
    if (!options->year)
        return err_set(errmsg, ERR_INVALID, "report: name the year with --year YYYY");
    if (!options->output)
        return err_set(errmsg, ERR_INVALID, "report: name the directory with -o DIR");
    return 0;
}

/* --- charts ----------------------------------------------------------------------------------- */

/* Has the chart drawn as its own command would. One for which the store has nothing is left out. */
static int draw(struct report *report, enum report_chart chart, char *errmsg)
{
    static int (*const commands[REPORT_CHARTS])(const struct options *options, char *errmsg) = {
        chart_annual_run,   chart_daily_run, chart_ports_run, chart_countries_run, NULL,
        chart_coverage_run, chart_map_run};
    char path[PATH_MAX + 64], file[64];
    struct options options = *report->options;
    snprintf(file, sizeof file, "charts/%s.svg", report_chart_name(chart));
    snprintf(path, sizeof path, "%s/%s", report->dir.path, file);
    options.output = path;
    if (chart == REPORT_CHART_ANNUAL) {
        options.year = 0;
        options.method = METHOD_DAILY;
        options.reference_nict = true;
    }
    int rc = chart == REPORT_CHART_CLASSES ? chart_classes_write(&options, &report->classes, errmsg)
                                           : commands[chart](&options, errmsg);
    if (rc == ERR_UNKNOWN)
        return 0;
    return rc ? rc : outdir_read(&report->dir, file, &report->charts[chart], errmsg);
}

/* --- files ------------------------------------------------------------------------------------ */

static int write_file(struct report *report, const char *name, const struct buf *bytes,
                      char *errmsg)
{
    return outdir_write(&report->dir, name, bytes, errmsg);
}

/* The document in one form, in `bytes` as well. */
static int write_document(struct report *report, enum doc_form form, const char *name,
                          struct buf *bytes, char *errmsg)
{
    int rc = report_document(&report->data, report->options->language, form, report->charts, bytes);
    return rc ? err_set(errmsg, rc, "report: %s", err_str(rc))
              : write_file(report, name, bytes, errmsg);
}

static int write_markdown(struct report *report, char *errmsg)
{
    struct buf text;
    buf_init(&text);
    int rc = write_document(report, DOC_MARKDOWN, "report.md", &text, errmsg);
    buf_close(&text);
    return rc;
}

static int without_pdf(const struct report *report, const char *why)
{
    log_warn("%s/report.pdf is not made: %s", report->dir.final, why);
    return 0;
}

/* Without a converter that works the report is whole all the same, unless one was named. */
static int write_pdf(struct report *report, const struct buf *html, char *errmsg)
{
    const enum pdf_converter converter = report->options->pdf;
    struct buf pdf;
    if (converter == PDF_NONE)
        return 0;
    buf_init(&pdf);
    int rc = pdf_convert(converter, html, &pdf, errmsg);
    if (rc == 0)
        rc = write_file(report, "report.pdf", &pdf, errmsg);
    else if (converter == PDF_AUTO)
        rc = without_pdf(report, errmsg);
    buf_close(&pdf);
    return rc;
}

/* The page, and the PDF that is printed from it. */
static int write_page(struct report *report, char *errmsg)
{
    struct buf html;
    buf_init(&html);
    int rc = write_document(report, DOC_HTML, "report.html", &html, errmsg);
    if (rc == 0)
        rc = write_pdf(report, &html, errmsg);
    buf_close(&html);
    return rc;
}

static int write_table(struct report *report, const struct report_table *table, char *errmsg)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/data/%s", report->dir.path, table->name);
    FILE *out = fopen(path, "we");
    int rc = out ? table->write(&report->data, out) : ERR_IO;
    if (out && fclose(out) != 0 && rc == 0)
        rc = ERR_IO;
    return rc ? err_set(errmsg, rc, "report: writing %s: %s", path, err_str(rc)) : 0;
}

static int write_figures(struct report *report, char *errmsg)
{
    struct buf bytes;
    buf_init(&bytes);
    int rc = report_figures(&report->data, &bytes);
    rc = rc ? err_set(errmsg, rc, "report: %s", err_str(rc))
            : write_file(report, "figures.json", &bytes, errmsg);
    buf_close(&bytes);
    if (rc)
        return rc;
    buf_init(&bytes);
    buf_put(&bytes, report_schema(), strlen(report_schema()));
    rc = bytes.failed ? err_set(errmsg, ERR_NOMEM, "report: %s", err_str(ERR_NOMEM))
                      : write_file(report, "figures.schema.json", &bytes, errmsg);
    buf_close(&bytes);
    return rc;
}

static int write_all(struct report *report, char *errmsg)
{
    int rc = write_figures(report, errmsg);
    for (size_t i = 0; i < report_table_count && rc == 0; i++)
        if (report->data.countries.known || !report_tables[i].of_countries)
            rc = write_table(report, &report_tables[i], errmsg);
    if (rc == 0)
        rc = write_page(report, errmsg);
    return rc ? rc : write_markdown(report, errmsg);
}

/* --- one state of the store ------------------------------------------------------------------- */

/* What the chart of classes is drawn from, and its time zone from what is kept of the store. */
static int read_classes(struct report *report, struct store *store, char *errmsg)
{
    int rc = chart_query_open(&report->asked, store, report->options, errmsg);
    if (rc == 0)
        rc = chart_query_classes(&report->asked, &report->classes, errmsg);
    if (rc)
        return rc;
    report->classes.caption.timezone = report->data.timezone;
    report_data_classes(&report->data, &report->classes);
    return 0;
}

static int read_data(struct report *report, char *errmsg)
{
    struct store *store;
    struct storeurl url;
    int rc = options_store(report->options, &url, errmsg);
    if (rc == 0)
        rc = store_open(&store, &url, errmsg);
    if (rc)
        return rc;
    rc = report_data_read(&report->data, store, &url, report->options->year,
                          report->options->withhold, report->geo, errmsg);
    if (rc == 0)
        rc = read_classes(report, store, errmsg);
    store_close(store);
    return rc;
}

/* Whether the year is still what was read. */
static int unchanged(struct report *report, bool *same, char *errmsg)
{
    struct store *store;
    struct query_annual annual;
    int rc = options_open_store(report->options, &store, errmsg);
    if (rc)
        return rc;
    rc = query_annual(store, METHOD_DAILY, report->options->year, &annual, errmsg);
    store_close(store);
    if (rc)
        return rc;
    *same = annual.count == 1 && annual.years[0].packets == report->data.now->packets &&
            annual.years[0].coverage == report->data.now->coverage &&
            annual.years[0].revision == report->data.now->revision;
    query_annual_close(&annual);
    return 0;
}

static void forget(struct report *report)
{
    report_data_close(&report->data);
    chart_query_close(&report->asked);
    memset(&report->asked, 0, sizeof report->asked);
    for (int chart = 0; chart < REPORT_CHARTS; chart++) {
        buf_close(&report->charts[chart]);
        buf_init(&report->charts[chart]);
    }
}

/* Figures and charts are read one after the other: all of it again when a record came in between. */
static int read_all(struct report *report, char *errmsg)
{
    bool same = false;
    int rc = 0;
    for (int tries = 0; tries < TRIES && rc == 0 && !same; tries++) {
        forget(report);
        rc = read_data(report, errmsg);
        for (int chart = 0; chart < REPORT_CHARTS && rc == 0; chart++)
            rc = draw(report, (enum report_chart)chart, errmsg);
        if (rc == 0)
            rc = unchanged(report, &same, errmsg);
    }
    if (rc == 0 && !same)
        rc = err_set(errmsg, ERR_STALE,
                     "report: records of %d kept coming while it was read; try again",
                     report->options->year);
    return rc;
}

/* A year without a database of countries has a report without them. */
static int open_geo(struct report *report, char *errmsg)
{
    int rc = options_geo(report->options, GEO_COUNTRY, &report->geo, errmsg);
    return rc == ERR_UNKNOWN ? 0 : rc;
}

int report_run(const struct options *options, char *errmsg)
{
    struct report *report = calloc(1, sizeof *report);
    if (!report)
        return err_set(errmsg, ERR_NOMEM, "report: %s", err_str(ERR_NOMEM));
    report->options = options;
    int rc = outdir_open(&report->dir, options->output, names, folders, errmsg);
    if (rc) {
        free(report);
        return rc;
    }
    rc = open_geo(report, errmsg);
    if (rc == 0)
        rc = read_all(report, errmsg);
    if (rc == 0)
        rc = write_all(report, errmsg);
    if (rc == 0)
        rc = outdir_commit(&report->dir, errmsg);
    if (rc)
        outdir_abort(&report->dir);
    else
        log_info("%s/report.html: the year %d", report->dir.final, options->year);
    forget(report);
    geo_close(report->geo);
    free(report);
    return rc;
}

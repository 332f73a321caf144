#include "dashboards/chart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/bars.h"
#include "dashboards/font.h"
#include "dashboards/gnuplot.h"
#include "dashboards/nict.h"
#include "dashboards/picture.h"

enum { OURS, NICT };

/* --- bars ------------------------------------------------------------------------------------- */

/* The years from the first to the last of ours, and of NICT's where they are drawn too. */
static void find_years(const struct options *options, const struct query_annual *annual, int *first,
                       int *last)
{
    *first = annual->years[0].year;
    *last = annual->years[annual->count - 1].year;
    if (options->reference_nict && !options->year) {
        *first = *first < nict_first_year() ? *first : nict_first_year();
        *last = *last > nict_last_year() ? *last : nict_last_year();
    }
}

static void set_ours(struct bars_year *bar, const struct figures *figures, enum language language)
{
    char value[BARS_LABEL_MAX];
    bar->value[OURS] = figures->packets_per_address;
    if (isnan(figures->packets_per_address)) {
        snprintf(bar->label[OURS], BARS_LABEL_MAX, "%s", label(language, LABEL_NO_FIGURE));
        return;
    }
    bars_format(figures->packets_per_address, value);
    snprintf(bar->label[OURS], BARS_LABEL_MAX, "%.40s%s", value,
             figures_estimate(figures) ? "*" : "");
}

/* Cut, not rounded, so that only what is complete says 100 %. */
static void set_coverage(struct bars_year *bar, double coverage)
{
    if (isnan(coverage))
        snprintf(bar->under, sizeof bar->under, "?");
    else if (coverage >= 1)
        snprintf(bar->under, sizeof bar->under, "100 %%");
    else if (coverage > 0 && coverage < 0.001)
        snprintf(bar->under, sizeof bar->under, "<0.1 %%");
    else
        snprintf(bar->under, sizeof bar->under, "%.1f %%", floor(coverage * 1000) / 10);
}

static void set_nict(struct bars_year *bar, const struct nict_row *row, enum language language)
{
    char value[BARS_LABEL_MAX];
    bar->value[NICT] = (double)row->packets_per_address;
    bars_format(bar->value[NICT], value);
    snprintf(bar->label[NICT], BARS_LABEL_MAX, "%s%.40s",
             row->exact ? "" : label(language, LABEL_ABOUT), value);
}

/* Fills years[0 .. last - first]; a year without a figure keeps its place and has no bar. */
static void set_years(const struct options *options, const struct query_annual *annual, int first,
                      struct bars_year *years, size_t count, bool coverage)
{
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        int year = first + (int)i;
        years[i] = (struct bars_year){.year = year, .value = {NAN, NAN}};
        const struct nict_row *row = options->reference_nict ? nict_per_address(year) : NULL;
        if (row)
            set_nict(&years[i], row, options->language);
        if (next == annual->count || annual->years[next].year != year)
            continue;
        set_ours(&years[i], &annual->years[next], options->language);
        if (coverage)
            set_coverage(&years[i], annual->years[next].coverage);
        next++;
    }
}

/* --- notes ------------------------------------------------------------------------------------ */

struct notes {
    char source[LABELS_MAX], method[LABELS_MAX], revision[LABELS_MAX], series[LABELS_MAX];
};

static bool any_estimate(const struct query_annual *annual)
{
    for (size_t i = 0; i < annual->count; i++)
        if (figures_estimate(&annual->years[i]))
            return true;
    return false;
}

static void note_revision(const struct query_annual *annual, enum language language,
                          char out[LABELS_MAX])
{
    char list[LABELS_MAX - 256] = "";
    size_t used = 0;
    for (size_t i = 0; i < annual->count && used + 40 < sizeof list; i++) {
        if (annual->years[i].revision == 0)
            continue;
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%d: %llu", used ? ", " : "",
                             annual->years[i].year, (unsigned long long)annual->years[i].revision);
    }
    if (used)
        labels_revision(language, list, out);
    else
        snprintf(out, LABELS_MAX, "%s", label(language, LABEL_UNRESTATED));
}

static void write_notes(struct notes *notes, const struct options *options,
                        const struct query_annual *annual, size_t sensors, const char *timezone)
{
    labels_source(options->language, sensors, timezone, notes->source);
    labels_method(options->language, options->method, notes->method);
    labels_ours(options->language, options->method, notes->series);
    note_revision(annual, options->language, notes->revision);
}

static void set_notes(struct bars *bars, struct notes *notes, const struct options *options,
                      bool estimate)
{
    enum language language = options->language;
    bars->notes[bars->note_count++] = notes->source;
    bars->notes[bars->note_count++] = notes->method;
    bars->notes[bars->note_count++] = label(language, estimate ? LABEL_ESTIMATE : LABEL_COMPLETE);
    bars->notes[bars->note_count++] = notes->revision;
    if (options->reference_nict)
        bars->notes[bars->note_count++] = label(language, LABEL_NICT_NOTE);
}

/* --- drawing ---------------------------------------------------------------------------------- */

static int draw(const struct options *options, const struct bars *bars, struct buf *picture,
                char *errmsg)
{
    enum picture_kind kind;
    int rc = picture_kind_of(options->output, &kind, errmsg);
    if (rc)
        return rc;
    struct buf script;
    buf_init(&script);
    picture_terminal(&script, kind, bars_measure(bars), labels_font(options->language));
    bars_draw(bars, &script);
    rc = gnuplot_run(&script, picture, errmsg);
    buf_close(&script);
    return rc ? rc : picture_finish(picture, kind, bars->title);
}

int chart_annual_draw(const struct options *options, const struct query_annual *annual,
                      size_t sensors, const char *timezone, struct buf *picture, char *errmsg)
{
    enum language language = options->language;
    bool estimate = any_estimate(annual);
    int first, last;
    find_years(options, annual, &first, &last);
    size_t count = (size_t)(last - first + 1);
    struct bars_year *years = calloc(count, sizeof *years);
    struct notes *notes = calloc(1, sizeof *notes);
    int rc = years && notes ? 0 : err_set(errmsg, ERR_NOMEM, "chart: %s", err_str(ERR_NOMEM));
    if (rc == 0) {
        set_years(options, annual, first, years, count, estimate);
        write_notes(notes, options, annual, sensors, timezone);
        struct bars bars = {
            .title = label(language, LABEL_TITLE),
            .unit = label(language, LABEL_UNIT),
            .unit_log = label(language, LABEL_UNIT_LOG),
            .series = {notes->series, label(language, LABEL_NICT)},
            .series_count = options->reference_nict ? 2 : 1,
            .under_name = estimate ? label(language, LABEL_COVERAGE) : NULL,
            .years = years,
            .count = count,
        };
        set_notes(&bars, notes, options, estimate);
        rc = draw(options, &bars, picture, errmsg);
    }
    free(notes);
    free(years);
    return rc;
}

static int draw_and_write(const struct options *options, const struct query_annual *annual,
                          size_t sensors, const char *timezone, char *errmsg)
{
    struct buf picture;
    if (annual->count == 0 && options->year)
        return err_set(errmsg, ERR_UNKNOWN,
                       "chart annual: the store holds no data of %d; nothing drawn", options->year);
    if (annual->count == 0)
        return err_set(errmsg, ERR_UNKNOWN,
                       "chart annual: the store holds no data yet; nothing drawn");
    buf_init(&picture);
    int rc = chart_annual_draw(options, annual, sensors, timezone, &picture, errmsg);
    if (rc == 0)
        rc = picture_write(&picture, options->output, errmsg);
    buf_close(&picture);
    return rc;
}

int chart_check(struct options *options, char *errmsg)
{
    enum picture_kind kind;
    if (!options->output)
        return err_set(errmsg, ERR_INVALID, "%s: name the file with -o FILE.svg, .png or .pdf",
                       options->command->name);
    return picture_kind_of(options->output, &kind, errmsg);
}

int chart_annual_run(const struct options *options, char *errmsg)
{
    enum picture_kind kind;
    struct store *store;
    struct query_annual annual;
    size_t sensors;
    int rc = picture_kind_of(options->output, &kind, errmsg);
    if (rc == 0 && kind != PICTURE_SVG) /* an SVG names the font, its viewer brings it */
        rc = font_check(labels_font(options->language), labels_font_package(options->language),
                        errmsg);
    if (rc == 0)
        rc = options_open_store(options, &store, errmsg);
    if (rc)
        return rc;
    store_sensors(store, &sensors);
    rc = query_annual(store, options->method, options->year, &annual, errmsg);
    if (rc == 0) {
        rc = draw_and_write(options, &annual, sensors, store_timezone(store), errmsg);
        query_annual_close(&annual);
    }
    store_close(store);
    return rc;
}

#include "dashboards/chart_annual.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/bars.h"
#include "dashboards/caption.h"
#include "dashboards/nict.h"

enum { OURS, NICT };

/* --- bars ------------------------------------------------------------------------------------- */

/* The years from the first to the last of ours, and of NICT's where they are drawn too. */
static void find_years(const struct chart_annual *chart, int *first, int *last)
{
    *first = chart->years[0].year;
    *last = chart->years[chart->count - 1].year;
    if (chart->reference_nict && !chart->one_year) {
        *first = *first < nict_first_year() ? *first : nict_first_year();
        *last = *last > nict_last_year() ? *last : nict_last_year();
    }
}

static void set_ours(struct bars_year *bar, const struct figures *figures, enum language language)
{
    char value[BARS_LABEL_MAX];
    bar->value[OURS] = figures->packets_per_address;
    figures_band(figures, &bar->low, &bar->high);
    if (isnan(figures->packets_per_address)) {
        snprintf(bar->label[OURS], BARS_LABEL_MAX, "%s", label(language, LABEL_NO_FIGURE));
        return;
    }
    scale_format_figure(figures->packets_per_address, value);
    snprintf(bar->label[OURS], BARS_LABEL_MAX, "%.40s%s", value,
             figures_estimate(figures) ? "*" : "");
}

static void set_nict(struct bars_year *bar, const struct nict_row *row, enum language language)
{
    char value[BARS_LABEL_MAX];
    bar->value[NICT] = (double)row->packets_per_address;
    scale_format(bar->value[NICT], value);
    snprintf(bar->label[NICT], BARS_LABEL_MAX, "%s%.40s",
             row->exact ? "" : label(language, LABEL_ABOUT), value);
}

/* The lines below year `i` of ours. */
static void set_unders(const struct chart_annual *chart, size_t i, bool coverage,
                       struct bars_year *bar)
{
    const struct figures *figures = &chart->years[i];
    size_t under = 0;
    if (coverage)
        caption_share(figures->coverage, bar->under[under++]);
    if (chart->growth && i > 0)
        labels_growth(chart->language, figures_growth(figures - 1, figures), bar->under[under],
                      sizeof bar->under[under]);
}

/* Fills years[0 .. last - first]; a year without a figure keeps its place and has no bar. */
static void set_years(const struct chart_annual *chart, int first, struct bars_year *years,
                      size_t count, bool coverage)
{
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        int year = first + (int)i;
        years[i] = (struct bars_year){.year = year, .value = {NAN, NAN}, .low = NAN, .high = NAN};
        const struct nict_row *row = chart->reference_nict ? nict_per_address(year) : NULL;
        if (row)
            set_nict(&years[i], row, chart->language);
        if (next == chart->count || chart->years[next].year != year)
            continue;
        set_ours(&years[i], &chart->years[next], chart->language);
        set_unders(chart, next, coverage, &years[i]);
        next++;
    }
}

/* --- notes ------------------------------------------------------------------------------------ */

struct notes {
    char source[LABELS_MAX], method[LABELS_MAX], parts[LABELS_MAX], revision[LABELS_MAX],
        series[LABELS_MAX], nict[LABELS_MAX];
};

static bool any_estimate(const struct chart_annual *chart)
{
    for (size_t i = 0; i < chart->count; i++)
        if (figures_estimate(&chart->years[i]))
            return true;
    return false;
}

/* Whether a line of growth factors has any. */
static bool any_growth(const struct chart_annual *chart)
{
    for (size_t i = 1; i < chart->count && chart->growth; i++)
        if (!isnan(figures_growth(&chart->years[i - 1], &chart->years[i])))
            return true;
    return false;
}

static struct caption_date date_of(const struct period *day)
{
    return (struct caption_date){day->year, day->month, day->day};
}

/* Empty when all years are whole ones. */
static void note_parts(const struct chart_annual *chart, char out[LABELS_MAX])
{
    const char *between = chart->language == LANGUAGE_JA ? "、" : "; ";
    char list[LABELS_MAX / 2] = "", range[LABELS_MAX];
    struct period first, last;
    size_t used = 0;
    for (size_t i = 0; i < chart->count && used < sizeof list - 128; i++) {
        if (!figures_part_of_year(&chart->years[i], &first, &last))
            continue;
        const struct caption caption = {
            .language = chart->language, .first = date_of(&first), .last = date_of(&last)};
        caption_period(&caption, range);
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.100s", used ? between : "",
                                 range);
    }
    if (used)
        labels_part_years(chart->language, list, out);
}

static void note_revision(const struct chart_annual *chart, char out[LABELS_MAX])
{
    char list[LABELS_MAX - 256] = "";
    size_t used = 0;
    for (size_t i = 0; i < chart->count && used + 40 < sizeof list; i++) {
        if (chart->years[i].revision == 0)
            continue;
        used +=
            (size_t)snprintf(list + used, sizeof list - used, "%s%d: %llu", used ? ", " : "",
                             chart->years[i].year, (unsigned long long)chart->years[i].revision);
    }
    if (used)
        labels_revision(chart->language, list, out);
    else
        snprintf(out, LABELS_MAX, "%s", label(chart->language, LABEL_UNRESTATED));
}

/* Where the figures of NICT that are drawn come from: "2005-2017 THIS; 2018 THAT". */
static void note_nict(const struct chart_annual *chart, int first, int last, char out[LABELS_MAX])
{
    char list[LABELS_MAX / 2] = "";
    size_t used = 0;
    for (int year = first, end; year <= last && used < sizeof list - 256; year = end) {
        const struct nict_row *row = nict_per_address(year), *next;
        end = year + 1;
        if (!row)
            continue;
        while (end <= last && (next = nict_per_address(end)) && !strcmp(next->source, row->source))
            end++;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%d", used ? "; " : "", year);
        if (end > year + 1)
            used += (size_t)snprintf(list + used, sizeof list - used, "–%d", end - 1);
        used += (size_t)snprintf(list + used, sizeof list - used, " %.200s", row->source);
    }
    if (used)
        labels_nict(chart->language, list, out);
    else
        snprintf(out, LABELS_MAX, "%s", label(chart->language, LABEL_NICT_NONE));
}

static void write_notes(struct notes *notes, const struct chart_annual *chart, int first, int last)
{
    labels_source(chart->language, chart->sensors, chart->timezone, notes->source);
    labels_method(chart->language, chart->method, notes->method);
    labels_ours(chart->language, chart->method, notes->series);
    note_parts(chart, notes->parts);
    note_revision(chart, notes->revision);
    note_nict(chart, first, last, notes->nict);
}

static void set_notes(struct bars *bars, const struct notes *notes,
                      const struct chart_annual *chart, bool estimate)
{
    sheet_note(&bars->sheet, notes->source);
    sheet_note(&bars->sheet, notes->method);
    sheet_note(&bars->sheet, label(chart->language, estimate ? LABEL_ESTIMATE : LABEL_COMPLETE));
    if (notes->parts[0])
        sheet_note(&bars->sheet, notes->parts);
    sheet_note(&bars->sheet, notes->revision);
    if (chart->reference_nict)
        sheet_note(&bars->sheet, notes->nict);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void draw(const struct chart_annual *chart, const struct notes *notes,
                 const struct bars_year *years, size_t count, bool estimate, struct canvas *canvas)
{
    enum language language = chart->language;
    struct bars bars = {
        .sheet.title = label(language, LABEL_TITLE),
        .unit = label(language, LABEL_UNIT),
        .unit_log = label(language, LABEL_UNIT_LOG),
        .series = {notes->series, label(language, LABEL_NICT)},
        .series_count = chart->reference_nict ? 2 : 1,
        .years = years,
        .count = count,
    };
    if (estimate)
        bars.under_name[bars.under_count++] = label(language, LABEL_COVERAGE);
    if (any_growth(chart))
        bars.under_name[bars.under_count++] = label(language, LABEL_GROWTH);
    set_notes(&bars, notes, chart, estimate);
    bars_draw(&bars, canvas);
}

int chart_annual_draw(const struct chart_annual *chart, struct canvas *canvas)
{
    bool estimate = any_estimate(chart);
    int first, last;
    find_years(chart, &first, &last);
    size_t count = (size_t)(last - first + 1);
    struct bars_year *years = calloc(count, sizeof *years);
    struct notes *notes = calloc(1, sizeof *notes);
    int rc = years && notes ? 0 : ERR_NOMEM;
    if (rc == 0) {
        set_years(chart, first, years, count, estimate);
        write_notes(notes, chart, first, last);
        draw(chart, notes, years, count, estimate, canvas);
    }
    free(notes);
    free(years);
    return rc;
}

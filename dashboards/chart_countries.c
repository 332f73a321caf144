#include "dashboards/chart_countries.h"

#include "dashboards/hbars.h"

/* The countries, then the others, what is in none, and what is withheld. */
static void add_rows(const struct chart_countries *chart, struct hbars *bars)
{
    enum language language = chart->caption.language;
    const struct top_countries *top = &chart->top;
    for (size_t i = 0; i < top->count; i++)
        hbars_add(bars, top->rows[i].country, top->rows[i].packets, false);
    if (top->others)
        hbars_add(bars, label(language, LABEL_OTHER_COUNTRIES), top->others, true);
    if (top->unknown)
        hbars_add(bars, label(language, LABEL_UNKNOWN_COUNTRY), top->unknown, true);
    if (top->not_kept)
        hbars_add(bars, label(language, LABEL_SOURCES_NOT_KEPT), top->not_kept, true);
    if (top->withheld)
        hbars_add(bars, label(language, LABEL_WITHHELD), top->withheld, true);
}

int chart_countries_draw(const struct chart_countries *chart, struct canvas *canvas)
{
    enum language language = chart->caption.language;
    char bars_are[LABELS_MAX], method[LABELS_MAX];
    struct caption_notes notes;
    struct hbars bars = {.unit = label(language, LABEL_PACKETS), .total = chart->total};
    labels_countries(language, chart->database, bars_are);
    labels_method_withheld(language, bars_are, chart->top.withheld > 0, method);
    caption_put(&chart->caption, label(language, LABEL_COUNTRIES_TITLE), method, &notes,
                &bars.sheet);
    add_rows(chart, &bars);
    hbars_draw(&bars, canvas);
    return 0;
}

#include "dashboards/chart_countries.h"

#include "dashboards/hbars.h"

/* The countries, then the others, what is in none, and what is withheld. */
static void add_rows(const struct chart_countries *chart, struct hbars *bars)
{
    enum language language = chart->caption.language;
    for (size_t i = 0; i < chart->count; i++)
        hbars_add(bars, chart->rows[i].country, chart->rows[i].packets, false);
    if (chart->others)
        hbars_add(bars, label(language, LABEL_OTHER_COUNTRIES), chart->others, true);
    if (chart->unknown)
        hbars_add(bars, label(language, LABEL_UNKNOWN_COUNTRY), chart->unknown, true);
    if (chart->not_kept)
        hbars_add(bars, label(language, LABEL_SOURCES_NOT_KEPT), chart->not_kept, true);
    if (chart->withheld)
        hbars_add(bars, label(language, LABEL_WITHHELD), chart->withheld, true);
}

int chart_countries_draw(const struct chart_countries *chart, struct canvas *canvas)
{
    enum language language = chart->caption.language;
    char bars_are[LABELS_MAX], method[LABELS_MAX];
    struct caption_notes notes;
    struct hbars bars = {.unit = label(language, LABEL_PACKETS), .total = chart->total};
    labels_countries(language, chart->database, bars_are);
    labels_method_withheld(language, bars_are, chart->withheld > 0, method);
    caption_put(&chart->caption, label(language, LABEL_COUNTRIES_TITLE), method, &notes,
                &bars.sheet);
    add_rows(chart, &bars);
    hbars_draw(&bars, canvas);
    return 0;
}

#include "dashboards/chart_classes.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/glyphs.h"
#include "dashboards/palette.h"
#include "dashboards/skyline.h"

#define PLOT_HEIGHT 400
#define HEADROOM    0.05
#define KEY_SPACE   24 /* left of the legend, which stands at the right in the order of the stack */
#define KEY_LINE    30
#define KEY_SWATCH  22
#define RIGHT       20
#define HEAD        60   /* there is no legend above */
#define LIGHTEST    0.93 /* of the ramp, so that no class looks like "no data" in grey */

#define WITHHELD PACKET_CLASSES /* the band on top of the classes, where there is any */
#define BANDS    (PACKET_CLASSES + 1)

/* The bands from the bottom of the stack up, with the share of each. */
struct key {
    char text[BANDS][LABELS_MAX / 16];
    char share[BANDS][CAPTION_SHARE_MAX];
    size_t count;
    double width; /* pixels */
};

static uint64_t band_of(const struct chart_classes_column *column, size_t band)
{
    return band == WITHHELD ? column->withheld : column->packets[band];
}

static double band_sum(const struct chart_classes *chart, size_t band)
{
    double sum = 0;
    for (size_t i = 0; i < chart->count; i++)
        if (chart->columns[i].known)
            sum += (double)band_of(&chart->columns[i], band);
    return sum;
}

static void write_key(const struct chart_classes *chart, struct key *key)
{
    enum language language = chart->caption.language;
    double sums[BANDS], all = 0;
    for (size_t band = 0; band < BANDS; band++)
        all += sums[band] = band_sum(chart, band);
    *key = (struct key){.count = sums[WITHHELD] > 0 ? BANDS : PACKET_CLASSES};
    for (size_t band = 0; band < key->count; band++) {
        if (band == WITHHELD)
            snprintf(key->text[band], sizeof key->text[band], "%s",
                     label(language, LABEL_WITHHELD));
        else
            labels_class(language, (enum packet_class)band, key->text[band],
                         sizeof key->text[band]);
        snprintf(key->share[band], CAPTION_SHARE_MAX, "%.1f %%",
                 all > 0 ? 100 * sums[band] / all : 0);
        double ems = glyphs_ems(key->text[band], strlen(key->text[band]));
        key->width = fmax(key->width, ems * SHEET_NOTE_FONT);
    }
    key->width += KEY_SWATCH + 8;
}

static void band_colour(size_t band, char out[8])
{
    if (band == WITHHELD)
        snprintf(out, 8, "%s", PALETTE_PARTLY);
    else
        palette_ramp_name(LIGHTEST * (double)band / (PACKET_CLASSES - 1), out);
}

static void draw_key(const struct key *key, struct box plot, const char *missing,
                     struct canvas *canvas)
{
    char colour[8];
    double x = plot.right + KEY_SPACE;
    for (size_t i = 0; i <= key->count; i++) {
        double y = plot.bottom + 24 + KEY_LINE * (double)i;
        bool band = i < key->count;
        band_colour(band ? i : 0, colour);
        canvas_box(canvas, (struct box){x, y - 8, x + KEY_SWATCH, y + 8},
                   band ? colour : PALETTE_MISSING, SHEET_OUTLINE);
        canvas_text(canvas, x + KEY_SWATCH + 8, y + (band ? 7 : 0), band ? key->text[i] : missing,
                    SHEET_NOTE_FONT, "left");
        if (band)
            canvas_text(canvas, x + KEY_SWATCH + 8, y - 7, key->share[i], SHEET_NOTE_FONT, "left");
    }
}

/* values[i] = packets of the bands up to `band` in column i; NaN where it is missing. */
static void sum_up_to(const struct chart_classes *chart, size_t band, double *values)
{
    for (size_t i = 0; i < chart->count; i++) {
        values[i] = chart->columns[i].known ? 0 : NAN;
        for (size_t b = 0; b <= band; b++)
            values[i] += (double)band_of(&chart->columns[i], b);
    }
}

/* From the whole stack down to its lowest band, each over the one before. */
static void draw_stack(const struct chart_classes *chart, const struct skyline *plot,
                       double *values, size_t bands, struct canvas *canvas)
{
    char colour[8];
    for (size_t band = bands; band-- > 0;) {
        band_colour(band, colour);
        sum_up_to(chart, band, values);
        skyline_draw(canvas, plot, values, colour);
    }
}

static double largest(const double *values, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, values[i]);
    return most;
}

int chart_classes_draw(const struct chart_classes *chart, struct canvas *canvas)
{
    enum language language = chart->caption.language;
    struct sheet sheet = {0};
    struct caption_notes notes;
    struct key key;
    char method[LABELS_MAX];
    double *values = calloc(chart->count, sizeof *values);
    if (!values)
        return ERR_NOMEM;
    struct axes_columns columns = {chart->dates, chart->count, chart->months, 0, 0, language};
    struct skyline plot = {.columns = &columns};
    sum_up_to(chart, WITHHELD, values);
    plot.scale = scale_choose_counts(0, largest(values, chart->count), HEADROOM, 8);
    columns.left = ceil(axes_values_width(&plot.scale));
    axes_fit(&columns);
    double right = axes_column(&columns, chart->count);
    write_key(chart, &key);
    int width = (int)ceil(right + KEY_SPACE + key.width + RIGHT);

    labels_method_withheld(language, label(language, LABEL_CLASSES_METHOD), key.count == BANDS,
                           method);
    caption_put(&chart->caption,
                label(language, chart->months ? LABEL_CLASSES_TITLE_MONTHS : LABEL_CLASSES_TITLE),
                method, &notes, &sheet);
    double bottom = ceil(sheet_break(&sheet, width)) + AXES_TIME_HEIGHT;
    plot.plot = (struct box){columns.left, bottom, right, bottom + PLOT_HEIGHT};
    canvas_init(canvas, width, (int)plot.plot.top + HEAD);
    sheet_draw(&sheet, canvas, columns.left);
    skyline_shade(canvas, &plot, values, PALETTE_MISSING);
    axes_values(canvas, plot.plot, &plot.scale,
                label(language, chart->months ? LABEL_PACKETS_MONTH : LABEL_PACKETS_DAY));
    draw_stack(chart, &plot, values, key.count, canvas);
    axes_time(canvas, &columns, bottom, true);
    draw_key(&key, plot.plot, label(language, LABEL_NO_DATA), canvas);
    canvas_end(canvas);
    free(values);
    return 0;
}

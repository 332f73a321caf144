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

/* The classes from the bottom of the stack up, with the packets and share of each. */
struct key {
    char text[PACKET_CLASSES][LABELS_MAX / 16];
    char share[PACKET_CLASSES][CAPTION_SHARE_MAX];
    double width; /* pixels */
};

static double class_sum(const struct chart_classes *chart, size_t class)
{
    double sum = 0;
    for (size_t i = 0; i < chart->count; i++)
        if (chart->columns[i].known)
            sum += (double)chart->columns[i].packets[class];
    return sum;
}

static void write_key(const struct chart_classes *chart, struct key *key)
{
    double sums[PACKET_CLASSES], all = 0;
    key->width = 0;
    for (size_t class = 0; class < PACKET_CLASSES; class ++)
        all += sums[class] = class_sum(chart, class);
    for (size_t class = 0; class < PACKET_CLASSES; class ++) {
        labels_class(chart->caption.language, class, key->text[class], sizeof key->text[class]);
        snprintf(key->share[class], CAPTION_SHARE_MAX, "%.1f %%",
                 all > 0 ? 100 * sums[class] / all : 0);
        double ems = glyphs_ems(key->text[class], strlen(key->text[class]));
        key->width = fmax(key->width, ems * SHEET_NOTE_FONT);
    }
    key->width += KEY_SWATCH + 8;
}

static void class_colour(size_t class, char out[8])
{
    palette_ramp_name(LIGHTEST * (double)class / (PACKET_CLASSES - 1), out);
}

static void draw_key(const struct key *key, struct box plot, const char *missing,
                     struct canvas *canvas)
{
    char colour[8];
    double x = plot.right + KEY_SPACE;
    for (size_t i = 0; i <= PACKET_CLASSES; i++) {
        double y = plot.bottom + 24 + KEY_LINE * (double)i;
        class_colour(i < PACKET_CLASSES ? i : 0, colour);
        canvas_box(canvas, (struct box){x, y - 8, x + KEY_SWATCH, y + 8},
                   i < PACKET_CLASSES ? colour : PALETTE_MISSING, SHEET_OUTLINE);
        canvas_text(canvas, x + KEY_SWATCH + 8, y + (i < PACKET_CLASSES ? 7 : 0),
                    i < PACKET_CLASSES ? key->text[i] : missing, SHEET_NOTE_FONT, "left");
        if (i < PACKET_CLASSES)
            canvas_text(canvas, x + KEY_SWATCH + 8, y - 7, key->share[i], SHEET_NOTE_FONT, "left");
    }
}

/* values[i] = packets of the classes up to `class` in column i; NaN where it is missing. */
static void sum_up_to(const struct chart_classes *chart, size_t class, double *values)
{
    for (size_t i = 0; i < chart->count; i++) {
        values[i] = chart->columns[i].known ? 0 : NAN;
        for (size_t c = 0; c <= class; c++)
            values[i] += (double)chart->columns[i].packets[c];
    }
}

/* From the whole stack down to its lowest class, each over the one before. */
static void draw_stack(const struct chart_classes *chart, const struct skyline *plot,
                       double *values, struct canvas *canvas)
{
    char colour[8];
    for (size_t class = PACKET_CLASSES; class -- > 0;) {
        class_colour(class, colour);
        sum_up_to(chart, class, values);
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
    double *values = calloc(chart->count, sizeof *values);
    if (!values)
        return ERR_NOMEM;
    struct axes_columns columns = {chart->dates, chart->count, chart->months, 0, 0, language};
    struct skyline plot = {.columns = &columns};
    sum_up_to(chart, PACKET_CLASSES - 1, values);
    plot.scale = scale_choose(0, largest(values, chart->count), HEADROOM, 8);
    columns.left = ceil(axes_values_width(&plot.scale));
    axes_fit(&columns);
    double right = axes_column(&columns, chart->count);
    write_key(chart, &key);
    int width = (int)ceil(right + KEY_SPACE + key.width + RIGHT);

    caption_put(&chart->caption,
                label(language, chart->months ? LABEL_CLASSES_TITLE_MONTHS : LABEL_CLASSES_TITLE),
                label(language, LABEL_CLASSES_METHOD), &notes, &sheet);
    double bottom = ceil(sheet_break(&sheet, width)) + AXES_TIME_HEIGHT;
    plot.plot = (struct box){columns.left, bottom, right, bottom + PLOT_HEIGHT};
    canvas_init(canvas, width, (int)plot.plot.top + HEAD);
    sheet_draw(&sheet, canvas, columns.left);
    skyline_shade(canvas, &plot, values, PALETTE_MISSING);
    axes_values(canvas, plot.plot, &plot.scale,
                label(language, chart->months ? LABEL_PACKETS_MONTH : LABEL_PACKETS_DAY));
    draw_stack(chart, &plot, values, canvas);
    axes_time(canvas, &columns, bottom, true);
    draw_key(&key, plot.plot, label(language, LABEL_NO_DATA), canvas);
    canvas_end(canvas);
    free(values);
    return 0;
}

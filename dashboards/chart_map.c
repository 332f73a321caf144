#include "dashboards/chart_map.h"

#include <math.h>
#include <stdlib.h>

#include "common/err.h"
#include "dashboards/glyphs.h"
#include "dashboards/hilbert.h"
#include "dashboards/palette.h"
#include "dashboards/scale.h"

#define ORDER_MIN 7 /* of the image: cells of coarser maps are squares of pixels */
#define PLOT      768
#define KEY_SPACE 28 /* left of the colour key */
#define KEY_WIDTH 24
#define KEY_STEPS 48
#define DARKEST   0.0 /* of the palette's ramp: most packets */
#define LIGHTEST  0.85

#define COLOUR_BLANK  0xffffffU
#define COLOUR_ZERO   0xd9d9d9U
#define COLOUR_STRIPE 0x8c8c8cU /* missing: stripes of two greys, apart from any plain one */
#define COLOUR_GAP    0x3a3a3aU
#define STRIPE_SHIFT  1 /* log2 of a stripe's width in the image */

static double ramp_at(double share)
{
    return LIGHTEST + (DARKEST - LIGHTEST) * fmin(fmax(share, 0), 1);
}

/* 1, 2 or 5 times a power of ten: the largest up to `value`, or with `up` the smallest from it on. */
static double round_to(double value, bool up)
{
    static const double times[] = {1, 2, 5, 10};
    double unit = pow(10, floor(log10(value))), best = up ? 10 * unit : unit;
    for (int i = 0; i < 4; i++) {
        double round = unit * times[i];
        if (up ? round >= value * (1 - 1e-9) && round < best
               : round <= value * (1 + 1e-9) && round > best)
            best = round;
    }
    return best;
}

/* Always logarithmic, with round ends. */
static struct scale find_scale(const struct chart_map *chart)
{
    double least = 0, most = 0;
    for (size_t i = 0; i < (size_t)1 << 2 * chart->order; i++) {
        if (!(chart->cells[i] > 0))
            continue;
        most = fmax(most, chart->cells[i]);
        least = least > 0 ? fmin(least, chart->cells[i]) : chart->cells[i];
    }
    struct scale scale = {1, 10, 1, true};
    if (most > 0) {
        scale.low = round_to(least, false);
        scale.high = round_to(most, true);
    }
    if (scale.high <= scale.low)
        scale.high = round_to(scale.low * 1.5, true);
    return scale;
}

static uint32_t colour_of(const struct scale *scale, double value, uint32_t column, uint32_t row)
{
    if (value > 0)
        return palette_ramp(ramp_at(scale_share(scale, value)));
    if (value == CHART_MAP_BLANK)
        return COLOUR_BLANK;
    if (value == CHART_MAP_MISSING)
        return (column + row) >> STRIPE_SHIFT & 1 ? COLOUR_STRIPE : COLOUR_GAP;
    return COLOUR_ZERO;
}

/* The image of 2^order by 2^order pixels: every cell as a square of them, the first row at the top. */
static void paint(const struct chart_map *chart, const struct scale *scale, unsigned order,
                  uint32_t *image)
{
    size_t side = (size_t)1 << order, pixels = side >> chart->order;
    for (uint32_t i = 0; i < (uint32_t)1 << 2 * chart->order; i++) {
        uint32_t x, y;
        hilbert_place(chart->order, i, &x, &y);
        for (size_t row = y * pixels; row < (y + 1) * pixels; row++)
            for (size_t column = x * pixels; column < (x + 1) * pixels; column++)
                image[(side - 1 - row) * side + column] =
                    colour_of(scale, chart->cells[i], (uint32_t)column, (uint32_t)row);
    }
}

static void frame(struct canvas *canvas, struct box box)
{
    canvas_shapes(canvas, CANVAS_LINES, PALETTE_AXIS);
    canvas_point(canvas, box.left, box.bottom);
    canvas_point(canvas, box.right, box.bottom);
    canvas_point(canvas, box.right, box.top);
    canvas_point(canvas, box.left, box.top);
    canvas_point(canvas, box.left, box.bottom);
    canvas_shapes_end(canvas);
}

/* Ticks at decades, on a short scale at 2 and 5 between them too, on a long one not at every. */
static void draw_key_ticks(struct canvas *canvas, struct box box, const struct scale *scale)
{
    char text[SCALE_TEXT_MAX];
    double decades = log10(scale->high / scale->low);
    double skip = ceil(decades / 12);
    for (double at = round_to(scale->low, true); at <= scale->high * (1 + 1e-9);) {
        double y = box.bottom + scale_share(scale, at) * (box.top - box.bottom);
        double decade = log10(at);
        bool round = fabs(decade - nearbyint(decade)) < 1e-6;
        if (decades <= 2.5 || (round && fmod(nearbyint(decade), skip) == 0)) {
            scale_format(at, text);
            canvas_text(canvas, box.right + 8, y, text, SHEET_TEXT_FONT, "left");
        }
        at = round_to(at * 1.5, true);
    }
}

/* The widest number at the key, in pixels. */
static double key_width(const struct scale *scale)
{
    char low[SCALE_TEXT_MAX], high[SCALE_TEXT_MAX];
    scale_format(scale->low, low);
    scale_format(scale->high, high);
    return SHEET_TEXT_FONT * fmax(glyphs_number_ems(low), glyphs_number_ems(high));
}

/* The scale of colours at the right, from the fewest packets at the bottom; each step is drawn over the
 * one below it, so that no seams show. */
static void draw_key(struct canvas *canvas, struct box box, const struct scale *scale,
                     const char *unit)
{
    char colour[8];
    double step = (box.top - box.bottom) / KEY_STEPS;
    for (int i = 0; i < KEY_STEPS; i++) {
        palette_ramp_name(ramp_at((i + 0.5) / KEY_STEPS), colour);
        canvas_shapes(canvas, CANVAS_RECTANGLES, colour);
        canvas_rectangle(canvas, (struct box){box.left, box.bottom + step * i, box.right, box.top});
        canvas_shapes_end(canvas);
    }
    frame(canvas, box);
    draw_key_ticks(canvas, box, scale);
    canvas_text(canvas, box.right + 8 + key_width(scale) + 20, (box.bottom + box.top) / 2, unit,
                SHEET_TEXT_FONT, "center rotate by 90");
}

static void fill_legend(struct sheet *sheet, enum language language)
{
    sheet_entry(sheet, label(language, LABEL_MAP_ZERO), "#d9d9d9");
    sheet_entry(sheet, label(language, LABEL_MAP_MISSING), "#636363");
    sheet_entry(sheet, label(language, LABEL_MAP_BLANK), PALETTE_ABSENT);
}

int chart_map_draw(const struct chart_map *chart, struct canvas *canvas)
{
    enum language language = chart->caption.language;
    struct sheet sheet = {0};
    struct caption_notes notes;
    char method[LABELS_MAX];
    unsigned order = chart->order < ORDER_MIN ? ORDER_MIN : chart->order;
    size_t side = (size_t)1 << order;
    uint32_t *image = calloc(side * side, sizeof *image);
    if (!image)
        return ERR_NOMEM;
    struct scale scale = find_scale(chart);
    paint(chart, &scale, order, image);
    labels_map(language, chart->addresses, chart->per_cell, chart->range, method);
    caption_put(&chart->caption, label(language, LABEL_MAP_TITLE), method, &notes, &sheet);
    if (chart->ipv6_left_out)
        sheet_note(&sheet, label(language, LABEL_MAP_IPV6));
    fill_legend(&sheet, language);

    double key_text = 8 + key_width(&scale) + 36;
    int width = (int)ceil(SHEET_EDGE + PLOT + KEY_SPACE + KEY_WIDTH + key_text);
    double bottom = ceil(sheet_break(&sheet, width)), left = SHEET_EDGE;
    struct box plot = {left, bottom, left + PLOT, bottom + PLOT};
    canvas_init(canvas, width, (int)plot.top + SHEET_HEAD);
    sheet_draw(&sheet, canvas, left);
    canvas_image(canvas, plot, image, side, side);
    frame(canvas, plot);
    double key = plot.right + KEY_SPACE;
    draw_key(canvas, (struct box){key, plot.bottom, key + KEY_WIDTH, plot.top}, &scale,
             label(language, LABEL_MAP_UNIT));
    canvas_end(canvas);
    free(image);
    return 0;
}

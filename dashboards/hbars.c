#include "dashboards/hbars.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dashboards/glyphs.h"
#include "dashboards/palette.h"
#include "dashboards/scale.h"

#define WIDTH     1000
#define ROW       32
#define BAR       20
#define NAME_MIN  88
#define HEAD      60 /* there is no legend */
#define AXIS      34 /* ticks and unit below the plot */
#define TICK      4
#define VALUE_GAP 8

struct layout {
    char values[HBARS_MAX][2 * SCALE_TEXT_MAX];
    struct box plot;
    struct scale scale;
};

void hbars_add(struct hbars *bars, const char *name, uint64_t packets, bool rest)
{
    assert(bars->count < HBARS_MAX);
    struct hbars_row *row = &bars->rows[bars->count++];
    snprintf(row->name, sizeof row->name, "%s", name);
    row->packets = packets;
    row->rest = rest;
}

static double text_width(const char *text, int font)
{
    return glyphs_ems(text, strlen(text)) * font;
}

static void write_value(double packets, uint64_t total, char value[2 * SCALE_TEXT_MAX])
{
    char text[SCALE_TEXT_MAX];
    double share = total ? 100 * packets / (double)total : 0;
    scale_format(packets, text);
    snprintf(value, 2 * SCALE_TEXT_MAX, share > 0 && share < 0.05 ? "%s (<0.1 %%)" : "%s (%.1f %%)",
             text, share);
}

static void lay_out(const struct hbars *bars, double bottom, struct layout *layout)
{
    double name = NAME_MIN, value = 0, most = 0;
    for (size_t i = 0; i < bars->count; i++) {
        const struct hbars_row *row = &bars->rows[i];
        write_value((double)row->packets, bars->total, layout->values[i]);
        name = fmax(name, text_width(row->name, SHEET_TEXT_FONT));
        value = fmax(value, text_width(layout->values[i], SHEET_NOTE_FONT));
        most = fmax(most, (double)row->packets);
    }
    layout->plot.left = SHEET_EDGE + name + 12;
    layout->plot.right = WIDTH - SHEET_EDGE;
    layout->plot.bottom = bottom + AXIS;
    layout->plot.top = layout->plot.bottom + ROW * fmax((double)bars->count, 1);
    double span = layout->plot.right - layout->plot.left;
    layout->scale = scale_choose_counts(0, most, (value + 2 * VALUE_GAP) / span, 6);
}

static void draw_axis(const struct layout *layout, const char *unit, struct canvas *canvas)
{
    const struct box *plot = &layout->plot;
    char text[SCALE_TEXT_MAX];
    double at;
    canvas_shapes(canvas, CANVAS_LINES, PALETTE_GRID);
    for (int i = 0; scale_tick(&layout->scale, i, &at); i++) {
        double x = plot->left + scale_share(&layout->scale, at) * (plot->right - plot->left);
        canvas_point(canvas, x, plot->bottom - TICK);
        canvas_point(canvas, x, plot->top);
        canvas_next(canvas);
        scale_format_tick(&layout->scale, at, text);
        if (x + text_width(text, SHEET_NOTE_FONT) / 2 < WIDTH - 4)
            canvas_text(canvas, x, plot->bottom - TICK - 8, text, SHEET_NOTE_FONT, "center");
    }
    canvas_shapes_end(canvas);
    canvas_text(canvas, (plot->left + plot->right) / 2, plot->bottom - AXIS + 6, unit,
                SHEET_TEXT_FONT, "center");
}

static void draw_rows(const struct hbars *bars, const struct layout *layout, struct canvas *canvas)
{
    const struct box *plot = &layout->plot;
    for (size_t i = 0; i < bars->count; i++) {
        const struct hbars_row *row = &bars->rows[i];
        double y = plot->top - ROW * ((double)i + 0.5);
        double end = plot->left +
                     scale_share(&layout->scale, (double)row->packets) * (plot->right - plot->left);
        canvas_shapes(canvas, CANVAS_RECTANGLES, row->rest ? PALETTE_PARTLY : PALETTE_OURS);
        canvas_rectangle(canvas, (struct box){plot->left, y - BAR / 2.0, end, y + BAR / 2.0});
        canvas_shapes_end(canvas);
        canvas_text(canvas, plot->left - 8, y, row->name, SHEET_TEXT_FONT, "right");
        canvas_text(canvas, end + VALUE_GAP, y, layout->values[i], SHEET_NOTE_FONT, "left");
    }
}

void hbars_draw(struct hbars *bars, struct canvas *canvas)
{
    struct layout layout = {0};
    lay_out(bars, ceil(sheet_break(&bars->sheet, WIDTH)), &layout);
    canvas_init(canvas, WIDTH, (int)layout.plot.top + HEAD);
    sheet_draw(&bars->sheet, canvas, layout.plot.left);
    draw_axis(&layout, bars->unit, canvas);
    draw_rows(bars, &layout, canvas);
    canvas_end(canvas);
}

#include "dashboards/chart_coverage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dashboards/axes.h"
#include "dashboards/glyphs.h"
#include "dashboards/palette.h"

#define ROW       20
#define CELL      16
#define NAME_FONT 11
#define NAME_MAX  300 /* pixels; longer names are cut */
#define SHARE     60  /* right of the rows */
#define RIGHT     16

struct layout {
    struct axes_columns columns;
    size_t rows;
    double bottom, top;
    int width;
};

static double name_width(const char *name)
{
    return glyphs_ems(name, strlen(name)) * NAME_FONT;
}

static double left_margin(const struct chart_coverage *chart, size_t rows)
{
    double widest = 40;
    for (size_t i = 0; i < rows; i++)
        widest = fmax(widest, name_width(chart->rows[i].sensor));
    return ceil(SHEET_EDGE + fmin(widest, NAME_MAX) + 12);
}

/* The sensor's name, cut with an ellipsis where it is too wide. */
static void write_name(const char *name, char out[128])
{
    size_t size = strlen(name);
    if (name_width(name) <= NAME_MAX) {
        snprintf(out, 128, "%s", name);
        return;
    }
    while (size > 0 && glyphs_ems(name, size) * NAME_FONT > NAME_MAX - NAME_FONT)
        size--;
    snprintf(out, 128, "%.*s…", (int)size, name);
}

/* --- cells ------------------------------------------------------------------------------------ */

static bool same(const struct chart_coverage_cell *a, const struct chart_coverage_cell *b)
{
    return a->state == b->state && (a->state <= COVERAGE_DOWN || a->share == b->share);
}

/* "Down" also stands behind what was observed in part. */
static bool in_layer(const struct chart_coverage_cell *cell, enum chart_coverage_state layer)
{
    if (layer != COVERAGE_DOWN)
        return cell->state == layer;
    return cell->state == COVERAGE_DOWN || (cell->state != COVERAGE_ABSENT && cell->share < 1);
}

/* How much of its cell's height a state takes: all, or as much as was observed. */
static double height_of(const struct chart_coverage_cell *cell, enum chart_coverage_state layer)
{
    return layer == COVERAGE_DOWN ? 1 : fmin(fmax(cell->share, 0), 1);
}

/* Draws a state in every row. */
static void draw_layer(const struct chart_coverage *chart, const struct layout *layout,
                       enum chart_coverage_state layer, const char *colour, struct canvas *canvas)
{
    bool begun = false;
    for (size_t row = 0; row < layout->rows; row++) {
        const struct chart_coverage_cell *cells = chart->rows[row].cells;
        double bottom = layout->top - ROW * (double)(row + 1) + (ROW - CELL) / 2.0;
        for (size_t i = 0, end; i < chart->count; i = end) {
            for (end = i + 1; end < chart->count && same(&cells[i], &cells[end]);)
                end++;
            if (!in_layer(&cells[i], layer))
                continue;
            if (!begun)
                canvas_shapes(canvas, CANVAS_RECTANGLES, colour);
            begun = true;
            canvas_rectangle(canvas, (struct box){axes_column(&layout->columns, i), bottom,
                                                  axes_column(&layout->columns, end),
                                                  bottom + CELL * height_of(&cells[i], layer)});
        }
    }
    if (begun)
        canvas_shapes_end(canvas);
}

static void draw_rows(const struct chart_coverage *chart, const struct layout *layout,
                      struct canvas *canvas)
{
    double right = axes_column(&layout->columns, chart->count);
    for (size_t row = 0; row < layout->rows; row++) {
        char name[128], share[CAPTION_SHARE_MAX];
        double y = layout->top - ROW * ((double)row + 0.5);
        write_name(chart->rows[row].sensor, name);
        caption_share(chart->rows[row].share, share);
        canvas_box(canvas,
                   (struct box){layout->columns.left, y - CELL / 2.0, right, y + CELL / 2.0},
                   PALETTE_ABSENT, PALETTE_GRID);
        canvas_text(canvas, layout->columns.left - 8, y, name, NAME_FONT, "right");
        canvas_text(canvas, right + SHARE - 2, y, share, NAME_FONT, "right");
    }
}

/* --- the whole -------------------------------------------------------------------------------- */

static void fill_legend(struct sheet *sheet, enum language language)
{
    sheet_entry(sheet, label(language, LABEL_COUNTED), PALETTE_OURS);
    sheet_entry(sheet, label(language, LABEL_TRUE_ZERO), PALETTE_ZERO);
    sheet_entry(sheet, label(language, LABEL_DOWN), PALETTE_DOWN);
    sheet_entry(sheet, label(language, LABEL_ABSENT), PALETTE_ABSENT);
}

int chart_coverage_draw(const struct chart_coverage *chart, struct canvas *canvas)
{
    enum language language = chart->caption.language;
    struct sheet sheet = {0};
    struct caption_notes notes;
    char omitted[LABELS_MAX];
    struct layout layout = {.columns = {chart->dates, chart->count, false, 0, 0, language}};
    layout.rows = chart->sensor_count;
    if (layout.rows > CHART_COVERAGE_ROWS)
        layout.rows = CHART_COVERAGE_ROWS;
    layout.columns.left = left_margin(chart, layout.rows);
    axes_fit(&layout.columns);
    double right = axes_column(&layout.columns, chart->count);
    layout.width = (int)ceil(right + SHARE + RIGHT);

    caption_put(&chart->caption, label(language, LABEL_COVERAGE_TITLE),
                label(language, LABEL_COVERAGE_METHOD), &notes, &sheet);
    if (layout.rows < chart->sensor_count) {
        labels_omitted(language, chart->sensor_count - layout.rows, omitted);
        sheet_note(&sheet, omitted);
    }
    fill_legend(&sheet, language);
    layout.bottom = ceil(sheet_break(&sheet, layout.width)) + AXES_TIME_HEIGHT;
    layout.top = layout.bottom + ROW * (double)layout.rows;
    canvas_init(canvas, layout.width, (int)layout.top + SHEET_HEAD);
    sheet_draw(&sheet, canvas, layout.columns.left);
    draw_rows(chart, &layout, canvas);
    draw_layer(chart, &layout, COVERAGE_DOWN, PALETTE_DOWN, canvas);
    draw_layer(chart, &layout, COVERAGE_ZERO, PALETTE_ZERO, canvas);
    draw_layer(chart, &layout, COVERAGE_COUNTED, PALETTE_OURS, canvas);
    axes_time(canvas, &layout.columns, layout.bottom, true);
    canvas_end(canvas);
    return 0;
}

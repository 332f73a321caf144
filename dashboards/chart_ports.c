#include "dashboards/chart_ports.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/tables.h"
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

struct row {
    char name[LABELS_MAX / 16];
    char value[2 * SCALE_TEXT_MAX];
    double packets;
};

static double text_width(const char *text, int font)
{
    return glyphs_ems(text, strlen(text)) * font;
}

static void write_value(double packets, uint64_t total, struct row *row)
{
    char text[SCALE_TEXT_MAX];
    double share = total ? 100 * packets / (double)total : 0;
    scale_format(packets, text);
    row->packets = packets;
    snprintf(row->value, sizeof row->value,
             share > 0 && share < 0.05 ? "%s (<0.1 %%)" : "%s (%.1f %%)", text, share);
}

/* The ports, then the others, then what has no port. */
static size_t write_rows(const struct chart_ports *chart, struct row *rows)
{
    enum language language = chart->caption.language;
    size_t count = 0;
    for (size_t i = 0; i < chart->count; i++, count++) {
        const struct chart_ports_row *port = &chart->rows[i];
        snprintf(rows[count].name, sizeof rows[count].name, "%s/%" PRIu16,
                 port->protocol == PROTOCOL_TCP ? "tcp" : "udp", port->port);
        write_value((double)port->packets, chart->total, &rows[count]);
    }
    if (chart->others) {
        snprintf(rows[count].name, sizeof rows->name, "%s", label(language, LABEL_OTHERS));
        write_value((double)chart->others, chart->total, &rows[count++]);
    }
    if (chart->without) {
        snprintf(rows[count].name, sizeof rows->name, "%s", label(language, LABEL_NO_PORT));
        write_value((double)chart->without, chart->total, &rows[count++]);
    }
    return count;
}

struct layout {
    struct row rows[CHART_PORTS_TOP + 2];
    size_t count;
    struct box plot;
    struct scale scale;
};

static void lay_out(const struct chart_ports *chart, double bottom, struct layout *layout)
{
    double name = NAME_MIN, value = 0, most = 0;
    layout->count = write_rows(chart, layout->rows);
    for (size_t i = 0; i < layout->count; i++) {
        const struct row *row = &layout->rows[i];
        name = fmax(name, text_width(row->name, SHEET_TEXT_FONT));
        value = fmax(value, text_width(row->value, SHEET_NOTE_FONT));
        most = fmax(most, row->packets);
    }
    layout->plot.left = SHEET_EDGE + name + 12;
    layout->plot.right = WIDTH - SHEET_EDGE;
    layout->plot.bottom = bottom + AXIS;
    layout->plot.top = layout->plot.bottom + ROW * fmax((double)layout->count, 1);
    double span = layout->plot.right - layout->plot.left;
    layout->scale = scale_choose(0, most, (value + 2 * VALUE_GAP) / span, 6);
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

static void draw_rows(const struct chart_ports *chart, const struct layout *layout,
                      struct canvas *canvas)
{
    const struct box *plot = &layout->plot;
    for (size_t i = 0; i < layout->count; i++) {
        const struct row *row = &layout->rows[i];
        double y = plot->top - ROW * ((double)i + 0.5);
        double end =
            plot->left + scale_share(&layout->scale, row->packets) * (plot->right - plot->left);
        canvas_shapes(canvas, CANVAS_RECTANGLES, i < chart->count ? PALETTE_OURS : PALETTE_PARTLY);
        canvas_rectangle(canvas, (struct box){plot->left, y - BAR / 2.0, end, y + BAR / 2.0});
        canvas_shapes_end(canvas);
        canvas_text(canvas, plot->left - 8, y, row->name, SHEET_TEXT_FONT, "right");
        canvas_text(canvas, end + VALUE_GAP, y, row->value, SHEET_NOTE_FONT, "left");
    }
}

int chart_ports_draw(const struct chart_ports *chart, struct canvas *canvas)
{
    enum language language = chart->caption.language;
    struct sheet sheet = {0};
    struct caption_notes notes;
    struct layout layout = {0};
    caption_put(&chart->caption, label(language, LABEL_PORTS_TITLE),
                label(language, LABEL_PORTS_METHOD), &notes, &sheet);
    lay_out(chart, ceil(sheet_break(&sheet, WIDTH)), &layout);
    canvas_init(canvas, WIDTH, (int)layout.plot.top + HEAD);
    sheet_draw(&sheet, canvas, layout.plot.left);
    draw_axis(&layout, label(language, LABEL_PACKETS), canvas);
    draw_rows(chart, &layout, canvas);
    canvas_end(canvas);
    return 0;
}

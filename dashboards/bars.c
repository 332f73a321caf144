#include "dashboards/bars.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dashboards/glyphs.h"
#include "dashboards/gnuplot.h"
#include "dashboards/palette.h"

/* Pixels of the canvas; fonts by their em. */
#define WIDTH_MIN   1000
#define HEIGHT_PLOT 380
#define VALUE_FONT  11
#define UNDER_FONT  10
#define LEFT_MIN    88 /* the name of the line below the years fits */
#define RIGHT       24
#define YEAR_MIN    46 /* room for a year */
#define YEARS_LINE  24
#define UNDER_LINE  18
#define TICKS       8
#define BAR_MAX     90
#define BAND_MAX    2.0 /* how far above the tallest bar an error band may stretch the scale */

struct layout {
    int width, height;
    double left, bottom, plot_width, plot_height;
    struct scale scale;
    double band_limit; /* error bands are cut here */
    bool upright;      /* values are turned by 90 degrees */
};

/* --- layout ----------------------------------------------------------------------------------- */

struct range {
    double least, most; /* of the positive values; most is 0 when there is none */
    double label;       /* width of the widest value's text */
};

static void extend_range(struct range *range, double value)
{
    if (!(value > 0))
        return;
    range->most = fmax(range->most, value);
    range->least = range->least > 0 ? fmin(range->least, value) : value;
}

static struct range find_range(const struct bars *bars)
{
    struct range range = {0, 0, 0};
    for (size_t i = 0; i < bars->count; i++) {
        for (size_t s = 0; s < bars->series_count; s++) {
            double ems = glyphs_number_ems(bars->years[i].label[s]);
            range.label = fmax(range.label, ems * VALUE_FONT);
            extend_range(&range, bars->years[i].value[s]);
        }
    }
    return range;
}

static void extend_by_bands(const struct bars *bars, double limit, struct range *range)
{
    for (size_t i = 0; i < bars->count; i++) {
        extend_range(range, bars->years[i].low);
        extend_range(range, fmin(bars->years[i].high, limit));
    }
}

/* Chooses the scale so that the tallest bar leaves `headroom` (a share of the plot) for its value. */
static void choose_scale(struct layout *layout, const struct range *range, double headroom)
{
    bool log = range->most > 0 && range->most / range->least >= SCALE_LOG_RATIO;
    layout->scale = scale_choose(log ? range->least : 0, range->most, headroom, TICKS);
}

/* Room for the widest tick at the left. */
static double left_margin(const struct layout *layout)
{
    double ticks = scale_ems(&layout->scale) * SHEET_TEXT_FONT;
    return fmax(LEFT_MIN, SHEET_EDGE + SHEET_TEXT_FONT + 16 + ticks);
}

/* Width of a bar as a share of a year's slot. */
static double bar_width(const struct bars *bars, const struct layout *layout)
{
    double slot = layout->plot_width / (double)bars->count;
    return fmin(bars->series_count == 2 ? 0.4 : 0.6, BAR_MAX / slot);
}

static double bar_centre(const struct bars *bars, const struct layout *layout, size_t i, size_t s)
{
    double offset = bars->series_count == 2 ? 0.525 * bar_width(bars, layout) : 0;
    return (double)i + (s == 0 ? -offset : offset);
}

/* Pixels from one value to the next one beside it. */
static double value_pitch(const struct bars *bars, const struct layout *layout)
{
    double slot = layout->plot_width / (double)bars->count;
    return bars->series_count == 2 ? 1.05 * bar_width(bars, layout) * slot : 0.95 * slot;
}

static struct layout lay_out(struct bars *bars)
{
    struct layout layout = {.width = WIDTH_MIN};
    struct range range = find_range(bars);
    layout.band_limit = BAND_MAX * range.most;
    extend_by_bands(bars, layout.band_limit, &range);
    double room = 160.0 + YEAR_MIN * (double)bars->count;
    if (room > layout.width)
        layout.width = (int)room;
    layout.plot_height = HEIGHT_PLOT;
    layout.plot_width = layout.width - 160.0; /* near enough to decide whether values are turned */
    layout.upright = range.label + 4 > value_pitch(bars, &layout);
    double above = (layout.upright ? range.label : VALUE_FONT) + 14;
    choose_scale(&layout, &range, above / HEIGHT_PLOT);
    layout.left = left_margin(&layout);
    layout.plot_width = layout.width - layout.left - RIGHT;
    layout.bottom = sheet_break(&bars->sheet, layout.width) + YEARS_LINE +
                    UNDER_LINE * (double)bars->under_count;
    layout.height = (int)(SHEET_HEAD + HEIGHT_PLOT + layout.bottom);
    return layout;
}

/* --- commands --------------------------------------------------------------------------------- */

/* The first series dark, the second light: apart in greyscale print and for every kind of colour
 * vision. */
static const char *const fills[BARS_SERIES] = {PALETTE_OURS, PALETTE_REFERENCE};

static void put_ticks(const struct layout *layout, struct buf *script)
{
    char text[SCALE_TEXT_MAX];
    double at;
    gnuplot_put(script, "set ytics scale 0.5 nomirror font ',%d' (", SHEET_TEXT_FONT);
    for (int i = 0; scale_tick(&layout->scale, i, &at); i++) {
        scale_format_tick(&layout->scale, at, text);
        gnuplot_put(script, "%s'%s' %.17g", i == 0 ? "" : ", ", text, at);
    }
    gnuplot_put(script, ")\nset grid ytics lt 1 lc rgb '" PALETTE_GRID "' lw 0.5\n");
}

static void put_years(const struct bars *bars, const struct layout *layout, struct canvas *canvas)
{
    double slot = layout->plot_width / (double)bars->count, y = layout->bottom - 15;
    for (size_t i = 0; i < bars->count; i++) {
        char year[16];
        double x = layout->left + slot * ((double)i + 0.5);
        snprintf(year, sizeof year, "%d", bars->years[i].year);
        canvas_text(canvas, x, y, year, SHEET_TEXT_FONT, "center");
        for (size_t u = 0; u < bars->under_count; u++)
            if (bars->years[i].under[u][0])
                canvas_text(canvas, x, y - UNDER_LINE * (double)(u + 1), bars->years[i].under[u],
                            UNDER_FONT, "center");
    }
    for (size_t u = 0; u < bars->under_count; u++)
        canvas_text(canvas, layout->left - 6, y - UNDER_LINE * (double)(u + 1), bars->under_name[u],
                    UNDER_FONT, "right");
}

/* Where the label of a bar stands: above it and above its band, as far as the scale reaches. */
static double label_height(const struct layout *layout, const struct bars_year *year, size_t s)
{
    double value = year->value[s] > 0 ? year->value[s] : layout->scale.low;
    if (s > 0 || !(year->high > value))
        return value;
    return fmin(year->high, layout->band_limit);
}

/* The data of a series: bars, and their values where the bars end. Only numbers and texts without
 * blanks stand in a datablock. */
static void put_series(const struct bars *bars, const struct layout *layout, size_t s,
                       struct buf *script)
{
    gnuplot_put(script, "$bars%zu << EOD\n", s);
    for (size_t i = 0; i < bars->count; i++)
        if (bars->years[i].value[s] > 0)
            gnuplot_put(script, "%.4f %.17g\n", bar_centre(bars, layout, i, s),
                        bars->years[i].value[s]);
    gnuplot_put(script, "EOD\n$values%zu << EOD\n", s);
    for (size_t i = 0; i < bars->count; i++) {
        const struct bars_year *year = &bars->years[i];
        if (year->label[s][0])
            gnuplot_put(script, "%.4f %.17g %s\n", bar_centre(bars, layout, i, s),
                        label_height(layout, year, s), year->label[s]);
    }
    gnuplot_put(script, "EOD\n");
}

/* The error bands: whole ones have a bar at either end, those that are cut an arrow. */
static void put_bands(const struct bars *bars, const struct layout *layout, bool cut,
                      struct buf *script)
{
    gnuplot_put(script, "$bands%d << EOD\n", cut);
    for (size_t i = 0; i < bars->count; i++) {
        const struct bars_year *year = &bars->years[i];
        if (isnan(year->high) || (year->high > layout->band_limit) != cut)
            continue;
        gnuplot_put(script, "%.4f %.17g 0 %.17g\n", bar_centre(bars, layout, i, 0), year->low,
                    fmin(year->high, layout->band_limit) - year->low);
    }
    gnuplot_put(script, "EOD\n");
}

/* gnuplot complains of a datablock without a line: such a one is left out. */
static bool any(const struct bars *bars, size_t s, bool values)
{
    for (size_t i = 0; i < bars->count; i++)
        if (values ? bars->years[i].label[s][0] != '\0' : bars->years[i].value[s] > 0)
            return true;
    return false;
}

static bool any_band(const struct bars *bars, const struct layout *layout, bool cut)
{
    for (size_t i = 0; i < bars->count; i++)
        if (!isnan(bars->years[i].high) && (bars->years[i].high > layout->band_limit) == cut)
            return true;
    return false;
}

static void put_plot(const struct bars *bars, const struct layout *layout, struct buf *script)
{
    gnuplot_put(script, "set boxwidth %.4f absolute\nplot NaN notitle", bar_width(bars, layout));
    for (size_t s = 0; s < bars->series_count; s++)
        if (any(bars, s, false))
            gnuplot_put(script,
                        ", $bars%zu using 1:2 with boxes notitle fillstyle solid 1 border lc rgb "
                        "'" SHEET_OUTLINE "' fillcolor rgb '%s' lw 0.5",
                        s, fills[s]);
    for (int cut = 0; cut < 2; cut++)
        if (any_band(bars, layout, cut))
            gnuplot_put(script,
                        ", $bands%d using 1:2:3:4 with vectors %s lw 1.5 "
                        "lc rgb '" PALETTE_BAND "' notitle",
                        cut,
                        cut ? "head size screen 0.008,20 nofilled"
                            : "heads size screen 0.004,90 nofilled");
    for (size_t s = 0; s < bars->series_count; s++)
        if (any(bars, s, true))
            gnuplot_put(script, ", $values%zu using 1:2:3 with labels notitle %s font ',%d'", s,
                        layout->upright ? "rotate by 90 left offset 0, 0.5"
                                        : "center offset 0, 0.7",
                        VALUE_FONT);
    gnuplot_put(script, "\n");
}

static void put_frame(const struct bars *bars, const struct layout *layout, struct canvas *canvas)
{
    struct buf *script = &canvas->script;
    double bottom = layout->bottom / layout->height;
    gnuplot_put(script, "set lmargin at screen %.6f\nset rmargin at screen %.6f\n",
                layout->left / layout->width, (layout->left + layout->plot_width) / layout->width);
    gnuplot_put(script, "set bmargin at screen %.6f\nset tmargin at screen %.6f\n", bottom,
                bottom + layout->plot_height / layout->height);
    gnuplot_put(script, "unset key\nset border 3 lc rgb '" PALETTE_AXIS "' lw 0.8\nunset xtics\n");
    /* A hair below `low`, or gnuplot takes a tick at the edge to be outside. */
    gnuplot_put(script, "set xrange [-0.5:%.1f]\nset yrange [%.17g:%.17g]\n",
                (double)bars->count - 0.5, layout->scale.low * (1 - 1e-9), layout->scale.high);
    if (layout->scale.log)
        gnuplot_put(script, "set logscale y 10\n");
    canvas_text(canvas, SHEET_EDGE, layout->bottom + layout->plot_height / 2,
                layout->scale.log ? bars->unit_log : bars->unit, SHEET_TEXT_FONT,
                "center rotate by 90");
}

void bars_draw(struct bars *bars, struct canvas *canvas)
{
    for (size_t s = 0; s < bars->series_count; s++)
        sheet_entry(&bars->sheet, bars->series[s], fills[s]);
    const struct layout layout = lay_out(bars);
    canvas_init(canvas, layout.width, layout.height);
    put_frame(bars, &layout, canvas);
    sheet_draw(&bars->sheet, canvas, layout.left);
    put_ticks(&layout, &canvas->script);
    put_years(bars, &layout, canvas);
    for (size_t s = 0; s < bars->series_count; s++)
        put_series(bars, &layout, s, &canvas->script);
    put_bands(bars, &layout, false, &canvas->script);
    put_bands(bars, &layout, true, &canvas->script);
    put_plot(bars, &layout, &canvas->script);
}

#include "dashboards/bars.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "dashboards/gnuplot.h"

/* Pixels of the canvas; fonts by their em. */
#define WIDTH_MIN   1000
#define HEIGHT_PLOT 380
#define TITLE_FONT  18
#define TEXT_FONT   12
#define VALUE_FONT  11
#define NOTE_FONT   11
#define NOTE_LINE   16
#define HEAD        84 /* title and legend above the plot */
#define LEFT_MIN    88 /* the name of the line below the years fits */
#define RIGHT       24
#define EDGE        20 /* left of the notes and the unit */
#define YEAR_MIN    46 /* room for a year */
#define YEARS_LINE  24
#define UNDER_LINE  18
#define NOTES_GAP   16
#define DIGIT_EM    0.64 /* width of a digit in DejaVu Sans, the wider of our fonts */
#define LOG_RATIO   100 /* from this ratio of the largest to the smallest on, a logarithmic scale */
#define NOTE_LINES  24
#define BAR_MAX     90

struct layout {
    int width, height;
    double left, bottom, plot_width, plot_height;
    double low, high;  /* of the scale */
    double step;       /* between ticks; a logarithmic scale has one per `step` decades */
    bool log, upright; /* upright: values are turned by 90 degrees */
    struct note_line {
        const char *text;
        size_t size;
    } lines[NOTE_LINES];
    size_t line_count;
};

/* --- text ------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at `text`. */
static size_t character(const char *text)
{
    size_t size = 1;
    while (((unsigned char)text[size] & 0xc0) == 0x80)
        size++;
    return size;
}

/* Japanese characters are a full em wide and may stand at either side of a line's end. */
static bool is_wide(const char *text)
{
    return (unsigned char)*text >= 0xe3;
}

/* A little more than the width in ems of text[0..size). */
static double text_ems(const char *text, size_t size)
{
    double ems = 0;
    for (size_t i = 0; i < size; i += character(text + i))
        ems += is_wide(text + i) ? 1.0 : strchr(" .,:;()/1il|", text[i]) ? 0.45 : 0.63;
    return ems;
}

static double value_width(const char *text)
{
    double ems = 0;
    for (size_t i = 0; text[i]; i += character(text + i))
        ems += is_wide(text + i) ? 1.0 : text[i] == ',' || text[i] == '.' ? 0.32 : DIGIT_EM;
    return ems * VALUE_FONT;
}

/* Characters that may not begin a line. */
static bool closes(const char *text)
{
    static const char *const closing[] = {"、", "。", "）", "」", "：", "％"};
    for (size_t i = 0; i < sizeof closing / sizeof *closing; i++)
        if (strncmp(text, closing[i], strlen(closing[i])) == 0)
            return true;
    return false;
}

/* How much of `text` goes on a line of `ems`: up to a blank, or between wide characters. */
static size_t line_break(const char *text, double ems)
{
    size_t best = 0, at = 0;
    while (text[at]) {
        size_t next = at + character(text + at);
        if (text_ems(text, next) > ems && best > 0)
            return best;
        if (text[next] == ' ' || (is_wide(text + at) && text[next] && !closes(text + next)))
            best = next;
        at = next;
    }
    return at;
}

static void break_notes(const struct bars *bars, struct layout *layout)
{
    double ems = (layout->width - 2.0 * EDGE) / NOTE_FONT;
    for (size_t i = 0; i < bars->note_count; i++) {
        const char *text = bars->notes[i];
        while (*text && layout->line_count < NOTE_LINES) {
            size_t size = line_break(text, ems);
            layout->lines[layout->line_count++] = (struct note_line){text, size};
            text += size;
            while (*text == ' ')
                text++;
        }
    }
}

static void group_thousands(const char *digits, char out[BARS_LABEL_MAX])
{
    size_t size = strlen(digits), used = 0;
    for (size_t i = 0; i < size && used + 2 < BARS_LABEL_MAX; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
}

void bars_format(double value, char out[BARS_LABEL_MAX])
{
    char digits[BARS_LABEL_MAX];
    if (value >= 1e15) {
        snprintf(out, BARS_LABEL_MAX, "%.3g", value);
    } else if (value >= 999.5) {
        snprintf(digits, sizeof digits, "%.0f", value);
        group_thousands(digits, out);
    } else if (value == floor(value)) {
        snprintf(out, BARS_LABEL_MAX, "%.0f", value);
    } else {
        snprintf(out, BARS_LABEL_MAX,
                 value >= 100   ? "%.1f"
                 : value >= 0.1 ? "%.2f"
                                : "%.2g",
                 value);
    }
}

/* --- layout ----------------------------------------------------------------------------------- */

struct range {
    double least, most; /* of the positive values; most is 0 when there is none */
    double label;       /* width of the widest value's text */
};

static struct range find_range(const struct bars *bars)
{
    struct range range = {0, 0, 0};
    for (size_t i = 0; i < bars->count; i++) {
        for (size_t s = 0; s < bars->series_count; s++) {
            double value = bars->years[i].value[s];
            range.label = fmax(range.label, value_width(bars->years[i].label[s]));
            if (!(value > 0))
                continue;
            range.most = fmax(range.most, value);
            range.least = range.least > 0 ? fmin(range.least, value) : value;
        }
    }
    return range;
}

/* 1, 2 or 5 times a power of ten, at least `value`. */
static double round_step(double value)
{
    double unit = pow(10, floor(log10(value)));
    double times = value / unit;
    return unit * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

/* Chooses the scale so that the tallest bar leaves `headroom` (a share of the plot) for its value. */
static void choose_scale(struct layout *layout, const struct range *range, double headroom)
{
    layout->log = range->most > 0 && range->most / range->least >= LOG_RATIO;
    if (!layout->log) {
        layout->low = 0;
        layout->high = range->most > 0 ? range->most / (1 - headroom) : 1;
        layout->step = round_step(layout->high / 8);
        return;
    }
    /* Half a decade or more below the smallest value, so that its bar is seen. */
    double low = floor(log10(range->least) - 0.5);
    double high = low + (log10(range->most) - low) / (1 - headroom);
    layout->low = pow(10, low);
    layout->high = pow(10, high);
    layout->step = ceil((high - low) / 12);
}

/* Tick `i` of the scale, from its lower end; false when it is beyond the upper one. */
static bool tick(const struct layout *layout, int i, double *at)
{
    *at = layout->log ? pow(10, round(log10(layout->low)) + i * layout->step) : i * layout->step;
    return *at <= layout->high;
}

/* The ticks of one scale have the same number of decimals. */
static void format_tick(const struct layout *layout, double at, char out[BARS_LABEL_MAX])
{
    double finest = layout->log ? at : layout->step;
    if (finest >= 1 || finest < 1e-6)
        bars_format(at, out);
    else
        snprintf(out, BARS_LABEL_MAX, "%.*f", (int)-floor(log10(finest)), at);
}

/* Room for the widest tick at the left. */
static double left_margin(const struct layout *layout)
{
    char text[BARS_LABEL_MAX];
    double widest = 0, at;
    for (int i = 0; tick(layout, i, &at); i++) {
        format_tick(layout, at, text);
        widest = fmax(widest, value_width(text));
    }
    return fmax(LEFT_MIN, EDGE + TEXT_FONT + 16 + widest * TEXT_FONT / VALUE_FONT);
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

static struct layout lay_out(const struct bars *bars)
{
    struct layout layout = {.width = WIDTH_MIN};
    const struct range range = find_range(bars);
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
    break_notes(bars, &layout);
    layout.bottom = NOTES_GAP + (double)layout.line_count * NOTE_LINE + NOTES_GAP + YEARS_LINE +
                    (bars->under_name ? UNDER_LINE : 0);
    layout.height = (int)(HEAD + HEIGHT_PLOT + layout.bottom);
    return layout;
}

struct bars_canvas bars_measure(const struct bars *bars)
{
    const struct layout layout = lay_out(bars);
    return (struct bars_canvas){layout.width, layout.height};
}

/* --- commands --------------------------------------------------------------------------------- */

/* The first series dark, the second light: apart in greyscale print and for every kind of colour
 * vision. */
static const char *const fills[BARS_SERIES] = {"#0b3d6e", "#f2b84b"};
#define OUTLINE "#33281a"

struct at {
    double x, y; /* pixels from the lower left corner */
};

static void put_text(struct buf *script, const struct layout *layout, struct at at,
                     const char *text, int font, const char *where)
{
    gnuplot_put(script, "set label ");
    gnuplot_quote(script, text);
    gnuplot_put(script, " at screen %.6f, screen %.6f %s font ',%d'\n", at.x / layout->width,
                at.y / layout->height, where, font);
}

static void put_legend(const struct bars *bars, const struct layout *layout, struct buf *script)
{
    double x = layout->left, y = layout->height - HEAD + 24;
    for (size_t s = 0; s < bars->series_count; s++) {
        gnuplot_put(
            script,
            "set object rectangle from screen %.6f, screen %.6f to screen %.6f, screen %.6f "
            "fillstyle solid 1 border lc rgb '" OUTLINE "' fillcolor rgb '%s' lw 0.5\n",
            x / layout->width, (y - 5) / layout->height, (x + 22) / layout->width,
            (y + 7) / layout->height, fills[s]);
        put_text(script, layout, (struct at){x + 30, y + 1}, bars->series[s], TEXT_FONT, "left");
        x += 30 + text_ems(bars->series[s], strlen(bars->series[s])) * TEXT_FONT + 36;
    }
}

static void put_notes(const struct layout *layout, struct buf *script)
{
    char line[1024];
    for (size_t i = 0; i < layout->line_count; i++) {
        const struct note_line *note = &layout->lines[i];
        double y = NOTES_GAP + (double)(layout->line_count - 1 - i) * NOTE_LINE;
        snprintf(line, sizeof line, "%.*s", (int)note->size, note->text);
        put_text(script, layout, (struct at){EDGE, y}, line, NOTE_FONT, "left");
    }
}

static void put_ticks(const struct layout *layout, struct buf *script)
{
    char text[BARS_LABEL_MAX];
    double at;
    gnuplot_put(script, "set ytics scale 0.5 nomirror font ',%d' (", TEXT_FONT);
    for (int i = 0; tick(layout, i, &at); i++) {
        format_tick(layout, at, text);
        gnuplot_put(script, "%s'%s' %.17g", i == 0 ? "" : ", ", text, at);
    }
    gnuplot_put(script, ")\nset grid ytics lt 1 lc rgb '#e4e4e4' lw 0.5\n");
}

static void put_years(const struct bars *bars, const struct layout *layout, struct buf *script)
{
    double slot = layout->plot_width / (double)bars->count, y = layout->bottom - 15;
    for (size_t i = 0; i < bars->count; i++) {
        char year[16];
        double x = layout->left + slot * ((double)i + 0.5);
        snprintf(year, sizeof year, "%d", bars->years[i].year);
        put_text(script, layout, (struct at){x, y}, year, TEXT_FONT, "center");
        if (bars->years[i].under[0])
            put_text(script, layout, (struct at){x, y - UNDER_LINE}, bars->years[i].under,
                     NOTE_FONT - 1, "center");
    }
    if (bars->under_name)
        put_text(script, layout, (struct at){layout->left - 6, y - UNDER_LINE}, bars->under_name,
                 NOTE_FONT - 1, "right");
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
        double at = year->value[s] > 0 ? year->value[s] : layout->low;
        if (year->label[s][0])
            gnuplot_put(script, "%.4f %.17g %s\n", bar_centre(bars, layout, i, s), at,
                        year->label[s]);
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

static void put_plot(const struct bars *bars, const struct layout *layout, struct buf *script)
{
    gnuplot_put(script, "set boxwidth %.4f absolute\nplot NaN notitle", bar_width(bars, layout));
    for (size_t s = 0; s < bars->series_count; s++)
        if (any(bars, s, false))
            gnuplot_put(
                script,
                ", $bars%zu using 1:2 with boxes notitle fillstyle solid 1 border lc rgb '" OUTLINE
                "' fillcolor rgb '%s' lw 0.5",
                s, fills[s]);
    for (size_t s = 0; s < bars->series_count; s++)
        if (any(bars, s, true))
            gnuplot_put(script, ", $values%zu using 1:2:3 with labels notitle %s font ',%d'", s,
                        layout->upright ? "rotate by 90 left offset 0, 0.5"
                                        : "center offset 0, 0.7",
                        VALUE_FONT);
    gnuplot_put(script, "\n");
}

static void put_frame(const struct bars *bars, const struct layout *layout, struct buf *script)
{
    double bottom = layout->bottom / layout->height;
    gnuplot_put(script, "set lmargin at screen %.6f\nset rmargin at screen %.6f\n",
                layout->left / layout->width, (layout->left + layout->plot_width) / layout->width);
    gnuplot_put(script, "set bmargin at screen %.6f\nset tmargin at screen %.6f\n", bottom,
                bottom + layout->plot_height / layout->height);
    gnuplot_put(script, "unset key\nset border 3 lc rgb '#404040' lw 0.8\nunset xtics\n");
    /* A hair below `low`, or gnuplot takes a tick at the edge to be outside. */
    gnuplot_put(script, "set xrange [-0.5:%.1f]\nset yrange [%.17g:%.17g]\n",
                (double)bars->count - 0.5, layout->low * (1 - 1e-9), layout->high);
    if (layout->log)
        gnuplot_put(script, "set logscale y 10\n");
    put_text(script, layout, (struct at){layout->width / 2.0, layout->height - 30}, bars->title,
             TITLE_FONT, "center");
    put_text(script, layout, (struct at){EDGE, layout->bottom + layout->plot_height / 2},
             layout->log ? bars->unit_log : bars->unit, TEXT_FONT, "center rotate by 90");
}

void bars_draw(const struct bars *bars, struct buf *script)
{
    const struct layout layout = lay_out(bars);
    put_frame(bars, &layout, script);
    put_legend(bars, &layout, script);
    put_ticks(&layout, script);
    put_years(bars, &layout, script);
    put_notes(&layout, script);
    for (size_t s = 0; s < bars->series_count; s++)
        put_series(bars, &layout, s, script);
    put_plot(bars, &layout, script);
}

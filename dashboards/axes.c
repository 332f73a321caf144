#include "dashboards/axes.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dashboards/glyphs.h"
#include "dashboards/palette.h"

#define SPAN       900 /* pixels that the columns should fill */
#define SPAN_MAX   1461
#define FONT       11
#define TICK       4
#define ROW        15 /* of labels */
#define BAR_MAX    60
#define BAR_SHARE  0.8
#define CLOSE_FROM 92 /* columns from which bars touch */

/* --- values ----------------------------------------------------------------------------------- */

double axes_values_width(const struct scale *scale)
{
    return SHEET_EDGE + SHEET_TEXT_FONT + 16 + scale_ems(scale) * SHEET_TEXT_FONT;
}

void axes_values(struct canvas *canvas, struct box plot, const struct scale *scale,
                 const char *unit)
{
    char text[SCALE_TEXT_MAX];
    double at;
    canvas_shapes(canvas, CANVAS_LINES, PALETTE_GRID);
    for (int i = 0; scale_tick(scale, i, &at); i++) {
        double y = plot.bottom + scale_share(scale, at) * (plot.top - plot.bottom);
        canvas_point(canvas, plot.left - TICK, y);
        canvas_point(canvas, plot.right, y);
        canvas_next(canvas);
        scale_format_tick(scale, at, text);
        canvas_text(canvas, plot.left - TICK - 4, y, text, SHEET_TEXT_FONT, "right");
    }
    canvas_shapes_end(canvas);
    canvas_text(canvas, SHEET_EDGE, (plot.bottom + plot.top) / 2, unit, SHEET_TEXT_FONT,
                "center rotate by 90");
}

/* --- columns ---------------------------------------------------------------------------------- */

void axes_fit(struct axes_columns *columns)
{
    double count = (double)columns->count, halves = 2.0 * SPAN / count;
    if (columns->count < CLOSE_FROM)
        columns->pitch = floor(halves) / 2;
    else
        columns->pitch = fmin(ceil(halves) / 2, SPAN_MAX / count);
}

double axes_column(const struct axes_columns *columns, size_t i)
{
    return columns->left + columns->pitch * (double)i;
}

void axes_bar(const struct axes_columns *columns, size_t i, double *left, double *right)
{
    *left = axes_column(columns, i);
    *right = axes_column(columns, i + 1);
    if (columns->count >= CLOSE_FROM)
        return;
    double width = fmin(BAR_MAX, floor(columns->pitch * BAR_SHARE));
    *left += (columns->pitch - width) / 2;
    *right = *left + width;
}

/* --- time ------------------------------------------------------------------------------------- */

enum unit { DAY, WEEK, MONTH, YEAR };

/* 0 Monday to 6 Sunday; Sakamoto's method. */
static int weekday(struct caption_date date)
{
    static const int shift[] = {0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
    int year = date.year - (date.month < 3);
    return (year + year / 4 - year / 100 + year / 400 + shift[date.month - 1] + date.day + 6) % 7;
}

/* Whether column `i` begins a unit. */
static bool begins(const struct axes_columns *columns, size_t i, enum unit unit)
{
    struct caption_date date = columns->dates[i];
    switch (unit) {
    case DAY:
        return true;
    case WEEK:
        return weekday(date) == 0;
    case MONTH:
        return date.day == 1 || columns->months;
    default:
        return date.month == 1 && (date.day == 1 || columns->months);
    }
}

/* The finest unit whose labels have room. */
static enum unit label_unit(const struct axes_columns *columns)
{
    double month = columns->months ? columns->pitch : 28 * columns->pitch;
    if (!columns->months && columns->pitch >= 20)
        return DAY;
    if (!columns->months && 7 * columns->pitch >= 40)
        return WEEK;
    return month >= 30 ? MONTH : YEAR;
}

static void draw_ticks(struct canvas *canvas, const struct axes_columns *columns, double bottom,
                       enum unit unit, double length)
{
    canvas_shapes(canvas, CANVAS_LINES, PALETTE_AXIS);
    for (size_t i = 0; i <= columns->count; i++) {
        if (i < columns->count && i > 0 && !begins(columns, i, unit))
            continue;
        double x = axes_column(columns, i);
        canvas_point(canvas, x, bottom);
        canvas_point(canvas, x, bottom - (i > 0 && i < columns->count ? length : TICK));
        canvas_next(canvas);
    }
    canvas_shapes_end(canvas);
}

static void write_label(const struct axes_columns *columns, struct caption_date date,
                        enum unit unit, bool with_year, char out[SCALE_TEXT_MAX])
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    bool ja = columns->language == LANGUAGE_JA;
    if (unit == DAY)
        snprintf(out, SCALE_TEXT_MAX, "%d", date.day);
    else if (unit == WEEK)
        snprintf(out, SCALE_TEXT_MAX, ja ? "%d/%d～" : "%02d-%02d", date.month, date.day);
    else if (unit == YEAR)
        snprintf(out, SCALE_TEXT_MAX, ja ? "%d年" : "%d", date.year);
    else if (ja && with_year)
        snprintf(out, SCALE_TEXT_MAX, "%d年%d月", date.year, date.month);
    else if (ja)
        snprintf(out, SCALE_TEXT_MAX, "%d月", date.month);
    else if (with_year)
        snprintf(out, SCALE_TEXT_MAX, "%s %d", months[date.month - 1], date.year);
    else
        snprintf(out, SCALE_TEXT_MAX, "%s", months[date.month - 1]);
}

/* Labels in the middle of each unit that has room for its own; a week's at its first day, so that a
 * week cut off at the left has none. */
static void draw_labels(struct canvas *canvas, const struct axes_columns *columns, double y,
                        enum unit unit, bool with_year)
{
    char text[SCALE_TEXT_MAX];
    double free_from = -1;
    for (size_t i = 0, end; i < columns->count; i = end) {
        for (end = i + 1; end < columns->count && !begins(columns, end, unit);)
            end++;
        write_label(columns, columns->dates[i], unit, with_year, text);
        double left = axes_column(columns, i), right = axes_column(columns, end);
        double width = glyphs_ems(text, strlen(text)) * FONT;
        bool first_alone = i == 0 && end == columns->count;
        if (unit == WEEK) {
            if (begins(columns, i, unit) &&
                left + width < axes_column(columns, columns->count) + 20)
                canvas_text(canvas, left + 2, y, text, FONT, "left");
        } else if (first_alone || (width <= right - left && left >= free_from)) {
            canvas_text(canvas, (left + right) / 2, y, text, FONT, "center");
        } else if (unit == YEAR && (left + right) / 2 - width / 2 > free_from) {
            canvas_text(canvas, (left + right) / 2, y, text, FONT, "center");
            free_from = (left + right) / 2 + width / 2 + FONT;
        }
    }
}

void axes_time(struct canvas *canvas, const struct axes_columns *columns, double bottom,
               bool labels)
{
    enum unit fine = label_unit(columns);
    enum unit coarse = fine <= WEEK ? MONTH : YEAR;
    double right = axes_column(columns, columns->count);
    canvas_shapes(canvas, CANVAS_LINES, PALETTE_AXIS);
    canvas_point(canvas, columns->left, bottom);
    canvas_point(canvas, right, bottom);
    canvas_shapes_end(canvas);
    if (fine == MONTH && !columns->months && columns->pitch >= 1)
        draw_ticks(canvas, columns, bottom, WEEK, TICK - 1);
    draw_ticks(canvas, columns, bottom, fine, TICK + 2);
    if (!labels)
        return;
    draw_labels(canvas, columns, bottom - TICK - 10, fine, false);
    if (fine != YEAR) {
        draw_ticks(canvas, columns, bottom, coarse, TICK + ROW);
        draw_labels(canvas, columns, bottom - TICK - 10 - ROW, coarse, fine <= WEEK);
    }
}

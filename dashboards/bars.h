/*
 * A bar chart by year as gnuplot commands: where everything stands, how wide the picture must be,
 * scale, tick marks, line breaks. Pure; chart.c says what is drawn, picture.c in which form. The
 * layout is computed here in pixels of a canvas, from the widths of the fonts' glyphs, so that it
 * is the same in SVG, PNG and PDF.
 */
#ifndef DASHBOARDS_BARS_H
#define DASHBOARDS_BARS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

#define BARS_SERIES    2
#define BARS_LABEL_MAX 48
#define BARS_NOTES_MAX 8

struct bars_year {
    int year;
    double value[BARS_SERIES];               /* NaN: no bar */
    char label[BARS_SERIES][BARS_LABEL_MAX]; /* at the bar, or in its place; no blanks */
    char under[BARS_LABEL_MAX];              /* below the year; may be empty */
};

struct bars {
    const char *title, *unit, *unit_log;
    const char *series[BARS_SERIES]; /* legend */
    size_t series_count;             /* 1 or 2 */
    const char *under_name;          /* of the line below the years; NULL: there is none */
    const char *notes[BARS_NOTES_MAX];
    size_t note_count;
    const struct bars_year *years; /* one for every year from the first to the last */
    size_t count;
};

struct bars_canvas {
    int width, height;
};

/* The canvas that `bars` needs. */
struct bars_canvas bars_measure(const struct bars *bars);

/* Appends the commands that draw, without the terminal. */
void bars_draw(const struct bars *bars, struct buf *script);

/* A value as text for a bar or a tick: thousands separated by commas, decimals only below 1,000. */
void bars_format(double value, char out[BARS_LABEL_MAX]);

#endif

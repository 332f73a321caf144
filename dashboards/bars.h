/*
 * A bar chart by year: where everything stands, how wide the picture must be, scale, tick marks,
 * error bands. Pure; chart_annual.c says what is drawn. The layout is computed here in pixels of a
 * canvas, so that it is the same in SVG, PNG and PDF.
 */
#ifndef DASHBOARDS_BARS_H
#define DASHBOARDS_BARS_H

#include <stdbool.h>
#include <stddef.h>

#include "dashboards/canvas.h"
#include "dashboards/scale.h"
#include "dashboards/sheet.h"

#define BARS_SERIES    2
#define BARS_UNDERS    2
#define BARS_LABEL_MAX SCALE_TEXT_MAX

struct bars_year {
    int year;
    double value[BARS_SERIES];               /* NaN: no bar */
    double low, high;                        /* error band of the first series; NaN: none */
    char label[BARS_SERIES][BARS_LABEL_MAX]; /* at the bar, or in its place; no blanks */
    char under[BARS_UNDERS][BARS_LABEL_MAX]; /* lines below the year; may be empty */
};

struct bars {
    struct sheet sheet; /* title and notes; the legend is made of `series` */
    const char *unit, *unit_log;
    const char *series[BARS_SERIES];
    size_t series_count;                 /* 1 or 2 */
    const char *under_name[BARS_UNDERS]; /* heads of the lines below the years */
    size_t under_count;
    const struct bars_year *years; /* one for every year from the first to the last */
    size_t count;
};

/* Initialises `canvas` in the size that `bars` needs and draws. Finishes the canvas: canvas_end is not
 * called for it. */
void bars_draw(struct bars *bars, struct canvas *canvas);

#endif

/*
 * The axes of the charts that are laid out in columns of days or months: grid and values at the
 * left, days, weeks, months and years below. Pure.
 */
#ifndef DASHBOARDS_AXES_H
#define DASHBOARDS_AXES_H

#include <stdbool.h>

#include "dashboards/canvas.h"
#include "dashboards/caption.h"
#include "dashboards/scale.h"

#define AXES_TIME_HEIGHT 40 /* what axes_time takes below the plot */

/* Grid lines over `plot`, ticks and their values, and `unit` reading upwards at the left edge. */
void axes_values(struct canvas *canvas, struct box plot, const struct scale *scale,
                 const char *unit);
/* What axes_values needs at the left. */
double axes_values_width(const struct scale *scale);

struct axes_columns {
    const struct caption_date *dates; /* one for each column, ascending without a gap */
    size_t count;
    bool months; /* columns are months, not days */
    double left, pitch;
    enum language language;
};

/* Sets the pitch so that the columns fill about 900 pixels, in halves of a pixel where it can be. */
void axes_fit(struct axes_columns *columns);
/* Left edge of column `i`. */
double axes_column(const struct axes_columns *columns, size_t i);
/* The bar in column `i`: the whole column where columns are narrow. */
void axes_bar(const struct axes_columns *columns, size_t i, double *left, double *right);

/* The time axis below `bottom`; labels only with `labels`, else ticks alone. */
void axes_time(struct canvas *canvas, const struct axes_columns *columns, double bottom,
               bool labels);

#endif

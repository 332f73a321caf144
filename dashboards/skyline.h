/*
 * Values of columns of time as bars that stand on the axis; bars that touch are one shape, so that
 * no seams show. Pure.
 */
#ifndef DASHBOARDS_SKYLINE_H
#define DASHBOARDS_SKYLINE_H

#include "dashboards/axes.h"

struct skyline {
    const struct axes_columns *columns;
    struct box plot;
    struct scale scale;
};

/* Bars of `values`, one for each column; NaN, 0 and less have none. */
void skyline_draw(struct canvas *canvas, const struct skyline *skyline, const double *values,
                  const char *colour);
/* Shades the whole height of the columns whose value is NaN. */
void skyline_shade(struct canvas *canvas, const struct skyline *skyline, const double *values,
                   const char *colour);

#endif

/*
 * `darkcount chart annual`: which bars, values and notes the chart of the year by year has; bars.c
 * lays them out, gnuplot.c draws them, picture.c puts the file in place.
 */
#ifndef DASHBOARDS_CHART_H
#define DASHBOARDS_CHART_H

#include "common/buf.h"
#include "dashboards/options.h"
#include "dashboards/query.h"

/* Draws `annual` (at least one year) as `options` ask, into `picture`. `sensors` and `timezone` are
 * for the note on the source. Errors as gnuplot_run; ERR_INVALID for an output name of no known
 * kind. */
int chart_annual_draw(const struct options *options, const struct query_annual *annual,
                      size_t sensors, const char *timezone, struct buf *picture, char *errmsg);

/* For every command that draws: there must be an output of a known kind. */
int chart_check(struct options *options, char *errmsg);

/* The whole command: opens the store, asks, draws, writes the file. */
int chart_annual_run(const struct options *options, char *errmsg);

#endif

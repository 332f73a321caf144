/*
 * `darkcount chart ...`: what all charts have in common: the store is opened, the data are asked for,
 * gnuplot draws, the file is put in place. What is drawn: chart_annual.h and its neighbours.
 */
#ifndef DASHBOARDS_CHART_H
#define DASHBOARDS_CHART_H

#include "dashboards/chart_classes.h"
#include "dashboards/options.h"

/* For every command that draws: there must be an output of a known kind, and one way to say the range. */
int chart_check(struct options *options, char *errmsg);

/* The commands. One line in `errmsg` when there is nothing to draw (ERR_UNKNOWN). */
int chart_annual_run(const struct options *options, char *errmsg);
int chart_daily_run(const struct options *options, char *errmsg);
int chart_classes_run(const struct options *options, char *errmsg);
int chart_ports_run(const struct options *options, char *errmsg);
int chart_coverage_run(const struct options *options, char *errmsg);
int chart_map_run(const struct options *options, char *errmsg);
/* The second half of chart_classes_run, for a caller that has asked for the data already
 * (chart_query.h). */
int chart_classes_write(const struct options *options, const struct chart_classes *chart,
                        char *errmsg);
int chart_countries_run(const struct options *options, char *errmsg);

#endif

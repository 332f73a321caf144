/*
 * `darkcount annual`: the figures of every year as rows on standard output.
 */
#ifndef DASHBOARDS_ANNUAL_H
#define DASHBOARDS_ANNUAL_H

#include <stdio.h>

#include "dashboards/options.h"
#include "dashboards/query.h"

/* Prints `annual` to `out` in `format`. ERR_IO or ERR_FULL when `out` does not take it. */
int annual_print(FILE *out, enum rows_format format, const struct query_annual *annual);

/* The same of revisions. */
int annual_print_revisions(FILE *out, enum rows_format format,
                           const struct query_revisions *revisions);

int annual_check(struct options *options, char *errmsg);
/* The whole command: opens the store, asks, prints to standard output, notes on standard error. */
int annual_run(const struct options *options, char *errmsg);

#endif

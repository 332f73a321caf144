/*
 * `darkcount annual --compare FILE`: yearly figures that were published, which is what `annual` printed
 * once, beside what the store says now: figure by figure, with the revisions since.
 */
#ifndef DASHBOARDS_COMPARE_H
#define DASHBOARDS_COMPARE_H

#include "dashboards/options.h"
#include "dashboards/published.h"
#include "dashboards/query.h"

/* Compares and prints: for each year of `published` packets per address, and what else differs.
 * `annual`: the present figures by method. The number of figures that differ is put into `*differ`.
 * ERR_IO or ERR_FULL when `out` does not take it. */
int compare_print(FILE *out, enum rows_format format, const struct published *published,
                  const struct query_annual annual[METHOD_INVENTORY + 1],
                  const struct query_revisions *revisions, size_t *differ);

/* annual_run with options->compare: ERR_STALE with how many in `errmsg` when a figure differs. */
int compare_run(struct store *store, const struct options *options, char *errmsg);

#endif

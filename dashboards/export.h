/*
 * `darkcount export`: bulk data for other programs, as csv, JSON Lines, Prometheus text, FlowTuple
 * rows or IPFIX, to a file that appears as a whole or not at all. Darknet addresses leave under
 * pseudonyms (pseudonym.h) unless the operator says otherwise, and cells of tables with too few
 * sensors behind them are withheld (withhold.h).
 */
#ifndef DASHBOARDS_EXPORT_H
#define DASHBOARDS_EXPORT_H

#include "dashboards/options.h"

/* Whether the options go together; sets what is left open. ERR_INVALID. */
int export_check(struct options *options, char *errmsg);

/* The whole command. */
int export_run(const struct options *options, char *errmsg);

#endif

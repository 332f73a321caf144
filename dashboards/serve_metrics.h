/*
 * /metrics of serve: the page of prometheus.h over all time, and what only makes sense at the moment
 * of asking:
 *
 *   darkcount_sensor_coverage_24h_ratio{sensor}, darkcount_sensor_up{sensor},
 *   darkcount_today_active_addresses, darkcount_today_class_packets{class},
 *   darkcount_year_class_packets{class}
 */
#ifndef DASHBOARDS_SERVE_METRICS_H
#define DASHBOARDS_SERVE_METRICS_H

#include <stdio.h>

#include "dashboards/options.h"
#include "dashboards/store.h"

/* For serve_endpoints; `options` are not used. Errors as query_run; ERR_NOMEM. */
int serve_metrics_print(FILE *out, struct store *store, const struct options *options,
                        char *errmsg);

#endif

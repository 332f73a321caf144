/*
 * The telescope as a page of metrics in Prometheus' text format 0.0.4: what a textfile collector or a
 * scrape takes. Labels are bounded: sensors, the nine classes, years, and as many ports as asked for.
 * Totals are counters over the range; over all time they only grow, late records included. For the
 * operator's own monitoring: names of sensors are in it, and nothing is withheld.
 *
 *   darkcount_packets_total{sensor}, _bytes_total, _dropped_packets_total, _observed_seconds_total,
 *   _expected_seconds_total, darkcount_darknet_addresses{sensor},
 *   darkcount_last_observed_timestamp_seconds{sensor}, darkcount_class_packets_total{class},
 *   darkcount_port_packets_total{protocol,port}, darkcount_year_packets_per_address{year,method},
 *   darkcount_year_coverage_ratio{year}
 */
#ifndef DASHBOARDS_PROMETHEUS_H
#define DASHBOARDS_PROMETHEUS_H

#include "common/buf.h"
#include "dashboards/query.h"

struct prometheus_page {
    struct store *store;
    int64_t from_s, to_s; /* QUERY_OPEN: all that there is */
    size_t ports;         /* those with most packets */
};

/* Appends the page. Errors as query_run; ERR_NOMEM. */
int prometheus_write(const struct prometheus_page *page, struct buf *out, char *errmsg);

#endif

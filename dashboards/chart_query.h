/*
 * What the charts draw, asked of the query layer: the range of time, then the data of one kind of
 * chart, which point into what is kept here. chart.c calls chart_query_open, one of the others, and
 * chart_query_close when the chart is drawn.
 */
#ifndef DASHBOARDS_CHART_QUERY_H
#define DASHBOARDS_CHART_QUERY_H

#include "dashboards/chart_classes.h"
#include "dashboards/chart_countries.h"
#include "dashboards/chart_coverage.h"
#include "dashboards/chart_daily.h"
#include "dashboards/chart_map.h"
#include "dashboards/chart_ports.h"
#include "dashboards/disclose.h"
#include "dashboards/map_cells.h"
#include "dashboards/options.h"

#define CHART_QUERY_DAYS 732 /* beyond so many days, classes are drawn by month */

struct chart_query {
    struct store *store;
    struct query query; /* the range, from the start of a day to the start of another */
    struct caption caption;
    bool real_addresses;
    const struct options *options;
    struct disclose disclose; /* what of classes, ports and countries may be told */
    size_t count, room;       /* columns: days or months */
    struct caption_date *dates;
    double *packets, *hosts, *coverage;
    struct chart_classes_column *classes;
    struct withhold_cell *class_cells; /* of each column */
    bool hidden[PACKET_CLASSES];       /* in the range as a whole */
    size_t sensors;
    struct chart_coverage_row *rows;
    struct chart_coverage_cell *cells; /* `room` of each sensor */
    struct coverage *covered;          /* of each sensor */
    struct coverage all;
    struct chart_ports *ports;
    struct chart_countries *countries;
    struct map_cells map;
};

/* The range that --year, --from and --to ask for, in whole days: without any of them the last year that
 * has data, from the first day on that the telescope ever observed and until the last. ERR_UNKNOWN when
 * there are no data in it, ERR_INVALID. To be closed also after an error. */
int chart_query_open(struct chart_query *ask, struct store *store, const struct options *options,
                     char *errmsg);
void chart_query_close(struct chart_query *ask);

/* Fill the chart, whose arrays are borrowed until chart_query_close. Errors as query_run; ERR_NOMEM;
 * ERR_UNKNOWN when the store no longer has the detail. */
int chart_query_daily(struct chart_query *ask, struct chart_daily *chart, char *errmsg);
int chart_query_classes(struct chart_query *ask, struct chart_classes *chart, char *errmsg);
int chart_query_ports(struct chart_query *ask, struct chart_ports *chart, char *errmsg);
/* `geo` is lent for the call. */
int chart_query_countries(struct chart_query *ask, struct geo *geo, struct chart_countries *chart,
                          char *errmsg);
int chart_query_coverage(struct chart_query *ask, struct chart_coverage *chart, char *errmsg);
int chart_query_map(struct chart_query *ask, struct chart_map *chart, char *errmsg);

#endif

/*
 * The files of a yearly report, each from the same struct report_data: the document in either form,
 * figures.json and its schema, the tables as csv. Pure: bytes in memory; report.c puts them in place.
 */
#ifndef DASHBOARDS_REPORT_WRITE_H
#define DASHBOARDS_REPORT_WRITE_H

#include <stdbool.h>
#include <stdio.h>

#include "common/buf.h"
#include "dashboards/doc.h"
#include "dashboards/labels.h"
#include "dashboards/report_data.h"

enum report_chart {
    REPORT_CHART_ANNUAL,
    REPORT_CHART_DAILY,
    REPORT_CHART_PORTS,
    REPORT_CHART_COUNTRIES,
    REPORT_CHART_CLASSES,
    REPORT_CHART_COVERAGE,
    REPORT_CHART_MAP,
    REPORT_CHARTS
};
/* "annual", "daily", ... */
const char *report_chart_name(enum report_chart chart);

/* The document; a chart whose SVG is empty could not be drawn and is left out. ERR_NOMEM. */
int report_document(const struct report_data *data, enum language language, enum doc_form form,
                    const struct buf charts[REPORT_CHARTS], struct buf *out);

/* figures.json: every figure that stands in a sentence, a table or a chart of the report, as
 * figures.schema.json describes. ERR_NOMEM. */
int report_figures(const struct report_data *data, struct buf *out);
/* The schema (JSON Schema 2020-12), static. */
const char *report_schema(void);

/* The tables of the report as csv (RFC 4180), by position. */
struct report_table {
    const char *name; /* "annual.csv" */
    int (*write)(const struct report_data *data, FILE *out);
    bool of_countries; /* not there when they are not known */
};
extern const struct report_table report_tables[];
extern const size_t report_table_count;

#endif

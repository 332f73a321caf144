/*
 * The chart of the year by year: which bars, values, bands and notes it has; bars.c lays them out.
 * Pure: figures in, a drawing out.
 */
#ifndef DASHBOARDS_CHART_ANNUAL_H
#define DASHBOARDS_CHART_ANNUAL_H

#include "dashboards/canvas.h"
#include "dashboards/figures.h"
#include "dashboards/labels.h"

struct chart_annual {
    enum language language;
    enum method method;
    bool reference_nict; /* NICT's series beside ours */
    bool growth;         /* a line of growth factors below the years */
    bool one_year;       /* this year alone, also of NICT's */
    size_t sensors;
    const char *timezone;
    const struct figures *years; /* at least one, ascending */
    size_t count;
};

/* Initialises `canvas` and draws. ERR_NOMEM. */
int chart_annual_draw(const struct chart_annual *chart, struct canvas *canvas);

#endif

/*
 * The chart of the countries from which most packets came, as horizontal bars with their shares, and
 * what is in no bar of its own. Pure: plain data in, a drawing out; chart.c asks for the data.
 */
#ifndef DASHBOARDS_CHART_COUNTRIES_H
#define DASHBOARDS_CHART_COUNTRIES_H

#include "dashboards/canvas.h"
#include "dashboards/caption.h"
#include "dashboards/geo.h"
#include "dashboards/top_countries.h"

#define CHART_COUNTRIES_TOP 10

struct chart_countries {
    struct caption caption;
    char database[GEO_DESCRIPTION_MAX]; /* that says where sources are: its name and date */
    struct top_countries top;           /* CHART_COUNTRIES_TOP of them */
    uint64_t total;                     /* all packets: what the shares are of */
};

/* Initialises `canvas` and draws. ERR_NOMEM. */
int chart_countries_draw(const struct chart_countries *chart, struct canvas *canvas);

#endif

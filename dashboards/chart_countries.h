/*
 * The chart of the countries from which most packets came, as horizontal bars with their shares, and
 * what is in no bar of its own. Pure: plain data in, a drawing out; chart.c asks for the data.
 */
#ifndef DASHBOARDS_CHART_COUNTRIES_H
#define DASHBOARDS_CHART_COUNTRIES_H

#include "dashboards/canvas.h"
#include "dashboards/caption.h"
#include "dashboards/geo.h"

#define CHART_COUNTRIES_TOP 10

struct chart_countries {
    struct caption caption;
    char database[GEO_DESCRIPTION_MAX]; /* that says where sources are: its name and date */
    struct chart_countries_row {
        char country[3]; /* ISO 3166-1 alpha-2 */
        uint64_t packets;
    } rows[CHART_COUNTRIES_TOP]; /* by descending packets */
    size_t count;
    uint64_t others;   /* from every other country */
    uint64_t unknown;  /* of sources of which the database says nothing */
    uint64_t not_kept; /* of sources that the store does not keep */
    uint64_t
        withheld;   /* in none of these: too few sensors saw them, or too few sources sent them */
    uint64_t total; /* all packets: what the shares are of */
};

/* Initialises `canvas` and draws. ERR_NOMEM. */
int chart_countries_draw(const struct chart_countries *chart, struct canvas *canvas);

#endif

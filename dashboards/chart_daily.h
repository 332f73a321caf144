/*
 * The chart of packets and unique hosts day by day, two plots one above the other. Pure: plain data
 * in, a drawing out; chart.c asks for the data.
 */
#ifndef DASHBOARDS_CHART_DAILY_H
#define DASHBOARDS_CHART_DAILY_H

#include "dashboards/canvas.h"
#include "dashboards/caption.h"

struct chart_daily {
    struct caption caption;
    size_t count;                     /* days, at least one */
    const struct caption_date *dates; /* ascending without a gap */
    const double *packets, *hosts;    /* NaN: missing, which is never drawn as zero */
    const double *coverage;           /* of the day, 0 to 1; less than 1 is drawn lighter */
};

/* Initialises `canvas` and draws. ERR_NOMEM. */
int chart_daily_draw(const struct chart_daily *chart, struct canvas *canvas);

#endif

/*
 * The chart of packets by class, stacked, by day or by month. Pure: plain data in, a drawing out;
 * chart.c asks for the data.
 */
#ifndef DASHBOARDS_CHART_CLASSES_H
#define DASHBOARDS_CHART_CLASSES_H

#include "common/tables.h"
#include "dashboards/canvas.h"
#include "dashboards/caption.h"

struct chart_classes_column {
    bool known;                       /* false: missing, which is not zero */
    uint64_t packets[PACKET_CLASSES]; /* of a class that is withheld 0 */
    bool hidden[PACKET_CLASSES];      /* it is withheld */
    uint64_t withheld;                /* packets of all that are */
};

struct chart_classes {
    struct caption caption;
    bool months;                      /* columns are months, not days */
    size_t count;                     /* columns, at least one */
    const struct caption_date *dates; /* their first days, ascending without a gap */
    const struct chart_classes_column *columns;
};

/* Initialises `canvas` and draws. ERR_NOMEM. */
int chart_classes_draw(const struct chart_classes *chart, struct canvas *canvas);

#endif

/*
 * The map of the darknet: packets per address as colours along a Hilbert curve. Pure: plain data in,
 * a drawing out; map_cells.c makes the cells.
 */
#ifndef DASHBOARDS_CHART_MAP_H
#define DASHBOARDS_CHART_MAP_H

#include "dashboards/canvas.h"
#include "dashboards/caption.h"

#define CHART_MAP_ORDER_MAX 8 /* 256 by 256 cells */

/* Values of cells that are no count. */
#define CHART_MAP_BLANK   (-1.0) /* not in the darknet */
#define CHART_MAP_MISSING (-2.0) /* in the darknet, but nothing was observed */

struct chart_map {
    struct caption caption;
    unsigned order;      /* 2^order by 2^order cells, at most CHART_MAP_ORDER_MAX */
    const double *cells; /* 4^order in the order of the curve: mean packets per address, or above */
    uint64_t addresses;  /* in the darknet (of IPv4) */
    uint64_t per_cell;   /* addresses that a cell stands for */
    const char *range;   /* "192.0.2.0/24" when real addresses may be told; NULL: positions only */
    bool ipv6_left_out;  /* the darknet has IPv6 addresses, which have no place here */
};

/* Initialises `canvas` and draws. ERR_NOMEM. */
int chart_map_draw(const struct chart_map *chart, struct canvas *canvas);

#endif

/*
 * The cells of the map: every address of the darknet has its place on the curve, by its position in
 * the darknet or, where real addresses may be told, by the address itself. Pure; chart_query.c adds
 * the sensors' darknets with map_cells_add and then draws. IPv4 alone: an IPv6 darknet has no map.
 */
#ifndef DASHBOARDS_MAP_CELLS_H
#define DASHBOARDS_MAP_CELLS_H

#include "common/addrvec.h"
#include "common/prefix.h"
#include "dashboards/chart_map.h"

struct map_cells {
    struct map_range {
        uint32_t first, last; /* both included */
        bool observed;
    } * ranges; /* ascending after map_cells_fill */
    size_t count, room;
    bool any6;
    uint64_t addresses, per_cell;
    unsigned order;
    char range[sizeof "255.255.255.255/32"]; /* the square, where it is of real addresses */
    double *cells;                           /* 4^order, see struct chart_map */
    double *known;                           /* addresses observed in each cell */
};

void map_cells_init(struct map_cells *map);
void map_cells_close(struct map_cells *map);

/* Adds a sensor's darknet. `observed`: whether the sensor observed anything in the period, so that an
 * address without packets is a zero. The darknets of two sensors do not overlap. ERR_NOMEM. */
int map_cells_add(struct map_cells *map, const struct prefixset *darknet, bool observed);

/* Fills order, cells and per_cell when all darknets are added; packets to addresses outside of them
 * are left out. With `real` the square is the smallest prefix around all, else it is filled with
 * positions. ERR_UNKNOWN when there is no IPv4 address; ERR_NOMEM. */
int map_cells_fill(struct map_cells *map, const struct addrvec *packets, bool real);

#endif

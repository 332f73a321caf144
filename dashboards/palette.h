/*
 * The colours of the charts: apart for every kind of colour vision, and by their lightness in
 * greyscale print. The ramp is matplotlib's viridis (CC0), sampled.
 */
#ifndef DASHBOARDS_PALETTE_H
#define DASHBOARDS_PALETTE_H

#include <stdint.h>

#define PALETTE_OURS      "#0b3d6e"
#define PALETTE_REFERENCE "#f2b84b"
#define PALETTE_PARTLY    "#7ea6cf" /* observed in part */
#define PALETTE_MISSING   "#e6e6e6"
#define PALETTE_BAND      "#8a1c1c"
#define PALETTE_GRID      "#e4e4e4"
#define PALETTE_AXIS      "#404040"
#define PALETTE_ZERO      "#f2d98d" /* observed, nothing came */
#define PALETTE_DOWN      "#c8553d" /* should have observed and did not */
#define PALETTE_ABSENT    "#ffffff" /* not in the inventory */

/* Colour of the ramp as 0xrrggbb: 0 dark, 1 light; every step of `at` is a step in lightness. */
uint32_t palette_ramp(double at);
/* The same as "#rrggbb". */
void palette_ramp_name(double at, char out[8]);

#endif

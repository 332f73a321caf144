/*
 * Horizontal bars with what they count and its share of the whole: the layout of the charts that rank
 * ports and countries. Pure; chart_ports.c and chart_countries.c say what is drawn.
 */
#ifndef DASHBOARDS_HBARS_H
#define DASHBOARDS_HBARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dashboards/canvas.h"
#include "dashboards/sheet.h"

#define HBARS_MAX      16
#define HBARS_NAME_MAX 256

struct hbars_row {
    char name[HBARS_NAME_MAX];
    uint64_t packets;
    bool rest; /* what has no row of its own: in another colour */
};

struct hbars {
    struct sheet sheet; /* title and notes */
    const char *unit;
    struct hbars_row rows[HBARS_MAX]; /* from top to bottom */
    size_t count;
    uint64_t total; /* what the shares are of */
};

/* Appends a row; at most HBARS_MAX. */
void hbars_add(struct hbars *bars, const char *name, uint64_t packets, bool rest);

/* Initialises `canvas` in the size that the rows need, draws and finishes it. */
void hbars_draw(struct hbars *bars, struct canvas *canvas);

#endif

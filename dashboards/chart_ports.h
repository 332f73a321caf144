/*
 * The chart of the destination ports with the most packets, as horizontal bars with their shares,
 * and what the others have together. Pure: plain data in, a drawing out; chart.c asks for the data.
 */
#ifndef DASHBOARDS_CHART_PORTS_H
#define DASHBOARDS_CHART_PORTS_H

#include "dashboards/canvas.h"
#include "dashboards/caption.h"

#define CHART_PORTS_TOP 10

struct chart_ports {
    struct caption caption;
    struct chart_ports_row {
        uint8_t protocol; /* PROTOCOL_TCP or PROTOCOL_UDP */
        uint16_t port;
        uint64_t packets;
    } rows[CHART_PORTS_TOP]; /* by descending packets */
    size_t count;
    uint64_t others;   /* to every other TCP and UDP port */
    uint64_t without;  /* of other protocols, or with a port that could not be read */
    uint64_t withheld; /* in none of these: too few sensors saw them */
    uint64_t total;    /* all packets: what the shares are of */
};

/* Initialises `canvas` and draws. ERR_NOMEM. */
int chart_ports_draw(const struct chart_ports *chart, struct canvas *canvas);

#endif

/*
 * Ship's metrics: the page of figures that the ship process serves, its own and those of the capture
 * process. ship.c fills the struct when the page is asked for. Pure.
 */
#ifndef COLLECTOR_SHIPMETRICS_H
#define COLLECTOR_SHIPMETRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/vitals.h"
#include "common/buf.h"

struct shipmetrics {
    const struct vitals *vitals;
    bool connected;        /* and the aggregator has said who it is */
    uint64_t connections;  /* that were made */
    uint64_t acknowledged; /* records, since the ship process started */
    uint64_t waiting;      /* records that are not acknowledged */
    uint64_t lag_s;        /* age of the oldest of them that is a live sensor's; 0: there is none */
    uint64_t lost;         /* records that the spool lost, and the aggregator was told so */
    uint64_t merged;       /* records that became part of a merged one */
    uint64_t spool_bytes, spool_max_bytes;
    int64_t certificate_until_s; /* UTC; 0: no certificate is used */
};

/* Appends the page to `text`. */
void shipmetrics_write(const struct shipmetrics *figures, struct buf *text);

#endif

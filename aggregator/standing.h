/*
 * Standing: how a sensor is doing, from what the store holds of it: how far it is acknowledged, how
 * much of the last day it observed and what it dropped, whether it is connected and why it was refused
 * last. Pure: the caller fetches between asking and reading.
 *
 *   standing_ask ... -> [fetch] -> standing_read ...
 */
#ifndef AGGREGATOR_STANDING_H
#define AGGREGATOR_STANDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/fetch.h"
#include "aggregator/status.h"

/* A record arrives some time after its minute is over: the present one and the one before are not
 * missing yet. */
#define STANDING_GRACE_S 60

struct standing {
    bool delivered;  /* it has delivered something; otherwise the next three are 0 */
    int64_t until_s; /* acknowledged through: observed up to here, UTC */
    double coverage; /* of the last 24 h, from the full hour on, or since `from_s`; NAN: none yet */
    uint64_t dropped; /* in that time, by the kernel and the interfaces */
    struct status_seen status;
};

/* Asks for the aggregators: once, before the sensors. */
void standing_ask_aggregators(struct fetch *fetch);
/* Asks for a sensor; its first item's index. The calendar has the store's time zone. */
size_t standing_ask(struct fetch *fetch, const char *sensor, int64_t now_s);
/* Reads what was asked for at `now_s`, of a sensor that is enrolled from `from_s` on. ERR_DAMAGED,
 * ERR_VERSION with the key in `errmsg`. */
int standing_read(struct standing *standing, const struct fetch *fetch, size_t first,
                  int64_t from_s, int64_t now_s, char *errmsg);

#endif

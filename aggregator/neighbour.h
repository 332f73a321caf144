/*
 * Neighbours: an address that two sensors counted would count twice in the telescope, so a sensor
 * that the store does not know yet is compared with all that it knows, and then entered in the list
 * of sensors. lane.c calls it before it accepts a new sensor. (Two aggregators that accept two new
 * sensors in the same moment do not see each other here.)
 */
#ifndef AGGREGATOR_NEIGHBOUR_H
#define AGGREGATOR_NEIGHBOUR_H

#include <stdbool.h>

#include "aggregator/fetch.h"
#include "aggregator/storage.h"
#include "common/frame.h"
#include "common/prefix.h"

/* `code`: 0; ERR_REFUSED with the reason in `refuse`; otherwise what the store said, in `why`. */
typedef void neighbours_done_fn(void *data, int code, const struct frame_refuse *refuse,
                                const char *why);

struct neighbours {
    struct storage *store;
    const char *sensor, *darknet, *registry; /* borrowed until `done` */
    struct fetch fetch;
    neighbours_done_fn *done;
    void *data;
};

/* Begins to compare, with all but those that are enrolled in `registry` (a state directory, or NULL).
 * ERR_UNREACHABLE, ERR_NOMEM: `done` is then never called. */
int neighbours_check(struct neighbours *check, struct storage *store, const char *sensor,
                     const char *darknet, const char *registry, neighbours_done_fn *done,
                     void *data);

/* A darknet, a canonical list, as a set; NULL for one that does not parse and without memory. */
struct prefixset *neighbour_parse(const char *list);
/* Whether the darknets of two sensors share an address; `refuse` then says so. NULL shares nothing. */
bool neighbour_shares(const char *sensor, const struct prefixset *darknet, const char *other,
                      const struct prefixset *other_darknet, struct frame_refuse *refuse);

#endif

/*
 * Neighbours: an address that two sensors counted would count twice in the telescope, so a sensor
 * that the store does not know yet is compared with all that it knows, and then entered in the list
 * of sensors. lane.c calls it before it accepts a new sensor. Those that come while the list is being
 * read wait, and are then compared together: many that come at once share one look at all. (Two
 * aggregators that accept two new sensors in the same moment do not see each other here.)
 *
 *   neighbours_init -> neighbours_check of each -> its `done`
 */
#ifndef AGGREGATOR_NEIGHBOUR_H
#define AGGREGATOR_NEIGHBOUR_H

#include <stdbool.h>

#include "aggregator/claims.h"
#include "aggregator/fetch.h"
#include "aggregator/storage.h"
#include "common/frame.h"
#include "common/prefix.h"

/* `code`: 0; ERR_REFUSED with the reason in `refuse`; otherwise what the store said, in `why`. */
typedef void neighbours_done_fn(void *data, int code, const struct frame_refuse *refuse,
                                const char *why);

/* A sensor that is compared. The caller's until `done`, which may free it. */
struct neighbour {
    /* Set by the caller, borrowed until `done`. */
    const char *sensor, *darknet; /* the darknet is a canonical list */
    bool enrolled;                /* not to be compared with those of the registry */
    neighbours_done_fn *done;     /* not called before neighbours_check has returned */
    void *data;
    /* Of this module. */
    struct neighbour *next;
    struct prefixset *addresses; /* the darknet; until `done` has returned */
    struct holder holder;
    struct frame_refuse refuse;
    bool shares; /* `refuse` says with whom */
};

struct neighbours {
    struct storage *store;                       /* borrowed */
    const char *registry;                        /* a state directory or NULL, borrowed */
    struct neighbour *compared, *waiting, *last; /* in the order in which they came */
    bool busy;                                   /* those that come have to wait */
    struct fetch fetch;
};

void neighbours_init(struct neighbours *all, struct storage *store, const char *registry);
/* Begins to compare, with what the store has from now on. ERR_UNREACHABLE, ERR_NOMEM: `done` is then
 * never called. */
int neighbours_check(struct neighbours *all, struct neighbour *neighbour);

/* A darknet, a canonical list, as a set; NULL for one that does not parse and without memory. */
struct prefixset *neighbour_parse(const char *list);
/* Whether the darknets of two sensors share an address; `refuse` then says so. NULL shares nothing. */
bool neighbour_shares(const char *sensor, const struct prefixset *darknet, const char *other,
                      const struct prefixset *other_darknet, struct frame_refuse *refuse);

#endif

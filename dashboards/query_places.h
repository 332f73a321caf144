/*
 * Sources put together by where they are: what QUERY_COUNTRY and QUERY_ASN break a period down by. For
 * query_run.c alone; memory is bounded by the number of sources.
 */
#ifndef DASHBOARDS_QUERY_PLACES_H
#define DASHBOARDS_QUERY_PLACES_H

#include "common/addrvec.h"
#include "dashboards/geo.h"

struct query_place {
    uint32_t key;        /* as geo_find gives it; 0: the database does not say */
    uint8_t family;      /* of a source that is there */
    uint8_t address[16]; /* network byte order, IPv4 the first four */
    uint64_t packets;
    uint64_t sources; /* how many are there */
};

struct query_places {
    struct query_place *places; /* by ascending key, 0 last */
    size_t count, room;
};

/* Fills `places` (all zero, or filled before). As geo_find; ERR_NOMEM. */
int query_places_find(struct query_places *places, struct geo *geo, const struct addrvec *sources,
                      char *errmsg);
void query_places_close(struct query_places *places);

#endif

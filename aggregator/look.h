/*
 * Look: reads from the store for a command that then ends, on a loop of its own. It makes nothing
 * ready there and writes nothing.
 */
#ifndef AGGREGATOR_LOOK_H
#define AGGREGATOR_LOOK_H

#include "aggregator/fetch.h"
#include "common/storeurl.h"

#define LOOK_MS 10000

/* Fetches everything that is asked for in `fetch`. ERR_UNREACHABLE, ERR_REFUSED, ERR_VERSION,
 * ERR_DAMAGED, ERR_NOMEM with the cause in `errmsg`. */
int look(const struct storeurl *url, struct fetch *fetch, char *errmsg);

/* Days and hours are cut in the store's time zone, whatever the configuration says: sets the calendar
 * to it, if the store has one yet. Errors as look. */
int look_zone(const struct storeurl *url, char *errmsg);

#endif

/*
 * How many sensors stand behind each row of a period's table, for withhold.h: the same period is
 * asked of every sensor by itself, over a connection of its own, while the period at hand is lent.
 */
#ifndef DASHBOARDS_PRESENCE_H
#define DASHBOARDS_PRESENCE_H

#include "dashboards/query.h"
#include "dashboards/withhold.h"

struct presence;

/* Connects; `url` is that of the store that is asked otherwise. Errors as store_open. */
int presence_open(struct presence **presence, const struct storeurl *url, char *errmsg);
/* NULL is allowed. */
void presence_close(struct presence *presence);

/* Sets `sensors` of cells[0..count), which belong to `rows`: those of the period in ascending order,
 * all of them. Errors as query_run. */
int presence_count(struct presence *presence, const struct query_period *period,
                   const struct query_row *rows, struct withhold_cell *cells, size_t count,
                   char *errmsg);

#endif

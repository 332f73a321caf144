/*
 * Queries: the one place where figures come from. annual, chart and whatever exports figures ask
 * here and compute nothing of their own. Reads through an open store, adds up with figures.h.
 */
#ifndef DASHBOARDS_QUERY_H
#define DASHBOARDS_QUERY_H

#include <stddef.h>

#include "dashboards/figures.h"
#include "dashboards/store.h"

/* Every year that has data, ascending. */
struct query_annual {
    struct figures *years;
    size_t count;
};

/* The figures of `year`, or of every year when `year` is 0. A year without any record is not in the
 * result. Courses are read for METHOD_INVENTORY only. Errors as store_read_year, and ERR_INVALID
 * when a sum does not fit. To be closed with query_annual_close when it returned 0. */
int query_annual(struct store *store, enum method method, int year, struct query_annual *annual,
                 char *errmsg);
void query_annual_close(struct query_annual *annual);

#endif

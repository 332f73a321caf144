/*
 * `darkcount verify`: whether the store agrees with itself: every year is the sum of its months, every
 * month of its days, every day of its hours (where hours are kept) and of its course, in packets and
 * every other counter, address by address, table by table, sketch by sketch; and what is stored beside
 * each other (addresses, tables, totals) sums to the same. Of the sources, of which the largest alone
 * are kept, that no more are there than may be, in order, with no more packets than there were. Reads
 * only.
 *
 * A sensor that delivers meanwhile changes what is compared. A year with something to complain of is
 * therefore read again until it has the same complaints twice.
 */
#ifndef DASHBOARDS_VERIFY_H
#define DASHBOARDS_VERIFY_H

#include "common/err.h"
#include "dashboards/options.h"
#include "dashboards/store.h"

#define VERIFY_TRIES 6

struct verify_finding {
    char sensor[SENSOR_NAME_MAX + 1];
    struct period period;
    char what[ERRMSG_SIZE]; /* "packets", "addresses that differ", ... or what is damaged */
    bool counted;           /* whether the two figures mean anything */
    uint64_t stored, recomputed;
};

struct verify {
    struct store *store;
    const struct storeurl *url; /* the store is opened again after damage */
    struct verify_finding *findings;
    size_t count, room;
    size_t years, periods; /* looked at */
};

/* Verifies `year`, or all of them when it is 0, of the sensor of that name, or of all when it is NULL.
 * 0, whatever was found; ERR_UNKNOWN: no such sensor; ERR_STALE: it changes faster than it can be
 * read; otherwise as store_open. To be closed in any case. */
int verify_store(struct verify *verify, const struct storeurl *url, int year, const char *sensor,
                 char *errmsg);
void verify_close(struct verify *verify);

int verify_check(struct options *options, char *errmsg);
/* The command: 0 when all agrees; ERR_DAMAGED when not. */
int verify_run(const struct options *options, char *errmsg);

#endif

/*
 * Databases of countries and autonomous systems for tests, made by tests/mmdb when they are first opened.
 */
#ifndef TESTS_UNIT_DASHBOARDS_MMDB_H
#define TESTS_UNIT_DASHBOARDS_MMDB_H

#include "dashboards/geo.h"

struct mmdb {
    enum geo_kind kind;
    const char *form; /* "country", "country-code", "asn" */
    const char *text; /* "NETWORK VALUE\n..." */
    char path[64];    /* empty: not made yet */
};

/* Makes it if it is not there; `path` then names it. */
void mmdb_make(struct mmdb *mmdb);
/* Makes and opens it. */
struct geo *mmdb_open(struct mmdb *mmdb);
void mmdb_remove(struct mmdb *mmdb);

#endif

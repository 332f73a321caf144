/*
 * States: in which of the four states one darknet address was, period by period: counted, a true zero,
 * its sensor down, or not in the inventory. Part of the query layer; `darkcount states` prints it.
 */
#ifndef DASHBOARDS_QUERY_STATES_H
#define DASHBOARDS_QUERY_STATES_H

#include "dashboards/query.h"

struct query_address {
    int family;        /* AF_INET, AF_INET6 */
    uint8_t bytes[16]; /* network byte order, IPv4 the first four */
};

/* An address as text. ERR_INVALID. */
int query_address_parse(struct query_address *address, const char *text, char *errmsg);

struct query_states_row {
    int64_t start_s, end_s;
    /* False: it was observed, and the store no longer knows how many packets of its sensor's were to
     * it. `state` and `packets` then mean nothing. */
    bool known;
    enum query_state state;
    uint64_t packets;                  /* counted and true zero */
    struct coverage coverage;          /* of the one address */
    const struct store_sensor *sensor; /* whose it was, at last; NULL when it was nobody's */
};

struct query_states_reader {
    void *user;
    /* Periods in ascending order. Returns 0, or an error that ends the query. */
    int (*on_row)(void *user, const struct query_states_row *row, char *errmsg);
};

/* The states of an address in the periods of query->step from query->from_s to to_s, which are no
 * QUERY_OPEN; the rest of `query` does not matter. As query_run. */
int query_states(struct store *store, const struct query *query,
                 const struct query_address *address, const struct query_states_reader *reader,
                 char *errmsg);

#endif

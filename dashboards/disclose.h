/*
 * Which rows of a period's table may be published: what export, the charts and the report ask before
 * they show one. disclose_open finds the rule for the range of time; within each period's on_period
 * disclose_period reads the rows, asks how many sensors stand behind each (presence.h), takes from its
 * witnesses how many sources are certain (common/tables.h; eight are the most, and enough for any
 * threshold), and marks those that are withheld (withhold.h). What is then not marked may be shown, and
 * `sum` is the row `withheld`.
 */
#ifndef DASHBOARDS_DISCLOSE_H
#define DASHBOARDS_DISCLOSE_H

#include "dashboards/presence.h"
#include "dashboards/query.h"
#include "dashboards/withhold.h"

struct disclose {
    struct storeurl url;
    struct withhold_rule rule;
    struct presence *presence;   /* NULL: not needed, or not yet */
    struct query_row *rows;      /* of the period at hand, by ascending key */
    struct withhold_cell *cells; /* of each row, or of each sensor */
    size_t count, room;
    size_t withheld; /* cells */
    struct sum sum;  /* of the rows withheld */
};

/* The rule for a threshold of `k` in the range of `query`, for the sensor it asks for or all: those that
 * have any data in it are the telescope of withhold_rule_of. With a `k` of 0 or 1 nothing is asked and
 * nothing withheld. Errors as query_run. To be closed also after an error. */
int disclose_open(struct disclose *disclose, struct store *store, const struct storeurl *url,
                  const struct query *query, uint64_t k, char *errmsg);
/* All zero is allowed. */
void disclose_close(struct disclose *disclose);

/* A period of QUERY_CLASS to QUERY_ICMP, QUERY_COUNTRY or QUERY_ASN without `top`. What came from
 * sources that are not kept is nobody's cell. Errors as store_open and query_run; ERR_NOMEM. */
int disclose_period(struct disclose *disclose, const struct query_period *period, char *errmsg);
/* A period of QUERY_SENSOR: a sensor needs so many sources. ERR_NOMEM. */
int disclose_sensors(struct disclose *disclose, const struct query_period *period, char *errmsg);

/* Whether the row of that TCP or UDP port is withheld; false where the period had no packet to it. */
bool disclose_withholds_port(const struct disclose *disclose, uint8_t protocol, uint16_t port);

#endif

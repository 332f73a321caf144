/*
 * Queries: the one place where figures come from. annual, query, charts, report, export and serve
 * ask here and compute nothing of their own. Reads through an open store.
 *
 * query_annual gives the yearly figures. query_run gives whatever is counted in a range of time,
 * cut into periods and broken down: fill a struct query (query_range for what the caller leaves
 * open), call query_run, and take each period from on_period while it is lent. Memory is bounded by
 * a few periods, however long the range.
 *
 *   static int on_period(void *user, const struct query_period *period, char *errmsg)
 *   {
 *       struct query_rows rows;
 *       struct query_row row;
 *       query_rows_begin(&rows, period);
 *       while (query_rows_next(&rows, &row))
 *           ...
 */
#ifndef DASHBOARDS_QUERY_H
#define DASHBOARDS_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addrvec.h"
#include "common/schema.h"
#include "common/tables.h"
#include "dashboards/coverage.h"
#include "dashboards/figures.h"
#include "dashboards/query_places.h"
#include "dashboards/store.h"

/* --- years ------------------------------------------------------------------------------------ */

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

/* Why a year was restated: records that came when it was over, or another inventory, which changes its
 * coverage and its packets per address by METHOD_INVENTORY and nothing else. */
enum query_reason { QUERY_REASON_RECORDS, QUERY_REASON_INVENTORY };
/* "records", "inventory". */
const char *query_reason_name(enum query_reason reason);

/* A state that the figures of a year were in. */
struct query_revision {
    int year;
    uint64_t revision;               /* 0: before anything was added to the complete year */
    int64_t when_s;                  /* wall clock of the first record; not of revision 0 */
    const char *sensor;              /* borrowed from the store; NULL of revision 0 */
    uint64_t records;                /* that it added; of revision 0 all */
    uint64_t packets_added, packets; /* `packets`: of the year, with it */
    enum query_reason reason;        /* not of revision 0 */
};

struct query_revisions {
    struct query_revision *rows;
    size_t count;
};

/* How the figures of `year`, or of every year with data when it is 0, came to be what they are: by
 * year, then by number. The number of a year's last revision is the `revision` of its figures. Errors
 * as store_read_revisions. To be closed with query_revisions_close. */
int query_revisions(struct store *store, int year, struct query_revisions *revisions, char *errmsg);
void query_revisions_close(struct query_revisions *revisions);

/* --- any range of time ------------------------------------------------------------------------ */

/* Into what the range is cut: calendar periods of the reporting zone, the first and the last cut off
 * where the range ends; QUERY_WHOLE is one period. */
enum query_step {
    QUERY_WHOLE,
    QUERY_MINUTE,
    QUERY_HOUR,
    QUERY_DAY,
    QUERY_MONTH,
    QUERY_YEAR,
    QUERY_STEPS
};

/* What a period's packets are broken down by. */
enum query_by {
    QUERY_TOTAL, /* not at all: the figures alone */
    QUERY_SENSOR,
    QUERY_ADDRESS,
    QUERY_CLASS,
    QUERY_PROTOCOL,
    QUERY_PORT, /* protocol and destination port */
    QUERY_ICMP, /* type and code, ICMP before ICMPv6 */
    /* Of the sources with the most packets, which are kept of hours and days; what they leave is a row
     * of its own, so that every row says "at least". */
    QUERY_SOURCE,
    QUERY_COUNTRY, /* where those sources are */
    QUERY_ASN,
    QUERY_BYS
};

/* Of a period: more memory than that for so many sources is not taken; beyond twice as many the
 * smallest join what is not kept. */
#define QUERY_SOURCES_MAX ((size_t)1 << 20)

/* "minute" to "year"; "total", "sensor", ... "asn". ERR_INVALID for any other word. */
int query_step_parse(const char *text, enum query_step *step);
int query_by_parse(const char *text, enum query_by *by);
const char *query_by_name(enum query_by by);

struct query {
    int64_t from_s, to_s; /* [from, to), whole minutes; see query_range */
    enum query_step step;
    enum query_by by;
    size_t top;         /* QUERY_ADDRESS and after: the N with most packets and a row of the
                         * others; 0: all, by ascending key */
    const char *sensor; /* this sensor alone; NULL: all */
    struct geo *geo;    /* QUERY_COUNTRY, QUERY_ASN: what tells them */
};

#define QUERY_OPEN INT64_MIN /* from_s, to_s: as far as there is data */

/* Puts a time where query->from_s or to_s is QUERY_OPEN: the start of the calendar period of the step
 * (QUERY_WHOLE: the year) that holds the first moment that any sensor observed, the end of the one
 * that holds the last. False when no sensor has observed anything: the range is then empty and
 * nothing is left to ask. */
bool query_range(const struct store *store, struct query *query);

/* A sensor's name that the store does not know is a mistake, whatever the range: ERR_UNKNOWN. NULL is
 * all of them. */
int query_sensor_check(const struct store *store, const char *name, char *errmsg);

/* What was counted in a period, by one sensor or by all. */
struct query_figures {
    bool
        any_data; /* false: nobody observed, everything below is missing; with true and 0 packets it
                    * is a true zero */
    uint64_t packets, bytes;
    uint64_t dropped; /* by kernel and interface; not in `packets` */
    bool active_known;
    uint64_t active; /* addresses with a packet in the period: a union over time, not a sum */
    bool hosts_known;
    uint64_t unique_hosts; /* estimate, standard error 0.81 % */
    bool
        merged; /* a bound of the period cuts a merged quarter of an hour: it has an even share of that */
    bool counters_known;
    struct totals counters; /* everything that the store counts, but `active`, which is above */
    struct coverage coverage;
    uint64_t expected_ns, observed_ns; /* the time without the addresses; all: sums over sensors */
};

/* observed / expected, 0 to 1; NaN when nothing was expected. */
double query_coverage(const struct query_figures *figures);

/* The four states of a sensor (or of all) in a period. */
enum query_state {
    QUERY_COUNTED,
    QUERY_TRUE_ZERO, /* observed, and nothing came */
    QUERY_DOWN,      /* should have observed, and did not */
    QUERY_ABSENT     /* nothing was expected: not in the inventory */
};
enum query_state query_state(const struct query_figures *figures);
/* "counted", "zero", "down", "absent". */
const char *query_state_name(enum query_state state);

/* One period, lent for the call of on_period. */
struct query_period {
    const struct query *query;
    int64_t start_s, end_s;
    struct query_figures
        all; /* of the sensors that were asked for. Active addresses and unique hosts
                               * only for QUERY_TOTAL and QUERY_SENSOR (otherwise not known) */
    /* Each sensor by itself, in the order of store_sensors, which `sensor` gives; the same sensors
     * in every period. Active addresses as in `all`, unique hosts only for QUERY_SENSOR. */
    const struct query_figures *sensors;
    const struct store_sensor *const *sensor;
    size_t sensor_count;
    /* Whether the breakdown is known. It is not where the store no longer keeps it (minutes outside
     * of the newest, hours past their retention) or there is no data; it is then empty. */
    bool rows_known;
    const struct addrvec *addresses; /* QUERY_ADDRESS: all of them, whatever `top` */
    const struct tables *tables;     /* QUERY_PROTOCOL to QUERY_ICMP: all of them; QUERY_CLASS: the
                                      * classes alone */
    const uint64_t *class_sensors;   /* QUERY_CLASS: sensors that have packets of each class */
    const struct addrvec *sources; /* QUERY_SOURCE and after: those that are kept, whatever `top` */
    const struct query_places *places; /* QUERY_COUNTRY, QUERY_ASN: all of them */
    const struct query_row *ranked;    /* for query_rows_next */
    size_t ranked_count;
};

enum query_key {
    QUERY_KEY_KNOWN,
    QUERY_KEY_UNREADABLE, /* port, or type and code, could not be read or is not stored (ports of
                           * other protocols than TCP and UDP); row->protocol holds. QUERY_COUNTRY,
                           * QUERY_ASN: the database does not say */
    QUERY_KEY_OTHER       /* with `top`: everything that is in no row of its own, the class "other"
                           * among it; QUERY_SOURCE and after: also the packets of sources that are
                           * not kept */
};

/* A row of the breakdown. */
struct query_row {
    enum query_key key;
    enum packet_class class; /* QUERY_CLASS */
    uint8_t protocol;        /* QUERY_PROTOCOL, _PORT; _ICMP: 1 or 58 */
    uint16_t port;           /* QUERY_PORT */
    uint8_t type, code;      /* QUERY_ICMP */
    uint8_t family;          /* QUERY_ADDRESS, _SOURCE: 4 or 6; _COUNTRY, _ASN: of a source there */
    uint8_t address[16];     /* network byte order, IPv4 the first four */
    char country[3];         /* QUERY_COUNTRY: ISO 3166-1 alpha-2 */
    uint32_t asn;            /* QUERY_ASN */
    uint8_t witnesses;       /* QUERY_CLASS to _ICMP: of its sources (common/tables.h) */
    uint64_t sensors;        /* QUERY_CLASS: those that have packets of it */
    uint64_t sources;        /* QUERY_COUNTRY, _ASN: those that are kept and there */
    struct sum sum;          /* bytes: 0 for addresses and sources, of which they are not counted */
    double share;            /* packets / packets of the period (`all`), 0 to 1; NaN for 0 / 0 */
};

/* The rows of a period's breakdown, one after the other. Without `top` by ascending key as
 * `darkcount-collector count` prints them (what could not be read behind its protocol's); with it by
 * descending packets, then ascending key, QUERY_KEY_OTHER last when there is any. None for
 * QUERY_TOTAL and QUERY_SENSOR. */
struct query_rows {
    const struct query_period *period;
    size_t next;
};
void query_rows_begin(struct query_rows *rows, const struct query_period *period);
bool query_rows_next(struct query_rows *rows, struct query_row *row);

struct query_reader {
    void *user;
    /* Periods in ascending order, also those without data. Returns 0, or an error that ends the
     * query. */
    int (*on_period)(void *user, const struct query_period *period, char *errmsg);
};

/* Whether the range can be asked for. ERR_INVALID. */
int query_check(const struct query *query, char *errmsg);
/* Answers `query`. ERR_INVALID with the cause in `errmsg`: from is not before to, a bound is not a
 * whole minute, or QUERY_WHOLE asks for a breakdown whose detail is no longer kept at the resolution
 * of its bounds; ERR_UNKNOWN: no such sensor; otherwise as store_open and geo_find. */
int query_run(struct store *store, const struct query *query, const struct query_reader *reader,
              char *errmsg);

#endif

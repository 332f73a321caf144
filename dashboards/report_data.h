/*
 * What a yearly report is made of: every figure of it, asked of the query layer once and then the same
 * in every sentence, table and file. report.c calls report_data_read, the writers only read.
 */
#ifndef DASHBOARDS_REPORT_DATA_H
#define DASHBOARDS_REPORT_DATA_H

#include "common/tables.h"
#include "dashboards/chart_classes.h"
#include "dashboards/disclose.h"
#include "dashboards/query.h"
#include "dashboards/top_countries.h"

#define REPORT_PORTS     20
#define REPORT_COUNTRIES 20
#define REPORT_UNUSUAL   10
/* A day is compared with the median of those at most so many days before and after it, of which there
 * must be REPORT_NEIGHBOURS with data; it is unusual from REPORT_FACTOR times or a REPORT_FACTOR-th on. */
#define REPORT_WINDOW     14
#define REPORT_NEIGHBOURS 7
#define REPORT_FACTOR     1.5
/* Days of which less was observed are not compared. */
#define REPORT_WHOLE 0.99

struct report_day {
    int month, day;
    enum query_state state;
    struct query_figures figures;
    struct chart_classes_column classes;
};

struct report_port {
    uint8_t protocol; /* PROTOCOL_TCP or PROTOCOL_UDP */
    uint16_t port;
    struct sum sum;
};

/* Where the sources of the year are; all zero without a database that says it. */
struct report_countries {
    bool known; /* there is a database, and there are sources */
    char database[GEO_NAME_MAX], date[16];
    struct top_countries top; /* REPORT_COUNTRIES of them */
};

struct report_sensor {
    char name[SENSOR_NAME_MAX + 1];
    double addresses;          /* of its last version in the year that had any */
    int64_t from_ns, until_ns; /* as in struct store_sensor */
    uint64_t restated;         /* times the year was */
    struct query_figures figures;
};

/* A version of an inventory that was true at any time of the year. */
struct report_version {
    size_t sensor; /* position in `sensors` */
    int64_t from_s;
    double addresses; /* 0: nothing is its darknet from then on */
};

enum report_cause { REPORT_CAUSE_NONE, REPORT_CAUSE_PORT, REPORT_CAUSE_CLASS };

/* A day unlike those around it, and what had most part in it: the port, or else the class, whose
 * packets differ most, in the same direction, from its mean over the days with data, if that is a
 * quarter of the difference at least; never one that is withheld, of the year or of the day. */
struct report_unusual {
    size_t day;    /* position in `days` */
    double usual;  /* median of the days around it */
    double factor; /* packets / usual */
    enum report_cause cause;
    uint8_t protocol;
    uint16_t port;
    enum packet_class class;
    uint64_t cause_packets;
    double cause_usual; /* its mean a day */
};

struct report_data {
    int year;
    struct period period;
    char timezone[CALENDAR_ZONE_MAX + 1];
    struct query_annual annual; /* by METHOD_DAILY */
    const struct figures *now,
        *before;                /* the year's in `annual`, and those of the year before or NULL */
    struct figures methods[3];  /* the year's, by enum method */
    struct query_figures total; /* the year's as query has them */
    struct report_day days[366];
    size_t day_count;
    size_t days_with_data;
    size_t most, fewest;       /* positions in `days`; only with days_with_data > 0 */
    struct withhold_rule rule; /* what a cell needs to be told */
    bool tables_known;
    struct tables tables; /* of the year, without what is withheld */
    bool class_withheld[PACKET_CLASSES];
    struct sum classes_withheld, ports_withheld;
    struct report_port ports[REPORT_PORTS];
    size_t port_count;
    uint64_t ports_others;  /* packets to every other TCP and UDP port */
    uint64_t ports_without; /* packets of other protocols, or whose port could not be read */
    struct report_countries countries;
    bool backscatter_known; /* none of its classes is withheld */
    struct sum backscatter; /* classes tcp-synack, tcp-rst and icmp-backscatter */
    struct report_unusual unusual[REPORT_UNUSUAL]; /* the most unusual first */
    size_t unusual_count, compared;                /* compared: days that could be */
    struct report_sensor *sensors;
    size_t sensor_count;
    struct report_version *versions; /* by sensor, then by time */
    size_t version_count;
    size_t sensors_down; /* of them: expected to observe, and did not all year */
};

/* Reads all of `year` but the classes of its days. `url` is the store's; cells with fewer than `withhold`
 * sensors or sources behind them are left out, as disclose.h says. `geo` says in which countries sources are, NULL:
 * nothing does. ERR_UNKNOWN when the store has no data of it; otherwise as query_run. To be closed in any case. */
int report_data_read(struct report_data *data, struct store *store, const struct storeurl *url,
                     int year, uint64_t withhold, struct geo *geo, char *errmsg);
void report_data_close(struct report_data *data);

/* Takes the classes of each day from what the chart of the same year's days is drawn from: they are
 * much to read, and are read once. */
void report_data_classes(struct report_data *data, const struct chart_classes *chart);

/* Fills unusual, unusual_count and compared from the days; what made them is not known yet. Part of
 * report_data_read. */
void report_find_unusual(struct report_data *data);

/* Per cent of `whole`, to one decimal; NaN when there is nothing to divide by. */
double report_percent(uint64_t part, uint64_t whole);
/* The same of a share that must not be rounded up to what it is not: cut. */
double report_cut_percent(double share);
/* By how many per cent `now` is more than `before`, to one decimal; NaN when either is not known. */
double report_change(double now, double before);

#endif

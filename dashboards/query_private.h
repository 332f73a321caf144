/*
 * A query while it runs, shared by query_run.c, which takes the periods of the range in groups and tells
 * them, and query_sum.c, which adds up what each sensor has in the periods of a group.
 */
#ifndef DASHBOARDS_QUERY_PRIVATE_H
#define DASHBOARDS_QUERY_PRIVATE_H

#include "common/err.h"
#include "dashboards/cover.h"
#include "dashboards/query.h"
#include "dashboards/query_places.h"
#include "dashboards/query_rank.h"

/* A period while it is added up. */
struct sums {
    struct query_period period;
    struct query_figures *sensors;
    bool hosts_known;
    struct hll hosts;
    struct addrvec addresses, sources;
    struct tables tables;
    uint64_t class_sensors[PACKET_CLASSES];
};

/* One sensor in one period while its pieces come. */
struct own {
    struct sums *of; /* NULL: none */
    uint64_t observed_ns;
    struct hll hosts;
    struct addrvec addresses;     /* united over pieces */
    bool united;                  /* whether they are read, because there are several */
    bool classes[PACKET_CLASSES]; /* it has packets of the class */
};

struct running {
    struct store *store;
    const struct query *query;
    const struct query_reader *reader;
    struct cover cover;
    size_t *positions; /* of the sensors in store_sensors */
    const struct store_sensor **sensors;
    size_t sensor_count, sensor; /* `sensor`: the one that is being read */
    struct sums *group;
    size_t group_count;
    struct store_piece *pieces;
    size_t piece_count, piece_room;
    struct own own;
    struct query_places places; /* of the period that is being told */
    struct query_rank rank;
};

static inline bool query_of_figures(enum query_by by)
{
    return by == QUERY_TOTAL || by == QUERY_SENSOR;
}

static inline int query_nomem(char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "query: %s", err_str(ERR_NOMEM));
}

/* query_sum.c: reads what the sensor (an index of running->sensors) has in the group's pieces, and adds it to
 * the sums of their periods. Errors as query_run. */
int query_sum(struct running *running, size_t sensor, char *errmsg);

#endif

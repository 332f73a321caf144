/*
 * How each sensor is doing at a moment, as serve shows it: from the query layer, over the last day and
 * the last minutes.
 *
 *   serve_sensors_read -> sensors[0..count) -> serve_sensors_close
 */
#ifndef DASHBOARDS_SERVE_SENSORS_H
#define DASHBOARDS_SERVE_SENSORS_H

#include <stdio.h>

#include "dashboards/options.h"
#include "dashboards/query.h"

#define SERVE_RECENT_S 900 /* a sensor of which nothing came for so long is down */

enum serve_state {
    SERVE_LIVE,   /* it observed lately, and packets came */
    SERVE_SILENT, /* it observed lately, and nothing came: a true zero */
    SERVE_DOWN,   /* it did not observe lately */
    SERVE_NEW,    /* it never did */
};

const char *serve_state_name(enum serve_state state);

struct serve_sensor {
    const struct store_sensor *sensor; /* borrowed from the store */
    enum serve_state state;
    struct query_figures day; /* of the last 24 hours */
    double coverage;          /* of them; NaN when nothing was expected */
    bool due;                 /* whether anything was expected of it lately */
};

struct serve_sensors {
    struct serve_sensor *sensors; /* in the order of store_sensors */
    size_t count;
};

/* `now_s`: the wall clock. Errors as query_run. */
int serve_sensors_read(struct store *store, int64_t now_s, struct serve_sensors *sensors,
                       char *errmsg);
void serve_sensors_close(struct serve_sensors *sensors);

/* As rows, in options->format; for serve_endpoints. */
int serve_sensors_print(FILE *out, struct store *store, const struct options *options,
                        char *errmsg);

#endif

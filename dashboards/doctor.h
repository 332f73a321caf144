/*
 * `darkcount doctor`: is everything well? A line for each thing that was looked at (common/checks.h):
 * the store and what it does with what it acknowledged, an aggregator, every sensor, what draws the
 * charts, the clock. Changes nothing. `check` of the daemons looks at what they need to start; this at
 * how the telescope is doing.
 */
#ifndef DASHBOARDS_DOCTOR_H
#define DASHBOARDS_DOCTOR_H

#include <stdint.h>

#include "common/checks.h"
#include "dashboards/options.h"
#include "dashboards/serve_sensors.h"

#define DOCTOR_ARCHIVE_S                                                                           \
    (30 * 86400)              /* not enrolled, and without anything for longer: an archive */
#define DOCTOR_COVERAGE 0.99  /* of the last day; less is worth a look */
#define DOCTOR_DROPPED  0.001 /* of the packets of the last day; more is worth a look */
#define DOCTOR_BEAT_S   20    /* an aggregator that is there beats more often */

/* The line of one sensor at the time `now_s`. */
void doctor_sensor(struct checks *checks, const struct serve_sensor *sensor, int64_t now_s);
/* The line of the aggregators: `beats` is the hash darkcount:aggregators as field, value, field, value;
 * a value is "RUN SECONDS". */
void doctor_aggregators(struct checks *checks, const char *const *beats, size_t count,
                        int64_t now_s);

/* The command: 0 when no line begins with FAIL; ERR_REFUSED otherwise, its cause in `errmsg`. */
int doctor_run(const struct options *options, char *errmsg);

#endif

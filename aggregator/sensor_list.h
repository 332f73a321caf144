/*
 * `sensor list` and `sensor show`: the registry, and beside it what the store says of each sensor.
 */
#ifndef AGGREGATOR_SENSOR_LIST_H
#define AGGREGATOR_SENSOR_LIST_H

#include <stdbool.h>

#include "aggregator/options.h"
#include "common/rows.h"

/* Prints all sensors, or the one of that name with all that is known of it. ERR_UNKNOWN when there is
 * none; ERR_UNREACHABLE and others when the store did not say: its columns are missing then. */
int sensor_list(const struct options *options, const char *name, enum rows_format format,
                char *errmsg);

#endif

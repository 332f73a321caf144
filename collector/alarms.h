/*
 * Alarms of a live sensor: on its way to the spool every record passes here, gets the alarms of
 * collector/skew.h beside those that it has, and all of them are written to the log (common/alarm.h).
 * alarms_new, alarms_record for each record in order, alarms_free. A replay does without: its records
 * must be the same in every run, also when it goes on half-way, where these depend on the hours
 * before.
 */
#ifndef COLLECTOR_ALARMS_H
#define COLLECTOR_ALARMS_H

#include <stdbool.h>

#include "common/prefix.h"
#include "common/record.h"

struct alarms;

/* For records of `darknet` (finished; not needed afterwards), without `skew` those of the record
 * alone. NULL without memory. */
struct alarms *alarms_new(const struct prefixset *darknet, bool skew);
void alarms_free(struct alarms *alarms);

void alarms_record(struct alarms *alarms, struct record *record);

#endif

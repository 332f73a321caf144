/*
 * Alarm log: what a record says beside its counts, as lines for the operator: one for its flags, one
 * for each alarm, one for the alarms that it had no room for. The lane calls it once for each record
 * that it takes. A record gives at most RECORD_ALARMS_MAX + 2 lines.
 */
#ifndef AGGREGATOR_ALARMLOG_H
#define AGGREGATOR_ALARMLOG_H

#include "common/record.h"

#define ALARMLOG_TEXT_MAX 256

/* "sensor NAME: lit_address 198.51.100.7 sent 12 packets in the minute of 2026-11-22T04:17:00Z";
 * `index` < record->alarm_count. A prefix that is no single address has its length. */
void alarmlog_alarm(const struct record *record, size_t index, char out[ALARMLOG_TEXT_MAX]);
/* "sensor NAME: clock_suspect, recovered in the minute of ..."; false for a record without flags.
 * Bits without a name are written in hexadecimal. */
bool alarmlog_flags(const struct record *record, char out[ALARMLOG_TEXT_MAX]);

/* Writes the lines of a record as warnings. */
void alarmlog_write(const struct record *record);

#endif

/*
 * Alarm log: what the records of a sensor say beside their counts, as lines for the operator: their
 * flags and their alarms. The lane calls it once for each record that it takes. An hour gives at most
 * ALARM_LINES_MAX + 33 lines: a flag is written with the first record that has it in that hour, alarms
 * as common/alarm.h bounds them.
 */
#ifndef AGGREGATOR_ALARMLOG_H
#define AGGREGATOR_ALARMLOG_H

#include "common/alarm.h"
#include "common/record.h"

#define ALARMLOG_TEXT_MAX 256

/* Of one sensor. All zeros begins. */
struct alarmlog {
    struct alarm_log alarms;
    int64_t hour;
    uint32_t flags; /* written in it */
};

/* "sensor NAME: clock_suspect, recovered in the minute of ..."; false for a record without flags.
 * Bits without a name are written in hexadecimal. */
bool alarmlog_flags(const struct record *record, char out[ALARMLOG_TEXT_MAX]);

/* Writes the lines of a record as warnings. `now_s`: the clock's, since a record may be of any time. */
void alarmlog_write(struct alarmlog *log, const struct record *record, int64_t now_s);

#endif

/*
 * Alarms of records (common/record.h) as lines for the operator, and how many of them a log is given.
 * The sensor writes those of every record that it makes, the aggregator those of every record that it
 * takes: alarm_write, with one struct alarm_log for each sensor.
 */
#ifndef COMMON_ALARM_H
#define COMMON_ALARM_H

#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

#define ALARM_TEXT_MAX  256
#define ALARM_LINES_MAX 64 /* of alarms, in an hour */

/* What was written in an hour of the clock. All zeros begins. */
struct alarm_log {
    int64_t hour;
    size_t count;
    struct record_alarm written[ALARM_LINES_MAX];
    uint64_t more; /* found no room */
};

/* "lit_address 198.51.100.7 sent 12 packets in the minute of 2026-11-22T04:17:00Z: it is not dark;
 * exclude it or find out who uses it"; `index` < record->alarm_count. A prefix that is no single
 * address has its length. */
void alarm_text(const struct record *record, size_t index, char out[ALARM_TEXT_MAX]);

/* Writes the record's alarms as warnings, `who` before each: one that was written in the same hour is
 * not, whatever its packets, and beyond ALARM_LINES_MAX they are only counted, also those that the
 * record had no room for. Their number is written with the first record of a later hour. `now_s`:
 * the clock's. */
void alarm_write(struct alarm_log *log, const struct record *record, const char *who,
                 int64_t now_s);

#endif

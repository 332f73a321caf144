#include "aggregator/alarmlog.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/calendar.h"
#include "common/log.h"

bool alarmlog_flags(const struct record *record, char out[ALARMLOG_TEXT_MAX])
{
    char start[32];
    uint32_t unnamed = 0;
    if (record->flags == 0)
        return false;
    int at = snprintf(out, ALARMLOG_TEXT_MAX, "sensor %s:", record->sensor);
    for (int bit = 0; bit < 32; bit++) {
        uint32_t flag = record->flags & UINT32_C(1) << bit;
        const char *name = record_flag_name(flag);
        if (name)
            at += sprintf(out + at, " %s,", name);
        else
            unnamed |= flag;
    }
    if (unnamed)
        at += sprintf(out + at, " flags 0x%" PRIx32 ",", unnamed);
    calendar_rfc3339(record->start_s, start);
    sprintf(out + at - 1, " in the minute of %s", start); /* over the last comma */
    return true;
}

static void write_flags(struct alarmlog *log, const struct record *record, int64_t now_s)
{
    char text[ALARMLOG_TEXT_MAX];
    if (now_s / 3600 != log->hour)
        log->flags = 0;
    log->hour = now_s / 3600;
    if ((record->flags & ~log->flags) == 0)
        return;
    log->flags |= record->flags;
    if (alarmlog_flags(record, text))
        log_warn("%s", text);
}

void alarmlog_write(struct alarmlog *log, const struct record *record, int64_t now_s)
{
    char who[SENSOR_NAME_MAX + 16];
    snprintf(who, sizeof who, "sensor %s: ", record->sensor);
    write_flags(log, record, now_s);
    alarm_write(&log->alarms, record, who, now_s);
}

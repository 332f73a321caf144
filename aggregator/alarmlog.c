#include "aggregator/alarmlog.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/calendar.h"
#include "common/log.h"

static void format_prefix(const struct record_alarm *alarm, char out[INET6_ADDRSTRLEN + 4])
{
    bool ipv4 = alarm->family == 4;
    inet_ntop(ipv4 ? AF_INET : AF_INET6, alarm->address, out, INET6_ADDRSTRLEN);
    if (alarm->length < (ipv4 ? 32 : 128))
        sprintf(out + strlen(out), "/%u", alarm->length);
}

/* What the packets of an alarm did. */
static const char *verb(uint8_t kind)
{
    switch ((enum record_alarm_kind)kind) {
    case RECORD_ALARM_LIT_ADDRESS:
        return "sent";
    case RECORD_ALARM_SKEW:
    case RECORD_ALARM_SILENT:
        return "got";
    }
    return "with";
}

void alarmlog_alarm(const struct record *record, size_t index, char out[ALARMLOG_TEXT_MAX])
{
    const struct record_alarm *alarm = &record->alarms[index];
    char prefix[INET6_ADDRSTRLEN + 4], start[32];
    format_prefix(alarm, prefix);
    calendar_rfc3339(record->start_s, start);
    snprintf(out, ALARMLOG_TEXT_MAX, "sensor %s: %s %s %s %" PRIu64 " packets in the minute of %s",
             record->sensor, record_alarm_name(alarm->kind), prefix, verb(alarm->kind),
             alarm->packets, start);
}

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

void alarmlog_write(const struct record *record)
{
    char text[ALARMLOG_TEXT_MAX];
    if (alarmlog_flags(record, text))
        log_warn("%s", text);
    for (size_t i = 0; i < record->alarm_count; i++) {
        alarmlog_alarm(record, i, text);
        log_warn("%s", text);
    }
    if (record->alarms_omitted > 0)
        log_warn("sensor %s: %" PRIu64 " more alarms in that minute", record->sensor,
                 record->alarms_omitted);
}

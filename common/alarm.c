#include "common/alarm.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/calendar.h"
#include "common/log.h"

#define PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + 4)

static void format_prefix(const struct record_alarm *alarm, char out[PREFIX_TEXT_MAX])
{
    bool ipv4 = alarm->family == 4;
    inet_ntop(ipv4 ? AF_INET : AF_INET6, alarm->address, out, INET6_ADDRSTRLEN);
    if (alarm->length < (ipv4 ? 32 : 128))
        sprintf(out + strlen(out), "/%u", alarm->length);
}

void alarm_text(const struct record *record, size_t index, char out[ALARM_TEXT_MAX])
{
    const struct record_alarm *alarm = &record->alarms[index];
    const char *name = record_alarm_name(alarm->kind);
    char prefix[PREFIX_TEXT_MAX], start[32];
    format_prefix(alarm, prefix);
    calendar_rfc3339(record->start_s, start);
    switch ((enum record_alarm_kind)alarm->kind) {
    case RECORD_ALARM_LIT_ADDRESS:
        snprintf(out, ALARM_TEXT_MAX,
                 "%s %s sent %" PRIu64 " packets in the minute of %s: it is not dark; exclude it "
                 "or find out who uses it",
                 name, prefix, alarm->packets, start);
        return;
    case RECORD_ALARM_SKEW:
        snprintf(out, ALARM_TEXT_MAX,
                 "%s %s got %" PRIu64 " packets in the hour until %s, for hours far from its "
                 "neighbours' share: it may be used, filtered or routed elsewhere",
                 name, prefix, alarm->packets, start);
        return;
    case RECORD_ALARM_SILENT:
        snprintf(out, ALARM_TEXT_MAX,
                 "%s %s got nothing until %s, for hours in which its neighbours did: "
                 "it may be filtered, withdrawn or routed elsewhere",
                 name, prefix, start);
        return;
    }
    snprintf(out, ALARM_TEXT_MAX, "%s %s with %" PRIu64 " packets in the minute of %s", name,
             prefix, alarm->packets, start);
}

static bool same(const struct record_alarm *a, const struct record_alarm *b)
{
    return a->kind == b->kind && a->family == b->family && a->length == b->length &&
           memcmp(a->address, b->address, sizeof a->address) == 0;
}

/* Whether the alarm is to be written: the first of its kind in this hour, and there is room. */
static bool take(struct alarm_log *log, const struct record_alarm *alarm)
{
    for (size_t i = 0; i < log->count; i++)
        if (same(&log->written[i], alarm))
            return false;
    if (log->count == ALARM_LINES_MAX) {
        log->more++;
        return false;
    }
    log->written[log->count++] = *alarm;
    return true;
}

static void turn(struct alarm_log *log, const char *who, int64_t now_s)
{
    if (now_s / 3600 == log->hour)
        return;
    if (log->more > 0)
        log_warn("%s%" PRIu64 " more alarms in the hour before", who, log->more);
    log->hour = now_s / 3600;
    log->count = 0;
    log->more = 0;
}

void alarm_write(struct alarm_log *log, const struct record *record, const char *who, int64_t now_s)
{
    char text[ALARM_TEXT_MAX];
    turn(log, who, now_s);
    for (size_t i = 0; i < record->alarm_count; i++)
        if (take(log, &record->alarms[i])) {
            alarm_text(record, i, text);
            log_warn("%s%s", who, text);
        }
    log->more += record->alarms_omitted;
}

/* What a record grows by while it is made: its sorted lists. */
#include <string.h>

#include "common/record.h"

static size_t vector_memory(const struct addrvec *vec)
{
    return vec->room4 * 12 + vec->room6 * 24;
}

size_t record_memory(const struct record *record)
{
    return vector_memory(&record->addresses) + vector_memory(&record->sources) +
           tables_memory(&record->tables);
}

void record_add_late(struct record *record, int64_t start_s, uint64_t packets)
{
    struct record_late *rows = record->late_by;
    size_t at = 0;
    while (at < record->late_count && rows[at].start_s < start_s)
        at++;
    if (at < record->late_count && rows[at].start_s == start_s) {
        rows[at].packets += packets;
        return;
    }
    if (record->late_count == RECORD_LATE_MAX)
        return;
    memmove(&rows[at + 1], &rows[at], (record->late_count++ - at) * sizeof *rows);
    rows[at] = (struct record_late){.start_s = start_s, .packets = packets};
}

static int compare(const struct record_alarm *a, const struct record_alarm *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    int order = memcmp(a->address, b->address, sizeof a->address);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

void record_add_alarm(struct record *record, const struct record_alarm *alarm)
{
    struct record_alarm *rows = record->alarms;
    size_t at = 0;
    while (at < record->alarm_count && compare(&rows[at], alarm) < 0)
        at++;
    if (at < record->alarm_count && compare(&rows[at], alarm) == 0) {
        rows[at].packets += alarm->packets;
        return;
    }
    if (record->alarm_count == RECORD_ALARMS_MAX) {
        record->alarms_omitted++;
        if (at == RECORD_ALARMS_MAX)
            return;
        record->alarm_count--; /* the last gives way */
    }
    memmove(&rows[at + 1], &rows[at], (record->alarm_count++ - at) * sizeof *rows);
    rows[at] = *alarm;
}

#include "common/record_inside.h"

#include <string.h>

#include "common/calendar.h"

#define NS_PER_S INT64_C(1000000000)

static bool whole_minute(int64_t at_s)
{
    return at_s >= CALENDAR_MIN_S && at_s < CALENDAR_MAX_S && at_s % RECORD_WIDTH_S == 0;
}

/* A record is merged in every respect or in none. */
static const char *check_merged(const struct record *record)
{
    bool merged = record->before > 0;
    if (merged != !!(record->flags & RECORD_MERGED))
        return "it is merged and does not say so, or says so and is not";
    if (record->width_s != (merged ? RECORD_MERGED_WIDTH_S : RECORD_WIDTH_S))
        return "its width is not 60 s, or not 900 s though it is merged";
    if (merged && (record->before >= RECORD_MERGED_MAX || record->start_s % record->width_s != 0))
        return "it is merged of too many, or not of a quarter of an hour";
    return NULL;
}

static const char *check_time(const struct record *record)
{
    if (!whole_minute(record->start_s))
        return "its interval does not begin on a whole minute from 1970 to 2199";
    int64_t start_ns = record->start_s * NS_PER_S, end_ns = start_ns + record->width_s * NS_PER_S;
    if (record->first_ns < start_ns || record->last_ns < record->first_ns ||
        record->last_ns >= end_ns)
        return "the span observed is not inside of its interval";
    return NULL;
}

static bool hosts_empty(const struct hll *hosts)
{
    static const struct hll none;
    return memcmp(hosts, &none, sizeof none) == 0;
}

/* Adds to `*sum`; true when it overflowed. */
static bool add_all(uint64_t *sum, const uint64_t *counts, size_t count)
{
    bool overflow = false;
    for (size_t i = 0; i < count; i++)
        overflow |= __builtin_add_overflow(*sum, counts[i], sum);
    return overflow;
}

static bool add_vector(uint64_t *sum, const struct addrvec *vec)
{
    bool overflow = add_all(sum, vec->packets4, vec->count4);
    return add_all(sum, vec->packets6, vec->count6) || overflow;
}

static const char *check_counts(const struct record *record)
{
    uint64_t sum = 0;
    if (add_vector(&sum, &record->addresses) || sum != record->packets)
        return "its addresses do not sum to its packets";
    const uint64_t parts[] = {record->off_darknet, record->not_ip, record->undecodable,
                              record->late, record->refused};
    if (add_all(&sum, parts, sizeof parts / sizeof parts[0]) || sum != record->captured)
        return "what it captured is not the sum of its parts";
    if (record->captured > RECORD_CAPTURED_MAX)
        return "it captured more than any link carries";
    if (hosts_empty(&record->hosts) != (record->packets == 0))
        return "it has packets without hosts or hosts without packets";
    return NULL;
}

static const char *check_sources(const struct record *record)
{
    uint64_t sum = 0;
    if (addrvec_active(&record->sources) > RECORD_SOURCES_MAX)
        return "it has too many sources";
    if (add_vector(&sum, &record->sources) || sum > record->packets)
        return "its sources sum to more than its packets";
    return NULL;
}

static const char *check_late(const struct record *record)
{
    uint64_t sum = 0;
    if (record->late_count > RECORD_LATE_MAX)
        return "it has too many late intervals";
    for (size_t i = 0; i < record->late_count; i++) {
        const struct record_late *late = &record->late_by[i];
        if (!whole_minute(late->start_s) || late->packets == 0 ||
            (i > 0 && late[-1].start_s >= late->start_s))
            return "its late intervals are no minutes, do not ascend or count nothing";
        if (__builtin_add_overflow(sum, late->packets, &sum) || sum > record->late)
            return "its late intervals sum to more than its late packets";
    }
    return NULL;
}

/* Whether the prefix of an alarm is one: every bit behind its length is 0. */
static bool prefix_valid(const struct record_alarm *alarm)
{
    unsigned most = alarm->family == 4 ? 32 : 128;
    if ((alarm->family != 4 && alarm->family != 6) || alarm->length > most)
        return false;
    for (unsigned bit = alarm->length; bit < 128; bit++)
        if (alarm->address[bit / 8] & 0x80 >> bit % 8)
            return false;
    return true;
}

static int compare_alarms(const struct record_alarm *a, const struct record_alarm *b)
{
    if (a->kind != b->kind)
        return a->kind - b->kind;
    if (a->family != b->family)
        return a->family - b->family;
    int order = memcmp(a->address, b->address, sizeof a->address);
    return order ? order : a->length - b->length;
}

static const char *check_alarms(const struct record *record)
{
    if (record->alarm_count > RECORD_ALARMS_MAX)
        return "it has too many alarms";
    for (size_t i = 0; i < record->alarm_count; i++) {
        const struct record_alarm *alarm = &record->alarms[i];
        if (alarm->kind == 0 || !prefix_valid(alarm))
            return "an alarm of it has no kind or no prefix";
        if (i > 0 && compare_alarms(alarm - 1, alarm) >= 0)
            return "its alarms do not ascend";
    }
    return NULL;
}

const char *record_broken(const struct record *record)
{
    if (!sensor_name_valid(record->sensor))
        return "its sensor name is not valid";
    if (record->seq <= record->before || record->seq > RECORD_SEQ_MAX)
        return "its sequence is 0, or beyond 48 bits";
    const char *broken = check_merged(record);
    if (!broken)
        broken = check_time(record);
    if (!broken)
        broken = check_counts(record);
    if (!broken)
        broken = check_sources(record);
    if (!broken)
        broken = tables_broken(&record->tables, record->packets, record->bytes);
    if (!broken)
        broken = check_late(record);
    return broken ? broken : check_alarms(record);
}

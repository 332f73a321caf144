/* Merging: the records of a quarter of an hour become one, when a spool has no room for all of them. */
#include <string.h>

#include "common/err.h"
#include "common/record.h"
#include "common/sourcevec.h"

#define BYTES_MAX                                                                                  \
    (UINT64_C(1) << 44) /* more than the aggregator takes for a count (aggregator/apply.h) */

static int64_t quarter(const struct record *record)
{
    return record->start_s - record->start_s % RECORD_MERGED_WIDTH_S;
}

static bool same_origin(const struct record *a, const struct record *b)
{
    return strcmp(a->sensor, b->sensor) == 0 && memcmp(a->epoch, b->epoch, EPOCH_SIZE) == 0;
}

/* The moments observed stay one span, so that coverage by the minute is what it was. */
static bool follows(const struct record *into, const struct record *next)
{
    return next->before == 0 && next->seq == into->seq + 1 && quarter(into) == quarter(next) &&
           next->first_ns == into->last_ns + 1;
}

static bool fits(uint64_t a, uint64_t b, uint64_t most)
{
    return a <= most && b <= most - a;
}

static bool counts_fit(const struct record *into, const struct record *next)
{
    return fits(into->captured, next->captured, RECORD_CAPTURED_MAX) &&
           fits(into->kernel_dropped, next->kernel_dropped, RECORD_CAPTURED_MAX) &&
           fits(into->interface_dropped, next->interface_dropped, RECORD_CAPTURED_MAX) &&
           fits(into->bytes, next->bytes, BYTES_MAX) &&
           fits(into->alarms_omitted, next->alarms_omitted, UINT64_MAX);
}

bool record_mergeable(const struct record *into, const struct record *next)
{
    return same_origin(into, next) && follows(into, next) && into->before + 1 < RECORD_MERGED_MAX &&
           counts_fit(into, next);
}

static void add_counts(struct record *into, const struct record *next)
{
    into->packets += next->packets;
    into->bytes += next->bytes;
    into->captured += next->captured;
    into->off_darknet += next->off_darknet;
    into->not_ip += next->not_ip;
    into->undecodable += next->undecodable;
    into->late += next->late;
    into->refused += next->refused;
    into->kernel_dropped += next->kernel_dropped;
    into->interface_dropped += next->interface_dropped;
}

static void add_lists(struct record *into, const struct record *next)
{
    for (size_t i = 0; i < next->late_count; i++)
        record_add_late(into, next->late_by[i].start_s, next->late_by[i].packets);
    for (size_t i = 0; i < next->alarm_count; i++)
        record_add_alarm(into, &next->alarms[i]);
    into->alarms_omitted += next->alarms_omitted;
}

/* What falls out is of sources that are not kept. */
static int add_sources(struct record *into, const struct record *next)
{
    int rc = addrvec_add(&into->sources, &next->sources);
    if (rc == 0)
        sourcevec_trim(&into->sources, RECORD_SOURCES_MAX);
    return rc;
}

int record_merge(struct record *into, const struct record *next)
{
    into->start_s = quarter(into);
    into->width_s = RECORD_MERGED_WIDTH_S;
    into->last_ns = next->last_ns;
    into->before++;
    into->seq = next->seq;
    into->flags |= next->flags | RECORD_MERGED;
    add_counts(into, next);
    add_lists(into, next);
    hll_merge(&into->hosts, &next->hosts);
    int rc = addrvec_add(&into->addresses, &next->addresses);
    if (rc == 0)
        rc = add_sources(into, next);
    return rc ? rc : tables_add(&into->tables, &next->tables);
}

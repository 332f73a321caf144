#include "aggregator/standing.h"

#include <math.h>
#include <stdlib.h>

#include "common/calendar.h"
#include "common/err.h"

#define DAY_S    86400
#define NS_PER_S INT64_C(1000000000)

/* The items of a sensor, from the first one that standing_ask adds; the hours of each day follow. */
enum { ITEM_UNTIL, ITEM_STATUS, ITEM_HOURS };

/* The first hour that is looked at. */
static int64_t window_begin(int64_t now_s)
{
    return calendar_period(LEVEL_HOUR, now_s - DAY_S).start_s;
}

void standing_ask_aggregators(struct fetch *fetch)
{
    fetch_ask(fetch, FETCH_HASH, SCHEMA_AGGREGATORS, NULL);
}

size_t standing_ask(struct fetch *fetch, const char *sensor, int64_t now_s)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    size_t first = fetch->count;
    schema_key_head(key, sensor);
    fetch_ask(fetch, FETCH_FIELD, key, "until_ns");
    schema_key_status(key, sensor);
    fetch_ask(fetch, FETCH_HASH, key, NULL);
    for (int64_t at_s = window_begin(now_s); at_s <= now_s;) {
        struct period hour = calendar_period(LEVEL_HOUR, at_s);
        schema_key_totals(key, field, sensor, &hour);
        fetch_ask(fetch, FETCH_HASH, key, NULL);
        at_s = calendar_period(LEVEL_DAY, at_s).end_s;
    }
    return first;
}

/* What the hours of a day from the window on observed and dropped. */
static int add_hours(struct standing *standing, const struct fetch_item *hours, int64_t begin_s,
                     uint64_t *observed_ns, char *errmsg)
{
    for (size_t i = 0; i + 1 < hours->count; i += 2) {
        struct totals totals;
        int rc = totals_parse(&totals, hours->values[i + 1].bytes, hours->values[i + 1].size);
        if (rc)
            return err_set(errmsg, rc, "%s: %s", hours->key, err_str(rc));
        if (strtoll(hours->values[i].bytes, NULL, 10) < begin_s)
            continue;
        *observed_ns += totals.observed_ns;
        standing->dropped += totals.kernel_dropped + totals.interface_dropped;
    }
    return 0;
}

/* Of the whole minutes from `begin_s` up to now; a clock that is ahead of ours makes no more than all. */
static double share(uint64_t observed_ns, int64_t begin_s, int64_t now_s)
{
    int64_t end_s = (now_s - STANDING_GRACE_S) / 60 * 60;
    if (end_s <= begin_s)
        return NAN;
    double coverage = (double)observed_ns / ((double)(end_s - begin_s) * (double)NS_PER_S);
    return coverage < 1 ? coverage : 1;
}

int standing_read(struct standing *standing, const struct fetch *fetch, size_t first,
                  int64_t from_s, int64_t now_s, char *errmsg)
{
    const struct fetch_value *until = fetch_value(fetch, first + ITEM_UNTIL);
    int64_t begin_s = window_begin(now_s), at_s = begin_s;
    uint64_t observed_ns = 0;
    *standing = (struct standing){.delivered = until != NULL};
    if (until)
        standing->until_s = (strtoll(until->bytes, NULL, 10) + 1) / NS_PER_S;
    status_read(&standing->status, &fetch->items[0], &fetch->items[first + ITEM_STATUS], now_s);
    for (size_t i = first + ITEM_HOURS; at_s <= now_s; i++) {
        int rc = add_hours(standing, &fetch->items[i], begin_s, &observed_ns, errmsg);
        if (rc)
            return rc;
        at_s = calendar_period(LEVEL_DAY, at_s).end_s;
    }
    standing->coverage = share(observed_ns, from_s > begin_s ? from_s : begin_s, now_s);
    return 0;
}

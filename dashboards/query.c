#include "dashboards/query.h"

#include <string.h>

#include "common/err.h"

static const char *const step_names[QUERY_STEPS] = {
    [QUERY_WHOLE] = "",  [QUERY_MINUTE] = "minute", [QUERY_HOUR] = "hour",
    [QUERY_DAY] = "day", [QUERY_MONTH] = "month",   [QUERY_YEAR] = "year",
};

static const char *const by_names[QUERY_BYS] = {
    [QUERY_TOTAL] = "total", [QUERY_SENSOR] = "sensor",     [QUERY_ADDRESS] = "address",
    [QUERY_CLASS] = "class", [QUERY_PROTOCOL] = "protocol", [QUERY_PORT] = "port",
    [QUERY_ICMP] = "icmp",   [QUERY_SOURCE] = "source",     [QUERY_COUNTRY] = "country",
    [QUERY_ASN] = "asn",
};

int query_step_parse(const char *text, enum query_step *step)
{
    for (int i = QUERY_MINUTE; i < QUERY_STEPS; i++)
        if (strcmp(text, step_names[i]) == 0) {
            *step = (enum query_step)i;
            return 0;
        }
    return ERR_INVALID;
}

int query_by_parse(const char *text, enum query_by *by)
{
    for (int i = 0; i < QUERY_BYS; i++)
        if (strcmp(text, by_names[i]) == 0) {
            *by = (enum query_by)i;
            return 0;
        }
    return ERR_INVALID;
}

const char *query_by_name(enum query_by by)
{
    return by_names[by];
}

double query_coverage(const struct query_figures *figures)
{
    return coverage_share(&figures->coverage);
}

enum query_state query_state(const struct query_figures *figures)
{
    if (figures->any_data)
        return figures->packets ? QUERY_COUNTED : QUERY_TRUE_ZERO;
    return figures->coverage.expected > 0 ? QUERY_DOWN : QUERY_ABSENT;
}

const char *query_state_name(enum query_state state)
{
    static const char *const names[] = {[QUERY_COUNTED] = "counted",
                                        [QUERY_TRUE_ZERO] = "zero",
                                        [QUERY_DOWN] = "down",
                                        [QUERY_ABSENT] = "absent"};
    return names[state];
}

/* --- as far as there is data ------------------------------------------------------------------ */

#define NS_PER_S INT64_C(1000000000)

static bool observed_span(const struct store *store, const char *sensor, int64_t *first_s,
                          int64_t *last_s)
{
    size_t count;
    const struct store_sensor *sensors = store_sensors(store, &count);
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        const struct store_sensor *of = &sensors[i];
        if (of->until_ns < of->from_ns || (sensor && strcmp(of->name, sensor) != 0))
            continue;
        int64_t from_s = of->from_ns / NS_PER_S, until_s = of->until_ns / NS_PER_S;
        *first_s = any && *first_s < from_s ? *first_s : from_s;
        *last_s = any && *last_s > until_s ? *last_s : until_s;
        any = true;
    }
    return any;
}

/* The period of the step that holds an instant. */
static struct period period_of(enum query_step step, int64_t at_s)
{
    static const enum level levels[QUERY_STEPS] = {
        [QUERY_WHOLE] = LEVEL_YEAR,  [QUERY_HOUR] = LEVEL_HOUR, [QUERY_DAY] = LEVEL_DAY,
        [QUERY_MONTH] = LEVEL_MONTH, [QUERY_YEAR] = LEVEL_YEAR,
    };
    if (step != QUERY_MINUTE)
        return calendar_period(levels[step], at_s);
    struct period minute = calendar_period(LEVEL_DAY, at_s);
    minute.start_s = at_s - (at_s - minute.start_s) % 60;
    minute.end_s = minute.start_s + 60;
    return minute;
}

bool query_range(const struct store *store, struct query *query)
{
    int64_t first_s = 0, last_s = 0;
    bool any = observed_span(store, query->sensor, &first_s, &last_s);
    bool open = query->from_s == QUERY_OPEN || query->to_s == QUERY_OPEN;
    if (open && !any)
        return false;
    if (query->from_s == QUERY_OPEN)
        query->from_s = period_of(query->step, first_s).start_s;
    if (query->to_s == QUERY_OPEN)
        query->to_s = period_of(query->step, last_s).end_s;
    return !open || query->from_s < query->to_s;
}

int query_sensor_check(const struct store *store, const char *name, char *errmsg)
{
    size_t count;
    const struct store_sensor *sensors = store_sensors(store, &count);
    for (size_t i = 0; name && i < count; i++)
        if (strcmp(sensors[i].name, name) == 0)
            return 0;
    return name ? err_set(errmsg, ERR_UNKNOWN, "the store has no sensor %.64s", name) : 0;
}

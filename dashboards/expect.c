#include "dashboards/expect.h"

#include "common/err.h"

#define NS_PER_S INT64_C(1000000000)

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void expect_begin(struct expect *expect, const struct store_sensor *sensor, int64_t from_s,
                  int64_t to_s)
{
    *expect = (struct expect){.sensor = sensor, .from_s = from_s, .to_s = to_s};
}

/* The version as far as it lies in the range; false when nothing is expected of it there. */
static bool take_version(const struct expect *expect, const struct inventory_version *version,
                         struct expect_span *span)
{
    const struct store_sensor *sensor = expect->sensor;
    span->version = version;
    span->start_s = greater(version->from_s, expect->from_s);
    span->end_s = lesser(inventory_until(&sensor->inventory, version), expect->to_s);
    if (version->size == 0 || span->start_s >= span->end_s)
        return false;
    span->first_ns = greater(span->start_s * NS_PER_S, sensor->expected_from_ns);
    span->last_ns = lesser(span->end_s * NS_PER_S - 1, sensor->expected_until_ns);
    return span->first_ns <= span->last_ns;
}

bool expect_next(struct expect *expect, struct expect_span *span)
{
    const struct inventory *inventory = &expect->sensor->inventory;
    while (expect->next < inventory->count)
        if (take_version(expect, &inventory->versions[expect->next++], span))
            return true;
    return false;
}

uint64_t expect_span_ns(const struct expect_span *span)
{
    return (uint64_t)(span->last_ns - span->first_ns) + 1;
}

double expect_sum(const struct store_sensor *sensor, int64_t from_s, int64_t to_s)
{
    struct expect expect;
    struct expect_span span;
    double sum = 0;
    expect_begin(&expect, sensor, from_s, to_s);
    while (expect_next(&expect, &span))
        sum += (double)expect_span_ns(&span) * span.version->size;
    return sum;
}

bool expect_alone(const struct store_sensor *sensor, int64_t from_s, int64_t to_s,
                  struct expect_span *span)
{
    struct expect expect;
    struct expect_span other;
    expect_begin(&expect, sensor, from_s, to_s);
    if (!expect_next(&expect, span) || expect_next(&expect, &other))
        return false;
    /* A record counts by the start of its minute. */
    int64_t from_minute_s = sensor->from_ns / NS_PER_S / 60 * 60;
    return span->start_s <= greater(from_s, from_minute_s) &&
           span->end_s * NS_PER_S > lesser(to_s * NS_PER_S - 1, sensor->until_ns);
}

struct prefixset *expect_darknet(const struct store_sensor *sensor, int64_t from_s, int64_t to_s,
                                 int *rc)
{
    struct prefixset *set = prefixset_new();
    struct expect expect;
    struct expect_span span;
    bool any = false;
    *rc = set ? 0 : ERR_NOMEM;
    expect_begin(&expect, sensor, from_s, to_s);
    while (*rc == 0 && expect_next(&expect, &span)) {
        *rc = prefixset_add(set, span.version->list, NULL);
        any = true;
    }
    if (*rc == 0 && any)
        *rc = prefixset_settle(set, NULL);
    if (*rc == 0 && any)
        return set;
    prefixset_free(set);
    *rc = *rc ? ERR_NOMEM : 0; /* the lists were canonical */
    return NULL;
}

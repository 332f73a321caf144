#include "aggregator/stats.h"

#include <stdlib.h>
#include <string.h>

#include "common/metrics.h"

#ifndef DARKCOUNT_VERSION
#define DARKCOUNT_VERSION "unversioned"
#endif

static const char *const refusals[REFUSE_CODES] = {
    [REFUSE_UNKNOWN] = "unknown",
    [REFUSE_PROTOCOL] = "protocol",
    [REFUSE_DAMAGED] = "damaged",
    [REFUSE_GAP] = "gap",
    [REFUSE_IDENTITY] = "identity",
    [REFUSE_OVERLAP] = "overlap",
    [REFUSE_STORE] = "store",
    [REFUSE_BUSY] = "busy",
    [REFUSE_CERTIFICATE] = "certificate",
};

void stats_close(struct stats *stats)
{
    free(stats->sensors);
    stats->sensors = NULL;
    stats->sensor_count = 0;
}

/* --- sensors ---------------------------------------------------------------------------------- */

static struct stats_sensor *find(const struct stats *stats, const char *name)
{
    for (size_t i = 0; i < stats->sensor_count; i++)
        if (strcmp(stats->sensors[i].name, name) == 0)
            return &stats->sensors[i];
    return NULL;
}

static struct stats_sensor *append(struct stats *stats, const char *name)
{
    struct stats_sensor *more = NULL;
    if (stats->sensor_count < STATS_SENSORS_MAX)
        more = realloc(stats->sensors, (stats->sensor_count + 1) * sizeof *more);
    if (!more)
        return NULL;
    stats->sensors = more;
    more += stats->sensor_count++;
    *more = (struct stats_sensor){0};
    strncpy(more->name, name, SENSOR_NAME_MAX);
    return more;
}

void stats_through(struct stats *stats, const char *sensor, int64_t until_s)
{
    struct stats_sensor *found = find(stats, sensor);
    if (!found)
        found = append(stats, sensor);
    if (!found)
        stats->sensors_omitted++;
    else if (until_s > found->until_s)
        found->until_s = until_s;
}

/* --- the page --------------------------------------------------------------------------------- */

static void write_connections(struct metrics *metrics, const struct stats *stats,
                              const struct stats_now *now)
{
    metrics_gauge(metrics, "connections", "Connections that are open.", now->connections);
    metrics_gauge(metrics, "delivering_connections", "Of them, those that deliver for a sensor.",
                  now->sensors);
    metrics_counter(metrics, "connections_total", "Connections that were accepted.",
                    stats->connections);
    metrics_family(metrics, METRICS_COUNTER, "turned_away_total",
                   "Connections that ended before they said who they are, by reason.");
    metrics_add_labelled(metrics, "reason", "too_many", stats->turned_away[STATS_TOO_MANY]);
    metrics_add_labelled(metrics, "reason", "tls", stats->turned_away[STATS_TLS]);
    metrics_add_labelled(metrics, "reason", "slow", stats->turned_away[STATS_SLOW]);
    metrics_family(metrics, METRICS_COUNTER, "refused_total",
                   "Conversations that were refused, by reason.");
    for (size_t i = 0; i < REFUSE_CODES; i++)
        metrics_add_labelled(metrics, "reason", refusals[i], stats->refused[i]);
    metrics_counter(metrics, "received_bytes_total", "Bytes that arrived on connections.",
                    stats->received_bytes);
}

static void write_records(struct metrics *metrics, const struct stats *stats)
{
    metrics_counter(metrics, "records_total", "Records that arrived.", stats->records);
    metrics_counter(metrics, "applied_records_total",
                    "Of them, those that became durable in the store and were acknowledged.",
                    stats->applied);
    metrics_counter(metrics, "duplicate_records_total",
                    "Of them, those that had been applied before and changed nothing.",
                    stats->duplicate);
    metrics_family(metrics, METRICS_COUNTER, "refused_records_total",
                   "Of them, those that were refused, by reason.");
    for (size_t i = 0; i < REFUSE_CODES; i++)
        metrics_add_labelled(metrics, "reason", refusals[i], stats->records_refused[i]);
    metrics_family(metrics, METRICS_SUMMARY, "apply_seconds",
                   "From taking a record until it was durable in the store.");
    metrics_add_summary(metrics, stats->apply_ns, stats->applied);
}

static void write_sensors(struct metrics *metrics, const struct stats *stats, int64_t now_s)
{
    metrics_family(metrics, METRICS_GAUGE, "sensor_lag_seconds",
                   "Since the end of the last interval of a live sensor that became durable since "
                   "the aggregator started.");
    for (size_t i = 0; i < stats->sensor_count; i++) {
        const struct stats_sensor *sensor = &stats->sensors[i];
        uint64_t lag_s = sensor->until_s < now_s ? (uint64_t)(now_s - sensor->until_s) : 0;
        metrics_add_labelled(metrics, "sensor", sensor->name, lag_s);
    }
    metrics_counter(metrics, "sensor_lag_omitted_records_total",
                    "Records of live sensors for whose lag there was no room on this page.",
                    stats->sensors_omitted);
}

static void write_expiry(struct metrics *metrics, const struct stats_now *now)
{
    if (now->certificate_until_s == 0)
        return;
    metrics_gauge(metrics, "certificate_expiry_timestamp_seconds",
                  "When the aggregator's own certificate ends; another is made at each start.",
                  (uint64_t)now->certificate_until_s);
    metrics_gauge(metrics, "authority_expiry_timestamp_seconds",
                  "When the certificate of the telescope's authority ends.",
                  (uint64_t)now->authority_until_s);
}

static void write_replicas(struct metrics *metrics, const struct stats_now *now)
{
    if (!now->replicas_wanted)
        return;
    metrics_gauge(metrics, "store_primaries_lacking_replicas",
                  "Servers of the store with fewer replicas than an acknowledgement needs.",
                  now->primaries_lacking);
    metrics_counter(metrics, "store_replica_waits_total",
                    "Times that the store's replicas were waited for.", now->replica_waits);
    metrics_counter(metrics, "store_replica_shortfalls_total",
                    "Of them, those after which too few had what was written.",
                    now->replica_shortfalls);
}

void stats_write(const struct stats *stats, const struct stats_now *now, struct buf *text)
{
    struct metrics metrics = {.out = text, .prefix = "darkcount_aggregator_"};
    metrics_family(&metrics, METRICS_GAUGE, "build_info", "1, with the program's version.");
    metrics_add_labelled(&metrics, "version", DARKCOUNT_VERSION, 1);
    metrics_gauge(&metrics, "store_up", "1 while Redis answers and can be used.", now->store_up);
    write_replicas(&metrics, now);
    write_connections(&metrics, stats, now);
    write_records(&metrics, stats);
    write_sensors(&metrics, stats, now->now_s);
    write_expiry(&metrics, now);
}

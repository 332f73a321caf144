#include "collector/shipmetrics.h"

#include "common/metrics.h"

#ifndef DARKCOUNT_VERSION
#define DARKCOUNT_VERSION "unversioned"
#endif

static void write_counted(struct metrics *metrics, const struct vitals *vitals)
{
    metrics_counter(metrics, "captured_packets_total",
                    "Packets captured, in the intervals that were put into the spool.",
                    vitals->captured);
    metrics_counter(metrics, "packets_total", "Of the captured packets, those to the darknet.",
                    vitals->packets);
    metrics_family(metrics, METRICS_COUNTER, "uncounted_packets_total",
                   "Of the captured packets, those that are not among packets_total, by reason.");
    metrics_add_labelled(metrics, "reason", "off_darknet", vitals->off_darknet);
    metrics_add_labelled(metrics, "reason", "not_ip", vitals->not_ip);
    metrics_add_labelled(metrics, "reason", "undecodable", vitals->undecodable);
    metrics_add_labelled(metrics, "reason", "late", vitals->late);
    metrics_add_labelled(metrics, "reason", "refused", vitals->refused);
    metrics_family(metrics, METRICS_COUNTER, "dropped_packets_total",
                   "Packets that were lost before they could be captured, by who dropped them.");
    metrics_add_labelled(metrics, "by", "kernel", vitals->kernel_dropped);
    metrics_add_labelled(metrics, "by", "interface", vitals->interface_dropped);
}

static void write_spool(struct metrics *metrics, const struct shipmetrics *figures)
{
    metrics_counter(metrics, "spooled_records_total", "Records put into the spool.",
                    figures->vitals->records);
    metrics_counter(metrics, "spooled_bytes_total", "Bytes of the records put into the spool.",
                    figures->vitals->bytes);
    metrics_family(metrics, METRICS_COUNTER, "lost_records_total",
                   "Intervals that no aggregator will get, by reason: neither disk nor memory had "
                   "room, or the spool was damaged or at its limit.");
    metrics_add_labelled(metrics, "reason", "no_room", figures->vitals->lost_intervals);
    metrics_add_labelled(metrics, "reason", "spool", figures->lost);
    metrics_counter(
        metrics, "merged_records_total",
        "Records that were never sent and became part of one of a quarter of an hour, since the "
        "spool had no room.",
        figures->merged);
    metrics_gauge(metrics, "spool_bytes", "What the records of the live sensor take on the disk.",
                  figures->spool_bytes);
    metrics_gauge(metrics, "spool_max_bytes", "What they may take.", figures->spool_max_bytes);
}

static void write_delivery(struct metrics *metrics, const struct shipmetrics *figures)
{
    metrics_counter(metrics, "acknowledged_records_total",
                    "Records that became durable at the aggregator.", figures->acknowledged);
    metrics_gauge(metrics, "waiting_records", "Records in the spool that are not acknowledged.",
                  figures->waiting);
    metrics_gauge(metrics, "lag_seconds",
                  "Since the end of the oldest interval of the live sensor that is not "
                  "acknowledged; 0 when all are.",
                  figures->lag_s);
    metrics_gauge(metrics, "connected", "1 while there is a connection to the aggregator.",
                  figures->connected);
    metrics_counter(metrics, "connections_total", "Connections that were made to the aggregator.",
                    figures->connections);
    if (figures->certificate_until_s > 0)
        metrics_gauge(metrics, "certificate_expiry_timestamp_seconds",
                      "When the sensor's certificate ends.",
                      (uint64_t)figures->certificate_until_s);
}

void shipmetrics_write(const struct shipmetrics *figures, struct buf *text)
{
    struct metrics metrics = {.out = text, .prefix = "darkcount_collector_"};
    metrics_family(&metrics, METRICS_GAUGE, "build_info", "1, with the program's version.");
    metrics_add_labelled(&metrics, "version", DARKCOUNT_VERSION, 1);
    write_counted(&metrics, figures->vitals);
    write_spool(&metrics, figures);
    write_delivery(&metrics, figures);
}

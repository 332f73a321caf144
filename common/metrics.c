#include "common/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put_text(struct buf *out, const char *text)
{
    buf_put(out, text, strlen(text));
}

static void put_number(struct buf *out, uint64_t value)
{
    char text[32];
    snprintf(text, sizeof text, " %" PRIu64 "\n", value);
    put_text(out, text);
}

static void put_name(const struct metrics *metrics)
{
    put_text(metrics->out, metrics->prefix);
    put_text(metrics->out, metrics->name);
}

/* A label's value has three characters that are written with a backslash. */
static void put_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n') {
            put_text(out, "\\n");
            continue;
        }
        if (*text == '"' || *text == '\\')
            buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)*text);
    }
}

static void put_comment(const struct metrics *metrics, const char *what, const char *text)
{
    put_text(metrics->out, what);
    put_name(metrics);
    put_text(metrics->out, " ");
    put_text(metrics->out, text);
    put_text(metrics->out, "\n");
}

void metrics_family(struct metrics *metrics, enum metrics_kind kind, const char *name,
                    const char *help)
{
    static const char *const kinds[] = {"counter", "gauge", "summary"};
    metrics->name = name;
    put_comment(metrics, "# HELP ", help);
    put_comment(metrics, "# TYPE ", kinds[kind]);
}

void metrics_add(struct metrics *metrics, uint64_t value)
{
    put_name(metrics);
    put_number(metrics->out, value);
}

void metrics_add_labelled(struct metrics *metrics, const char *label, const char *text,
                          uint64_t value)
{
    put_name(metrics);
    put_text(metrics->out, "{");
    put_text(metrics->out, label);
    put_text(metrics->out, "=\"");
    put_escaped(metrics->out, text);
    put_text(metrics->out, "\"}");
    put_number(metrics->out, value);
}

void metrics_add_summary(struct metrics *metrics, uint64_t sum_ns, uint64_t count)
{
    char text[64];
    put_name(metrics);
    snprintf(text, sizeof text, "_sum %" PRIu64 ".%09" PRIu64 "\n", sum_ns / 1000000000,
             sum_ns % 1000000000);
    put_text(metrics->out, text);
    put_name(metrics);
    put_text(metrics->out, "_count");
    put_number(metrics->out, count);
}

void metrics_counter(struct metrics *metrics, const char *name, const char *help, uint64_t value)
{
    metrics_family(metrics, METRICS_COUNTER, name, help);
    metrics_add(metrics, value);
}

void metrics_gauge(struct metrics *metrics, const char *name, const char *help, uint64_t value)
{
    metrics_family(metrics, METRICS_GAUGE, name, help);
    metrics_add(metrics, value);
}

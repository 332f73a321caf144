/*
 * Metrics: the text of a page of metrics, in Prometheus' exposition format 0.0.4. Whoever has figures
 * opens a family (its name, what it means, of what kind it is) and adds its samples; common/httpd.h
 * serves the text. Pure.
 *
 *   metrics_family -> metrics_add | metrics_add_labelled ... -> the next family
 */
#ifndef COMMON_METRICS_H
#define COMMON_METRICS_H

#include <stdint.h>

#include "common/buf.h"

enum metrics_kind {
    METRICS_COUNTER, /* only grows; a name that ends in _total */
    METRICS_GAUGE,
    METRICS_SUMMARY, /* samples with the suffixes "_sum" and "_count" */
};

struct metrics {
    struct buf *out;    /* its `failed` tells that memory ran out */
    const char *prefix; /* before every name */
    const char *name;   /* of the family at hand; borrowed until the next */
};

/* Begins a family. `name` in base units, `help` one line. */
void metrics_family(struct metrics *metrics, enum metrics_kind kind, const char *name,
                    const char *help);
/* Adds a sample to it. */
void metrics_add(struct metrics *metrics, uint64_t value);
/* Adds a sample with one label, whose value may be any text. */
void metrics_add_labelled(struct metrics *metrics, const char *label, const char *text,
                          uint64_t value);
/* Adds the two samples of a summary of durations. */
void metrics_add_summary(struct metrics *metrics, uint64_t sum_ns, uint64_t count);

/* A family of one sample. */
void metrics_counter(struct metrics *metrics, const char *name, const char *help, uint64_t value);
void metrics_gauge(struct metrics *metrics, const char *name, const char *help, uint64_t value);

#endif

/*
 * The scale of an axis: linear from zero, or logarithmic, with round ticks and how they are written.
 * Pure; whatever draws values has one.
 */
#ifndef DASHBOARDS_SCALE_H
#define DASHBOARDS_SCALE_H

#include <stdbool.h>

#define SCALE_TEXT_MAX  48
#define SCALE_LOG_RATIO 100 /* of the largest to the smallest value, from which logarithmic pays */

struct scale {
    double low, high;
    double step; /* between ticks; a logarithmic scale has one per `step` decades */
    bool log;
};

/* A scale for values up to `most` (0: there is none) that leaves `headroom`, a share of the axis,
 * above it. With `least` > 0 it is logarithmic and begins half a decade or more below that. About
 * `ticks` ticks. */
struct scale scale_choose(double least, double most, double headroom, int ticks);
/* The same for whole numbers: no tick lies between two of them. */
struct scale scale_choose_counts(double least, double most, double headroom, int ticks);

/* Tick `i` of the scale, from its lower end; false when it is beyond the upper one. */
bool scale_tick(const struct scale *scale, int i, double *at);

/* Where `value` is between the ends: 0 at `low`, 1 at `high`. */
double scale_share(const struct scale *scale, double value);

/* A tick as text; the ticks of one scale have the same number of decimals. */
void scale_format_tick(const struct scale *scale, double at, char out[SCALE_TEXT_MAX]);

/* Width in ems of the widest tick's text. */
double scale_ems(const struct scale *scale);

/* A value as text: thousands separated by commas, decimals only below 1,000. */
void scale_format(double value, char out[SCALE_TEXT_MAX]);
/* A figure that is no count, with as many decimals as others of its size, also when they are zero. */
void scale_format_figure(double value, char out[SCALE_TEXT_MAX]);

#endif

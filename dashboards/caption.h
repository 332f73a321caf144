/*
 * What every chart says of its data: period, source, method, coverage, revision, in both languages.
 * Pure; the charts' data carry a struct caption, chart_query.c fills it.
 */
#ifndef DASHBOARDS_CAPTION_H
#define DASHBOARDS_CAPTION_H

#include "dashboards/labels.h"
#include "dashboards/sheet.h"

struct caption_date {
    int year, month, day;
};

struct caption {
    enum language language;
    const char *timezone;
    size_t sensors;
    struct caption_date first, last; /* of the period, both days included */
    double coverage;                 /* 0 to 1; NaN: not known */
    uint64_t revision;               /* how often a year of the period was restated */
};

/* The notes of one chart, to be kept as long as its sheet. */
struct caption_notes {
    char title[LABELS_MAX], source[LABELS_MAX], coverage[LABELS_MAX], revision[LABELS_MAX];
};

/* Gives the sheet its title (`title` with the period behind it) and the notes: source and period,
 * `method`, coverage, revision. */
void caption_put(const struct caption *caption, const char *title, const char *method,
                 struct caption_notes *notes, struct sheet *sheet);

/* "2026", "2026-03", "2026-03-01" or "2026-03-01 to 2026-04-05"; "2026年3月" in Japanese. */
void caption_period(const struct caption *caption, char out[LABELS_MAX]);

/* A share as per cent, cut and not rounded, so that only what is whole says 100 %; "?" for NaN. */
#define CAPTION_SHARE_MAX 16
void caption_share(double share, char out[CAPTION_SHARE_MAX]);

#endif

/*
 * Every word that stands in a chart, in English and Japanese. Pure. A function that fills `out`
 * cuts at LABELS_MAX bytes.
 */
#ifndef DASHBOARDS_LABELS_H
#define DASHBOARDS_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "dashboards/figures.h"

enum language { LANGUAGE_EN, LANGUAGE_JA };

#define LABELS_MAX 4096

/* "en" or "ja"; ERR_INVALID otherwise. */
int labels_language_parse(const char *text, enum language *language);

enum label {
    LABEL_TITLE,
    LABEL_UNIT,
    LABEL_UNIT_LOG,   /* the same on a logarithmic scale */
    LABEL_COVERAGE,   /* head of the line of coverages below the years */
    LABEL_NICT,       /* legend of NICT's series */
    LABEL_NICT_NOTE,  /* where that series comes from and what it is not */
    LABEL_ESTIMATE,   /* what the asterisk means */
    LABEL_COMPLETE,   /* coverage of 100 % in every year */
    LABEL_UNRESTATED, /* revision 0 in every year */
    LABEL_NO_FIGURE,  /* in the place of a bar: data, but no figure by this method */
    LABEL_ABOUT,      /* before a rounded figure */
    LABELS,
};

/* A fixed text. */
const char *label(enum language language, enum label which);

/* The font that has the glyphs of the language, and the Debian package that brings it. */
const char *labels_font(enum language language);
const char *labels_font_package(enum language language);

/* Legend of our series, with the method. */
void labels_ours(enum language language, enum method method, char out[LABELS_MAX]);
/* Source: sensors and the zone in which days are cut. */
void labels_source(enum language language, size_t sensors, const char *timezone,
                   char out[LABELS_MAX]);
/* What the method computes. */
void labels_method(enum language language, enum method method, char out[LABELS_MAX]);
/* "Revision ...: `list`"; the list is "2019: 2, 2021: 1". */
void labels_revision(enum language language, const char *list, char out[LABELS_MAX]);

#endif

/*
 * Every word that stands in a chart, in English and Japanese. Pure. A function that fills `out`
 * cuts at LABELS_MAX bytes.
 */
#ifndef DASHBOARDS_LABELS_H
#define DASHBOARDS_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/tables.h"
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
    LABEL_NICT_NOTE,  /* what that series is not */
    LABEL_NICT_NONE,  /* NICT published none of these years */
    LABEL_ESTIMATE,   /* what the asterisk means */
    LABEL_COMPLETE,   /* coverage of 100 % in every year */
    LABEL_UNRESTATED, /* revision 0 in every year */
    LABEL_NO_FIGURE,  /* in the place of a bar: data, but no figure by this method */
    LABEL_ABOUT,      /* before a rounded figure */
    LABEL_GROWTH,     /* head of the line of growth factors */
    LABEL_PACKETS,
    LABEL_PACKETS_DAY,
    LABEL_PACKETS_DAY_LOG,
    LABEL_PACKETS_MONTH,
    LABEL_HOSTS_DAY,
    LABEL_HOSTS_DAY_LOG,
    LABEL_WHOLE_DAY, /* legend: a day that was observed whole */
    LABEL_PART_DAY,
    LABEL_NO_DATA,
    LABEL_OTHERS, /* ports */
    LABEL_NO_PORT,
    LABEL_COUNTED,
    LABEL_TRUE_ZERO,
    LABEL_DOWN,
    LABEL_ABSENT,
    LABEL_DAILY_TITLE,
    LABEL_DAILY_METHOD,
    LABEL_CLASSES_TITLE,
    LABEL_CLASSES_TITLE_MONTHS,
    LABEL_CLASSES_METHOD,
    LABEL_PORTS_TITLE,
    LABEL_PORTS_METHOD,
    LABEL_COUNTRIES_TITLE,
    LABEL_OTHER_COUNTRIES,
    LABEL_UNKNOWN_COUNTRY,
    LABEL_SOURCES_NOT_KEPT,
    LABEL_WITHHELD,
    LABEL_COVERAGE_TITLE,
    LABEL_COVERAGE_METHOD,
    LABEL_MAP_TITLE,
    LABEL_MAP_UNIT,
    LABEL_MAP_ZERO,
    LABEL_MAP_MISSING,
    LABEL_MAP_BLANK,
    LABEL_MAP_IPV6,
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
/* Years of which a part was to be observed: "2019-03-05 to 2019-12-31; 2025-01-01 to 2025-09-23". */
void labels_part_years(enum language language, const char *list, char out[LABELS_MAX]);

/* NICT's series: `list` says which years come from where, "2017 REPORT; 2018, 2019 OTHER". */
void labels_nict(enum language language, const char *list, char out[LABELS_MAX]);
/* A growth factor; NaN gives an empty text. */
void labels_growth(enum language language, double growth, char *out, size_t room);
/* A class of packets, its name and what it is. */
void labels_class(enum language language, enum packet_class class, char *out, size_t room);
/* What the bars of countries are; `database` says where sources are: its name and date. */
void labels_countries(enum language language, const char *database, char out[LABELS_MAX]);
/* The note `method`, and what "withheld" is where there is any. */
void labels_method_withheld(enum language language, const char *method, bool withheld,
                            char out[LABELS_MAX]);
/* So many sensors are not drawn. */
void labels_omitted(enum language language, size_t sensors, char out[LABELS_MAX]);
/* What the cells of a map are. `range`: see struct chart_map. */
void labels_map(enum language language, uint64_t addresses, uint64_t per_cell, const char *range,
                char out[LABELS_MAX]);

#endif

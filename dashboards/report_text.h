/*
 * The sentences of a yearly report, built from its figures: right in singular and plural, for a rise, a
 * fall and a figure that is missing, in English and Japanese. Pure.
 */
#ifndef DASHBOARDS_REPORT_TEXT_H
#define DASHBOARDS_REPORT_TEXT_H

#include "dashboards/labels.h"
#include "dashboards/report_data.h"

#define REPORT_TEXT_MAX 2048

/* The fixed texts. */
enum report_text {
    REPORT_SUMMARY,
    REPORT_METHOD,
    REPORT_METHOD_TEXT,
    REPORT_WORDS_TEXT,
    REPORT_MISSING_TEXT,
    REPORT_METHODS,
    REPORT_YEARS,
    REPORT_DAYS,
    REPORT_UNUSUAL_DAYS,
    REPORT_PORTS_HEAD,
    REPORT_COUNTRIES_HEAD,
    REPORT_COUNTRIES_METHOD,
    REPORT_CLASSES_HEAD,
    REPORT_BACKSCATTER_TEXT,
    REPORT_SENSORS,
    REPORT_DENOMINATOR,
    REPORT_DENOMINATOR_TEXT,
    REPORT_CONFIDENTIAL_TEXT,
    REPORT_APPENDIX,
    REPORT_NICT_TEXT,
    REPORT_FIGURE_ANNUAL,
    REPORT_FIGURE_DAILY,
    REPORT_FIGURE_PORTS,
    REPORT_FIGURE_COUNTRIES,
    REPORT_FIGURE_CLASSES,
    REPORT_FIGURE_COVERAGE,
    REPORT_FIGURE_MAP,
    REPORT_OTHERS,
    REPORT_WITHOUT_PORT,
    REPORT_OTHER_COUNTRIES,
    REPORT_UNKNOWN_COUNTRY,
    REPORT_SOURCES_NOT_KEPT,
    REPORT_WITHHELD,
    REPORT_EXACT,
    REPORT_ABOUT,
    REPORT_TEXTS
};
const char *report_text(enum language language, enum report_text which);

/* The head of a table's column in words; `name` is the column's in the csv files. */
const char *report_head(enum language language, const char *name);

/* Each fills `out` with whole sentences; an empty text where there is nothing to say. */
typedef void report_sentence(const struct report_data *data, enum language language,
                             char out[REPORT_TEXT_MAX]);
report_sentence report_title, report_headline, report_part_text, report_change_text, report_totals,
    report_quality, report_days_text, report_unusual_text, report_ports_text, report_countries_text,
    report_classes_text, report_sensors_text, report_withheld_text, report_vast_text;

/* What made an unusual day. */
void report_cause_text(const struct report_unusual *day, enum language language,
                       char out[REPORT_TEXT_MAX]);

#endif

/*
 * Rows of an export, as csv with a header line (RFC 4180, but for lines that end in a line feed
 * alone) or as JSON Lines, an object a line. As rows.h, for rows by the million. What is missing is
 * empty in csv and null in JSON.
 *
 *   lines_begin -> (lines_text | lines_u64 | ...) for every column of a row -> the next row
 */
#ifndef DASHBOARDS_LINES_H
#define DASHBOARDS_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dashboards/textout.h"

#define LINES_COLUMNS 16

struct lines {
    struct textout *out; /* borrowed */
    bool json;
    const char *const *columns; /* borrowed */
    size_t count, column;       /* `column`: the next cell's */
};

/* `columns`: up to LINES_COLUMNS names, NULL ends the list. Writes the header of csv. */
void lines_begin(struct lines *lines, struct textout *out, bool json, const char *const *columns);

/* The next cell. Text is of this program or checked before: it has no quote, comma, backslash or
 * control character. */
void lines_text(struct lines *lines, const char *text);
void lines_u64(struct lines *lines, uint64_t value);
/* `decimals` digits after the point; NaN is missing. */
void lines_double(struct lines *lines, double value, int decimals);
void lines_address(struct lines *lines, int family, const uint8_t *address);
void lines_address4(struct lines *lines, uint32_t address);
void lines_missing(struct lines *lines);

#endif

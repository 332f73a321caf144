/*
 * Rows on standard output as table, csv (RFC 4180) or json: every command that prints figures
 * prints them through this, so that a missing figure is empty in csv and table and null in json,
 * everywhere.
 */
#ifndef COMMON_ROWS_H
#define COMMON_ROWS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum rows_format { ROWS_TABLE, ROWS_CSV, ROWS_JSON };

/* "table", "csv" or "json"; ERR_INVALID otherwise. */
int rows_format_parse(const char *text, enum rows_format *format);
/* The format where none was asked for: table on a terminal, csv elsewhere. */
enum rows_format rows_format_default(FILE *out);

struct rows;

/* Begins rows of the given columns (borrowed until rows_end; NULL ends the list). JSON is one
 * object:
 * {"columns-less extras..., "rows": [{...}, ...]}; see rows_extra. NULL without memory. */
struct rows *rows_begin(FILE *out, enum rows_format format, const char *const *columns);
/* One cell after the other; after the last column's cell the row is complete. */
void rows_text(struct rows *rows, const char *text);
void rows_u64(struct rows *rows, uint64_t value);
/* Whole rows of three columns: an IPv4 address in host byte order, packets and bytes. As the cells
 * one after the other, in csv many times as fast. */
void rows_counts(struct rows *rows, const uint32_t *address, const uint64_t *packets,
                 const uint64_t *bytes, size_t count);
/* `decimals` digits after the point; a NaN is missing. */
void rows_double(struct rows *rows, double value, int decimals);
void rows_missing(struct rows *rows);
/* JSON only (dropped otherwise): a member beside "rows"; before or after the rows, not between
 * cells. */
void rows_extra_u64(struct rows *rows, const char *name, uint64_t value);
void rows_extra_text(struct rows *rows, const char *name, const char *text);
/* Ends the output, flushes and frees. ERR_IO or ERR_FULL when anything could not be written. */
int rows_end(struct rows *rows);

#endif

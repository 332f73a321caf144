/*
 * Csv: CSV text (RFC 4180, but for lines that end in a line feed alone, as Unix tools expect) to a
 * stream, gathered in blocks, since there may be millions of rows. Used by rows, which decides what goes into which cell: csv_new, then csv_put, csv_text and
 * csv_counts, then csv_end.
 */
#ifndef COMMON_CSV_H
#define COMMON_CSV_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct csv;

/* Writes to `out`, which need not buffer then and, where it has a descriptor, no longer does. NULL
 * without memory. */
struct csv *csv_new(FILE *out);
/* Writes what is left and frees. The error of the first write that failed: ERR_IO or ERR_FULL. */
int csv_end(struct csv *csv);

/* Bytes as they are: separators, numbers. */
void csv_put(struct csv *csv, const char *text, size_t size);
/* A cell of text, quoted where it has to be. */
void csv_text(struct csv *csv, const char *text);
/* Whole rows of an IPv4 address in host byte order and two numbers. */
void csv_counts(struct csv *csv, const uint32_t *address, const uint64_t *packets,
                const uint64_t *bytes, size_t count);

#endif

/*
 * Figures in sentences and tables, and words that agree with their number. Pure; both languages group
 * digits by commas and have a point before decimals.
 */
#ifndef DASHBOARDS_PROSE_H
#define DASHBOARDS_PROSE_H

#include <stdint.h>

#define PROSE_MAX 64

struct prose {
    char text[PROSE_MAX];
};

/* "559,125". */
struct prose prose_u64(uint64_t value);
/* "2,420,000.12"; empty for a NaN, which is a missing figure. */
struct prose prose_double(double value, int decimals);
/* "1 packet", "0 packets", "2 packets": English only. */
struct prose prose_counted(uint64_t value, const char *one, const char *many);
/* "2024-03-01". */
struct prose prose_date(int year, int month, int day);

#endif

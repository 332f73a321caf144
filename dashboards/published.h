/*
 * Published: yearly figures as `darkcount annual` printed them at some time, csv or json, read back from
 * a file that was kept since: sent around, cut, opened in a spreadsheet. compare.c holds the store
 * against it. Whatever is not understood is an error with its place; columns of other names are passed
 * over. Pure but for published_read.
 */
#ifndef DASHBOARDS_PUBLISHED_H
#define DASHBOARDS_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dashboards/figures.h"

enum published_figure {
    PUBLISHED_PER_ADDRESS,
    PUBLISHED_PACKETS,
    PUBLISHED_ADDRESSES,
    PUBLISHED_SECONDS,
    PUBLISHED_HOSTS,
    PUBLISHED_COVERAGE,
    PUBLISHED_DROPPED,
    PUBLISHED_REVISION,
    PUBLISHED_FIGURES
};

/* The name of a figure's column, and with how many decimals it is printed; 0: a whole number. */
extern const struct published_column {
    const char *name;
    int decimals;
} published_columns[PUBLISHED_FIGURES];

struct published_value {
    enum {
        PUBLISHED_ABSENT,  /* the file has no such column */
        PUBLISHED_MISSING, /* printed as missing */
        PUBLISHED_KNOWN
    } state;
    uint64_t whole; /* of a figure without decimals */
    double real;    /* of one with */
};

struct published_year {
    int year;
    enum method method;
    struct published_value figures[PUBLISHED_FIGURES];
};

struct published {
    struct published_year *years; /* in the order of the file; each year once for a method */
    size_t count;
};

/* Reads the text or the file. ERR_INVALID with place and cause in `errmsg`; of the file also ERR_UNKNOWN,
 * ERR_IO; ERR_NOMEM. To be closed with published_close whatever it returned. */
int published_parse(struct published *published, const char *text, char *errmsg);
int published_read(struct published *published, const char *path, char *errmsg);
void published_close(struct published *published);

/* The figures as `annual` prints them now. */
struct published_year published_of(const struct figures *figures);
/* Whether both are printed as the same. */
bool published_same(enum published_figure figure, const struct published_value *a,
                    const struct published_value *b);

#endif

/*
 * What NICT published of its own darknet observation (NICTER), row by row with its sources: the
 * series that ours is drawn beside. A later edition may restate an earlier year; the newest edition
 * that gives a figure wins. What was not published is NICT_UNPUBLISHED and is never filled in.
 */
#ifndef DASHBOARDS_NICT_H
#define DASHBOARDS_NICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NICT_UNPUBLISHED UINT64_MAX

struct nict_row {
    int year;
    uint64_t total_packets;
    uint64_t observed_addresses; /* active ones, rounded by NICT */
    uint64_t packets_per_address;
    int edition; /* the report's year */
    bool exact;  /* packets_per_address was printed to its last digit; false: "about" */
    const char *source;
};

extern const struct nict_row nict_rows[];
extern const size_t nict_row_count;

/* The row whose packets per address holds for `year`, or NULL when none was published. */
const struct nict_row *nict_per_address(int year);

/* The first and the last year that any row speaks of. */
int nict_first_year(void);
int nict_last_year(void);

#endif

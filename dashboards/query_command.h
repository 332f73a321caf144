/*
 * `darkcount query`: what was counted in a range of time, as rows on standard output.
 */
#ifndef DASHBOARDS_QUERY_COMMAND_H
#define DASHBOARDS_QUERY_COMMAND_H

#include <stdio.h>

#include "dashboards/options.h"
#include "dashboards/query.h"

int query_command_check(struct options *options, char *errmsg);

/* What the rows do not say. */
struct query_command_told {
    bool any;      /* whether the store has data of that time at all */
    size_t lost;   /* periods with data whose breakdown is no longer kept */
    size_t merged; /* periods that have an even share of a merged quarter of an hour */
    char database[GEO_DESCRIPTION_MAX]; /* by country and asn: which, and of when; else empty */
};

/* Prints what `query` asks of the store to `out`, and adds to `told`. As query_run; ERR_IO or ERR_FULL
 * when `out` does not take it. */
int query_command_print(FILE *out, enum rows_format format, struct store *store,
                        const struct query *query, struct query_command_told *told, char *errmsg);

/* Prints what the checked `options` ask of the store in options->format: what the command prints, for
 * serve as well. ERR_UNKNOWN, ERR_INVALID: the options do not go with what is in the store; otherwise
 * as query_command_print. */
int query_command_answer(FILE *out, struct store *store, const struct options *options,
                         struct query_command_told *told, char *errmsg);

/* The whole command: opens the store, asks, prints to standard output, notes on standard error. */
int query_command_run(const struct options *options, char *errmsg);

#endif

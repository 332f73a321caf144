/*
 * The command line of darkcount: options before and after the subcommand, checked; and where the
 * store is when no option says so. Pure but for the environment and the configuration file. main
 * calls options_parse first, the commands find everything in struct options.
 */
#ifndef DASHBOARDS_OPTIONS_H
#define DASHBOARDS_OPTIONS_H

#include <stdbool.h>

#include "common/rows.h"
#include "common/storeurl.h"
#include "dashboards/figures.h"
#include "dashboards/labels.h"

enum command { COMMAND_HELP, COMMAND_VERSION, COMMAND_ANNUAL, COMMAND_CHART_ANNUAL };

struct options {
    enum command command;
    const char *store; /* as given; NULL: see options_store */
    enum method method;
    int year; /* 0: every year */
    bool format_given;
    enum rows_format format;
    const char *output; /* chart: the file to write */
    bool reference_nict;
    enum language language;
};

/* Reads the command line; strings are borrowed from argv. ERR_INVALID with the cause in `errmsg`
 * for wrong usage. */
int options_parse(struct options *options, int argc, char **argv, char *errmsg);

/* The text of --help. */
const char *options_help(void);

/* Where the store is: --store, DARKCOUNT_STORE, `store` in section [dashboard] of the configuration
 * file (DARKCOUNT_CONFIG or /etc/darkcount/dashboard.conf), or else the local aggregator's private
 * store. ERR_INVALID, ERR_IO. */
int options_store(const struct options *options, struct storeurl *url, char *errmsg);

#endif

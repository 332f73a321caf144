/*
 * The options of darkcount, each a row: its names, its help, and what takes its value. options.c
 * reads the command line by it. Nobody else includes this.
 */
#ifndef DASHBOARDS_OPTIONS_TABLE_H
#define DASHBOARDS_OPTIONS_TABLE_H

#include "dashboards/options.h"

struct option_row {
    char letter;          /* 0: it has none */
    const char *name;     /* without the dashes */
    const char *argument; /* NULL: it takes none */
    const char *help;     /* lines after the first are indented when it is printed */
    /* ERR_INVALID with the cause in `errmsg`. */
    int (*set)(struct options *options, const char *value, char *errmsg);
};

extern const struct option_row option_rows[OPTION_IDS];

#endif

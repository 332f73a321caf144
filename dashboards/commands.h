/*
 * The commands of darkcount, each a row: its name, its help, the options that it takes and what
 * runs it. options.c looks them up.
 */
#ifndef DASHBOARDS_COMMANDS_H
#define DASHBOARDS_COMMANDS_H

#include <stddef.h>

#include "dashboards/options.h"

extern const struct command commands[];
extern const size_t command_count;

#endif

/*
 * Load from the inside, for its two files: load.c goes through the steps and reads head and log,
 * load_levels.c reads the open periods. Nobody else includes it.
 */
#ifndef AGGREGATOR_LOAD_INSIDE_H
#define AGGREGATOR_LOAD_INSIDE_H

#include "aggregator/load.h"

/* Asks for the periods of the instant `at_s` that the part does not hold. */
void load_ask_levels(struct load *load, int64_t at_s);
/* Takes the answers, adds what the log has and compares with the totals. 1, or an error. */
int load_take_levels(struct load *load, char *errmsg);

#endif

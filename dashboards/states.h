/* The command `states`: in which of the four states an address was. */
#ifndef DASHBOARDS_STATES_H
#define DASHBOARDS_STATES_H

#include "dashboards/options.h"

int states_check(struct options *options, char *errmsg);
int states_run(const struct options *options, char *errmsg);

#endif

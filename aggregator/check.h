/*
 * `darkcount-aggregator check`: whether all is there that the configured aggregator needs, and what an
 * acknowledgement means with it. See check.c; the store's part is check_store.c.
 */
#ifndef AGGREGATOR_CHECK_H
#define AGGREGATOR_CHECK_H

#include "common/checks.h"
#include "common/storeurl.h"

/* The exit status: 1 when a check failed, 2 for wrong usage; argv[0] is "check". */
int check_command(int argc, char **argv);

/* check_store.c: asks the Redis server at `url`, of a cluster the first that it names, without changing anything there. */
void check_store(struct checks *checks, const struct storeurl *url, const char *timezone);

#endif

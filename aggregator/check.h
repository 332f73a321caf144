/*
 * `darkcount-aggregator check`: whether all is there that the configured aggregator needs, and what an
 * acknowledgement means with it. See check.c; the store's part is check_store.c.
 */
#ifndef AGGREGATOR_CHECK_H
#define AGGREGATOR_CHECK_H

#include "aggregator/durability.h"
#include "common/checks.h"
#include "common/storeurl.h"

/* The exit status: 1 when a check failed, 2 for wrong usage; argv[0] is "check". */
int check_command(int argc, char **argv);

/* check_store.c: asks the Redis server at `url`, or every primary of the cluster there, without changing
 * anything; `durability` is what it is held to. */
void check_store(struct checks *checks, const struct storeurl *url, const char *timezone,
                 const struct durability *durability);

#endif

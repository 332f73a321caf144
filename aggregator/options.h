/*
 * What the aggregator is told: the command line over the configuration file over the defaults.
 */
#ifndef AGGREGATOR_OPTIONS_H
#define AGGREGATOR_OPTIONS_H

#include "aggregator/durability.h"
#include "aggregator/server.h"

#define OPTIONS_CONFIG "/etc/darkcount/aggregator.conf"
#define OPTIONS_STATE  "/var/lib/darkcount"

struct options {
    char *state;    /* the state directory, without a slash at its end */
    char *listen;   /* addresses separated by commas; empty: a socket in the state directory */
    char *store;    /* empty: a private one */
    char *timezone; /* IANA name */
    struct part_keep keep;
    struct durability durability;
    char *address;         /* where sensors reach us: HOST:PORT; empty: as we listen */
    char *metrics;         /* where the page of metrics is served; NULL: nowhere */
    bool metrics_anywhere; /* on other than a loopback address, too */
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE, OPTIONS_FAILED };

/* Reads the command line, and the configuration file that it names or OPTIONS_CONFIG where there is
 * one. OPTIONS_DONE: help or version was printed. OPTIONS_USAGE: the command line is wrong, or a
 * value on it. OPTIONS_FAILED. Both with the cause in `errmsg`. */
enum options_result options_read(struct options *options, int argc, char **argv, char *errmsg);
/* The same for another command: the configuration, with the state directory and the store's URL (NULL: not
 * given) over it. A negative error with the cause in `errmsg`. */
int options_load(struct options *options, const char *config, const char *state, const char *store,
                 char *errmsg);
/* Where the store is; of a private one, where it will be while the aggregator runs. ERR_INVALID. */
int options_storeurl(const struct options *options, struct storeurl *url, char *errmsg);
void options_close(struct options *options);

#endif

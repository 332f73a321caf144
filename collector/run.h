/*
 * `darkcount-collector run`: reads configuration and command line, takes the spool, starts the ship
 * process, captures or replays, and waits until what was counted is delivered. `check` asks it what a
 * configuration means.
 */
#ifndef COLLECTOR_RUN_H
#define COLLECTOR_RUN_H

#include "collector/sensor.h"

/* argv[0] is "run". Returns the exit status. */
int run_main(int argc, char **argv);

/* The sensor that the configuration (NULL: the default) describes, without touching anything, for
 * `check`. Interfaces may be missing. To be freed by run_forget, which `sensor` must not outlive; NULL
 * with the cause in `errmsg`. `*user`: as whom it is to run, or NULL. */
struct settings *run_describe(const char *config, struct sensor *sensor, const char **user,
                              char *errmsg);
void run_forget(struct settings *settings, struct sensor *sensor);

#endif

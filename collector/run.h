/*
 * `darkcount-collector run`: takes the settings (collector/settings.h) and the spool, starts the ship
 * process, captures or replays, and waits until what was counted is delivered.
 */
#ifndef COLLECTOR_RUN_H
#define COLLECTOR_RUN_H

/* argv[0] is "run". Returns the exit status. */
int run_main(int argc, char **argv);

#endif

/*
 * Between: something that another process does right before one of the system calls of this one's spool
 * (collector/spool_env.h). In order: between_begin, calls of the spool, between_end; for each call from 0
 * on, until nothing came between any more.
 */
#ifndef TESTS_UNIT_COLLECTOR_BETWEEN_H
#define TESTS_UNIT_COLLECTOR_BETWEEN_H

#include <stdbool.h>

/* Has `intruder` called once, before the spool's next system call but `calls`. */
void between_begin(unsigned calls, void (*intruder)(void *user), void *user);
/* Whether it was. */
bool between_end(void);

#endif

/*
 * A private redis-server for a test: started on a Unix socket in a temporary directory, ended with
 * the test (and by the kernel, should the test crash).
 */
#ifndef TESTS_UNIT_DASHBOARDS_REDIS_H
#define TESTS_UNIT_DASHBOARDS_REDIS_H

#include <sys/types.h>

#include "common/storeurl.h"

struct redis {
    char directory[64], socket[96];
    struct storeurl url;
    pid_t pid;
};

/* Starts it and waits until it answers; fails the test when it does not. */
void redis_start(struct redis *redis);
void redis_stop(struct redis *redis);
/* Runs one command, written as for hiredis; fails the test when the server refuses it. */
void redis_do(const struct redis *redis, const char *format, ...);

#endif

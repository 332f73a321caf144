/*
 * A directory of its own under /tmp for one test, and the programs that the test starts in it: a
 * redis-server on a Unix socket, or darkcount-aggregator itself. Every wait is a condition with a
 * bound.
 */
#ifndef TEST_BOX_H
#define TEST_BOX_H

#include <stdbool.h>
#include <sys/types.h>

#include <hiredis/hiredis.h>

struct box {
    char dir[64];
    char redis_socket[96];  /* DIR/redis.sock */
    char sensor_socket[96]; /* DIR/aggregator.sock */
};

void box_open(struct box *box);
/* Removes the directory. */
void box_close(struct box *box);

/* A redis-server for `box`, answering. */
pid_t box_start_redis(const struct box *box, const char *appendonly);
/* The aggregator next to this test program, with the arguments after `run` (ended by NULL), its
 * messages in DIR/log; it listens. */
pid_t box_start_aggregator(const struct box *box, const char *const *args);
/* The same without waiting: for starts that fail. */
pid_t box_spawn_aggregator(const struct box *box, const char *const *args);
/* Sends `sig` (0: none) and waits for the end; the wait status. Fails the test after `bound_ms`. */
int box_end(pid_t pid, int sig, int bound_ms);
#define BOX_END_MS 30000 /* long enough for whoever is told to end */
/* SIGTERM, and expects that it ends with 0. */
void box_end_well(pid_t pid);
/* A connection to the redis-server of the box once it answers; NULL when it does not. */
redisContext *box_redis(const struct box *box);
/* The process that listens on a Unix socket, 0 when nobody does. */
pid_t box_listener(const char *path);
/* Whether DIR/log has the text. */
bool box_logged(const struct box *box, const char *text);
/* Sleeps a millisecond; for loops with a bound. */
void box_pause(void);

#endif

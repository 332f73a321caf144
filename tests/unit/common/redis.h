/*
 * A real redis-server for the unit tests of sketches: redis_start, commands, redis_stop. Every
 * function fails the test when Redis does not do as it is told.
 */
#ifndef TESTS_UNIT_COMMON_REDIS_H
#define TESTS_UNIT_COMMON_REDIS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/hll.h"

struct redis {
    char directory[64];
    pid_t server;
    FILE *stream; /* the connection, both ways */
};

/* Starts a redis-server of our own on a socket in a directory of its own, and connects: 10 s at
 * most. */
void redis_start(struct redis *redis);
void redis_stop(struct redis *redis);

/* Sends a command's name, a key and `count` further words of `size` bytes each. */
void redis_send(struct redis *redis, const char *name, const char *key, const void *words,
                size_t count, size_t size);
/* The number that a reply begins with, behind its type ':' or '$'; "+OK" gives 0. */
uint64_t redis_number(struct redis *redis);

uint64_t redis_pfcount(struct redis *redis, const char *key);
/* What GET gives of a dense sketch. */
void redis_get_hll(struct redis *redis, const char *key, uint8_t form[HLL_REDIS_SIZE]);
void redis_set_hll(struct redis *redis, const char *key, const struct hll *hll);

#endif

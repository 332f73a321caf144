/*
 * The keys of a store in memory, changed by a struct put and asked by a struct fetch as Redis is:
 * what the pure modules are tested on. test_put.c shows on a real redis-server that the function
 * does the same.
 */
#ifndef TEST_KEYMAP_H
#define TEST_KEYMAP_H

#include "aggregator/fetch.h"
#include "aggregator/put.h"

struct keymap {
    struct keymap_entry {
        uint64_t hash;
        char *key, *field; /* field: empty for a string */
        uint8_t *bytes;
        size_t size;
        int64_t expires_s; /* 0: never */
    } * entries;
    size_t count, room;
};

void keymap_close(struct keymap *map);
/* Performs a put; false when its guard does not hold, and nothing was changed. */
bool keymap_put(struct keymap *map, const struct put *put);
/* Lets go what expires by `now_s`. */
void keymap_expire(struct keymap *map, int64_t now_s);
/* Answers a fetch. */
void keymap_fetch(const struct keymap *map, struct fetch *fetch);
/* The value, or NULL; `field` is empty for a string. */
struct keymap_entry *keymap_find(const struct keymap *map, const char *key, const char *field);

#endif

/*
 * The keys of a store in memory, changed by a struct put and asked by a struct fetch exactly as Redis
 * with darkcount.lua is: what the pure modules are tested on, and the store of tests/sim.
 * test_keymap.c does the same random calls here and on a real redis-server and compares.
 */
#ifndef TEST_KEYMAP_H
#define TEST_KEYMAP_H

#include "aggregator/fetch.h"
#include "aggregator/put.h"

enum keymap_kind { KEYMAP_STRING, KEYMAP_HASH, KEYMAP_SET, KEYMAP_ANY };

struct keymap {
    struct keymap_entry {
        uint64_t key_hash, field_hash;
        enum keymap_kind kind;
        char *key, *field; /* field: of a hash, member of a set; empty for a string */
        uint8_t *bytes;
        size_t size;
        int64_t expires_s; /* 0: never */
    } * entries;
    size_t count, room;
};

void keymap_close(struct keymap *map);
/* Another one with the same in it. */
void keymap_copy(struct keymap *to, const struct keymap *from);

enum keymap_answer {
    KEYMAP_OK,
    KEYMAP_STALE, /* a guard does not hold: nothing was changed */
    KEYMAP_ERROR, /* Redis would answer with an error */
};
/* Performs darkcount_put. */
enum keymap_answer keymap_call(struct keymap *map, const struct put *put);
/* The same; whether it was KEYMAP_OK. */
bool keymap_put(struct keymap *map, const struct put *put);
void keymap_sadd(struct keymap *map, const char *key, const char *member);
/* Lets go what expires by `now_s`. */
void keymap_expire(struct keymap *map, int64_t now_s);
/* Answers a fetch. */
void keymap_fetch(const struct keymap *map, struct fetch *fetch);
/* The value, or NULL; `field` is empty for a string. */
struct keymap_entry *keymap_find(const struct keymap *map, const char *key, const char *field);

#endif

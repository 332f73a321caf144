/*
 * One guarded change of a sensor's keys, as it is handed to the Redis function darkcount_put
 * (aggregator/darkcount.lua): either everything in it is done or nothing. apply.c writes it,
 * store.c sends it. Order: put_init, put_begin, any operations, put_failed, put_close. Pure.
 */
#ifndef AGGREGATOR_PUT_H
#define AGGREGATOR_PUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* A run of strings within the bytes of the put that owns it. */
struct put_list {
    struct put_string {
        size_t at, size;
    } * strings;
    size_t count, room;
};

struct put {
    struct buf bytes;
    struct put_list keys; /* the head, then one key for each operation that takes one, in order */
    struct put_list args; /* expected n, new n, expected writer, new writer, operations */
    bool failed;          /* memory ran out: nothing of it may be sent */
};

void put_init(struct put *put);
void put_close(struct put *put);

/* Begins the call after call `n` of the head `key`, which was made by `before` (the empty string: there is
 * none). It is refused by the store unless the head still holds both; afterwards it holds `writer`. */
void put_begin(struct put *put, const char *key, uint64_t n, const char *before,
               const char *writer);

/* A call that is not counted: the head must hold `n`, whoever wrote that, and does afterwards as well. */
void put_begin_beside(struct put *put, const char *key, uint64_t n);

/* The operations. `put_head` sets a field of the head itself. */
void put_set(struct put *put, const char *key, const void *bytes, size_t size);
void put_hset(struct put *put, const char *key, const char *field, const char *value);
void put_unlink(struct put *put, const char *key);
void put_hdel(struct put *put, const char *key, const char *field);
/* The key goes at `at_s`, seconds since the epoch, or now if that is past. SET takes it back. */
void put_expire(struct put *put, const char *key, int64_t at_s);
/* SET of a value of any length, in chunks (common/chunk.h), of which `held` are there now; what is
 * beyond the new ones is unlinked. Returns how many there are then. */
size_t put_set_long(struct put *put, const char *key, const void *bytes, size_t size, size_t held);
void put_head(struct put *put, const char *field, const void *bytes, size_t size);
void put_head_u64(struct put *put, const char *field, uint64_t value);
void put_head_i64(struct put *put, const char *field, int64_t value);

/* Whether memory ran out while it was written. */
bool put_failed(const struct put *put);

/* The bytes of a string of one of the lists, borrowed until the put is changed or closed. */
const char *put_string(const struct put *put, const struct put_list *list, size_t index,
                       size_t *size);

#endif

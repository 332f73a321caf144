/*
 * A list of things to read from the store and, once they are there, their answers. load.c writes
 * the questions and reads the answers; store.c answers them. Pure.
 */
#ifndef AGGREGATOR_FETCH_H
#define AGGREGATOR_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/schema.h"

enum fetch_kind {
    FETCH_STRING, /* GET: no value or one */
    FETCH_FIELD,  /* HGET: no value or one */
    FETCH_HASH,   /* HGETALL: field, value, field, value ... */
    FETCH_SET,    /* SMEMBERS */
};

/* Bytes with a NUL after them, which is not in `size`. */
struct fetch_value {
    char *bytes;
    size_t size;
};

struct fetch_item {
    enum fetch_kind kind;
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    struct fetch_value *values;
    size_t count, room;
};

struct fetch {
    struct fetch_item *items;
    size_t count, room;
    bool durable; /* what is read must be durable, too, as a put is that was answered */
    bool failed;  /* memory ran out: neither questions nor answers are whole */
};

void fetch_init(struct fetch *fetch);
void fetch_close(struct fetch *fetch);

/* Adds a question; `field` only for FETCH_FIELD. */
void fetch_ask(struct fetch *fetch, enum fetch_kind kind, const char *key, const char *field);
/* Adds a value (copied) to the answer of item `index`. */
void fetch_answer(struct fetch *fetch, size_t index, const void *bytes, size_t size);
/* The only value of item `index`, or NULL when there is none. */
const struct fetch_value *fetch_value(const struct fetch *fetch, size_t index);

/* Values that are cut into chunks: asks in `rest` (initialised, empty) for what every first chunk in
 * `fetch` announces; nothing is asked when none is cut. Then, `rest` being answered, puts the whole
 * values in the place of the first chunks. ERR_DAMAGED with the key in `errmsg`; ERR_NOMEM. */
int fetch_rest(const struct fetch *fetch, struct fetch *rest, char *errmsg);
int fetch_join(struct fetch *fetch, const struct fetch *rest, char *errmsg);

#endif

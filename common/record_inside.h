/*
 * A record from the inside, for its files: record.c seals and opens, record_message.c goes between
 * struct record and the protobuf message, record_columns.c packs what is most of it, record_rules.c
 * says what a record may be. Nobody else includes it.
 */
#ifndef COMMON_RECORD_INSIDE_H
#define COMMON_RECORD_INSIDE_H

#include "common/record.h"

/* What is returned in the place of a broken rule when memory ran out; told by its address. */
extern const char record_no_memory[];

/* The first broken rule in words, static; NULL for a record that keeps all of them. */
const char *record_broken(const struct record *record);

/* The protobuf bytes of a record that breaks no rule, to be freed; NULL without memory. The columns of
 * IPv4 addresses come last. */
uint8_t *record_pack(const struct record *record, size_t *size);

/* The columns of a vector's IPv4 addresses, fields 16 and 17 of the message: measured, then packed into
 * `size` bytes. */
struct record_columns {
    const struct addrvec *vec; /* borrowed */
    size_t gaps, packets;      /* bytes of the numbers */
    size_t size;               /* of all; 0 without addresses */
};
void record_columns_measure(struct record_columns *columns, const struct addrvec *vec);
void record_columns_pack(const struct record_columns *columns, uint8_t *out);

/* The inverse into an initialised record; frees `bytes` as soon as it can. The broken rule, or NULL;
 * what record_broken tells is still to be asked. */
const char *record_unpack(struct record *record, uint8_t *bytes, size_t size);

#endif

/*
 * A record from the inside, for its three files: record.c seals and opens, record_message.c goes
 * between struct record and the protobuf message, record_rules.c says what a record may be. Nobody
 * else includes it.
 */
#ifndef COMMON_RECORD_INSIDE_H
#define COMMON_RECORD_INSIDE_H

#include "common/record.h"

/* What is returned in the place of a broken rule when memory ran out; told by its address. */
extern const char record_no_memory[];

/* The first broken rule in words, static; NULL for a record that keeps all of them. */
const char *record_broken(const struct record *record);

/* The protobuf bytes of a record that breaks no rule, to be freed; NULL without memory. */
uint8_t *record_pack(const struct record *record, size_t *size);

/* The inverse into an initialised record; frees `bytes` as soon as it can. The broken rule, or NULL;
 * what record_broken tells is still to be asked. */
const char *record_unpack(struct record *record, uint8_t *bytes, size_t size);

#endif

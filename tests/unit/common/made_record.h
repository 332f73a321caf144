/*
 * A record for tests that has something in every field, and the way to open messages that no
 * record_seal would make: as a sensor with other software could send them.
 */
#ifndef TESTS_UNIT_COMMON_MADE_RECORD_H
#define TESTS_UNIT_COMMON_MADE_RECORD_H

#include "common/record.h"
#include "common/record.pb-c.h"

/* Fill a record that is not initialised; one that keeps every rule. */
void made_record(struct record *record);
void made_quiet_record(struct record *record);
/* Appends an alarm about one address or prefix, given by its first bytes. */
void made_alarm(struct record *record, uint8_t kind, uint8_t family, uint8_t length,
                const char *address, uint64_t packets);

/* The message of a record, without the help and the checks of record_seal. It points into the record
 * and into memory that the next call uses again; its arrays have room for what is one too many. */
void made_message(Darkcount__Record *message, struct record *record);

/* What record_open says to a payload, to protobuf bytes, and to a message behind a right header. */
int made_open_payload(uint64_t seq, const void *payload, size_t size, char *errmsg);
int made_open_bytes(uint64_t seq, const void *bytes, size_t size, char *errmsg);
int made_open_message(uint64_t seq, const Darkcount__Record *message, char *errmsg);

#endif

/*
 * A sensor for tests: makes records, random but repeatable, that keep every rule of
 * common/record.h.
 */
#ifndef TEST_SENSOR_H
#define TEST_SENSOR_H

#include "common/record.h"

#define SENSOR_DARKNET "198.51.100.0/24,2001:db8::/64"

/* The next number of a repeatable row (xorshift64*); `*state` is not 0. */
uint64_t sensor_random(uint64_t *state);
/* Fills `record` (initialised) as minute `start_s` of the epoch whose bytes are all `epoch`. One in
 * four is quiet. */
void sensor_record(struct record *record, const char *sensor, uint8_t epoch, uint64_t seq,
                   int64_t start_s, uint64_t *state);

#endif

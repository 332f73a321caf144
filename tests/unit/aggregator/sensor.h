/*
 * A sensor for tests: makes records, random but repeatable, that keep every rule of
 * common/record.h.
 */
#ifndef TEST_SENSOR_H
#define TEST_SENSOR_H

#include "common/frame.h"
#include "common/record.h"
#include "common/schema.h"

#define SENSOR_DARKNET "198.51.100.0/24,2001:db8::/64"

/* The next number of a repeatable row (xorshift64*); `*state` is not 0. */
uint64_t sensor_random(uint64_t *state);
/* Fills `record` (initialised) as minute `start_s` of the epoch whose bytes are all `epoch`. One in
 * four is quiet. */
void sensor_record(struct record *record, const char *sensor, uint8_t epoch, uint64_t seq,
                   int64_t start_s, uint64_t *state);

/* An OPEN of the sensor, which covers SENSOR_DARKNET. */
struct frame_open sensor_open(const char *sensor, uint8_t epoch);

/* `count` sealed records of an epoch, one a minute from `start_s`; their sum is added to `sum`. To be freed with
 * sensor_records_free. */
struct buf *sensor_records(const char *sensor, uint8_t epoch, int64_t start_s, size_t count,
                           struct totals *sum);
void sensor_records_free(struct buf *records, size_t count);

#endif

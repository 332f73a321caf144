/*
 * What the redis-server of a box holds of a sensor, for tests of the whole aggregator.
 */
#ifndef TEST_STORED_H
#define TEST_STORED_H

#include "common/schema.h"
#include "tests/unit/aggregator/box.h"

/* Waits until the log of the sensor is folded, as it is after its connection has ended. */
void stored_await_folded(const struct box *box, const char *sensor);
/* Expects at every level what was sent, once, and a log that is folded. */
void stored_expect(const struct box *box, const char *sensor, const struct totals *sent);

#endif

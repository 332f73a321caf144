/*
 * Prefix sets for tests, written by hand or random, and addresses at the edges of their ranges. What
 * cannot be made fails the test; prefixset_free frees them.
 */
#ifndef TESTS_UNIT_COLLECTOR_PREFIXES_H
#define TESTS_UNIT_COLLECTOR_PREFIXES_H

#include <stddef.h>
#include <stdint.h>

#include "common/prefix.h"

/* Of a list as a configuration has it. */
struct prefixset *prefixes_of(const char *list);
/* `count` prefixes of `shortest` to 32 bits, or to 128. */
struct prefixset *prefixes_random4(uint64_t *state, size_t count, unsigned shortest);
struct prefixset *prefixes_random6(uint64_t *state, size_t count, unsigned shortest);

size_t prefixes_ranges4(const struct prefixset *set);
size_t prefixes_ranges6(const struct prefixset *set);

/* An address at or beside an end of one of the first `ranges` ranges, in it, or anywhere. */
uint32_t prefixes_pick4(uint64_t *state, const struct prefixset *set, size_t ranges);
void prefixes_pick6(uint64_t *state, const struct prefixset *set, size_t ranges, uint8_t out[16]);

#endif

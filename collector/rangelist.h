/*
 * Ranges of addresses for the kernel filter: filled from prefix sets by rangelist_add, put in order
 * by rangelist_merge, and made fewer by rangelist_join, which closes the smallest gaps. Pure.
 */
#ifndef COLLECTOR_RANGELIST_H
#define COLLECTOR_RANGELIST_H

#include <stddef.h>

#include "common/prefix.h"

/* An IPv6 address as a number, or an IPv4 address in the upper 32 bits of one: both are compared
 * word by word from the left, IPv4 is done after the first. */
typedef unsigned __int128 address;

struct range {
    address first, last; /* both included; of IPv4, with all that may follow */
};

struct rangelist {
    struct range *list;
    size_t count;
};

void rangelist_close(struct rangelist *ranges);

/* Appends the IPv4 (`family` 4) or IPv6 (6) ranges of `set`; NULL adds nothing. ERR_NOMEM. */
int rangelist_add(struct rangelist *ranges, const struct prefixset *set, int family);

/* Sorts, and merges what overlaps or touches. */
void rangelist_merge(struct rangelist *ranges);

/* Makes `joined` a copy of the merged `ranges` with at most `max` (at least 1) ranges: the smallest
 * gaps are closed, which adds the fewest addresses. ERR_NOMEM. Close it first where it is in use. */
int rangelist_join(struct rangelist *joined, const struct rangelist *ranges, size_t max);

/* Addresses in the merged list, of IPv4 (4) or IPv6 (6); exact up to 2^53. */
double rangelist_size(const struct rangelist *ranges, int family);

#endif

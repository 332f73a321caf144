/*
 * Address set: distinct addresses, counted exactly and kept compactly: 4 bytes for IPv4 and 16 for
 * IPv6, times at most four while adding. Addresses are appended and, when the room is used up,
 * sorted and freed of duplicates, so that adding costs a constant on average whatever the order.
 * Pure.
 */
#ifndef COLLECTOR_ADDRSET_H
#define COLLECTOR_ADDRSET_H

#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"

/* Addresses of one family. */
struct addrset_part {
    uint8_t *addresses; /* network byte order */
    size_t count, room; /* in addresses */
    size_t sorted;      /* the first so many ascend without duplicates */
};

struct addrset {
    struct addrset_part v4, v6;
};

void addrset_init(struct addrset *set);
void addrset_close(struct addrset *set);

/* Adds an address: 4 or 16 bytes in network order by `family`. ERR_NOMEM leaves the set as it was. */
int addrset_add(struct addrset *set, uint8_t family, const uint8_t *address);

/* Adds all of `from`, another set, which stays as it was. ERR_NOMEM: not all were added. */
int addrset_merge(struct addrset *into, const struct addrset *from);

/* Sorts, drops duplicates and gives back unused memory. ERR_NOMEM leaves the set right, only
 * larger. */
int addrset_compact(struct addrset *set);

/* Addresses held: exact after addrset_compact, otherwise an upper bound. */
size_t addrset_count(const struct addrset *set);

/* Memory in use, in bytes. */
size_t addrset_memory(const struct addrset *set);

#endif

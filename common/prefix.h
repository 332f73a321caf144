/*
 * A set of IP prefixes: a darknet. Filled by prefixset_add and prefixset_exclude, closed by
 * prefixset_finish, and from then on read-only: membership of an address, and for IPv4 its dense
 * index (position in the sorted set), which is what counters are addressed by. Everything here is
 * pure; an IPv4 address is a uint32_t in host byte order, an IPv6 address 16 bytes in network
 * order.
 */
#ifndef COMMON_PREFIX_H
#define COMMON_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prefixset;

/* The index of an address that is not in the set. */
#define PREFIX_NONE UINT32_MAX

/* An empty set, or NULL without memory. Free with prefixset_free. */
struct prefixset *prefixset_new(void);
void prefixset_free(struct prefixset *set);

/* Adds (or takes out) the prefixes of `list`: CIDR or single addresses, IPv4 or IPv6, separated by
 * commas and optional blanks ("198.51.100.0/24,2001:db8::/32"). Prefixes may overlap: an address is
 * in the set once. Exclusions win whatever the order. ERR_INVALID with the offending prefix and the
 * cause in `errmsg` (not an address, length out of range, host bits set: with the prefix that was
 * probably meant); the set is then as before. */
int prefixset_add(struct prefixset *set, const char *list, char *errmsg);
int prefixset_exclude(struct prefixset *set, const char *list, char *errmsg);

/* Sorts, merges and takes out the exclusions. ERR_INVALID when nothing is left; ERR_NOMEM. No add or
 * exclude after this. */
int prefixset_settle(struct prefixset *set, char *errmsg);
/* The same, and builds a table of 256 KB that makes looking up IPv4 addresses as fast in many ranges as
 * in one: for who asks for every packet. */
int prefixset_finish(struct prefixset *set, char *errmsg);

/* How many exclusions of a settled set lay wholly outside of what was added, and changed nothing: most
 * likely another address was meant. When there are any, `message` (ERRMSG_SIZE bytes) names the first. */
size_t prefixset_missed(const struct prefixset *set, char *message);

/* Membership. */
bool prefixset_has4(const struct prefixset *set, uint32_t address);
bool prefixset_has6(const struct prefixset *set, const uint8_t address[16]);
/* How many of the ascending IPv4 addresses, from the first on, are in the set: `count` when all are. */
size_t prefixset_leading4(const struct prefixset *set, const uint32_t *addresses, size_t count);

/* The dense index of an IPv4 address, 0 .. prefixset_count4() - 1 in ascending address order, or
 * PREFIX_NONE. Only where prefixset_count4() < 2^32 - 1 (not for 0.0.0.0/0: use prefixset_has4). */
uint32_t prefixset_index4(const struct prefixset *set, uint32_t address);
/* The inverse of prefixset_index4; `index` < prefixset_count4(). */
uint32_t prefixset_address4(const struct prefixset *set, uint32_t index);

/* IPv4 addresses in the set, 0 .. 2^32. */
uint64_t prefixset_count4(const struct prefixset *set);
/* Whether the set holds any IPv6 prefix. */
bool prefixset_any6(const struct prefixset *set);
/* All addresses of both families; exact up to 2^53. */
double prefixset_size(const struct prefixset *set);

/* The ranges of a settled set, ascending, no two overlapping or touching, both ends included. False:
 * there is none with the number `i`, which counts from 0. */
bool prefixset_range4(const struct prefixset *set, size_t i, uint32_t *first, uint32_t *last);
bool prefixset_range6(const struct prefixset *set, size_t i, uint8_t first[16], uint8_t last[16]);

/* The set as its shortest canonical list ("192.0.2.0/24,2001:db8::/32": IPv4 first, ascending,
 * merged, exclusions taken out): equal sets give equal text. Returns a string to free(), or NULL
 * without memory. */
char *prefixset_text(const struct prefixset *set);

/* Whether the two sets share an address; one shared prefix is then written to `where` (at least 64
 * bytes, or NULL). */
bool prefixset_overlap(const struct prefixset *a, const struct prefixset *b, char *where);

#endif

/*
 * Packets by source address, of the sources with the most packets: what records carry of a minute and
 * the store keeps of an hour and of a day. Memory stays bounded however many forged sources there are:
 * a vector grows to twice its bound, then the smallest go until it has the bound. What went is not
 * kept anywhere, so every count says "at least", and what the counts leave of a period's packets is of
 * sources that are not kept. The same records in the same order leave the same sources. Callers: the
 * part (aggregator/apply.c, load_levels.c), which keeps the vectors, and those who read them. Pure.
 */
#ifndef COMMON_SOURCEVEC_H
#define COMMON_SOURCEVEC_H

#include <stddef.h>
#include <stdint.h>

#include "common/addrvec.h"
#include "common/calendar.h"

#define SOURCEVEC_HOUR ((size_t)4096)
#define SOURCEVEC_DAY  ((size_t)16384)

/* How many sources a period of the level has at least when there were more; at most twice as many. 0:
 * none are stored, months and years are made of days. */
size_t sourcevec_bound(enum level level);

/* kept += more, then trimmed to `bound` if it has more than twice that. ERR_NOMEM leaves `kept` as it
 * was. */
int sourcevec_add(struct addrvec *kept, const struct addrvec *more, size_t bound);

/* Leaves the `bound` sources with the most packets (of two with as many the lower address, IPv4 before
 * IPv6), in their order. */
void sourcevec_trim(struct addrvec *vec, size_t bound);

/* What is wrong with the sources of a period of `packets` packets, static, or NULL: there are more than
 * twice `bound` of them, or they sum to more than `packets`. */
const char *sourcevec_broken(const struct addrvec *vec, size_t bound, uint64_t packets);

#endif

/*
 * Packets per address without the addresses: per prefix, the counts in descending order. Prefixes
 * (/24 of IPv4, /64 of IPv6) are numbered by descending packets, so a number says nothing of where
 * one is, nor whether it is the same one in the next period. For exports that need the distribution
 * and no key. Pure.
 */
#ifndef DASHBOARDS_RANKS_H
#define DASHBOARDS_RANKS_H

#include "common/addrvec.h"

/* A prefix of `count` active addresses. */
struct ranks_prefix {
    size_t first, count; /* `first`: where its counts begin in those of all */
    uint64_t packets;
    const uint64_t *counts; /* its own, descending: the address of rank r has counts[r - 1] */
};

struct ranks {
    struct ranks_prefix *prefixes; /* number n is prefixes[n - 1] */
    size_t count;
    uint64_t *counts;
};

/* Ranks the addresses of `vec`; equal prefixes come in the order of their counts. ERR_NOMEM. To be
 * closed with ranks_close when it returned 0. */
int ranks_make(struct ranks *ranks, const struct addrvec *vec);
void ranks_close(struct ranks *ranks);

#endif

/*
 * Vitals: what the capture process has counted since it started, for the page of metrics that the
 * ship process serves. Numbers in a page of memory that both have mapped since before the fork, so
 * that neither needs a system call for it; the one writes them, the others read.
 */
#ifndef COLLECTOR_VITALS_H
#define COLLECTOR_VITALS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

struct vitals {
    /* Of the records that were put into the spool, as in struct record. */
    _Atomic uint64_t captured, packets, off_darknet, not_ip, undecodable, late, refused;
    _Atomic uint64_t kernel_dropped, interface_dropped;
    _Atomic uint64_t records, bytes; /* and how many, and how long they are sealed */
    _Atomic uint64_t lost_intervals; /* neither disk nor memory had room for them */
};

/* All zero, shared with every process that is forked from then on; NULL without memory. */
struct vitals *vitals_new(void);
void vitals_free(struct vitals *vitals);

/* A record of `size` bytes was put into the spool. NULL is allowed. */
void vitals_spooled(struct vitals *vitals, const struct record *record, size_t size);
/* An interval is lost before it was one. NULL is allowed. */
void vitals_lost(struct vitals *vitals);

#endif

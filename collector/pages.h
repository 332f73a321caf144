/*
 * Pages: zeroed memory for large arrays that are hit at random, in huge pages where the system gives
 * them (madvise(2), MADV_HUGEPAGE), so that a counter costs one cache miss and not a page walk too.
 * Used by dense for its counters. Memory that is never written is never taken, as with calloc, but
 * in steps of 2 MiB.
 */
#ifndef COLLECTOR_PAGES_H
#define COLLECTOR_PAGES_H

#include <stddef.h>

struct pages {
    void *at;  /* zeroed; aligned to a huge page unless small */
    void *map; /* what the system gave; NULL where `at` is from calloc */
    size_t map_size;
};

/* `size` bytes (at least 1) of zeros in `pages->at`, which is NULL without memory. */
void pages_init(struct pages *pages, size_t size);
/* All zeros is allowed. */
void pages_close(struct pages *pages);

#endif

/*
 * What the files of a prefix set share: prefix.c settles the set and answers about it, prefix_text.c reads
 * and writes its text. Included by these only.
 */
#ifndef COMMON_PREFIX_PRIVATE_H
#define COMMON_PREFIX_PRIVATE_H

#include <arpa/inet.h>

#include "common/prefix.h"

/* An address as a number: IPv4 in the low 32 bits, IPv6 in all. Both families share the arithmetic. */
typedef unsigned __int128 number;

/* A prefix with its length, as written by inet_ntop, and NUL. */
#define PREFIX_TEXT_MAX (INET6_ADDRSTRLEN + 4)

enum family { V4, V6, FAMILIES };

/* Both ends are included, so that the whole address space can be said. */
struct range {
    number first, last;
};

struct ranges {
    struct range *list;
    size_t count, room;
};

struct prefixset {
    struct ranges in[FAMILIES], out[FAMILIES]; /* `in` is the set once finished */
    size_t missed;                             /* exclusions outside of it */
    char first_missed[PREFIX_TEXT_MAX];
    uint64_t count4;
    size_t span_count;
    struct span
        *spans; /* ascending; one more stands at the end, which is never reached by a search */
    /* Per upper 16 bits: the first span that ends in or after that block of addresses. NULL: the spans
     * are searched as a whole. */
    uint32_t *blocks;
};

/* prefix.c: appends, in no order. ERR_NOMEM. */
int prefix_ranges_append(struct ranges *ranges, struct range range);

/* prefix_text.c: the largest prefix that begins where the range does and ends within it. */
void prefix_format_first(enum family family, struct range range, char out[PREFIX_TEXT_MAX]);

#endif

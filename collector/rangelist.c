#include "collector/rangelist.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define IPV4_SHIFT 96

void rangelist_close(struct rangelist *ranges)
{
    free(ranges->list);
    *ranges = (struct rangelist){0};
}

/* --- from a prefix set ------------------------------------------------------------------------ */

static bool range4(const struct prefixset *set, size_t i, struct range *range)
{
    uint32_t first, last;
    if (!prefixset_range4(set, i, &first, &last))
        return false;
    range->first = (address)first << IPV4_SHIFT;
    range->last = (address)last << IPV4_SHIFT | (((address)1 << IPV4_SHIFT) - 1);
    return true;
}

static bool range6(const struct prefixset *set, size_t i, struct range *range)
{
    uint8_t first[16], last[16];
    if (!prefixset_range6(set, i, first, last))
        return false;
    for (int byte = 0; byte < 16; byte++) {
        range->first = range->first << 8 | first[byte];
        range->last = range->last << 8 | last[byte];
    }
    return true;
}

int rangelist_add(struct rangelist *ranges, const struct prefixset *set, int family)
{
    bool (*take)(const struct prefixset *, size_t, struct range *) = family == 4 ? range4 : range6;
    struct range range;
    size_t count = 0;
    while (set && take(set, count, &range))
        count++;
    if (count == 0)
        return 0;
    struct range *list = realloc(ranges->list, (ranges->count + count) * sizeof *list);
    if (!list)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        take(set, i, &list[ranges->count + i]);
    ranges->list = list;
    ranges->count += count;
    return 0;
}

/* --- merging and joining ---------------------------------------------------------------------- */

static int compare_first(const void *a, const void *b)
{
    const struct range *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

void rangelist_merge(struct rangelist *ranges)
{
    if (ranges->count == 0)
        return;
    qsort(ranges->list, ranges->count, sizeof *ranges->list, compare_first);
    size_t kept = 0;
    for (size_t i = 1; i < ranges->count; i++) {
        struct range *last = &ranges->list[kept], next = ranges->list[i];
        if (next.first > last->last && next.first - last->last > 1)
            ranges->list[++kept] = next;
        else if (next.last > last->last)
            last->last = next.last;
    }
    ranges->count = kept + 1;
}

static int compare_gaps(const void *a, const void *b)
{
    const address *left = a, *right = b;
    return (*left < *right) - (*left > *right);
}

/* Between the i-th range and the one before it. */
static address gap_before(const struct rangelist *ranges, size_t i)
{
    return ranges->list[i].first - ranges->list[i - 1].last - 1;
}

/* The `keep` (at least 1) largest gaps: `*smallest` is the last of them, `*equal` how many of that
 * size are among them. */
static int largest_gaps(const struct rangelist *ranges, size_t keep, address *smallest,
                        size_t *equal)
{
    address *gaps = malloc(ranges->count * sizeof *gaps);
    if (!gaps)
        return ERR_NOMEM;
    for (size_t i = 1; i < ranges->count; i++)
        gaps[i - 1] = gap_before(ranges, i);
    qsort(gaps, ranges->count - 1, sizeof *gaps, compare_gaps);
    *smallest = gaps[keep - 1];
    *equal = 0;
    for (size_t i = keep; i > 0 && gaps[i - 1] == *smallest; i--)
        ++*equal;
    free(gaps);
    return 0;
}

/* Closes every gap under `smallest`, and those of that size behind the first `equal`. */
static void close_gaps(struct rangelist *joined, const struct rangelist *ranges, address smallest,
                       size_t equal)
{
    joined->list[0] = ranges->list[0];
    joined->count = 1;
    for (size_t i = 1; i < ranges->count; i++) {
        address gap = gap_before(ranges, i);
        bool keep = gap > smallest || (gap == smallest && equal > 0);
        if (gap == smallest && equal > 0)
            equal--;
        if (keep)
            joined->list[joined->count++] = ranges->list[i];
        else
            joined->list[joined->count - 1].last = ranges->list[i].last;
    }
}

int rangelist_join(struct rangelist *joined, const struct rangelist *ranges, size_t max)
{
    address smallest = 0;
    size_t equal = 0;
    *joined = (struct rangelist){0};
    if (ranges->count == 0)
        return 0;
    if (max == 1)
        smallest = ~(address)0;
    else if (ranges->count > max && largest_gaps(ranges, max - 1, &smallest, &equal))
        return ERR_NOMEM;
    joined->list = malloc(ranges->count * sizeof *joined->list);
    if (!joined->list)
        return ERR_NOMEM;
    close_gaps(joined, ranges, smallest, equal);
    return 0;
}

double rangelist_size(const struct rangelist *ranges, int family)
{
    double size = 0;
    for (size_t i = 0; i < ranges->count; i++) {
        address less_1 = ranges->list[i].last - ranges->list[i].first;
        size += (double)(family == 4 ? less_1 >> IPV4_SHIFT : less_1) + 1;
    }
    return size;
}

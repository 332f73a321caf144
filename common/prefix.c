#include "common/prefix_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "common/list.h"

#define BLOCKS 65537 /* of the upper 16 bits of an IPv4 address, and an end */

/* The look-up form of an IPv4 range. */
struct span {
    uint32_t first, size_less_1;
    uint32_t base; /* index of `first` */
};

static number number_of6(const uint8_t address[16])
{
    number value = 0;
    for (int i = 0; i < 16; i++)
        value = value << 8 | address[i];
    return value;
}

static void number_write6(number value, uint8_t address[16])
{
    for (int i = 15; i >= 0; i--, value >>= 8)
        address[i] = (uint8_t)value;
}

struct prefixset *prefixset_new(void)
{
    return calloc(1, sizeof(struct prefixset));
}

void prefixset_free(struct prefixset *set)
{
    if (!set)
        return;
    for (int family = 0; family < FAMILIES; family++) {
        free(set->in[family].list);
        free(set->out[family].list);
    }
    free(set->spans);
    free(set->blocks);
    free(set);
}

int prefix_ranges_append(struct ranges *ranges, struct range range)
{
    struct range *list = list_room(ranges->list, ranges->count, &ranges->room, sizeof *list);
    if (!list)
        return ERR_NOMEM;
    ranges->list = list;
    ranges->list[ranges->count++] = range;
    return 0;
}

/* --- finishing -------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct range *left = a, *right = b;
    return (left->first > right->first) - (left->first < right->first);
}

/* Sorts, and merges what overlaps or touches. */
static void normalize(struct ranges *ranges)
{
    if (ranges->count == 0)
        return;
    qsort(ranges->list, ranges->count, sizeof *ranges->list, compare);
    size_t kept = 0;
    for (size_t i = 1; i < ranges->count; i++) {
        struct range *last = &ranges->list[kept], next = ranges->list[i];
        if (next.first <= last->last || next.first - last->last == 1) {
            if (next.last > last->last)
                last->last = next.last;
        } else {
            ranges->list[++kept] = next;
        }
    }
    ranges->count = kept + 1;
}

/* Appends to `left` what of `range` is in none of `out`, beginning at out->list[*at]; *at moves to
 * the first that may matter to a later range. */
static int cut(struct ranges *left, struct range range, const struct ranges *out, size_t *at)
{
    while (*at < out->count && out->list[*at].last < range.first)
        ++*at;
    for (size_t i = *at; i < out->count && out->list[i].first <= range.last; i++) {
        const struct range *hole = &out->list[i];
        if (hole->first > range.first &&
            prefix_ranges_append(left, (struct range){range.first, hole->first - 1}))
            return ERR_NOMEM;
        if (hole->last >= range.last)
            return 0;
        range.first = hole->last + 1;
    }
    return prefix_ranges_append(left, range);
}

/* in -= out; both normalized. */
static int subtract(struct ranges *in, const struct ranges *out)
{
    struct ranges left = {0};
    size_t at = 0;
    for (size_t i = 0; i < in->count; i++)
        if (cut(&left, in->list[i], out, &at)) {
            free(left.list);
            return ERR_NOMEM;
        }
    free(in->list);
    *in = left;
    return 0;
}

static int build_spans(struct prefixset *set)
{
    const struct ranges *in = &set->in[V4];
    set->spans = calloc(in->count + 1, sizeof *set->spans);
    if (!set->spans)
        return ERR_NOMEM;
    set->span_count = in->count;
    for (size_t i = 0; i < in->count; i++) {
        set->spans[i] =
            (struct span){.first = (uint32_t)in->list[i].first,
                          .size_less_1 = (uint32_t)(in->list[i].last - in->list[i].first),
                          .base = (uint32_t)set->count4};
        set->count4 += (uint64_t)set->spans[i].size_less_1 + 1;
    }
    return 0;
}

static int build_blocks(struct prefixset *set)
{
    const struct ranges *in = &set->in[V4];
    uint32_t span = 0;
    set->blocks = malloc(BLOCKS * sizeof *set->blocks);
    if (!set->blocks)
        return ERR_NOMEM;
    for (uint32_t block = 0; block < BLOCKS; block++) {
        while (span < in->count && in->list[span].last < (number)block << 16)
            span++;
        set->blocks[block] = span;
    }
    return 0;
}

/* Whether `range` has anything in common with the ranges, which are normalized. */
static bool touches(const struct ranges *ranges, struct range range)
{
    size_t low = 0, high = ranges->count; /* the first that does not end before `range` */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ranges->list[middle].last < range.first)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ranges->count && ranges->list[low].first <= range.last;
}

/* Notes the exclusions that miss the set: as they were given, since afterwards they are merged. */
static void note_missed(struct prefixset *set, enum family family)
{
    for (size_t i = 0; i < set->out[family].count; i++) {
        struct range range = set->out[family].list[i];
        if (!touches(&set->in[family], range) && set->missed++ == 0)
            prefix_format_first(family, range, set->first_missed);
    }
}

int prefixset_settle(struct prefixset *set, char *errmsg)
{
    for (int family = 0; family < FAMILIES; family++) {
        normalize(&set->in[family]);
        note_missed(set, (enum family)family);
        normalize(&set->out[family]);
        if (subtract(&set->in[family], &set->out[family]))
            return err_set(errmsg, ERR_NOMEM, "prefix list: out of memory");
    }
    if (set->in[V4].count + set->in[V6].count == 0)
        return err_set(errmsg, ERR_INVALID,
                       "prefix list: no address is left; name a prefix that is not excluded");
    if (build_spans(set))
        return err_set(errmsg, ERR_NOMEM, "prefix list: out of memory");
    return 0;
}

int prefixset_finish(struct prefixset *set, char *errmsg)
{
    int rc = prefixset_settle(set, errmsg);
    if (rc == 0 && build_blocks(set))
        rc = err_set(errmsg, ERR_NOMEM, "prefix list: out of memory");
    return rc;
}

size_t prefixset_missed(const struct prefixset *set, char *message)
{
    char more[48] = "";
    if (set->missed > 1)
        snprintf(more, sizeof more, " (and %zu more)", set->missed - 1);
    if (set->missed > 0)
        err_set(message, 0, "exclude %s%s: lies outside of the darknet and changes nothing",
                set->first_missed, more);
    return set->missed;
}

/* --- looking up ------------------------------------------------------------------------------- */

/* The last span of spans[low..high] that begins at or before `address`; spans[low] does. */
static const struct span *search(const struct span *spans, uint32_t low, uint32_t high,
                                 uint32_t address)
{
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (spans[middle].first <= address)
            low = middle;
        else
            high = middle - 1;
    }
    return &spans[low];
}

/* The span that holds `address`, or NULL. */
static inline const struct span *find(const struct prefixset *set, uint32_t address)
{
    uint32_t block = address >> 16;
    uint32_t low = set->blocks ? set->blocks[block] : 0;
    uint32_t high = set->blocks ? set->blocks[block + 1] : (uint32_t)set->span_count;
    if (low == set->span_count)
        return NULL;
    const struct span *span = &set->spans[low];
    if (address - span->first <= span->size_less_1)
        return span;
    if (low == high || address < span->first)
        return NULL;
    if (high == set->span_count)
        high--;
    span = search(set->spans, low, high, address);
    return address - span->first <= span->size_less_1 ? span : NULL;
}

bool prefixset_has4(const struct prefixset *set, uint32_t address)
{
    return find(set, address) != NULL;
}

/* The first of ascending addresses from `at` on that is beyond `last`, or `count`. */
static size_t skip_to(const uint32_t *addresses, size_t at, size_t count, uint32_t last)
{
    size_t low = at, high = count;
    if (addresses[count - 1] <= last)
        return count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (addresses[middle] <= last)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t prefixset_leading4(const struct prefixset *set, const uint32_t *addresses, size_t count)
{
    size_t at = 0;
    while (at < count) {
        const struct span *span = find(set, addresses[at]);
        if (!span)
            break;
        at = skip_to(addresses, at, count, span->first + span->size_less_1);
    }
    return at;
}

uint32_t prefixset_index4(const struct prefixset *set, uint32_t address)
{
    const struct span *span = find(set, address);
    return span ? span->base + (address - span->first) : PREFIX_NONE;
}

uint32_t prefixset_address4(const struct prefixset *set, uint32_t index)
{
    size_t low = 0, high = set->span_count - 1;
    while (low < high) {
        size_t middle = low + (high - low + 1) / 2;
        if (set->spans[middle].base <= index)
            low = middle;
        else
            high = middle - 1;
    }
    return set->spans[low].first + (index - set->spans[low].base);
}

bool prefixset_has6(const struct prefixset *set, const uint8_t address[16])
{
    const struct ranges *in = &set->in[V6];
    number value = number_of6(address);
    size_t low = 0, high = in->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (in->list[middle].last < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low < in->count && in->list[low].first <= value;
}

uint64_t prefixset_count4(const struct prefixset *set)
{
    return set->count4;
}

bool prefixset_any6(const struct prefixset *set)
{
    return set->in[V6].count > 0;
}

double prefixset_size(const struct prefixset *set)
{
    double size = (double)set->count4;
    for (size_t i = 0; i < set->in[V6].count; i++)
        size += (double)(set->in[V6].list[i].last - set->in[V6].list[i].first) + 1;
    return size;
}

/* --- ranges ----------------------------------------------------------------------------------- */

bool prefixset_range4(const struct prefixset *set, size_t i, uint32_t *first, uint32_t *last)
{
    if (i >= set->in[V4].count)
        return false;
    *first = (uint32_t)set->in[V4].list[i].first;
    *last = (uint32_t)set->in[V4].list[i].last;
    return true;
}

bool prefixset_range6(const struct prefixset *set, size_t i, uint8_t first[16], uint8_t last[16])
{
    if (i >= set->in[V6].count)
        return false;
    number_write6(set->in[V6].list[i].first, first);
    number_write6(set->in[V6].list[i].last, last);
    return true;
}

/* The first range that both have; both normalized. */
static bool common_range(const struct ranges *a, const struct ranges *b, struct range *common)
{
    size_t i = 0, j = 0;
    while (i < a->count && j < b->count) {
        struct range left = a->list[i], right = b->list[j];
        common->first = left.first > right.first ? left.first : right.first;
        common->last = left.last < right.last ? left.last : right.last;
        if (common->first <= common->last)
            return true;
        if (left.last < right.last)
            i++;
        else
            j++;
    }
    return false;
}

bool prefixset_overlap(const struct prefixset *a, const struct prefixset *b, char *where)
{
    for (int family = 0; family < FAMILIES; family++) {
        struct range common;
        if (!common_range(&a->in[family], &b->in[family], &common))
            continue;
        if (where)
            prefix_format_first((enum family)family, common, where);
        return true;
    }
    return false;
}

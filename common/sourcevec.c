#include "common/sourcevec.h"

#include <stdbool.h>
#include <string.h>

size_t sourcevec_bound(enum level level)
{
    return level == LEVEL_HOUR ? SOURCEVEC_HOUR : level == LEVEL_DAY ? SOURCEVEC_DAY : 0;
}

/* --- trimming --------------------------------------------------------------------------------- */

static uint64_t most(const uint64_t *packets, size_t count, uint64_t so_far)
{
    for (size_t i = 0; i < count; i++)
        so_far = packets[i] > so_far ? packets[i] : so_far;
    return so_far;
}

static size_t above(const uint64_t *packets, size_t count, uint64_t than)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += packets[i] > than;
    return found;
}

static size_t all_above(const struct addrvec *vec, uint64_t than)
{
    return above(vec->packets4, vec->count4, than) + above(vec->packets6, vec->count6, than);
}

/* The greatest number of packets that `bound` of the sources have, of which there are more. Found by
 * halves: counting takes no memory, and counts of packets are small numbers. */
static uint64_t threshold(const struct addrvec *vec, size_t bound)
{
    uint64_t low = 1, high = most(vec->packets6, vec->count6, most(vec->packets4, vec->count4, 1));
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        if (all_above(vec, middle - 1) >= bound)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* Whether a source stays: it has more than `least`, or as much and there is room in `*spare`. */
static bool stays(uint64_t packets, uint64_t least, size_t *spare)
{
    if (packets == least && *spare > 0) {
        --*spare;
        return true;
    }
    return packets > least;
}

void sourcevec_trim(struct addrvec *vec, size_t bound)
{
    if (vec->count4 + vec->count6 <= bound)
        return;
    uint64_t least = threshold(vec, bound);
    size_t spare = bound - all_above(vec, least), kept4 = 0, kept6 = 0;
    for (size_t i = 0; i < vec->count4; i++) {
        if (!stays(vec->packets4[i], least, &spare))
            continue;
        vec->address4[kept4] = vec->address4[i];
        vec->packets4[kept4++] = vec->packets4[i];
    }
    for (size_t i = 0; i < vec->count6; i++) {
        if (!stays(vec->packets6[i], least, &spare))
            continue;
        memmove(vec->address6[kept6], vec->address6[i], sizeof vec->address6[i]);
        vec->packets6[kept6++] = vec->packets6[i];
    }
    vec->count4 = kept4;
    vec->count6 = kept6;
}

/* --- the vector ------------------------------------------------------------------------------- */

int sourcevec_add(struct addrvec *kept, const struct addrvec *more, size_t bound)
{
    int rc = addrvec_add(kept, more);
    if (rc == 0 && kept->count4 + kept->count6 > 2 * bound)
        sourcevec_trim(kept, bound);
    return rc;
}

/* Adds to `*sum`; false when it does not fit. */
static bool add_all(uint64_t *sum, const uint64_t *packets, size_t count)
{
    bool overflow = false;
    for (size_t i = 0; i < count; i++)
        overflow |= __builtin_add_overflow(*sum, packets[i], sum);
    return !overflow;
}

const char *sourcevec_broken(const struct addrvec *vec, size_t bound, uint64_t packets)
{
    uint64_t sum = 0;
    if (vec->count4 + vec->count6 > 2 * bound)
        return "it has more sources than are kept";
    if (!add_all(&sum, vec->packets4, vec->count4) || !add_all(&sum, vec->packets6, vec->count6) ||
        sum > packets)
        return "its sources have more packets than there were";
    return NULL;
}

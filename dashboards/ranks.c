#include "dashboards/ranks.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

/* Whether the i-th address of the vector, IPv4 before IPv6, begins a prefix. */
static bool begins(const struct addrvec *vec, size_t i)
{
    if (i == 0 || i == vec->count4)
        return true;
    if (i < vec->count4)
        return vec->address4[i] >> 8 != vec->address4[i - 1] >> 8;
    i -= vec->count4;
    return memcmp(vec->address6[i], vec->address6[i - 1], 8) != 0;
}

static int compare_counts(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? 1 : *x > *y ? -1 : 0;
}

static int compare_prefixes(const void *a, const void *b)
{
    const struct ranks_prefix *x = a, *y = b;
    if (x->packets != y->packets)
        return x->packets < y->packets ? 1 : -1;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    for (size_t i = 0; i < x->count; i++)
        if (x->counts[i] != y->counts[i])
            return x->counts[i] < y->counts[i] ? 1 : -1;
    return 0;
}

static void fill(struct ranks *ranks, const struct addrvec *vec)
{
    for (size_t i = 0; i < vec->count4 + vec->count6; i++) {
        ranks->counts[i] = i < vec->count4 ? vec->packets4[i] : vec->packets6[i - vec->count4];
        if (begins(vec, i))
            ranks->prefixes[ranks->count++] =
                (struct ranks_prefix){.first = i, .counts = ranks->counts + i};
        ranks->prefixes[ranks->count - 1].count++;
        ranks->prefixes[ranks->count - 1].packets += ranks->counts[i];
    }
}

int ranks_make(struct ranks *ranks, const struct addrvec *vec)
{
    size_t addresses = vec->count4 + vec->count6, prefixes = 0;
    for (size_t i = 0; i < addresses; i++)
        prefixes += begins(vec, i);
    *ranks = (struct ranks){.prefixes = malloc((prefixes + 1) * sizeof *ranks->prefixes),
                            .counts = malloc((addresses + 1) * sizeof *ranks->counts)};
    if (!ranks->prefixes || !ranks->counts) {
        ranks_close(ranks);
        return ERR_NOMEM;
    }
    fill(ranks, vec);
    for (size_t i = 0; i < ranks->count; i++)
        qsort(ranks->counts + ranks->prefixes[i].first, ranks->prefixes[i].count,
              sizeof *ranks->counts, compare_counts);
    qsort(ranks->prefixes, ranks->count, sizeof *ranks->prefixes, compare_prefixes);
    return 0;
}

void ranks_close(struct ranks *ranks)
{
    free(ranks->prefixes);
    free(ranks->counts);
    *ranks = (struct ranks){0};
}

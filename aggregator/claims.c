#include "aggregator/claims.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define END_SIZE 17

/* Both ends are included. An end is its family, 4 or 6, and the address in network byte order: memcmp
 * has all of IPv4 before all of IPv6. */
struct range {
    uint8_t first[END_SIZE], last[END_SIZE];
};

/* A treap (Seidel and Aragon, 1996): in the order of before(), and a heap by `priority`, which is
 * random, so that it is as deep as a tree of random order whatever the order of the ranges is. */
struct claim {
    struct claim *left, *right;
    const struct holder *holder;
    uint64_t priority;
    struct range range;
    uint8_t most[END_SIZE]; /* the greatest range.last of this claim and all below it */
};

/* The ranges of a set, one after the other. */
struct cursor {
    size_t count4, count6;
};

static bool next_range(const struct prefixset *set, struct cursor *at, struct range *range)
{
    uint32_t first, last;
    memset(range, 0, sizeof *range);
    if (prefixset_range4(set, at->count4, &first, &last)) {
        at->count4++;
        range->first[0] = range->last[0] = 4;
        for (int i = 0; i < 4; i++) {
            range->first[1 + i] = (uint8_t)(first >> (24 - 8 * i));
            range->last[1 + i] = (uint8_t)(last >> (24 - 8 * i));
        }
        return true;
    }
    range->first[0] = range->last[0] = 6;
    return prefixset_range6(set, at->count6++, range->first + 1, range->last + 1);
}

static int compare(const uint8_t a[END_SIZE], const uint8_t b[END_SIZE])
{
    return memcmp(a, b, END_SIZE);
}

/* Whether the claim stands before those of `holder` that begin at `first`. */
static bool before(const struct claim *claim, const uint8_t *first, const struct holder *holder)
{
    int order = compare(claim->range.first, first);
    return order < 0 || (order == 0 && (uintptr_t)claim->holder < (uintptr_t)holder);
}

static void raise_most(struct claim *claim, const struct claim *below)
{
    if (below && compare(below->most, claim->most) > 0)
        memcpy(claim->most, below->most, END_SIZE);
}

/* What is below the claim has changed. */
static void renew(struct claim *claim)
{
    memcpy(claim->most, claim->range.last, END_SIZE);
    raise_most(claim, claim->left);
    raise_most(claim, claim->right);
}

/* --- the tree --------------------------------------------------------------------------------- */

static void split(struct claim *tree, const struct claim *at, struct claim **left,
                  struct claim **right)
{
    if (!tree) {
        *left = *right = NULL;
    } else if (before(tree, at->range.first, at->holder)) {
        *left = tree;
        split(tree->right, at, &tree->right, right);
        renew(tree);
    } else {
        *right = tree;
        split(tree->left, at, left, &tree->left);
        renew(tree);
    }
}

/* All of `left` stands before all of `right`. */
static struct claim *join(struct claim *left, struct claim *right)
{
    if (!left || !right)
        return left ? left : right;
    if (left->priority > right->priority) {
        left->right = join(left->right, right);
        renew(left);
        return left;
    }
    right->left = join(left, right->left);
    renew(right);
    return right;
}

/* The tree without the claim of `holder` that begins at `first`, which is freed. */
static struct claim *without(struct claim *tree, const uint8_t *first, const struct holder *holder)
{
    if (!tree)
        return NULL;
    if (tree->holder == holder && compare(tree->range.first, first) == 0) {
        struct claim *rest = join(tree->left, tree->right);
        free(tree);
        return rest;
    }
    if (before(tree, first, holder))
        tree->right = without(tree->right, first, holder);
    else
        tree->left = without(tree->left, first, holder);
    renew(tree);
    return tree;
}

/* splitmix64 (Steele, Lea and Flood, 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static int add(struct claims *claims, const struct holder *holder, const struct range *range)
{
    struct claim *left, *right, *claim = calloc(1, sizeof *claim);
    if (!claim)
        return ERR_NOMEM;
    claim->holder = holder;
    claim->priority = next_random(&claims->random);
    claim->range = *range;
    renew(claim);
    split(claims->root, claim, &left, &right);
    claims->root = join(join(left, claim), right);
    return 0;
}

int claims_add(struct claims *claims, const struct holder *holder)
{
    struct cursor at = {0};
    struct range range;
    int rc = 0;
    while (rc == 0 && next_range(holder->addresses, &at, &range))
        rc = add(claims, holder, &range);
    if (rc)
        claims_drop(claims, holder);
    return rc;
}

void claims_drop(struct claims *claims, const struct holder *holder)
{
    struct cursor at = {0};
    struct range range;
    while (next_range(holder->addresses, &at, &range))
        claims->root = without(claims->root, range.first, holder);
}

/* --- the question ----------------------------------------------------------------------------- */

static bool visit_all(const struct claim *tree, const struct range *range, claims_visit_fn *visit,
                      void *data)
{
    if (!tree || compare(tree->most, range->first) < 0)
        return false;
    if (visit_all(tree->left, range, visit, data))
        return true;
    if (compare(tree->range.first, range->last) > 0)
        return false; /* and so are those on the right */
    if (compare(tree->range.last, range->first) >= 0 && visit(data, tree->holder))
        return true;
    return visit_all(tree->right, range, visit, data);
}

bool claims_each(const struct claims *claims, const struct prefixset *addresses,
                 claims_visit_fn *visit, void *data)
{
    struct cursor at = {0};
    struct range range;
    while (next_range(addresses, &at, &range))
        if (visit_all(claims->root, &range, visit, data))
            return true;
    return false;
}

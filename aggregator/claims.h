/*
 * Claims: which addresses are whose, so that those who share an address are found without comparing
 * everybody with everybody. A tree of ranges, in which a question takes as long as it has answers, and the
 * logarithm of how many ranges there are. Holders may overlap: that they must not is their owner's
 * business. lane.c keeps one of the lanes, neighbour.c one of the sensors that are compared. Pure.
 *
 *   claims_add ... -> claims_each ... -> claims_drop of each
 */
#ifndef AGGREGATOR_CLAIMS_H
#define AGGREGATOR_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/prefix.h"

struct claim;

/* Who claims addresses. Borrowed, and not to be changed, from claims_add to claims_drop. */
struct holder {
    const char *sensor;
    const struct prefixset *addresses; /* settled */
    void *owner;                       /* whatever it stands for */
};

struct claims { /* all zero: nobody claims anything */
    struct claim *root;
    uint64_t random;
};

/* ERR_NOMEM: it claims nothing. */
int claims_add(struct claims *claims, const struct holder *holder);
/* One who claims nothing may be dropped. */
void claims_drop(struct claims *claims, const struct holder *holder);

/* Asks `visit` about every holder of an address of the settled set `addresses`, some more than once,
 * until it says true; whether it did. */
typedef bool claims_visit_fn(void *data, const struct holder *holder);
bool claims_each(const struct claims *claims, const struct prefixset *addresses,
                 claims_visit_fn *visit, void *data);

#endif

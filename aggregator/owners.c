#include "aggregator/owners.h"

#include <stdlib.h>
#include <string.h>

#include "common/schema.h"

struct owner *owners_join(struct owners *owners)
{
    for (unsigned i = 0; i < OWNERS_MAX; i++)
        if (!owners->slots[i].data)
            return &owners->slots[i];
    return NULL;
}

void owners_leave(struct owners *owners, struct owner *owner)
{
    if (owners->turn == owner)
        owners->turn = NULL;
    free(owner->open.darknet);
    free(owner->open.inventory);
    inventory_close(&owner->inventory);
    *owner = (struct owner){0};
}

struct owner *owners_each(struct owners *owners, unsigned *at)
{
    while (*at < OWNERS_MAX) {
        struct owner *owner = &owners->slots[(*at)++];
        if (owner->data)
            return owner;
    }
    return NULL;
}

bool owners_any(const struct owners *owners)
{
    for (unsigned i = 0; i < OWNERS_MAX; i++)
        if (owners->slots[i].data)
            return true;
    return false;
}

struct owner *owners_of_epoch(struct owners *owners, const uint8_t epoch[EPOCH_SIZE])
{
    struct owner *owner;
    for (unsigned at = 0; (owner = owners_each(owners, &at)) != NULL;)
        if (memcmp(owner->open.epoch, epoch, EPOCH_SIZE) == 0)
            return owner;
    return NULL;
}

struct owner *owners_claiming(struct owners *owners, const struct owner *owner)
{
    const struct span span = {owner->open.first_ns, owner->open.last_ns};
    struct owner *other;
    for (unsigned at = 0; (other = owners_each(owners, &at)) != NULL;)
        if (other != owner && !other->opening && owner->open.replay && other->open.replay &&
            span_overlap(span, (struct span){other->open.first_ns, other->open.last_ns}))
            return other;
    return NULL;
}

struct owner *owners_opening(struct owners *owners)
{
    struct owner *owner;
    for (unsigned at = 0; (owner = owners_each(owners, &at)) != NULL;)
        if (owner->opening)
            return owner;
    return NULL;
}

/* --- the turn --------------------------------------------------------------------------------- */

/* The owner that waits for the turn, the first one behind whoever has it; NULL: none. */
static struct owner *next(struct owners *owners)
{
    unsigned first = owners->turn ? (unsigned)(owners->turn - owners->slots) + 1 : 0;
    for (unsigned i = 0; i < OWNERS_MAX; i++) {
        struct owner *owner = &owners->slots[(first + i) % OWNERS_MAX];
        if (owner->data && owner->wants_turn)
            return owner;
    }
    return NULL;
}

static bool wanted(const struct owners *owners)
{
    for (unsigned i = 0; i < OWNERS_MAX; i++)
        if (owners->slots[i].wants_turn)
            return true;
    return false;
}

static void give(struct owners *owners, struct owner *owner)
{
    owners->turn = owner;
    owners->burst = 0;
}

bool owners_turn_for(struct owners *owners, struct owner *owner, bool quiet)
{
    if (owners->turn == owner)
        return true;
    if (!wanted(owners) && (quiet || !owners->turn)) {
        give(owners, owner);
        return true;
    }
    if (!wanted(owners))
        owners->burst = 0;
    owner->wants_turn = true;
    return false;
}

void owners_count(struct owners *owners)
{
    owners->burst += wanted(owners);
}

bool owners_burst_over(const struct owners *owners)
{
    return owners->burst >= OWNERS_BURST && wanted(owners);
}

struct owner *owners_next_turn(struct owners *owners, bool quiet)
{
    struct owner *owner = next(owners);
    if (!owner || !(quiet || !owners->turn || owners->burst >= OWNERS_BURST))
        return NULL;
    give(owners, owner);
    owner->wants_turn = false;
    owner->waiting = false;
    return owner;
}

struct owner *owners_waiting(struct owners *owners)
{
    unsigned first = owners->turn ? (unsigned)(owners->turn - owners->slots) : 0;
    for (unsigned i = 0; i < OWNERS_MAX; i++) {
        struct owner *owner = &owners->slots[(first + i) % OWNERS_MAX];
        if (owner->data && owner->waiting && !owner->wants_turn) {
            owner->waiting = false;
            return owner;
        }
    }
    return NULL;
}

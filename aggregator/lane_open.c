#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/apply.h"
#include "aggregator/lane_inside.h"
#include "aggregator/registry.h"

/* --- the answer ------------------------------------------------------------------------------- */

static void resume(struct owner *owner)
{
    struct lane *lane = owner->lane;
    struct frame_refuse refuse = {0};
    owner->opening = false;
    int rc = apply_open(&lane->part, &owner->open, lane->darknet, &owner->durable, &refuse);
    if (rc == 0)
        rc = lane_claim(lane);
    if (rc == 0)
        owner->on->opened(owner->data, owner->durable);
    else if (rc == ERR_REFUSED)
        lane_dismiss(owner, &refuse);
    else
        lane_break(lane, rc, err_str(rc));
}

/* A new sensor that is compared with those of this aggregator. */
struct newcomer {
    const struct neighbour *neighbour;
    const char *registry;
    struct frame_refuse *refuse;
};

static bool is_shared(void *data, const struct holder *holder)
{
    const struct newcomer *newcomer = data;
    const struct neighbour *ours = newcomer->neighbour;
    const struct lane *other = holder->owner;
    /* The registry's files are looked at last, and hardly ever. */
    if (&other->neighbour == ours ||
        !neighbour_shares(ours->sensor, ours->addresses, holder->sensor, holder->addresses,
                          newcomer->refuse) ||
        (ours->enrolled && registry_has(newcomer->registry, holder->sensor)))
        return false;
    newcomer->refuse->final = other->part.observed;
    return true;
}

/* Sensors of this aggregator that have not yet stored anything are not found in the store. What
 * they claim is not final: they may never deliver. */
static bool claimed_here(const struct lane *lane, struct frame_refuse *refuse)
{
    const struct lanes *lanes = lane->lanes;
    struct newcomer ours = {&lane->neighbour, lanes->registry, refuse};
    return claims_each(&lanes->claims, lane->neighbour.addresses, is_shared, &ours);
}

static void neighbours_done(void *data, int code, const struct frame_refuse *refuse,
                            const char *why)
{
    struct lane *lane = data;
    struct owner *owner = lane->candidate;
    struct frame_refuse claimed = {0};
    lane->candidate = NULL;
    if (lane->state != LANE_BROKEN)
        lane->state = LANE_READY;
    /* Still under way, since the owner may leave in answer. */
    if (code && code != ERR_REFUSED)
        lane_break(lane, code, why);
    else if (owner && code)
        lane_dismiss(owner, refuse);
    else if (owner && claimed_here(lane, &claimed))
        lane_dismiss(owner, &claimed);
    else if (owner)
        resume(owner);
    lane->under_way--;
    lane_settle(lane);
}

/* A sensor that the store does not know, or not with this darknet, must not share it with another. */
static void check_neighbours(struct owner *owner)
{
    struct lane *lane = owner->lane;
    lane->state = LANE_LOADING;
    lane->candidate = owner;
    lane->under_way++;
    /* The registry has compared those that are in it with each other, at all times. */
    lane->neighbour = (struct neighbour){.sensor = lane->part.sensor,
                                         .darknet = lane->darknet,
                                         .enrolled = owner->open.inventory != NULL,
                                         .done = neighbours_done,
                                         .data = lane};
    int rc = neighbours_check(&lane->lanes->neighbours, &lane->neighbour);
    if (rc) {
        lane->under_way--;
        lane_break(lane, rc, err_str(rc));
    }
}

/* Two captures of one time under way at once would be refused in their midst. */
static void refuse_claimed(struct owner *owner, const struct owner *other)
{
    struct frame_refuse refuse = {.code = REFUSE_OVERLAP, .final = false};
    char epoch[37];
    epoch_format(other->open.epoch, epoch);
    snprintf(refuse.text, sizeof refuse.text,
             "another connection is delivering a capture of the same time, epoch %s: wait for its "
             "end",
             epoch);
    lane_dismiss(owner, &refuse);
}

void lane_answer(struct owner *owner)
{
    struct lane *lane = owner->lane;
    const struct owner *other = owners_claiming(&lane->owners, owner);
    free(lane->darknet);
    lane->darknet = owner->open.darknet;
    owner->open.darknet = NULL;
    if (other)
        refuse_claimed(owner, other);
    else if (lane->part.darknet && strcmp(lane->part.darknet, lane->darknet) == 0)
        resume(owner);
    else
        check_neighbours(owner);
}

/* --- the request ------------------------------------------------------------------------------ */

static void refuse_busy(struct frame_refuse *refuse, const char *why)
{
    refuse->code = REFUSE_BUSY;
    refuse->final = false;
    snprintf(refuse->text, sizeof refuse->text, "%s", why);
}

/* A place on the lane, or NULL with the reason in `refuse`. */
static struct owner *find_place(struct lane *lane, struct owner *held, const uint8_t *epoch,
                                struct frame_refuse *refuse)
{
    struct owner *other = owners_of_epoch(&lane->owners, epoch);
    struct owner *place = held ? held : owners_join(&lane->owners);
    if (lane->state == LANE_BROKEN) {
        lane_refuse_store(refuse, "the sensor's last records are still being finished");
        return NULL;
    }
    if (other && other != held) {
        refuse_busy(refuse, "another connection is delivering this epoch of the sensor");
        return NULL;
    }
    if (!place)
        refuse_busy(refuse, "too many connections are delivering for this sensor");
    return place;
}

/* The darknet as a canonical list, to be freed; NULL with the reason in `refuse`. */
static char *canonical(const struct frame_open *open, struct frame_refuse *refuse)
{
    char errmsg[ERRMSG_SIZE] = "out of memory";
    struct prefixset *set = prefixset_new();
    char *text = NULL;
    if (set && prefixset_add(set, open->darknet, errmsg) == 0 && prefixset_settle(set, errmsg) == 0)
        text = prefixset_text(set);
    prefixset_free(set);
    if (!text) {
        refuse->code = REFUSE_IDENTITY;
        refuse->final = true;
        snprintf(refuse->text, sizeof refuse->text, "the sensor's darknet: %.400s", errmsg);
    }
    return text;
}

static void take_open(struct owner *owner, struct lane *lane, const struct frame_open *open,
                      char *darknet, char *inventory)
{
    free(owner->open.inventory);
    owner->lane = lane;
    owner->open = *open;
    owner->open.darknet = darknet;
    owner->open.inventory = inventory;
    if (inventory)
        lane_inventory(owner, inventory);
    owner->opening = true;
    owner->waiting = false;
    owner->wants_turn = false;
}

static struct owner *reserve(struct lanes *lanes, struct owner *held, const struct frame_open *open,
                             struct lane **lane, bool *fresh, struct frame_refuse *refuse)
{
    *lane = held ? held->lane : lane_find(lanes, open->sensor);
    *fresh = *lane == NULL;
    if (*fresh)
        *lane = lane_new(lanes, open->sensor);
    if (*lane)
        return find_place(*lane, held, open->epoch, refuse);
    lane_refuse_store(refuse, err_str(ERR_NOMEM));
    return NULL;
}

int lane_open(struct lanes *lanes, struct owner *held, const struct frame_open *open,
              const struct lane_events *on, void *data, struct owner **owner,
              struct frame_refuse *refuse)
{
    bool fresh = false;
    char *darknet = canonical(open, refuse);
    char *inventory = open->inventory ? strdup(open->inventory) : NULL;
    struct lane *lane = NULL;
    struct owner *place = NULL;
    if (open->inventory && !inventory)
        lane_refuse_store(refuse, err_str(ERR_NOMEM));
    else if (darknet && !lanes->store->up)
        lane_refuse_store(refuse, "it is not reachable");
    else if (darknet)
        place = reserve(lanes, held, open, &lane, &fresh, refuse);
    if (!place) {
        free(darknet);
        free(inventory);
        if (held)
            lane_release(held);
        return ERR_REFUSED;
    }
    take_open(place, lane, open, darknet, inventory);
    place->on = on;
    place->data = data;
    *owner = place;
    if (fresh)
        lane_fetch(lane);
    else
        lane_settle(lane);
    return 0;
}

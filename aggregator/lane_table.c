#include <inttypes.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aggregator/lane_inside.h"
#include "common/err.h"

/* --- by name ---------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    const struct holder *left = a, *right = b;
    return strcmp(left->sensor, right->sensor);
}

struct lane *lane_find(const struct lanes *lanes, const char *sensor)
{
    const struct holder key = {.sensor = sensor};
    struct holder *const *found = tfind(&key, &lanes->by_name, compare);
    return found ? (*found)->owner : NULL;
}

static void link_first(struct lane *lane, struct lane **first)
{
    lane->next = *first;
    lane->link = first;
    if (lane->next)
        lane->next->link = &lane->next;
    *first = lane;
}

static void unlink_lane(struct lane *lane)
{
    *lane->link = lane->next;
    if (lane->next)
        lane->next->link = lane->link;
}

struct lane *lane_new(struct lanes *lanes, const char *sensor)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    part_init(&lane->part, sensor);
    lane->holder = (struct holder){.sensor = lane->part.sensor, .owner = lane};
    if (!tsearch(&lane->holder, &lanes->by_name, compare)) {
        free(lane);
        return NULL;
    }
    link_first(lane, &lanes->first);
    lane->lanes = lanes;
    lane->state = LANE_LOADING;
    lane->part.keep = lanes->keep;
    snprintf(lane->part.writer, sizeof lane->part.writer, "%016" PRIx64 "-%" PRIx64, lanes->run,
             ++lanes->parts);
    lane->part.now_s = (int64_t)time(NULL);
    load_begin(&lane->load, &lane->part);
    return lane;
}

void lane_free(struct lane *lane)
{
    lane_disclaim(lane);
    tdelete(&lane->holder, &lane->lanes->by_name, compare);
    unlink_lane(lane);
    part_close(&lane->part);
    free(lane->darknet);
    free(lane);
}

bool lanes_calls(const struct lanes *lanes, const char *sensor, uint64_t *n)
{
    const struct lane *lane = lane_find(lanes, sensor);
    if (!lane || lane->state != LANE_READY)
        return false;
    *n = lane->part.n;
    return true;
}

/* --- by address ------------------------------------------------------------------------------- */

int lane_claim(struct lane *lane)
{
    if (lane->holder.addresses || !lane->part.addresses)
        return 0;
    lane->holder.addresses = lane->part.addresses; /* which do not change any more */
    int rc = claims_add(&lane->lanes->claims, &lane->holder);
    if (rc)
        lane->holder.addresses = NULL;
    return rc;
}

void lane_disclaim(struct lane *lane)
{
    if (lane->holder.addresses)
        claims_drop(&lane->lanes->claims, &lane->holder);
    lane->holder.addresses = NULL;
}

#include "aggregator/lane.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/apply.h"
#include "aggregator/load.h"
#include "aggregator/neighbour.h"
#include "common/log.h"

enum lane_state {
    LANE_LOADING, /* reads are under way that must be there before anything else */
    LANE_READY,
    LANE_BROKEN, /* a request failed: waits for the others and goes */
};

struct lane {
    struct lanes *lanes;
    struct lane *next;
    enum lane_state state;
    struct part part;
    struct load load;
    struct neighbours neighbours; /* while a new sensor is checked */
    unsigned under_way;           /* requests to the store */
    size_t bytes;                 /* of the puts among them */
    uint64_t durable;             /* last durable sequence of the owner's epoch */
    bool waiting;                 /* the owner was told "later" */
    bool opening;                 /* `open` is to be answered */
    struct frame_open open;
    char *darknet; /* of `open`, canonical */
    const struct lane_events *on;
    void *owner; /* NULL when nobody holds the lane */
};

/* A put under way. */
struct sent {
    struct lane *lane;
    uint64_t seq; /* 0: a fold */
    size_t bytes;
};

static void settle(struct lane *lane);

void lanes_init(struct lanes *lanes, struct store *store)
{
    *lanes = (struct lanes){.store = store};
}

static void lane_free(struct lane *lane)
{
    struct lane **at = &lane->lanes->first;
    while (*at != lane)
        at = &(*at)->next;
    *at = lane->next;
    part_close(&lane->part);
    free(lane->darknet);
    free(lane);
}

static int refuse_store(struct frame_refuse *refuse, const char *why)
{
    refuse->code = REFUSE_STORE;
    refuse->final = false;
    snprintf(refuse->text, sizeof refuse->text, "the store cannot take it now: %.400s", why);
    return ERR_REFUSED;
}

/* --- endings -------------------------------------------------------------------------------------
 */

/* The lane cannot go on. Its owner, if it has one, is told; the caller returns at once. */
static void give_up(struct lane *lane, const struct frame_refuse *refuse)
{
    void *owner = lane->owner;
    lane->state = LANE_BROKEN;
    lane->owner = NULL;
    lane->opening = false;
    if (owner)
        lane->on->refused(owner, refuse);
    settle(lane);
}

static void break_lane(struct lane *lane, int code, const char *why)
{
    struct frame_refuse refuse;
    if (lane->state == LANE_BROKEN) {
        settle(lane);
        return;
    }
    if (code != ERR_UNREACHABLE)
        log_warn("sensor %s: %s", lane->part.sensor, why);
    refuse_store(&refuse, why);
    give_up(lane, &refuse);
}

static bool lanes_quiet(const struct lanes *lanes)
{
    for (const struct lane *lane = lanes->first; lane; lane = lane->next)
        if (lane->under_way > 0)
            return false;
    return true;
}

static void tell_drained(struct lanes *lanes)
{
    void (*drained)(void *data) = lanes->drained;
    if (!drained || !lanes_quiet(lanes))
        return;
    lanes->drained = NULL;
    drained(lanes->data);
}

/* --- puts ----------------------------------------------------------------------------------------
 */

static void put_done(void *data, int code, const char *why)
{
    struct sent sent = *(struct sent *)data;
    struct lane *lane = sent.lane;
    free(data);
    lane->bytes -= sent.bytes;
    /* Still under way, since the owner may leave in answer. An owner that has just come is answered
     * when all is done: this record was of the one before it. */
    if (code == 0 && sent.seq && lane->owner && !lane->opening) {
        lane->durable = sent.seq;
        lane->on->durable(lane->owner, sent.seq);
    }
    lane->under_way--;
    if (code)
        break_lane(lane, code, why);
    else
        settle(lane);
}

/* Sends what apply.c wrote, `rc` being its result, and closes it. */
static int send_put(struct lane *lane, struct put *put, int rc, uint64_t seq)
{
    struct sent *sent = rc ? NULL : malloc(sizeof *sent);
    if (sent) {
        *sent = (struct sent){lane, seq, put->bytes.size};
        rc = store_put(lane->lanes->store, put, put_done, sent);
    } else if (rc == 0) {
        rc = ERR_NOMEM;
    }
    if (rc == 0) {
        lane->under_way++;
        lane->bytes += sent->bytes;
    } else {
        free(sent);
    }
    put_close(put);
    return rc;
}

static int fold(struct lane *lane)
{
    struct put put;
    put_init(&put);
    int rc = apply_fold(&lane->part, &put);
    return send_put(lane, &put, rc, 0);
}

static int apply(struct lane *lane, const struct record *record)
{
    struct put put;
    put_init(&put);
    int rc = apply_record(&lane->part, record, &put);
    return send_put(lane, &put, rc, record->seq);
}

/* --- loading -------------------------------------------------------------------------------------
 */

static void load_answered(void *data, int code, const char *why);

static void fetch_load(struct lane *lane)
{
    int rc = store_fetch(lane->lanes->store, &lane->load.fetch, load_answered, lane);
    if (rc == 0) {
        lane->under_way++;
        return;
    }
    load_close(&lane->load);
    break_lane(lane, rc, err_str(rc));
}

static void neighbours_done(void *data, int code, const struct frame_refuse *refuse,
                            const char *why);

/* The part is whole. A sensor that the store does not know must not share its darknet with another.
 */
static void loaded(struct lane *lane)
{
    if (lane->part.observed || !lane->opening || lane->part.darknet) {
        lane->state = LANE_READY;
        settle(lane);
        return;
    }
    lane->under_way++;
    int rc = neighbours_check(&lane->neighbours, lane->lanes->store, lane->part.sensor,
                              lane->darknet, neighbours_done, lane);
    if (rc) {
        lane->under_way--;
        break_lane(lane, rc, err_str(rc));
    }
}

static void load_answered(void *data, int code, const char *why)
{
    struct lane *lane = data;
    char errmsg[ERRMSG_SIZE];
    lane->under_way--;
    if (lane->state == LANE_BROKEN) {
        load_close(&lane->load);
        settle(lane);
        return;
    }
    int rc = code ? code : load_take(&lane->load, errmsg);
    if (rc == 0) {
        fetch_load(lane);
        return;
    }
    load_close(&lane->load);
    if (rc < 0)
        break_lane(lane, rc, code ? why : errmsg);
    else
        loaded(lane);
}

/* Sensors of this aggregator that have not yet stored anything are not found in the store. What
 * they claim is not final: they may never deliver. */
static bool claimed_here(const struct lane *lane, struct frame_refuse *refuse)
{
    for (const struct lane *other = lane->lanes->first; other; other = other->next) {
        if (other == lane || other->state == LANE_BROKEN || !other->part.darknet ||
            !neighbour_shares(lane->part.sensor, lane->darknet, other->part.sensor,
                              other->part.darknet, refuse))
            continue;
        refuse->final = other->part.observed;
        return true;
    }
    return false;
}

static void neighbours_done(void *data, int code, const struct frame_refuse *refuse,
                            const char *why)
{
    struct lane *lane = data;
    struct frame_refuse claimed;
    lane->under_way--;
    if (lane->state == LANE_BROKEN) {
        settle(lane);
    } else if (code == ERR_REFUSED) {
        give_up(lane, refuse);
    } else if (code) {
        break_lane(lane, code, why);
    } else if (claimed_here(lane, &claimed)) {
        give_up(lane, &claimed);
    } else {
        lane->state = LANE_READY;
        settle(lane);
    }
}

/* --- opening -------------------------------------------------------------------------------------
 */

static void answer_open(struct lane *lane)
{
    struct frame_refuse refuse;
    lane->opening = false;
    int rc = apply_open(&lane->part, &lane->open, lane->darknet, &lane->durable, &refuse);
    if (rc == 0)
        lane->on->opened(lane->owner, lane->durable);
    else if (rc == ERR_REFUSED)
        give_up(lane, &refuse);
    else
        break_lane(lane, rc, err_str(rc));
}

static struct lane *find(const struct lanes *lanes, const char *sensor)
{
    struct lane *lane = lanes->first;
    while (lane && strcmp(lane->part.sensor, sensor) != 0)
        lane = lane->next;
    return lane;
}

static int check_free(const struct lane *lane, struct frame_refuse *refuse)
{
    if (!lane || (!lane->owner && lane->state == LANE_READY))
        return 0;
    refuse->code = REFUSE_BUSY;
    refuse->final = false;
    snprintf(refuse->text, sizeof refuse->text, "%s",
             lane->owner ? "another connection is delivering for this sensor"
                         : "the sensor's last connection is still being finished: try again");
    return ERR_REFUSED;
}

/* The darknet as a canonical list, to be freed; NULL with the reason in `refuse`. */
static char *canonical(const struct frame_open *open, struct frame_refuse *refuse)
{
    char errmsg[ERRMSG_SIZE] = "out of memory";
    struct prefixset *set = prefixset_new();
    char *text = NULL;
    if (set && prefixset_add(set, open->darknet, errmsg) == 0 && prefixset_finish(set, errmsg) == 0)
        text = prefixset_text(set);
    prefixset_free(set);
    if (!text) {
        refuse->code = REFUSE_IDENTITY;
        refuse->final = true;
        snprintf(refuse->text, sizeof refuse->text, "the sensor's darknet: %.400s", errmsg);
    }
    return text;
}

static struct lane *lane_new(struct lanes *lanes, const char *sensor)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return NULL;
    lane->lanes = lanes;
    lane->next = lanes->first;
    lanes->first = lane;
    lane->state = LANE_LOADING;
    part_init(&lane->part, sensor);
    load_begin(&lane->load, &lane->part);
    return lane;
}

static void take_open(struct lane *lane, const struct frame_open *open, char *darknet)
{
    free(lane->darknet);
    lane->darknet = darknet;
    lane->open = *open;
    lane->open.darknet = NULL; /* the caller's; ours is the canonical one */
    lane->opening = true;
    lane->waiting = false;
}

static struct lane *reserve(struct lanes *lanes, struct lane *held, const char *sensor, bool *fresh,
                            struct frame_refuse *refuse)
{
    struct lane *lane = held ? held : find(lanes, sensor);
    *fresh = lane == NULL;
    if (!held && check_free(lane, refuse))
        return NULL;
    if (!lane)
        lane = lane_new(lanes, sensor);
    if (!lane)
        refuse_store(refuse, err_str(ERR_NOMEM));
    return lane;
}

int lane_open(struct lanes *lanes, struct lane *held, const struct frame_open *open,
              const struct lane_events *on, void *owner, struct lane **lane,
              struct frame_refuse *refuse)
{
    bool fresh = false;
    char *darknet = canonical(open, refuse);
    struct lane *found = NULL;
    if (darknet && !lanes->store->up)
        refuse_store(refuse, "it is not reachable");
    else if (darknet)
        found = reserve(lanes, held, open->sensor, &fresh, refuse);
    if (!found) {
        free(darknet);
        if (held)
            lane_release(held);
        return ERR_REFUSED;
    }
    take_open(found, open, darknet);
    found->on = on;
    found->owner = owner;
    *lane = found;
    if (fresh)
        fetch_load(found);
    else
        settle(found);
    return 0;
}

/* --- what comes next -----------------------------------------------------------------------------
 */

/* Whether the log is to be folded now: the owner has left, or all end. */
static bool must_fold(const struct lane *lane)
{
    return (!lane->owner || lane->lanes->draining) && lane->lanes->store->up &&
           apply_fold_possible(&lane->part);
}

/* Does what can be done after a request has ended or the owner has changed; may free the lane. */
static void settle(struct lane *lane)
{
    struct lanes *lanes = lane->lanes;
    bool quiet = lane->under_way == 0;
    if (lane->state == LANE_READY && lane->opening && quiet) {
        answer_open(lane);
    } else if (lane->state == LANE_READY && must_fold(lane) && quiet) {
        int rc = fold(lane);
        if (rc)
            break_lane(lane, rc, err_str(rc));
    } else if (!lane->owner && quiet) {
        lane_free(lane);
    } else if (lane->state == LANE_READY && lane->waiting && lane->bytes < LANE_BYTES_MAX) {
        lane->waiting = false;
        lane->on->ready(lane->owner);
    }
    tell_drained(lanes);
}

void lane_release(struct lane *lane)
{
    lane->owner = NULL;
    lane->opening = false;
    lane->waiting = false;
    settle(lane);
}

void lanes_drain(struct lanes *lanes, void (*drained)(void *data), void *data)
{
    lanes->draining = true;
    struct lane *next;
    for (struct lane *lane = lanes->first; lane; lane = next) {
        next = lane->next;
        if (lane->state == LANE_READY && lane->under_way == 0 && must_fold(lane) && fold(lane))
            break_lane(lane, ERR_UNREACHABLE, "it is not reachable");
    }
    lanes->drained = drained;
    lanes->data = data;
    tell_drained(lanes);
}

/* --- records -------------------------------------------------------------------------------------
 */

static enum lane_taken refused(struct lane *lane)
{
    lane_release(lane);
    return LANE_REFUSED;
}

static enum lane_taken broken(struct lane *lane, int code, struct frame_refuse *refuse)
{
    if (code != ERR_UNREACHABLE)
        log_warn("sensor %s: %s", lane->part.sensor, err_str(code));
    lane->state = LANE_BROKEN; /* what apply.c began is not to be used again */
    refuse_store(refuse, err_str(code));
    return refused(lane);
}

static enum lane_taken later(struct lane *lane)
{
    lane->waiting = true;
    return LANE_LATER;
}

/* The record is the next one: folds and turns to its periods first where that is due. */
static enum lane_taken take(struct lane *lane, const struct record *record,
                            struct frame_refuse *refuse)
{
    int rc = apply_fold_due(&lane->part, record->start_s) ? fold(lane) : 0;
    if (rc)
        return broken(lane, rc, refuse);
    if (!part_holds(&lane->part, record->start_s)) {
        lane->waiting = true;
        lane->state = LANE_LOADING;
        load_turn(&lane->load, &lane->part, record->start_s);
        fetch_load(lane);
        return LANE_LATER;
    }
    rc = apply(lane, record);
    return rc ? broken(lane, rc, refuse) : LANE_TAKEN;
}

/* Damage of the bytes may come from the way and heal; a record that is wrong in itself stays so. */
static enum lane_taken refuse_record(struct lane *lane, const uint8_t *bytes, size_t size,
                                     const char *errmsg, struct frame_refuse *refuse)
{
    refuse->code = REFUSE_DAMAGED;
    refuse->final = record_check(bytes, size) == 0;
    snprintf(refuse->text, sizeof refuse->text, "%.500s", errmsg);
    return refused(lane);
}

enum lane_taken lane_record(struct lane *lane, const uint8_t *bytes, size_t size, uint64_t *durable,
                            struct frame_refuse *refuse)
{
    if (lane->state == LANE_LOADING || lane->bytes >= LANE_BYTES_MAX)
        return later(lane);
    char errmsg[ERRMSG_SIZE];
    struct record record;
    record_init(&record);
    if (record_open(&record, bytes, size, errmsg)) {
        record_close(&record);
        return refuse_record(lane, bytes, size, errmsg, refuse);
    }
    *durable = lane->durable;
    enum lane_taken taken;
    int rc = apply_check(&lane->part, lane->open.epoch, &record, refuse);
    if (rc < 0)
        taken = refused(lane);
    else if (rc == 1)
        taken = LANE_DUPLICATE;
    else
        taken = take(lane, &record, refuse);
    record_close(&record);
    return taken;
}

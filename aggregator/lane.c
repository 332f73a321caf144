#include "aggregator/lane.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aggregator/apply.h"
#include "aggregator/lane_inside.h"
#include "common/clock.h"
#include "common/log.h"

#define RETRY_STORE_S 1 /* sensors that were turned away come back spread over twice that */

/* A put under way. */
struct sent {
    struct lane *lane;
    struct owner *owner; /* NULL: a fold */
    uint64_t seq;
    size_t bytes;
    int64_t until_s;  /* end of the record's interval; 0: no record */
    int64_t begun_ns; /* monotonic */
    bool live;
};

/* What the parts hold was read of a store that may come back in an older state, and an OPEN is answered
 * from them: they are not to be used again. */
static void store_lost(void *data)
{
    struct lanes *lanes = data;
    struct lane *next;
    for (struct lane *lane = lanes->first; lane; lane = next) {
        next = lane->next;
        lane_break(lane, ERR_UNREACHABLE, "the connection to the store was lost");
    }
}

void lanes_init(struct lanes *lanes, struct storage *store, const char *registry,
                struct stats *stats, uint64_t run)
{
    *lanes = (struct lanes){.store = store,
                            .registry = registry,
                            .run = run,
                            .stats = stats,
                            .keep = {.minute_records = PART_MINUTE_RECORDS}};
    neighbours_init(&lanes->neighbours, store, registry);
    store->lost = store_lost;
    store->data = lanes;
}

int lane_refuse_store(struct frame_refuse *refuse, const char *why)
{
    refuse->code = REFUSE_STORE;
    refuse->final = false;
    refuse->retry_s = RETRY_STORE_S;
    snprintf(refuse->text, sizeof refuse->text, "the store cannot take it now: %.400s", why);
    return ERR_REFUSED;
}

/* --- endings ---------------------------------------------------------------------------------- */

static void leave(struct owner *owner)
{
    struct lane *lane = owner->lane;
    if (lane->candidate == owner)
        lane->candidate = NULL;
    owners_leave(&lane->owners, owner);
}

/* One owner cannot go on. */
void lane_dismiss(struct owner *owner, const struct frame_refuse *refuse)
{
    const struct lane_events *on = owner->on;
    void *data = owner->data;
    leave(owner);
    on->refused(data, refuse);
}

/* The lane cannot go on. Its owners are told; the caller returns at once. */
static void give_up(struct lane *lane, const struct frame_refuse *refuse)
{
    struct owner *owner;
    lane->state = LANE_BROKEN;
    lane_disclaim(lane);
    for (unsigned at = 0; (owner = owners_each(&lane->owners, &at)) != NULL;)
        lane_dismiss(owner, refuse);
    lane_settle(lane);
}

/* Says why the store cannot take the sensor's records. That it is not reachable is said once for all,
 * elsewhere; that another aggregator wrote is over when the sensor comes back. */
static void complain(struct lane *lane, int code, const char *why)
{
    const char *sensor = lane->part.sensor;
    if (code == ERR_STALE)
        log_warn("sensor %s: %s", sensor, why);
    else if (code != ERR_UNREACHABLE && troubles_begin(&lane->lanes->troubles, sensor, why))
        log_warn("sensor %s: the store does not take its records: %s; they wait at the sensor",
                 sensor, why);
}

void lane_break(struct lane *lane, int code, const char *why)
{
    struct frame_refuse refuse = {0};
    if (lane->state == LANE_BROKEN) {
        lane_settle(lane);
        return;
    }
    complain(lane, code, why);
    lane_refuse_store(&refuse, why);
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

/* --- puts ------------------------------------------------------------------------------------- */

static void count_applied(const struct lane *lane, const struct sent *sent)
{
    struct stats *stats = lane->lanes->stats;
    stats->applied++;
    stats->apply_ns += (uint64_t)(monotonic_ns() - sent->begun_ns);
    if (sent->live)
        stats_through(stats, lane->part.sensor, sent->until_s);
}

static void out_of_trouble(struct lane *lane)
{
    if (troubles_end(&lane->lanes->troubles, lane->part.sensor))
        log_info("sensor %s: the store takes its records again", lane->part.sensor);
}

static void put_done(void *data, int code, const char *why)
{
    struct sent sent = *(struct sent *)data;
    struct lane *lane = sent.lane;
    struct owner *owner = sent.owner;
    free(data);
    lane->bytes -= sent.bytes;
    if (code == 0 && sent.until_s > 0) {
        count_applied(lane, &sent);
        out_of_trouble(lane);
    }
    /* Still under way, since the owner may leave in answer. One that has just taken the place is
     * answered when all is done: this record was of the one before it. */
    if (code == 0 && owner && owner->data && !owner->opening) {
        owner->durable = sent.seq;
        owner->on->durable(owner->data, sent.seq);
    }
    lane->under_way--;
    if (code)
        lane_break(lane, code, why);
    else
        lane_settle(lane);
}

/* Sends what apply.c wrote, `rc` being its result, and closes it. */
static int send_put(struct lane *lane, struct put *put, int rc, const struct sent *what)
{
    struct sent *sent = rc ? NULL : malloc(sizeof *sent);
    if (sent) {
        *sent = *what;
        sent->lane = lane;
        sent->bytes = put->bytes.size;
        sent->begun_ns = monotonic_ns();
        rc = lane->lanes->store->put(lane->lanes->store, put, put_done, sent);
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
    return send_put(lane, &put, rc, &(struct sent){.owner = NULL});
}

static int apply(struct owner *owner, const struct record *record, struct chunk sealed)
{
    struct lane *lane = owner->lane;
    struct put put;
    put_init(&put);
    int rc = apply_record(&lane->part, record, sealed, &put);
    const struct sent sent = {.owner = owner,
                              .seq = record->seq,
                              .until_s = record->start_s + (int64_t)record->width_s,
                              .live = !owner->open.replay};
    return send_put(lane, &put, rc, &sent);
}

/* --- loading ---------------------------------------------------------------------------------- */

static void load_answered(void *data, int code, const char *why);

void lane_fetch(struct lane *lane)
{
    int rc = lane->lanes->store->fetch(lane->lanes->store, &lane->load.fetch, load_answered, lane);
    if (rc == 0) {
        lane->under_way++;
        return;
    }
    load_close(&lane->load);
    lane_break(lane, rc, err_str(rc));
}

static void load_answered(void *data, int code, const char *why)
{
    struct lane *lane = data;
    char errmsg[ERRMSG_SIZE];
    lane->under_way--;
    if (lane->state == LANE_BROKEN) {
        load_close(&lane->load);
        lane_settle(lane);
        return;
    }
    int rc = code ? code : load_take(&lane->load, errmsg);
    if (rc >= 0 && lane_claim(lane) != 0)
        rc = err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    if (rc == 0) {
        lane_fetch(lane);
        return;
    }
    load_close(&lane->load);
    if (rc < 0) {
        lane_break(lane, rc, code ? why : errmsg);
    } else {
        lane->state = LANE_READY;
        lane_settle(lane);
    }
}

/* --- what comes next -------------------------------------------------------------------------- */

/* Whether the log is to be folded now: the last owner has left, or all end. */
static bool must_fold(const struct lane *lane)
{
    return (!owners_any(&lane->owners) || lane->lanes->draining) && lane->lanes->store->up &&
           apply_fold_possible(&lane->part);
}

/* Whether no record can be taken at present, whoever offers it. lane_settle() tells when it can. */
static bool closed(struct lane *lane)
{
    return lane->state != LANE_READY || owners_opening(&lane->owners) ||
           lane->bytes >= LANE_BYTES_MAX || owners_burst_over(&lane->owners);
}

/* An owner that may offer its record again, or NULL. */
static struct owner *next_ready(struct lane *lane)
{
    if (owners_opening(&lane->owners) || lane->bytes >= LANE_BYTES_MAX)
        return NULL;
    struct owner *owner = closed(lane) ? NULL : owners_waiting(&lane->owners);
    return owner ? owner : owners_next_turn(&lane->owners, lane->under_way == 0);
}

/* Does one thing that can be done now; whether there was one. */
static bool step(struct lane *lane)
{
    bool quiet = lane->under_way == 0;
    struct owner *opening = owners_opening(&lane->owners), *owner;
    if (lane->state != LANE_READY)
        return false;
    if (opening && quiet) {
        lane_answer(opening);
        return true;
    }
    if (must_fold(lane) && quiet) {
        int rc = fold(lane);
        if (rc)
            lane_break(lane, rc, err_str(rc));
        return true;
    }
    owner = next_ready(lane);
    if (owner)
        owner->on->ready(owner->data);
    return owner != NULL;
}

/* Does what can be done after a request has ended or an owner has come or gone; may free the lane.
 * What happens meanwhile and calls it again is found by the loop. */
void lane_settle(struct lane *lane)
{
    struct lanes *lanes = lane->lanes;
    if (lane->settling)
        return;
    lane->settling = true;
    while (step(lane))
        ;
    lane->settling = false;
    if (lane->under_way == 0 && !owners_any(&lane->owners))
        lane_free(lane);
    tell_drained(lanes);
}

void lane_release(struct owner *owner)
{
    struct lane *lane = owner->lane;
    leave(owner);
    lane_settle(lane);
}

void lanes_drain(struct lanes *lanes, void (*drained)(void *data), void *data)
{
    lanes->draining = true;
    struct lane *next;
    for (struct lane *lane = lanes->first; lane; lane = next) {
        next = lane->next;
        lane_settle(lane);
    }
    lanes->drained = drained;
    lanes->data = data;
    tell_drained(lanes);
}

/* --- records ---------------------------------------------------------------------------------- */

static enum lane_taken broken(struct owner *owner, int code, struct frame_refuse *refuse)
{
    struct lane *lane = owner->lane;
    complain(lane, code, err_str(code));
    lane_refuse_store(refuse, err_str(code));
    leave(owner);
    give_up(lane, refuse); /* what apply.c began is not to be used again */
    return LANE_REFUSED;
}

static enum lane_taken later(struct owner *owner)
{
    owner->waiting = true;
    return LANE_LATER;
}

static enum lane_taken after_load(struct owner *owner)
{
    struct lane *lane = owner->lane;
    owner->waiting = true;
    lane->state = LANE_LOADING;
    lane_fetch(lane); /* the owner may be gone */
    return LANE_LATER;
}

/* The record is the next one: folds and turns to its periods first where that is due. */
static enum lane_taken take(struct owner *owner, const struct record *record, struct chunk sealed,
                            struct frame_refuse *refuse)
{
    struct lane *lane = owner->lane;
    bool turn = !part_holds(&lane->part, record->start_s);
    if (turn && !owners_turn_for(&lane->owners, owner, lane->under_way == 0))
        return later(owner);
    lane->part.now_s = (int64_t)time(NULL);
    int rc = apply_fold_due(&lane->part, record->start_s) ? fold(lane) : 0;
    if (rc == 0 && turn && load_turn(&lane->load, &lane->part, record->start_s))
        return after_load(owner);
    if (rc == 0)
        rc = apply(owner, record, sealed);
    if (rc)
        return broken(owner, rc, refuse);
    owners_count(&lane->owners);
    alarmlog_write(&lane->alarmlog, record, (int64_t)time(NULL));
    return LANE_TAKEN;
}

/* Damage of the bytes may come from the way and heal; a record that is wrong in itself stays so;
 * memory that cannot be had is no damage. */
static void judge_unopened(const uint8_t *bytes, size_t size, int rc, const char *errmsg,
                           struct frame_refuse *refuse)
{
    if (rc == ERR_NOMEM) {
        lane_refuse_store(refuse, errmsg);
        return;
    }
    refuse->code = REFUSE_DAMAGED;
    refuse->final = record_check(bytes, size) == 0;
    snprintf(refuse->text, sizeof refuse->text, "%.500s", errmsg);
}

static enum lane_taken refused(struct owner *owner)
{
    lane_release(owner);
    return LANE_REFUSED;
}

enum lane_taken lane_record(struct owner *owner, const uint8_t *bytes, size_t size,
                            uint64_t *durable, struct frame_refuse *refuse)
{
    struct lane *lane = owner->lane;
    if (closed(lane))
        return later(owner);
    char errmsg[ERRMSG_SIZE];
    struct record record;
    record_init(&record);
    int rc = record_open(&record, bytes, size, errmsg);
    if (rc) {
        record_close(&record);
        judge_unopened(bytes, size, rc, errmsg, refuse);
        return refused(owner);
    }
    *durable = owner->durable;
    enum lane_taken taken;
    rc = lane_check(owner, &record, refuse);
    if (rc < 0)
        taken = refused(owner);
    else if (rc == 1)
        taken = LANE_DUPLICATE;
    else
        taken = take(owner, &record, (struct chunk){bytes, size}, refuse);
    record_close(&record);
    return taken;
}

/* --- what a sensor has lost ------------------------------------------------------------------- */

static int pass_over(struct owner *owner, uint64_t last)
{
    struct lane *lane = owner->lane;
    struct put put;
    if (lane->part.n - lane->part.folded >= APPLY_LOGS_MAX) {
        int rc = fold(lane);
        if (rc)
            return rc;
    }
    put_init(&put);
    int rc = apply_lost(&lane->part, &owner->open, last, &put);
    return send_put(lane, &put, rc, &(struct sent){.owner = owner, .seq = last});
}

enum lane_taken lane_lost(struct owner *owner, const struct frame_lost *lost, uint64_t *durable,
                          struct frame_refuse *refuse)
{
    struct lane *lane = owner->lane;
    if (closed(lane))
        return later(owner);
    *durable = owner->durable;
    int rc = apply_check_lost(&lane->part, owner->open.epoch, lost, refuse);
    if (rc < 0)
        return refused(owner);
    if (rc == 1)
        return LANE_DUPLICATE;
    rc = pass_over(owner, lost->last);
    if (rc)
        return broken(owner, rc, refuse);
    owners_count(&lane->owners);
    log_warn("sensor %s: %" PRIu64 " records, %" PRIu64 " to %" PRIu64 " of its spool, are lost at "
             "the sensor: their intervals count as not observed",
             lane->part.sensor, lost->last - lost->first + 1, lost->first, lost->last);
    return LANE_TAKEN;
}

#include <stdlib.h>
#include <string.h>

#include "collector/meter_private.h"
#include "common/err.h"

/* --- lanes ------------------------------------------------------------------------------------ */

static void enter_all(struct meter *meter)
{
    for (unsigned lane = 0; lane < meter->options.lanes; lane++)
        meter_enter(meter, lane);
}

static void leave_all(struct meter *meter)
{
    for (unsigned lane = 0; lane < meter->options.lanes; lane++)
        meter_leave(meter, lane);
}

static void swap(struct lane *lane, enum slot a, enum slot b)
{
    struct interval *held = lane->slots[a];
    lane->slots[a] = lane->slots[b];
    lane->slots[b] = held;
}

/* --- sealing: with `moving` and all lanes held ------------------------------------------------ */

static int fill_record(struct meter *meter, struct record *record)
{
    struct interval *intervals[METER_LANES_MAX];
    for (unsigned lane = 0; lane < meter->options.lanes; lane++)
        intervals[lane] = meter->lanes[lane].slots[SPARE];
    strcpy(record->sensor, meter->options.sensor);
    record->width_s = METER_WIDTH_S;
    int rc = interval_record(intervals, meter->options.lanes, record);
    uint64_t seq = meter->options.next_seq ? meter->options.next_seq(meter->options.user) : 0;
    for (unsigned lane = 0; lane < meter->options.lanes; lane++)
        interval_set_sealing(intervals[lane], seq);
    return rc;
}

static int make_record(struct meter *meter, int64_t first_ns, int64_t last_ns)
{
    struct record *record = malloc(sizeof *record);
    if (!record)
        return ERR_NOMEM;
    record_init(record);
    record->addresses = meter->room;
    int rc = fill_record(meter, record);
    record->first_ns = first_ns;
    record->last_ns = last_ns;
    if (rc == 0)
        rc = meter->options.sink(meter->options.user, record);
    meter->room = record->addresses;
    addrvec_clear(&meter->room);
    addrvec_init(&record->addresses);
    record_close(record);
    free(record);
    return rc;
}

/* Hands the record of the spare intervals, observed from first_ns to last_ns, to the sink. The lanes
 * count on meanwhile. What could not be sealed stays in its files. */
static int emit(struct meter *meter, int64_t first_ns, int64_t last_ns)
{
    leave_all(meter);
    int rc = make_record(meter, first_ns, last_ns);
    for (unsigned lane = 0; rc == 0 && lane < meter->options.lanes; lane++)
        interval_close(meter->lanes[lane].slots[SPARE]);
    enter_all(meter);
    if (rc)
        meter->error = rc;
    return meter->error;
}

/* Makes the interval behind the open one, or a new one, the open one. */
static void open_next(struct lane *lane, int64_t start_ns, int64_t first_ns)
{
    struct interval *other = lane->slots[OTHER];
    swap(lane, OPEN, SPARE);
    if (interval_is_open(other) && interval_start_ns(other) == start_ns)
        swap(lane, OPEN, OTHER);
    else
        interval_open(lane->slots[OPEN], start_ns, first_ns);
}

/* One thread counts, and seals: its next interval may wait for the record, and is counted in the same
 * memory, which is warm. */
static int seal_in_place(struct meter *meter, int64_t sealed_first_ns, int64_t last_ns)
{
    struct lane *lane = &meter->lanes[0];
    swap(lane, OPEN, SPARE);
    int rc = emit(meter, sealed_first_ns, last_ns);
    if (rc == 0)
        swap(lane, OPEN, SPARE);
    interval_open(lane->slots[OPEN], meter->start_ns, meter->first_ns);
    return rc;
}

/* Seals the open interval as observed until `last_ns`; the one that begins at `start_ns` is open then,
 * observed from `first_ns`. */
static int seal_open(struct meter *meter, int64_t last_ns, int64_t start_ns, int64_t first_ns)
{
    int64_t sealed_first_ns = meter->first_ns;
    if (last_ns > meter->sealed_ns)
        meter->sealed_ns = last_ns;
    meter->start_ns = start_ns;
    meter->first_ns = first_ns;
    if (meter->options.keep_late)
        return seal_in_place(meter, sealed_first_ns, last_ns);
    for (unsigned lane = 0; lane < meter->options.lanes; lane++)
        open_next(&meter->lanes[lane], start_ns, first_ns);
    return emit(meter, sealed_first_ns, last_ns);
}

/* A late record adds to an interval that has its record: it claims one moment, not a span of its
 * own. */
static int seal_late(struct meter *meter)
{
    struct lane *lane = &meter->lanes[0];
    if (!meter->options.keep_late || !interval_is_open(lane->slots[OTHER]))
        return 0;
    swap(lane, OTHER, SPARE);
    return emit(meter, meter->late_ns, meter->late_ns);
}

/* What the lanes saw since the last time. */
static void gather_seen(struct meter *meter)
{
    for (unsigned lane = 0; lane < meter->options.lanes; lane++)
        if (meter->lanes[lane].seen_ns > meter->seen_ns)
            meter->seen_ns = meter->lanes[lane].seen_ns;
}

/* The last moment of the open interval. */
static int64_t end_ns(const struct meter *meter)
{
    return meter->start_ns + WIDTH_NS - 1;
}

/* What is known to be observed of the open interval. */
static int64_t seen_of_open(const struct meter *meter)
{
    return meter->seen_ns < end_ns(meter) ? meter->seen_ns : end_ns(meter);
}

/* Seals the open interval as observed to its end and opens the one behind it. */
static int seal_whole(struct meter *meter)
{
    int64_t next_ns = end_ns(meter) + 1;
    return seal_open(meter, next_ns - 1, next_ns, next_ns);
}

/* Seals open intervals until the one that was seen last is open. The lanes go on while one is sealed,
 * so that each time it is asked anew what was seen. */
static int seal_seen(struct meter *meter)
{
    int rc = meter->error;
    gather_seen(meter);
    while (rc == 0 && meter->seen_ns > end_ns(meter)) {
        rc = seal_whole(meter);
        gather_seen(meter);
    }
    return rc;
}

static void set_seen(struct meter *meter, int64_t now_ns)
{
    if (now_ns > meter->seen_ns)
        meter->seen_ns = now_ns;
    for (unsigned lane = 0; lane < meter->options.lanes; lane++)
        interval_seen(meter->lanes[lane].slots[OPEN],
                      now_ns < end_ns(meter) ? now_ns : end_ns(meter));
}

/* Seals the open interval as observed until the last sign of life, and begins anew at `now_ns`. */
static int leave_gap(struct meter *meter, int64_t now_ns)
{
    int64_t seen_ns = meter->seen_ns;
    meter->seen_ns = now_ns;
    return seal_open(meter, seen_ns, meter_start_of(now_ns), now_ns);
}

/* Seals until the interval that holds `now_ns` is open, one after the other, as the lanes may see more
 * meanwhile. */
int meter_move_to(struct meter *meter, int64_t now_ns)
{
    if (meter->error || !meter->observing || !meter_time_valid(now_ns))
        return meter->error;
    int rc = 0;
    gather_seen(meter);
    while (rc == 0 && now_ns > end_ns(meter)) {
        if (meter->seen_ns > end_ns(meter) ||
            now_ns - meter->seen_ns <= meter->options.max_quiet_ns)
            rc = seal_whole(meter);
        else
            rc = leave_gap(meter, now_ns);
        gather_seen(meter);
    }
    set_seen(meter, now_ns);
    return rc;
}

static void pay_owed(struct meter *meter)
{
    struct interval *interval = meter->lanes[0].slots[OPEN];
    interval_add_dropped(interval, meter->owed_kernel, meter->owed_interface);
    interval_flag(interval, meter->owed_flags);
    for (; meter->owed_undecodable > 0; meter->owed_undecodable--)
        interval_add_reason(interval, INTERVAL_UNDECODABLE);
    meter->owed_kernel = meter->owed_interface = meter->owed_flags = 0;
}

/* A clock that was set back, or a packet of before the pause, opens nothing that was sealed. */
int meter_begin_at(struct meter *meter, int64_t now_ns)
{
    if (meter->observing || meter->error)
        return meter->error;
    if (now_ns <= meter->sealed_ns)
        now_ns = meter->sealed_ns + 1;
    for (unsigned lane = 0; lane < meter->options.lanes; lane++) {
        interval_open(meter->lanes[lane].slots[OPEN], meter_start_of(now_ns), now_ns);
        meter->lanes[lane].seen_ns = now_ns;
    }
    meter->start_ns = meter_start_of(now_ns);
    meter->first_ns = meter->seen_ns = now_ns;
    meter->observing = true;
    pay_owed(meter);
    return 0;
}

/* Seals what is open as observed until `last_ns`. Nothing is open from the moment on at which the
 * lanes go on: a packet that comes while the record is made begins anew. */
int meter_pause_at(struct meter *meter, int64_t last_ns)
{
    int rc = meter_move_to(meter, last_ns);
    if (rc || !meter->observing)
        return rc;
    rc = seal_seen(meter);
    if (rc)
        return rc;
    meter->observing = false;
    meter->sealed_ns = meter->seen_ns;
    for (unsigned lane = 0; lane < meter->options.lanes; lane++)
        swap(&meter->lanes[lane], OPEN, SPARE);
    rc = emit(meter, meter->first_ns, meter->seen_ns);
    return rc ? rc : seal_late(meter);
}

void meter_hold(struct meter *meter)
{
    pthread_mutex_lock(&meter->moving);
    enter_all(meter);
}

void meter_release(struct meter *meter)
{
    leave_all(meter);
    pthread_mutex_unlock(&meter->moving);
}

int meter_open_late(struct meter *meter, int64_t at_ns)
{
    int rc = seal_late(meter);
    if (rc)
        return rc;
    interval_open(meter->lanes[0].slots[OTHER], meter_start_of(at_ns), at_ns);
    meter->late_ns = at_ns;
    return 0;
}

int meter_split(struct meter *meter, int64_t at_ns)
{
    int rc = meter_move_to(meter, at_ns);
    int64_t seen_ns = seen_of_open(meter);
    int64_t next_ns = seen_ns < end_ns(meter) ? seen_ns + 1 : seen_ns;
    if (rc == 0 && meter->observing && at_ns >= meter->start_ns)
        rc = seal_open(meter, seen_ns, meter->start_ns, next_ns);
    return rc ? rc : seal_late(meter);
}

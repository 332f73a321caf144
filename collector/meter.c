#include "collector/meter.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/interval.h"
#include "collector/sender.h"
#include "collector/tunnel.h"
#include "common/calendar.h"
#include "common/err.h"

#define NS_PER_S INT64_C(1000000000)
#define WIDTH_NS (METER_WIDTH_S * NS_PER_S)

/* Of a lane, by what they are for: they change places. */
enum slot {
    OPEN,
    OTHER, /* with keep_late that of the late packets at hand, otherwise the one behind the open */
    SPARE, /* closed; holds what is being sealed */
    SLOTS
};

struct lane {
    pthread_mutex_t gate; /* held while waiting for the lock: whoever waits is next */
    pthread_mutex_t lock;
    struct interval *slots[SLOTS];
    char *paths[SLOTS]; /* of the files; NULL */
    int64_t seen_ns;    /* the latest packet */
} __attribute__((aligned(128)));

struct meter {
    struct meter_options options;
    struct lane *lanes;
    pthread_mutex_t moving; /* held by the thread that seals; taken before any lane */
    struct addrvec room;    /* empty; memory of the record before, where its sink left it */
    /* Changed with all lanes held, read with any. */
    int64_t start_ns;  /* of the open interval */
    int64_t first_ns;  /* where observation of it began */
    int64_t seen_ns;   /* the latest moment known to be observed */
    int64_t late_ns;   /* time of the first packet of the late interval */
    int64_t sealed_ns; /* nothing up to here is opened again */
    bool observing;
    int error; /* what ended the meter; 0 while nothing did */
    /* Told while observation was paused; goes into the next interval. */
    uint64_t owed_kernel, owed_interface, owed_undecodable;
    uint32_t owed_flags;
};

static int64_t interval_begin(int64_t at_ns)
{
    return at_ns - at_ns % WIDTH_NS;
}

bool meter_time_valid(int64_t at_ns)
{
    return at_ns >= CALENDAR_MIN_S * NS_PER_S && at_ns < CALENDAR_MAX_S * NS_PER_S;
}

/* --- making ----------------------------------------------------------------------------------- */

static int make_slot(struct meter *meter, unsigned number, enum slot slot, char *errmsg)
{
    struct lane *lane = &meter->lanes[number];
    const char *dir = meter->options.dir;
    char cause[ERRMSG_SIZE] = "";
    if (dir && asprintf(&lane->paths[slot], "%s/" INTERVAL_FILE "%u-%d", dir, number, slot) < 0) {
        lane->paths[slot] = NULL;
        return ERR_NOMEM;
    }
    int rc = interval_new(&lane->slots[slot], meter->options.darknet, lane->paths[slot], cause);
    if (cause[0])
        memcpy(errmsg, cause, ERRMSG_SIZE);
    return rc;
}

static int make_lanes(struct meter *meter, char *errmsg)
{
    int rc = 0;
    for (unsigned number = 0; number < meter->options.lanes; number++) {
        pthread_mutex_init(&meter->lanes[number].gate, NULL);
        pthread_mutex_init(&meter->lanes[number].lock, NULL);
    }
    for (unsigned number = 0; number < meter->options.lanes; number++)
        for (int slot = 0; rc == 0 && slot < SLOTS; slot++)
            rc = make_slot(meter, number, slot, errmsg);
    return rc;
}

int meter_new(struct meter **out, const struct meter_options *options, char *errmsg)
{
    struct meter *meter = calloc(1, sizeof *meter);
    errmsg[0] = '\0';
    if (!meter)
        return ERR_NOMEM;
    meter->options = *options;
    meter->sealed_ns = -1;
    assert(options->lanes <= (options->keep_late ? 1 : METER_LANES_MAX));
    if (meter->options.lanes == 0)
        meter->options.lanes = 1;
    if (meter->options.split_at == 0)
        meter->options.split_at = INTERVAL_PACKETS_MAX;
    pthread_mutex_init(&meter->moving, NULL);
    meter->lanes = aligned_alloc(_Alignof(struct lane), meter->options.lanes * sizeof(struct lane));
    if (!meter->lanes) {
        meter->options.lanes = 0;
        meter_free(meter);
        return ERR_NOMEM;
    }
    memset(meter->lanes, 0, meter->options.lanes * sizeof(struct lane));
    int rc = make_lanes(meter, errmsg);
    if (rc) {
        meter_free(meter);
        return rc;
    }
    *out = meter;
    return 0;
}

void meter_free(struct meter *meter)
{
    if (!meter)
        return;
    for (unsigned number = 0; number < meter->options.lanes; number++) {
        for (int slot = 0; slot < SLOTS; slot++) {
            interval_free(meter->lanes[number].slots[slot]);
            free(meter->lanes[number].paths[slot]);
        }
        pthread_mutex_destroy(&meter->lanes[number].lock);
        pthread_mutex_destroy(&meter->lanes[number].gate);
    }
    addrvec_close(&meter->room);
    pthread_mutex_destroy(&meter->moving);
    free(meter->lanes);
    free(meter);
}

/* --- lanes ------------------------------------------------------------------------------------ */

void meter_enter(struct meter *meter, unsigned lane)
{
    pthread_mutex_lock(&meter->lanes[lane].gate);
    pthread_mutex_lock(&meter->lanes[lane].lock);
    pthread_mutex_unlock(&meter->lanes[lane].gate);
}

void meter_leave(struct meter *meter, unsigned lane)
{
    pthread_mutex_unlock(&meter->lanes[lane].lock);
}

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
    return seal_open(meter, seen_ns, interval_begin(now_ns), now_ns);
}

/* Seals until the interval that holds `now_ns` is open, one after the other, as the lanes may see more
 * meanwhile. */
static int move_to(struct meter *meter, int64_t now_ns)
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
static int begin(struct meter *meter, int64_t now_ns)
{
    if (meter->observing || meter->error)
        return meter->error;
    if (now_ns <= meter->sealed_ns)
        now_ns = meter->sealed_ns + 1;
    for (unsigned lane = 0; lane < meter->options.lanes; lane++) {
        interval_open(meter->lanes[lane].slots[OPEN], interval_begin(now_ns), now_ns);
        meter->lanes[lane].seen_ns = now_ns;
    }
    meter->start_ns = interval_begin(now_ns);
    meter->first_ns = meter->seen_ns = now_ns;
    meter->observing = true;
    pay_owed(meter);
    return 0;
}

/* Seals what is open as observed until `last_ns`. Nothing is open from the moment on at which the
 * lanes go on: a packet that comes while the record is made begins anew. */
static int pause_at(struct meter *meter, int64_t last_ns)
{
    int rc = move_to(meter, last_ns);
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

static void hold(struct meter *meter)
{
    pthread_mutex_lock(&meter->moving);
    enter_all(meter);
}

static void release(struct meter *meter)
{
    leave_all(meter);
    pthread_mutex_unlock(&meter->moving);
}

/* --- packets: with the lane held -------------------------------------------------------------- */

static void count(const struct prefixset *tunnels, struct interval *interval, int linktype,
                  const struct capture_packet *frame)
{
    struct packet packet;
    uint32_t sender;
    switch (tunnel_decode(tunnels, linktype, frame->data, frame->caplen, frame->len, &packet)) {
    case DECODE_IP:
        interval_add(interval, &packet, frame->ts_ns);
        break;
    case DECODE_NOT_IP:
        interval_add_reason(interval, INTERVAL_NOT_IP);
        if (sender_arp(linktype, frame->data, frame->caplen, &sender))
            interval_add_sender(interval, sender);
        break;
    case DECODE_UNDECODABLE:
        interval_add_reason(interval, INTERVAL_UNDECODABLE);
        break;
    }
}

/* What asks for all lanes: the others may count in between, so that everything about time is to be
 * looked at again behind it. */
static int slowly(struct meter *meter, unsigned lane, int (*what)(struct meter *, int64_t),
                  int64_t at_ns)
{
    meter_leave(meter, lane);
    hold(meter);
    int rc = what(meter, at_ns);
    release(meter);
    meter_enter(meter, lane);
    return rc;
}

/* Makes the late interval that of `at_ns`. */
static int open_late(struct meter *meter, int64_t at_ns)
{
    int rc = seal_late(meter);
    if (rc)
        return rc;
    interval_open(meter->lanes[0].slots[OTHER], interval_begin(at_ns), at_ns);
    meter->late_ns = at_ns;
    return 0;
}

/* Seals a lane's interval that has as many packets as its counters are sure to hold. */
static int split(struct meter *meter, int64_t at_ns)
{
    int rc = move_to(meter, at_ns);
    int64_t seen_ns = seen_of_open(meter);
    int64_t next_ns = seen_ns < end_ns(meter) ? seen_ns + 1 : seen_ns;
    if (rc == 0 && meter->observing && at_ns >= meter->start_ns)
        rc = seal_open(meter, seen_ns, meter->start_ns, next_ns);
    return rc ? rc : seal_late(meter);
}

static int count_in(struct meter *meter, unsigned lane, enum slot slot, int linktype,
                    const struct capture_packet *packet)
{
    struct interval *interval = meter->lanes[lane].slots[slot];
    count(meter->options.tunnels, interval, linktype, packet);
    if (__builtin_expect(interval_packets(interval) < meter->options.split_at, 1))
        return 0;
    return slowly(meter, lane, split, packet->ts_ns);
}

static int add_late(struct meter *meter, unsigned lane, int linktype,
                    const struct capture_packet *packet)
{
    struct interval *const *slots = meter->lanes[lane].slots;
    int64_t start_ns = interval_begin(packet->ts_ns);
    if (!meter->options.keep_late) {
        interval_add_late(slots[OPEN], start_ns);
        return 0;
    }
    if (!interval_is_open(slots[OTHER]) || interval_start_ns(slots[OTHER]) != start_ns) {
        int rc = slowly(meter, lane, open_late, packet->ts_ns);
        if (rc)
            return rc;
    }
    return count_in(meter, lane, OTHER, linktype, packet);
}

/* Adds a packet of the interval behind the open one, which stays open: packets that were received
 * before this one may still come, from another interface or processor. */
static int add_ahead(struct meter *meter, unsigned number, int linktype,
                     const struct capture_packet *packet)
{
    struct lane *lane = &meter->lanes[number];
    int64_t start_ns = meter->start_ns + WIDTH_NS;
    if (!interval_is_open(lane->slots[OTHER]))
        interval_open(lane->slots[OTHER], start_ns, start_ns);
    if (packet->ts_ns > lane->seen_ns)
        lane->seen_ns = packet->ts_ns;
    return count_in(meter, number, OTHER, linktype, packet);
}

/* Whether the packet belongs to the interval right behind the open one, without a gap between. */
static bool is_ahead(const struct meter *meter, const struct lane *lane, int64_t ts_ns)
{
    int64_t behind_ns = ts_ns - meter->start_ns - WIDTH_NS;
    int64_t seen_ns = lane->seen_ns > meter->seen_ns ? lane->seen_ns : meter->seen_ns;
    return behind_ns >= 0 && behind_ns < WIDTH_NS && ts_ns - seen_ns <= meter->options.max_quiet_ns;
}

/* The packet is to be counted in the open interval or one before it, when 0 is returned. */
static int make_way(struct meter *meter, unsigned lane, int64_t ts_ns)
{
    int rc = 0;
    while (rc == 0 && (!meter->observing || ts_ns - meter->start_ns >= WIDTH_NS))
        rc = slowly(meter, lane, meter->observing ? move_to : begin, ts_ns);
    return rc;
}

/* A packet without a time: of the open interval, or, while there is none, of the next. */
static void add_timeless(struct meter *meter, struct lane *lane)
{
    if (meter->observing)
        interval_add_reason(lane->slots[OPEN], INTERVAL_UNDECODABLE);
    else
        __atomic_fetch_add(&meter->owed_undecodable, 1, __ATOMIC_RELAXED);
}

int meter_packet(struct meter *meter, unsigned number, int linktype,
                 const struct capture_packet *packet)
{
    struct lane *lane = &meter->lanes[number];
    if (meter->error)
        return meter->error;
    if (!meter_time_valid(packet->ts_ns)) {
        add_timeless(meter, lane);
        return 0;
    }
    if (!meter->options.keep_late && meter->observing && is_ahead(meter, lane, packet->ts_ns))
        return add_ahead(meter, number, linktype, packet);
    if (!meter->observing || packet->ts_ns - meter->start_ns >= WIDTH_NS) {
        int rc = make_way(meter, number, packet->ts_ns);
        if (rc)
            return rc;
    }
    if (packet->ts_ns < meter->start_ns)
        return add_late(meter, number, linktype, packet);
    if (packet->ts_ns > lane->seen_ns)
        lane->seen_ns = packet->ts_ns;
    return count_in(meter, number, OPEN, linktype, packet);
}

/* --- from outside of the lanes ---------------------------------------------------------------- */

int meter_begin(struct meter *meter, int64_t now_ns)
{
    if (!meter_time_valid(now_ns))
        return ERR_INVALID;
    hold(meter);
    int rc = begin(meter, now_ns);
    release(meter);
    return rc;
}

void meter_dropped(struct meter *meter, uint64_t kernel, uint64_t interface)
{
    meter_enter(meter, 0);
    if (meter->observing) {
        interval_add_dropped(meter->lanes[0].slots[OPEN], kernel, interface);
    } else {
        meter->owed_kernel += kernel;
        meter->owed_interface += interface;
    }
    meter_leave(meter, 0);
}

void meter_flag(struct meter *meter, uint32_t flags)
{
    struct interval *const *slots = meter->lanes[0].slots;
    meter_enter(meter, 0);
    if (meter->observing)
        interval_flag(slots[OPEN], flags);
    else
        meter->owed_flags |= flags;
    if (interval_is_open(slots[OTHER]))
        interval_flag(slots[OTHER], flags);
    meter_leave(meter, 0);
}

int meter_advance(struct meter *meter, int64_t now_ns)
{
    hold(meter);
    int rc = move_to(meter, now_ns);
    release(meter);
    return rc;
}

int meter_pause(struct meter *meter, int64_t last_ns)
{
    hold(meter);
    int rc = pause_at(meter, last_ns);
    release(meter);
    return rc;
}

int meter_end(struct meter *meter, int64_t last_ns)
{
    int rc = meter_pause(meter, last_ns);
    for (unsigned lane = 0; rc == 0 && lane < meter->options.lanes; lane++)
        for (int slot = 0; slot < SLOTS; slot++) {
            interval_discard(meter->lanes[lane].slots[slot]);
            meter->lanes[lane].slots[slot] = NULL;
        }
    return rc;
}

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/meter_private.h"
#include "collector/sender.h"
#include "collector/tunnel.h"
#include "common/calendar.h"
#include "common/err.h"

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
    if (rc == 0 && meter->options.without_sources)
        interval_without_sources(lane->slots[slot]);
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

/* --- packets: with the lane held -------------------------------------------------------------- */

/* What is not plain. */
static __attribute__((noinline)) bool count_any(const struct prefixset *tunnels,
                                                struct interval *interval, int linktype,
                                                const struct capture_packet *frame)
{
    struct packet packet;
    uint32_t sender;
    switch (tunnel_decode(tunnels, linktype, frame->data, frame->caplen, frame->len, &packet)) {
    case DECODE_IP:
        return interval_add(interval, &packet, frame->ts_ns);
    case DECODE_NOT_IP:
        interval_add_reason(interval, INTERVAL_NOT_IP);
        if (sender_arp(linktype, frame->data, frame->caplen, &sender))
            interval_add_sender(interval, sender);
        return false;
    case DECODE_UNDECODABLE:
        interval_add_reason(interval, INTERVAL_UNDECODABLE);
    }
    return false;
}

/* Whether interval_packets has changed. */
static inline bool count(const struct prefixset *tunnels, struct interval *interval, int linktype,
                         const struct capture_packet *frame)
{
    struct packet_plain plain;
    return !tunnels && decode_plain(linktype, frame->data, frame->caplen, &plain)
               ? interval_add_plain(interval, &plain, frame->ts_ns)
               : count_any(tunnels, interval, linktype, frame);
}

/* What asks for all lanes: the others may count in between, so that everything about time is to be
 * looked at again behind it. */
static int slowly(struct meter *meter, unsigned lane, int (*what)(struct meter *, int64_t),
                  int64_t at_ns)
{
    meter_leave(meter, lane);
    meter_hold(meter);
    int rc = what(meter, at_ns);
    meter_release(meter);
    meter_enter(meter, lane);
    return rc;
}

static inline int count_in(struct meter *meter, unsigned lane, enum slot slot, int linktype,
                           const struct capture_packet *packet)
{
    struct interval *interval = meter->lanes[lane].slots[slot];
    if (__builtin_expect(!count(meter->options.tunnels, interval, linktype, packet), 1) ||
        interval_packets(interval) < meter->options.split_at)
        return 0;
    return slowly(meter, lane, meter_split, packet->ts_ns);
}

static int add_late(struct meter *meter, unsigned lane, int linktype,
                    const struct capture_packet *packet)
{
    struct interval *const *slots = meter->lanes[lane].slots;
    int64_t start_ns = meter_start_of(packet->ts_ns);
    if (!meter->options.keep_late) {
        interval_add_late(slots[OPEN], start_ns);
        return 0;
    }
    if (!interval_is_open(slots[OTHER]) || interval_start_ns(slots[OTHER]) != start_ns) {
        int rc = slowly(meter, lane, meter_open_late, packet->ts_ns);
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

/* Whether the packet is one of the open interval. */
static inline bool is_of_open(const struct meter *meter, int64_t ts_ns)
{
    return meter->observing && (uint64_t)ts_ns - (uint64_t)meter->start_ns < WIDTH_NS;
}

static inline int add_open(struct meter *meter, unsigned number, int linktype,
                           const struct capture_packet *packet)
{
    struct lane *lane = &meter->lanes[number];
    if (packet->ts_ns > lane->seen_ns)
        lane->seen_ns = packet->ts_ns;
    return count_in(meter, number, OPEN, linktype, packet);
}

/* The packet is to be counted in the open interval or one before it, when 0 is returned. */
static int make_way(struct meter *meter, unsigned lane, int64_t ts_ns)
{
    int rc = 0;
    while (rc == 0 && (!meter->observing || ts_ns - meter->start_ns >= WIDTH_NS))
        rc = slowly(meter, lane, meter->observing ? meter_move_to : meter_begin_at, ts_ns);
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

static __attribute__((noinline)) int add_elsewhere(struct meter *meter, unsigned number,
                                                   int linktype,
                                                   const struct capture_packet *packet)
{
    struct lane *lane = &meter->lanes[number];
    if (!meter_time_valid(packet->ts_ns)) {
        add_timeless(meter, lane);
        return 0;
    }
    if (!meter->options.keep_late && meter->observing && is_ahead(meter, lane, packet->ts_ns))
        return add_ahead(meter, number, linktype, packet);
    int rc = make_way(meter, number, packet->ts_ns);
    if (rc)
        return rc;
    if (packet->ts_ns < meter->start_ns)
        return add_late(meter, number, linktype, packet);
    return add_open(meter, number, linktype, packet);
}

int meter_packet(struct meter *meter, unsigned number, int linktype,
                 const struct capture_packet *packet)
{
    if (meter->error)
        return meter->error;
    if (__builtin_expect(is_of_open(meter, packet->ts_ns), 1))
        return add_open(meter, number, linktype, packet);
    return add_elsewhere(meter, number, linktype, packet);
}

/* --- from outside of the lanes ---------------------------------------------------------------- */

int meter_begin(struct meter *meter, int64_t now_ns)
{
    if (!meter_time_valid(now_ns))
        return ERR_INVALID;
    meter_hold(meter);
    int rc = meter_begin_at(meter, now_ns);
    meter_release(meter);
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
    meter_hold(meter);
    int rc = meter_move_to(meter, now_ns);
    meter_release(meter);
    return rc;
}

int meter_pause(struct meter *meter, int64_t last_ns)
{
    meter_hold(meter);
    int rc = meter_pause_at(meter, last_ns);
    meter_release(meter);
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

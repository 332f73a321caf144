#include "collector/skew.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/list.h"

#define WIDE        256  /* addresses of a /24 */
#define DOUBT       4    /* slots that are added to a /24's past ... */
#define DOUBT_QUIET 3    /* ... in so many of which nothing came */
#define PAST_MAX    1008 /* slots, a week: when it is longer, what was counts half */
#define QUIET_MAX   72   /* slots, half a day, of one silence in a /24's past: outages end */

/* A /24 with at least SKEW_MEMBERS_MIN addresses in the darknet. */
struct group {
    uint32_t prefix;       /* address >> 8 */
    uint32_t quiet;        /* slots since the last packet in which its neighbours had some */
    uint32_t told;         /* what `quiet` was when it was told last; 0: it was not */
    uint16_t members;      /* addresses of the darknet */
    uint16_t past, active; /* slots that count, and those of them with packets */
    uint16_t longest;      /* silence in its past, slots; at most QUIET_MAX */
    bool hit;              /* in the open slot */
    uint64_t member[4];    /* a bit for each address */
};

struct skew {
    struct group *groups; /* ascending */
    size_t count, room;
    uint32_t *packets;   /* of the open hour; WIDE for each group; NULL: not compared */
    int8_t *streaks;     /* hours in a row above (positive) or below the others */
    unsigned slots;      /* of the open hour that are over */
    int64_t observed_ns; /* of the open slot */
};

/* --- set-up ----------------------------------------------------------------------------------- */

static void drop_small(struct skew *skew)
{
    if (skew->count > 0 && skew->groups[skew->count - 1].members < SKEW_MEMBERS_MIN)
        skew->count--;
}

/* The group of `prefix`, which is not below the last one; NULL without memory. */
static struct group *group_at(struct skew *skew, uint32_t prefix)
{
    if (skew->count > 0 && skew->groups[skew->count - 1].prefix == prefix)
        return &skew->groups[skew->count - 1];
    drop_small(skew);
    struct group *groups = list_room(skew->groups, skew->count, &skew->room, sizeof *groups);
    if (!groups)
        return NULL;
    skew->groups = groups;
    skew->groups[skew->count] = (struct group){.prefix = prefix};
    return &skew->groups[skew->count++];
}

static void add_members(struct group *group, unsigned first, unsigned last)
{
    for (unsigned host = first; host <= last; host++)
        group->member[host / 64] |= UINT64_C(1) << host % 64;
    group->members = (uint16_t)(group->members + last - first + 1);
}

static bool add_range(struct skew *skew, uint32_t first, uint32_t last)
{
    for (uint32_t prefix = first >> 8;; prefix++) {
        struct group *group = group_at(skew, prefix);
        if (!group)
            return false;
        add_members(group, prefix == first >> 8 ? first & 255 : 0,
                    prefix == last >> 8 ? last & 255 : 255);
        if (prefix == last >> 8 || skew->count > SKEW_PREFIXES_MAX)
            return true;
    }
}

static bool make_groups(struct skew *skew, const struct prefixset *darknet)
{
    uint32_t first, last;
    for (size_t i = 0; prefixset_range4(darknet, i, &first, &last); i++) {
        if (!add_range(skew, first, last))
            return false;
        if (skew->count > SKEW_PREFIXES_MAX) {
            free(skew->groups);
            skew->groups = NULL;
            skew->count = 0;
            return true;
        }
    }
    drop_small(skew);
    return true;
}

static bool make_details(struct skew *skew)
{
    if (skew->count == 0 || skew->count > SKEW_DETAILED_MAX)
        return true;
    skew->packets = calloc(skew->count * WIDE, sizeof *skew->packets);
    skew->streaks = calloc(skew->count * WIDE, sizeof *skew->streaks);
    return skew->packets && skew->streaks;
}

struct skew *skew_new(const struct prefixset *darknet)
{
    struct skew *skew = calloc(1, sizeof *skew);
    if (skew && make_groups(skew, darknet) && make_details(skew))
        return skew;
    skew_free(skew);
    return NULL;
}

void skew_free(struct skew *skew)
{
    if (!skew)
        return;
    free(skew->groups);
    free(skew->packets);
    free(skew->streaks);
    free(skew);
}

static void add_alarm(struct record *record, enum record_alarm_kind kind, uint8_t length,
                      uint32_t address, uint64_t packets)
{
    struct record_alarm alarm = {
        .kind = (uint8_t)kind, .family = 4, .length = length, .packets = packets};
    for (int i = 0; i < 4; i++)
        alarm.address[i] = (uint8_t)(address >> (24 - 8 * i));
    record_add_alarm(record, &alarm);
}

/* --- addresses -------------------------------------------------------------------------------- */

static bool is_member(const struct group *group, unsigned host)
{
    return group->member[host / 64] >> host % 64 & 1;
}

static uint32_t count_below(const uint32_t values[WIDE], uint32_t bound)
{
    uint32_t below = 0;
    for (unsigned i = 0; i < WIDE; i++)
        below += values[i] < bound;
    return below;
}

/* What the members got that has the rank `rank`, from 0 for the least: bit by bit the greatest value
 * that no more are below. Takes the same time whatever the order. */
static uint32_t ranked(const uint32_t values[WIDE], uint32_t all, unsigned rank)
{
    uint32_t value = 0;
    for (uint32_t bit = UINT32_C(1) << 31; bit; bit >>= 1)
        if (bit <= all && count_below(values, value | bit) <= rank)
            value |= bit;
    return value;
}

/* Beyond which an address is off. */
struct bounds {
    uint64_t high, low; /* at least, at most */
    bool has_low;
};

static struct bounds bounds_of(const struct group *group, const uint32_t *packets)
{
    uint32_t values[WIDE], all = 0;
    for (unsigned host = 0; host < WIDE; host++) {
        values[host] = is_member(group, host) ? packets[host] : UINT32_MAX;
        all |= packets[host];
    }
    uint64_t median = ranked(values, all, group->members / 2u);
    uint64_t decile = ranked(values, all, group->members * 9u / 10);
    struct bounds bounds = {.high = SKEW_FACTOR_HIGH * (median > 0 ? median : 1),
                            .low = median / SKEW_FACTOR_LOW,
                            .has_low = median >= SKEW_MEDIAN_LOW};
    if (bounds.high < SKEW_FACTOR_DECILE * decile)
        bounds.high = SKEW_FACTOR_DECILE * decile;
    return bounds;
}

/* 1 far above the others, -1 far below, 0 neither. */
static int8_t compare(uint64_t packets, const struct bounds *bounds)
{
    if (packets >= bounds->high)
        return 1;
    return bounds->has_low && packets <= bounds->low ? -1 : 0;
}

/* How each address compares; false: too many are off to be outliers. */
static bool compare_all(const struct group *group, const uint32_t *packets, int8_t off[WIDE])
{
    struct bounds bounds = bounds_of(group, packets);
    unsigned count = 0;
    for (unsigned host = 0; host < WIDE; host++) {
        off[host] = is_member(group, host) ? compare(packets[host], &bounds) : 0;
        count += off[host] != 0;
    }
    return count <= group->members / 10;
}

/* The streak after an hour: broken by one that is not off, or off to the other side. */
static int8_t prolong(int8_t streak, int8_t off)
{
    return (int8_t)(streak * off > 0 ? streak + off : off);
}

static void judge_addresses(struct skew *skew, size_t at, struct record *record)
{
    const struct group *group = &skew->groups[at];
    uint32_t *packets = skew->packets + at * WIDE;
    int8_t *streaks = skew->streaks + at * WIDE, off[WIDE];
    if (!compare_all(group, packets, off))
        memset(off, 0, sizeof off);
    for (unsigned host = 0; host < WIDE; host++) {
        streaks[host] = prolong(streaks[host], off[host]);
        if (abs(streaks[host]) == SKEW_STREAK) {
            add_alarm(record, RECORD_ALARM_SKEW, 32, group->prefix << 8 | host, packets[host]);
            streaks[host] = 0;
        }
    }
    memset(packets, 0, WIDE * sizeof *packets);
}

/* --- prefixes --------------------------------------------------------------------------------- */

/* Whether at least half of the /24s, and so the median one, had packets in the slot. */
static bool is_lively(const struct skew *skew)
{
    size_t hit = 0, count = 0;
    for (size_t i = 0; i < skew->count; i++)
        if (skew->groups[i].members >= SKEW_MEMBERS_HALF) {
            count++;
            hit += skew->groups[i].hit;
        }
    return count >= SKEW_PREFIXES_MIN && hit * 2 >= count;
}

static void end_silence(struct group *group, bool lively)
{
    uint32_t quiet = group->quiet < QUIET_MAX ? group->quiet : QUIET_MAX;
    uint32_t past = group->past + quiet + lively, active = group->active + lively;
    if (quiet > group->longest)
        group->longest = (uint16_t)quiet;
    if (past > PAST_MAX) {
        past /= 2;
        active /= 2;
        group->longest /= 2;
    }
    group->past = (uint16_t)past;
    group->active = (uint16_t)active;
    group->quiet = group->told = 0;
}

static bool is_silent(const struct group *group)
{
    double q = (double)(group->past - group->active + DOUBT_QUIET) / (group->past + DOUBT);
    return group->quiet >= SKEW_HOUR_SLOTS && group->quiet > SKEW_SILENCES * group->longest &&
           group->quiet * log(q) < log(SKEW_SILENCE_P);
}

static void judge_prefix(struct group *group, bool lively, struct record *record)
{
    if (group->hit) {
        end_silence(group, lively);
    } else if (lively) {
        group->quiet++;
        if (group->told ? group->quiet - group->told >= SKEW_HOUR_SLOTS : is_silent(group)) {
            add_alarm(record, RECORD_ALARM_SILENT, 24, group->prefix << 8, 0);
            group->told = group->quiet;
        }
    }
    group->hit = false;
}

/* --- slots ------------------------------------------------------------------------------------ */

static void close_hour(struct skew *skew, struct record *record)
{
    for (size_t i = 0; i < skew->count; i++)
        judge_addresses(skew, i, record);
    skew->slots = 0;
}

static void close_slot(struct skew *skew, struct record *record)
{
    bool lively = is_lively(skew);
    for (size_t i = 0; i < skew->count; i++)
        if (skew->groups[i].members >= SKEW_MEMBERS_HALF)
            judge_prefix(&skew->groups[i], lively, record);
    skew->observed_ns = 0;
    if (skew->packets && ++skew->slots == SKEW_HOUR_SLOTS)
        close_hour(skew, record);
}

static void add_packets(struct skew *skew, size_t at, uint32_t address, uint64_t packets)
{
    skew->groups[at].hit = true;
    if (!skew->packets)
        return;
    uint32_t *sum = &skew->packets[at * WIDE + (address & 255)];
    *sum = packets < UINT32_MAX - *sum ? *sum + (uint32_t)packets : UINT32_MAX;
}

static void add_addresses(struct skew *skew, const struct addrvec *vec)
{
    size_t at = 0;
    for (size_t i = 0; i < vec->count4; i++) {
        uint32_t prefix = vec->address4[i] >> 8;
        while (at < skew->count && skew->groups[at].prefix < prefix)
            at++;
        if (at == skew->count)
            return;
        if (skew->groups[at].prefix == prefix)
            add_packets(skew, at, vec->address4[i], vec->packets4[i]);
    }
}

void skew_record(struct skew *skew, struct record *record)
{
    if (record->flags & RECORD_INTERFACE_DOWN)
        return;
    add_addresses(skew, &record->addresses);
    skew->observed_ns += record->last_ns - record->first_ns + 1;
    if (skew->observed_ns >= SKEW_SLOT_NS)
        close_slot(skew, record);
}

#include "collector/breakdown.h"

#include <arpa/inet.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "collector/addrset.h"
#include "collector/hosts.h"
#include "common/calendar.h"
#include "common/err.h"
#include "common/log.h"

/* By interval of packet time. Packets come in any order, files may overlap: every interval stays
 * open to the end, with its active addresses and its hosts as compact sets. Bounds: INTERVALS_MAX
 * intervals, beyond which packets are refused; SETS_MAX bytes of sets, beyond which the earliest
 * intervals are settled: their numbers are computed and their sets freed. Should a packet come for
 * a settled interval, it is counted there, but how many addresses and hosts it had is not known any
 * more: missing, never a wrong number.
 *
 * One of several states to be merged has its part of both bounds, and refuses packets instead of
 * settling: which intervals a single state settles depends on the order of all packets. What was
 * merged counts only if a single state can have settled nothing, see alone_may_settle. */
#define INTERVALS_MAX (1u << 20)
#define SETS_MAX      ((size_t)1 << 30)

/* Rows that --zeros may add to one listing. */
#define ROWS_MAX (UINT64_C(1) << 24)

struct interval {
    int64_t number; /* [number x width, (number + 1) x width) */
    struct sum sum;
    bool settled, unknown;
    uint64_t active, host_count; /* when settled */
    struct addrset addresses;
    struct hosts hosts;
};

struct intervals {
    const struct breakdown_options *options;
    void *tree;               /* of struct interval, as tsearch(3) keeps them */
    size_t count, max;        /* intervals */
    struct interval *current; /* the last packet's */
    size_t held, held_max;    /* bytes of all sets */
    bool shares;              /* is one of several states */
    size_t unknown;           /* intervals */

    struct rows *rows; /* while printing */
    int64_t next;      /* with zeros: the number of the next row */
    bool begun;
    int64_t first, last;
};

static int by_number(const void *a, const void *b)
{
    const struct interval *left = a, *right = b;
    return (left->number > right->number) - (left->number < right->number);
}

static void *interval_open(const struct breakdown_options *options)
{
    struct intervals *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->options = options;
    all->shares = options->states > 1;
    all->max = all->shares ? INTERVALS_MAX / options->states : INTERVALS_MAX;
    all->held_max = all->shares ? SETS_MAX / options->states : SETS_MAX;
    return all;
}

static void free_interval(void *node)
{
    struct interval *interval = node;
    addrset_close(&interval->addresses);
    hosts_close(&interval->hosts);
    free(interval);
}

static void interval_close(void *state)
{
    struct intervals *all = state;
    tdestroy(all->tree, free_interval);
    free(all);
}

/* --- memory ----------------------------------------------------------------------------------- */

static size_t memory(const struct interval *interval)
{
    return addrset_memory(&interval->addresses) + hosts_memory(&interval->hosts);
}

static void drop_sets(struct interval *interval)
{
    addrset_close(&interval->addresses);
    hosts_close(&interval->hosts);
}

/* Computes an interval's numbers and frees its sets. */
static void settle(struct intervals *all, struct interval *interval)
{
    if (interval->settled)
        return;
    all->held -= memory(interval);
    interval->settled = true;
    if (addrset_compact(&interval->addresses) ||
        hosts_count(&interval->hosts, &interval->host_count)) {
        interval->unknown = true;
        all->unknown++;
    }
    interval->active = addrset_count(&interval->addresses);
    drop_sets(interval);
}

static void trim_visit(const void *node, VISIT visit, void *user)
{
    struct intervals *all = user;
    struct interval *interval = *(struct interval *const *)node;
    if ((visit != postorder && visit != leaf) || interval->settled)
        return;
    all->held -= memory(interval);
    addrset_compact(&interval->addresses);
    hosts_compact(&interval->hosts);
    all->held += memory(interval);
}

static void settle_visit(const void *node, VISIT visit, void *user)
{
    struct intervals *all = user;
    if ((visit == postorder || visit == leaf) && all->held > all->held_max / 2)
        settle(all, *(struct interval *const *)node);
}

/* Gets well below the bound, so that this is rare. False where a state that shares cannot. */
static bool relieve(struct intervals *all)
{
    twalk_r(all->tree, trim_visit, all);
    if (all->held <= all->held_max / 2)
        return true;
    if (!all->shares)
        twalk_r(all->tree, settle_visit, all);
    return !all->shares;
}

/* --- adding ----------------------------------------------------------------------------------- */

static struct interval *find(struct intervals *all, int64_t number)
{
    if (all->current && all->current->number == number)
        return all->current;
    struct interval key = {.number = number};
    struct interval **found = tfind(&key, &all->tree, by_number);
    if (found)
        return all->current = *found;
    struct interval *made = all->count < all->max ? calloc(1, sizeof *made) : NULL;
    if (!made)
        return NULL;
    made->number = number;
    addrset_init(&made->addresses);
    hosts_init(&made->hosts);
    if (!tsearch(made, &all->tree, by_number)) {
        free(made);
        return NULL;
    }
    all->count++;
    return all->current = made;
}

static int add_to_sets(struct interval *interval, const struct packet *packet)
{
    if (packet->family == 6)
        return addrset_add(&interval->addresses, 6, packet->dst6) ||
               hosts_add(&interval->hosts, 6, packet->src6);
    uint32_t dst = htonl(packet->dst4), src = htonl(packet->src4);
    return addrset_add(&interval->addresses, 4, (const uint8_t *)&dst) ||
           hosts_add(&interval->hosts, 4, (const uint8_t *)&src);
}

static bool add_addresses(struct intervals *all, struct interval *interval,
                          const struct packet *packet)
{
    bool failed = interval->settled;
    if (!failed) {
        size_t before = memory(interval);
        failed = add_to_sets(interval, packet) != 0;
        all->held += memory(interval) - before;
    }
    if (failed && !interval->unknown) {
        settle(all, interval);
        all->unknown += !interval->unknown;
        interval->unknown = true;
    }
    return all->held <= all->held_max || relieve(all);
}

static enum tally_result interval_add(void *state, const struct packet *packet, int64_t ts_ns)
{
    struct intervals *all = state;
    int64_t width_ns = (int64_t)all->options->width_s * 1000000000;
    int64_t number = ts_ns / width_ns - (ts_ns % width_ns < 0);
    struct interval *interval = find(all, number);
    if (!interval)
        return TALLY_REFUSED;
    sum_add(&interval->sum, packet);
    return add_addresses(all, interval, packet) ? TALLY_COUNTED : TALLY_REFUSED;
}

/* --- merging ---------------------------------------------------------------------------------- */

/* The most bytes that an interval's sets, compacted, have taken at any time: a sketch of its hosts
 * is smaller than the exact set was that it came from. Sources are of the family of destinations. */
static size_t memory_ever(const struct interval *interval)
{
    size_t most = interval->addresses.v6.count ? 16 * HOSTS_EXACT_MAX : 4 * HOSTS_EXACT_MAX;
    return addrset_memory(&interval->addresses) +
           (interval->hosts.sketch ? most : hosts_memory(&interval->hosts));
}

static void sum_memory_ever(const void *node, VISIT visit, void *user)
{
    size_t *sum = user;
    if (visit == postorder || visit == leaf)
        *sum += memory_ever(*(struct interval *const *)node);
}

/* Whether a single state, given all packets in whatever order, can have settled an interval before
 * the end: it does when the sets, compacted, take more than half of the bound. */
static bool alone_may_settle(struct intervals *all)
{
    size_t sum = 0;
    twalk_r(all->tree, trim_visit, all);
    twalk_r(all->tree, sum_memory_ever, &sum);
    return sum > SETS_MAX / 2;
}

struct merging {
    struct intervals *into;
    int result; /* the first error */
};

static int merge_sets(struct intervals *into, struct interval *interval,
                      const struct interval *from)
{
    size_t before = memory(interval);
    int result = addrset_merge(&interval->addresses, &from->addresses);
    if (result == 0)
        result = hosts_merge(&interval->hosts, &from->hosts);
    into->held += memory(interval) - before;
    return result;
}

static void merge_visit(const void *node, VISIT visit, void *user)
{
    struct merging *merging = user;
    const struct interval *from = *(struct interval *const *)node;
    if ((visit != postorder && visit != leaf) || merging->result)
        return;
    struct interval *interval = find(merging->into, from->number);
    if (!interval) {
        merging->result = ERR_FULL;
        return;
    }
    sum_merge(&interval->sum, &from->sum, 1);
    merging->result = merge_sets(merging->into, interval, from);
}

static int interval_merge(void *into, void *from)
{
    struct merging merging = {.into = into};
    struct intervals *more = from;
    if (merging.into->unknown + more->unknown)
        return ERR_FULL;
    merging.into->max = INTERVALS_MAX;
    twalk_r(more->tree, merge_visit, &merging);
    if (merging.result)
        return merging.result;
    return alone_may_settle(into) ? ERR_FULL : 0;
}

/* --- printing --------------------------------------------------------------------------------- */

static void span_visit(const void *node, VISIT visit, void *user)
{
    struct intervals *all = user;
    const struct interval *interval = *(struct interval *const *)node;
    if (visit != postorder && visit != leaf)
        return;
    if (!all->begun)
        all->first = interval->number;
    all->begun = true;
    all->last = interval->number;
}

static int interval_check(void *state, char *errmsg)
{
    struct intervals *all = state;
    twalk_r(all->tree, span_visit, all);
    if (all->options->zeros && (uint64_t)all->last - (uint64_t)all->first >= ROWS_MAX)
        return err_set(errmsg, ERR_FULL,
                       "counting with --zeros: the captures span more than %llu intervals; take a "
                       "greater --width or leave out --zeros",
                       (unsigned long long)ROWS_MAX);
    return 0;
}

static void put_start(struct intervals *all, int64_t number)
{
    char text[32];
    calendar_rfc3339(number * all->options->width_s, text);
    rows_text(all->rows, text);
}

static void put_zeros(struct intervals *all, int64_t end)
{
    for (; all->next < end; all->next++) {
        put_start(all, all->next);
        for (int cell = 0; cell < 4; cell++)
            rows_u64(all->rows, 0);
    }
}

static void put_interval(struct intervals *all, struct interval *interval)
{
    settle(all, interval);
    put_start(all, interval->number);
    breakdown_cells(all->rows, &interval->sum);
    if (interval->unknown) {
        rows_missing(all->rows);
        rows_missing(all->rows);
        return;
    }
    rows_u64(all->rows, interval->active);
    rows_u64(all->rows, interval->host_count);
}

static void print_visit(const void *node, VISIT visit, void *user)
{
    struct intervals *all = user;
    struct interval *interval = *(struct interval *const *)node;
    if (visit != postorder && visit != leaf)
        return;
    if (all->options->zeros)
        put_zeros(all, interval->number);
    put_interval(all, interval);
    all->next = interval->number + 1;
}

static void interval_print(void *state, struct rows *rows)
{
    struct intervals *all = state;
    all->rows = rows;
    all->next = all->first;
    twalk_r(all->tree, print_visit, all);
    if (all->unknown)
        log_warn(
            "counting by interval: %zu intervals had more addresses than fit into memory, their "
            "active_addresses and unique_hosts are left empty; count fewer files at once, in the "
            "order of time",
            all->unknown);
}

static const char *const interval_columns[] = {
    "start", "packets", "bytes", "active_addresses", "unique_hosts", NULL};

const struct breakdown_kind breakdown_interval = {
    .name = "interval",
    .columns = interval_columns,
    .zeros = true,
    .open = interval_open,
    .close = interval_close,
    .add = interval_add,
    .merge = interval_merge,
    .check = interval_check,
    .print = interval_print,
};

#include "dashboards/query_private.h"

#include <string.h>

#include "common/sourcevec.h"
#include "dashboards/expect.h"

#define NS_PER_S INT64_C(1000000000)

static int add_u64(uint64_t *to, uint64_t value, char *errmsg)
{
    if (__builtin_add_overflow(*to, value, to))
        return err_set(errmsg, ERR_INVALID, "query: a sum is larger than 64 bits hold");
    return 0;
}

static int add_sums(struct query_figures *to, uint64_t packets, uint64_t bytes, uint64_t dropped,
                    char *errmsg)
{
    int rc = add_u64(&to->packets, packets, errmsg);
    if (rc == 0)
        rc = add_u64(&to->bytes, bytes, errmsg);
    return rc ? rc : add_u64(&to->dropped, dropped, errmsg);
}

/* The first data of figures makes known what has been kept, more of it can only take that away. */
static void know(struct query_figures *figures, bool active, bool hosts, bool counters)
{
    bool first = !figures->any_data;
    figures->any_data = true;
    figures->active_known = (first || figures->active_known) && active;
    figures->hosts_known = (first || figures->hosts_known) && hosts;
    figures->counters_known = (first || figures->counters_known) && counters;
}

/* The sensor that was read has come to the end of a period: it goes into the sums of all. */
static int finish_own(struct running *running, char *errmsg)
{
    struct own *own = &running->own;
    struct sums *sums = own->of;
    own->of = NULL;
    if (!sums)
        return 0;
    struct query_figures *all = &sums->period.all, *mine = &sums->sensors[running->sensor];
    bool figures = query_of_figures(running->query->by);
    if (own->united)
        mine->active = addrvec_active(&own->addresses);
    if (running->query->by == QUERY_SENSOR)
        mine->unique_hosts = hll_count(&own->hosts);
    mine->observed_ns = own->observed_ns;
    if (!mine->any_data)
        return 0;
    for (int class = 0; class < PACKET_CLASSES; class ++)
        sums->class_sensors[class] += own->classes[class];
    hll_merge(&sums->hosts, &own->hosts);
    know(all, mine->active_known && figures, mine->hosts_known && figures, mine->counters_known);
    all->merged |= mine->merged;
    totals_add(&all->counters, &mine->counters);
    all->active += mine->active;
    mine->hosts_known &= running->query->by == QUERY_SENSOR;
    return add_sums(all, mine->packets, mine->bytes, mine->dropped, errmsg);
}

static int begin_own(struct running *running, struct sums *sums, char *errmsg)
{
    int rc = finish_own(running, errmsg);
    struct own *own = &running->own;
    addrvec_clear(&own->addresses);
    hll_clear(&own->hosts);
    own->of = sums;
    own->observed_ns = 0;
    own->united = false;
    memset(own->classes, 0, sizeof own->classes);
    return rc;
}

/* Takes the addresses over where there are none yet. */
static int unite(struct addrvec *to, struct addrvec *from)
{
    if (addrvec_active(to) > 0)
        return addrvec_add(to, from);
    struct addrvec empty = *to;
    *to = *from;
    *from = empty;
    return 0;
}

static int add_detail(struct running *running, struct sums *sums, const struct store_piece *piece,
                      struct store_counts *counts)
{
    struct own *own = &running->own;
    for (int class = 0; class < PACKET_CLASSES && piece->wants & STORE_CLASSES; class ++)
        own->classes[class] |= counts->tables.classes[class].packets > 0;
    if (piece->wants & (STORE_TABLES | STORE_CLASSES))
        return tables_add(&sums->tables, &counts->tables);
    if (piece->wants & STORE_SOURCES)
        return sourcevec_add(&sums->sources, &counts->sources, QUERY_SOURCES_MAX);
    if (!(piece->wants & STORE_ADDRESSES))
        return 0;
    own->united = true;
    return unite(running->query->by == QUERY_ADDRESS ? &sums->addresses : &own->addresses,
                 &counts->addresses);
}

static int on_piece(void *user, const struct store_piece *piece, struct store_counts *counts,
                    char *errmsg)
{
    struct running *running = user;
    struct own *own = &running->own;
    struct sums *sums = &running->group[piece->tag];
    int rc = own->of == sums ? 0 : begin_own(running, sums, errmsg);
    if (rc || !counts->any_data)
        return rc;
    struct query_figures *mine = &sums->sensors[running->sensor];
    know(mine, counts->detailed, counts->detailed && counts->hosts_known, counts->counted);
    mine->merged |= counts->merged;
    own->observed_ns += counts->totals.observed_ns;
    if (piece->wants & STORE_HOSTS)
        hll_merge(&own->hosts, &counts->hosts);
    mine->active += counts->totals.active; /* of several pieces finish_own sets the right one */
    totals_add(&mine->counters, &counts->totals);
    if (add_detail(running, sums, piece, counts))
        return query_nomem(errmsg);
    return add_sums(mine, counts->totals.packets, counts->totals.bytes, counts->dropped, errmsg);
}

/* What the sensor that was read observed of a period in each version of its inventory. */
static int cover_own(struct running *running, const struct query_period *period,
                     struct query_figures *mine, char *errmsg)
{
    const struct store_sensor *sensor = running->sensors[running->sensor];
    struct coverage coverage = {0};
    struct expect expect;
    struct expect_span span;
    bool alone = expect_alone(sensor, period->start_s, period->end_s, &span);
    uint64_t observed_ns = mine->observed_ns;
    int rc = 0;
    if (alone)
        coverage_add(&coverage, &span, observed_ns);
    expect_begin(&expect, sensor, period->start_s, period->end_s);
    while (!alone && rc == 0 && expect_next(&expect, &span)) {
        rc = coverage_observed(running->store, running->positions[running->sensor], &span,
                               &observed_ns, errmsg);
        coverage_add(&coverage, &span, observed_ns);
    }
    mine->coverage = coverage;
    return rc;
}

static int cover_group(struct running *running, char *errmsg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < running->group_count; i++) {
        struct query_figures *mine = &running->group[i].sensors[running->sensor];
        if (mine->any_data)
            rc = cover_own(running, &running->group[i].period, mine, errmsg);
    }
    return rc;
}

int query_sum(struct running *running, size_t sensor, char *errmsg)
{
    const struct store_pieces_reader reader = {running, on_piece};
    const struct store_sensor *of = running->sensors[sensor];
    size_t first = 0, end = running->piece_count;
    /* The pieces within the time that the sensor observed: there is nothing outside of it. */
    while (first < end && running->pieces[first].end_s <= of->from_ns / NS_PER_S)
        first++;
    while (end > first && running->pieces[end - 1].start_s > of->until_ns / NS_PER_S)
        end--;
    running->sensor = sensor;
    if (of->until_ns < of->from_ns || first == end)
        return 0;
    int rc = store_read_pieces(running->store, running->positions[sensor], running->pieces + first,
                               end - first, &reader, errmsg);
    if (rc == 0)
        rc = finish_own(running, errmsg);
    return rc ? rc : cover_group(running, errmsg);
}

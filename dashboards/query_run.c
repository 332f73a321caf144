#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/list.h"
#include "common/sourcevec.h"
#include "dashboards/cover.h"
#include "dashboards/expect.h"
#include "dashboards/query.h"
#include "dashboards/query_rank.h"

/* Periods are read in groups: of so many, or until they have so many pieces. */
#define GROUP_PERIODS   64
#define GROUP_PIECES    64
#define GROUP_TABLES    32
#define GROUP_ADDRESSES 4

#define NS_PER_S INT64_C(1000000000)

/* A period while it is added up. */
struct sums {
    struct query_period period;
    struct query_figures *sensors;
    bool hosts_known;
    struct hll hosts;
    struct addrvec addresses, sources;
    struct tables tables;
    uint64_t class_sensors[PACKET_CLASSES];
};

/* One sensor in one period while its pieces come. */
struct own {
    struct sums *of; /* NULL: none */
    uint64_t observed_ns;
    struct hll hosts;
    struct addrvec addresses;     /* united over pieces */
    bool united;                  /* whether they are read, because there are several */
    bool classes[PACKET_CLASSES]; /* it has packets of the class */
};

struct running {
    struct store *store;
    const struct query *query;
    const struct query_reader *reader;
    struct cover cover;
    size_t *positions; /* of the sensors in store_sensors */
    const struct store_sensor **sensors;
    size_t sensor_count, sensor; /* `sensor`: the one that is being read */
    struct sums *group;
    size_t group_count;
    struct store_piece *pieces;
    size_t piece_count, piece_room;
    struct own own;
    struct query_places places; /* of the period that is being told */
    struct query_rank rank;
};

static int nomem(char *errmsg)
{
    return err_set(errmsg, ERR_NOMEM, "query: %s", err_str(ERR_NOMEM));
}

static bool of_figures(enum query_by by)
{
    return by == QUERY_TOTAL || by == QUERY_SENSOR;
}

static bool of_sources(enum query_by by)
{
    return by >= QUERY_SOURCE;
}

/* --- a group of periods ----------------------------------------------------------------------- */

static int add_piece(struct running *running, const struct store_piece *piece)
{
    struct store_piece *pieces =
        list_room(running->pieces, running->piece_count, &running->piece_room, sizeof *pieces);
    if (!pieces)
        return ERR_NOMEM;
    running->pieces = pieces;
    running->pieces[running->piece_count++] = *piece;
    return 0;
}

/* Of several pieces, and of minutes, active addresses are known from the addresses alone. */
static unsigned wants(enum query_by by, size_t pieces, const struct store_piece *piece)
{
    switch (by) {
    case QUERY_TOTAL:
    case QUERY_SENSOR:
        return STORE_HOSTS | (pieces > 1 || piece->minutes ? STORE_ADDRESSES : 0);
    case QUERY_ADDRESS:
        return STORE_ADDRESSES;
    case QUERY_SOURCE:
    case QUERY_COUNTRY:
    case QUERY_ASN:
        return STORE_SOURCES;
    case QUERY_CLASS:
        return STORE_CLASSES;
    default:
        return STORE_TABLES;
    }
}

/* As if nothing were observed. */
static void expect_all(struct query_figures *figures, const struct store_sensor *sensor,
                       int64_t start_s, int64_t end_s)
{
    struct expect expect;
    struct expect_span span;
    expect_begin(&expect, sensor, start_s, end_s);
    while (expect_next(&expect, &span)) {
        figures->expected_ns += expect_span_ns(&span);
        coverage_add(&figures->coverage, &span, 0);
    }
}

/* Months and years have no sources of their own: their days have. */
static int add_pieces(struct running *running, const struct store_piece *piece)
{
    if (!of_sources(running->query->by) || piece->minutes || piece->period.level <= LEVEL_DAY)
        return add_piece(running, piece);
    int rc = 0;
    for (int64_t at_s = piece->start_s; rc == 0 && at_s < piece->end_s;) {
        struct store_piece day = *piece;
        day.period = calendar_period(LEVEL_DAY, at_s);
        day.start_s = at_s;
        day.end_s = at_s = day.period.end_s;
        rc = add_piece(running, &day);
    }
    return rc;
}

static int begin_period(struct running *running, int64_t start_s, int64_t end_s)
{
    struct sums *sums = &running->group[running->group_count];
    struct query_figures *sensors = sums->sensors;
    size_t first = running->piece_count;
    addrvec_close(&sums->addresses);
    addrvec_close(&sums->sources);
    tables_close(&sums->tables);
    memset(sensors, 0, running->sensor_count * sizeof *sensors);
    *sums = (struct sums){.sensors = sensors, .hosts_known = true};
    sums->period = (struct query_period){.query = running->query,
                                         .start_s = start_s,
                                         .end_s = end_s,
                                         .sensors = sensors,
                                         .sensor = running->sensors,
                                         .sensor_count = running->sensor_count};
    struct store_piece piece;
    while (cover_piece(&running->cover, &piece)) {
        piece.tag = running->group_count;
        if (add_pieces(running, &piece))
            return ERR_NOMEM;
    }
    for (size_t i = first; i < running->piece_count; i++)
        running->pieces[i].wants =
            wants(running->query->by, running->piece_count - first, &running->pieces[i]);
    for (size_t s = 0; s < running->sensor_count; s++)
        expect_all(&sensors[s], running->sensors[s], start_s, end_s);
    running->group_count++;
    return 0;
}

/* Takes the next periods of the range; none when it has come to its end. */
static int begin_group(struct running *running)
{
    enum query_by by = running->query->by;
    size_t most = of_figures(by)        ? GROUP_PIECES
                  : by == QUERY_ADDRESS ? GROUP_ADDRESSES
                                        : GROUP_TABLES;
    int64_t start_s, end_s;
    running->group_count = running->piece_count = 0;
    while (running->group_count < GROUP_PERIODS && running->piece_count < most &&
           cover_period(&running->cover, &start_s, &end_s))
        if (begin_period(running, start_s, end_s))
            return ERR_NOMEM;
    return 0;
}

/* --- adding up -------------------------------------------------------------------------------- */

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
    bool figures = of_figures(running->query->by);
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
        return nomem(errmsg);
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

/* Reads the pieces within the time that the sensor observed: there is nothing outside of it. */
static int read_sensor(struct running *running, size_t sensor, char *errmsg)
{
    const struct store_pieces_reader reader = {running, on_piece};
    const struct store_sensor *of = running->sensors[sensor];
    size_t first = 0, end = running->piece_count;
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

/* --- telling ---------------------------------------------------------------------------------- */

static void weigh(struct running *running, struct sums *sums)
{
    struct query_figures *all = &sums->period.all;
    for (size_t s = 0; s < running->sensor_count; s++) {
        const struct query_figures *mine = &sums->sensors[s];
        coverage_join(&all->coverage, &mine->coverage);
        all->expected_ns += mine->expected_ns;
        all->observed_ns += mine->observed_ns;
    }
}

static int no_detail(const struct query *query, char *errmsg)
{
    char from[32], to[32];
    calendar_rfc3339(query->from_s, from);
    calendar_rfc3339(query->to_s, to);
    return err_set(
        errmsg, ERR_INVALID,
        "query by %s from %s to %s: a bound lies within a time of which only packets and "
        "bytes are kept any more (of minutes the newest keep more, of hours those within "
        "their retention); begin and end at the start of a day",
        query_by_name(query->by), from, to);
}

/* What the rows are made of. */
static int give_detail(struct running *running, struct sums *sums, char *errmsg)
{
    struct query_period *period = &sums->period;
    enum query_by by = running->query->by;
    if (!period->rows_known)
        return 0;
    period->addresses = by == QUERY_ADDRESS ? &sums->addresses : NULL;
    period->tables = by >= QUERY_CLASS && by <= QUERY_ICMP ? &sums->tables : NULL;
    period->class_sensors = sums->class_sensors;
    period->sources = of_sources(by) ? &sums->sources : NULL;
    if (by != QUERY_COUNTRY && by != QUERY_ASN)
        return 0;
    period->places = &running->places;
    return query_places_find(&running->places, running->query->geo, period->sources, errmsg);
}

static int tell(struct running *running, struct sums *sums, char *errmsg)
{
    struct query_period *period = &sums->period;
    const struct query *query = running->query;
    weigh(running, sums);
    if (period->all.hosts_known)
        period->all.unique_hosts = hll_count(&sums->hosts);
    period->rows_known = period->all.any_data && !of_figures(query->by);
    for (size_t s = 0; s < running->sensor_count; s++) {
        struct query_figures *mine = &sums->sensors[s];
        if (mine->any_data && !mine->active_known)
            period->rows_known = false;
        mine->active_known &= of_figures(query->by);
    }
    if (query->step == QUERY_WHOLE && period->all.any_data && !period->rows_known &&
        !of_figures(query->by))
        return no_detail(query, errmsg);
    int rc = give_detail(running, sums, errmsg);
    if (rc)
        return rc;
    if (query_rank_period(&running->rank, period))
        return nomem(errmsg);
    return running->reader->on_period(running->reader->user, period, errmsg);
}

/* --- the whole -------------------------------------------------------------------------------- */

static int choose_sensors(struct running *running, char *errmsg)
{
    size_t count;
    const struct store_sensor *all = store_sensors(running->store, &count);
    const char *only = running->query->sensor;
    running->positions = calloc(count + 1, sizeof *running->positions);
    running->sensors = calloc(count + 1, sizeof *running->sensors);
    if (!running->positions || !running->sensors)
        return nomem(errmsg);
    for (size_t i = 0; i < count; i++) {
        if (only && strcmp(all[i].name, only) != 0)
            continue;
        running->positions[running->sensor_count] = i;
        running->sensors[running->sensor_count++] = &all[i];
    }
    if (only && running->sensor_count == 0)
        return err_set(errmsg, ERR_UNKNOWN, "query: the store has no sensor %.64s", only);
    return 0;
}

static int make_group(struct running *running, char *errmsg)
{
    running->group = calloc(GROUP_PERIODS, sizeof *running->group);
    for (size_t i = 0; running->group && i < GROUP_PERIODS; i++) {
        running->group[i].sensors =
            calloc(running->sensor_count + 1, sizeof *running->group[i].sensors);
        if (!running->group[i].sensors)
            return nomem(errmsg);
    }
    return running->group ? 0 : nomem(errmsg);
}

static int run(struct running *running, char *errmsg)
{
    int rc = choose_sensors(running, errmsg);
    if (rc == 0)
        rc = make_group(running, errmsg);
    while (rc == 0) {
        if (begin_group(running))
            return nomem(errmsg);
        if (running->group_count == 0)
            return 0;
        for (size_t s = 0; rc == 0 && s < running->sensor_count; s++)
            rc = read_sensor(running, s, errmsg);
        for (size_t i = 0; rc == 0 && i < running->group_count; i++)
            rc = tell(running, &running->group[i], errmsg);
    }
    return rc;
}

static void close_running(struct running *running)
{
    for (size_t i = 0; running->group && i < GROUP_PERIODS; i++) {
        free(running->group[i].sensors);
        addrvec_close(&running->group[i].addresses);
        addrvec_close(&running->group[i].sources);
        tables_close(&running->group[i].tables);
    }
    free(running->group);
    free(running->positions);
    free(running->sensors);
    free(running->pieces);
    addrvec_close(&running->own.addresses);
    query_places_close(&running->places);
    query_rank_close(&running->rank);
    free(running);
}

int query_check(const struct query *query, char *errmsg)
{
    if (query->from_s < CALENDAR_MIN_S || query->to_s > CALENDAR_MAX_S)
        return err_set(errmsg, ERR_INVALID, "query: times lie from 1970 to 2199");
    if (query->from_s >= query->to_s)
        return err_set(errmsg, ERR_INVALID, "query: it must begin before it ends");
    if (!cover_on_minute(query->from_s) || !cover_on_minute(query->to_s))
        return err_set(errmsg, ERR_INVALID,
                       "query: nothing shorter than a minute is kept; begin and end on one");
    return 0;
}

int query_run(struct store *store, const struct query *query, const struct query_reader *reader,
              char *errmsg)
{
    int rc = query_check(query, errmsg);
    if (rc)
        return rc;
    struct running *running = calloc(1, sizeof *running);
    if (!running)
        return nomem(errmsg);
    running->store = store;
    running->query = query;
    running->reader = reader;
    cover_begin(&running->cover, query->from_s, query->to_s, query->step);
    query_rank_init(&running->rank, of_figures(query->by) ? 0 : query->top);
    rc = run(running, errmsg);
    close_running(running);
    return rc;
}

#include "dashboards/query_private.h"

#include <stdlib.h>
#include <string.h>

#include "common/list.h"
#include "dashboards/expect.h"

/* Periods are read in groups: of so many, or until they have so many pieces. */
#define GROUP_PERIODS   64
#define GROUP_PIECES    64
#define GROUP_TABLES    32
#define GROUP_ADDRESSES 4

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
    size_t most = query_of_figures(by)  ? GROUP_PIECES
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
    period->rows_known = period->all.any_data && !query_of_figures(query->by);
    for (size_t s = 0; s < running->sensor_count; s++) {
        struct query_figures *mine = &sums->sensors[s];
        if (mine->any_data && !mine->active_known)
            period->rows_known = false;
        mine->active_known &= query_of_figures(query->by);
    }
    if (query->step == QUERY_WHOLE && period->all.any_data && !period->rows_known &&
        !query_of_figures(query->by))
        return no_detail(query, errmsg);
    int rc = give_detail(running, sums, errmsg);
    if (rc)
        return rc;
    if (query_rank_period(&running->rank, period))
        return query_nomem(errmsg);
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
        return query_nomem(errmsg);
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
            return query_nomem(errmsg);
    }
    return running->group ? 0 : query_nomem(errmsg);
}

static int run(struct running *running, char *errmsg)
{
    int rc = choose_sensors(running, errmsg);
    if (rc == 0)
        rc = make_group(running, errmsg);
    while (rc == 0) {
        if (begin_group(running))
            return query_nomem(errmsg);
        if (running->group_count == 0)
            return 0;
        for (size_t s = 0; rc == 0 && s < running->sensor_count; s++)
            rc = query_sum(running, s, errmsg);
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
        return query_nomem(errmsg);
    running->store = store;
    running->query = query;
    running->reader = reader;
    cover_begin(&running->cover, query->from_s, query->to_s, query->step);
    query_rank_init(&running->rank, query_of_figures(query->by) ? 0 : query->top);
    rc = run(running, errmsg);
    close_running(running);
    return rc;
}

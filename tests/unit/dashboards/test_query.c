/* Any range of time against the records themselves, added up. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "dashboards/query.h"
#include "tests/unit/common/random.h"
#include "tests/unit/dashboards/mmdb.h"
#include "tests/unit/dashboards/redis.h"
#include "tests/unit/dashboards/telescope.h"

#define S INT64_C(1000000000)

static struct redis redis;
static struct telescope telescope;
/* Of the sources, of which one block of eight in four is in neither. */
static struct mmdb countries = {GEO_COUNTRY, "country",
                                "1.0.0.0/29 JP\n1.0.0.8/29 JP\n1.0.0.16/29 DE\n"
                                "1.0.0.32/29 JP\n1.0.0.40/29 JP\n1.0.0.48/29 DE\n"
                                "2001:db9::/64 DE\n",
                                ""};
static struct mmdb asns = {GEO_ASN, "asn",
                           "1.0.0.0/29 64500 A\n1.0.0.8/29 64501 B\n1.0.0.16/29 64502 C\n"
                           "1.0.0.32/29 64500 A\n1.0.0.40/29 64501 B\n1.0.0.48/29 64502 C\n"
                           "2001:db9::/64 64502 C\n",
                           ""};

static void start(void)
{
    redis_start(&redis);
}

static void stop(void)
{
    mmdb_remove(&countries);
    mmdb_remove(&asns);
    redis_stop(&redis);
    telescope_close(&telescope);
}

TestSuite(query, .init = start, .fini = stop);

/* --- what must come out ----------------------------------------------------------------------- */

struct expected {
    uint64_t packets, bytes, dropped, records, off_darknet;
    struct hll hosts;
    struct addrvec addresses, sources;
    struct tables tables;
    double observed, expected;
};

static int64_t now_s; /* of the store; 0: of the clock */

static void expect_sensor(struct expected *e, const struct telescope_sensor *sensor,
                          int64_t start_s, int64_t end_s)
{
    for (size_t i = 0; i < sensor->count; i++) {
        const struct record *r = &sensor->records[i];
        if (r->start_s < start_s || r->start_s >= end_s)
            continue;
        e->packets += r->packets;
        e->bytes += r->bytes;
        e->dropped += r->kernel_dropped + r->interface_dropped;
        e->off_darknet += r->off_darknet;
        e->records++;
        hll_merge(&e->hosts, &r->hosts);
        cr_assert_eq(addrvec_add(&e->addresses, &r->addresses), 0);
        cr_assert_eq(addrvec_add(&e->sources, &r->sources), 0);
        cr_assert_eq(tables_add(&e->tables, &r->tables), 0);
    }
    telescope_cover(sensor, start_s, end_s, now_s ? now_s : time(NULL), &e->expected, &e->observed);
}

static struct expected *expect(int64_t start_s, int64_t end_s, const char *only)
{
    struct expected *e = calloc(1, sizeof *e);
    for (int i = 0; i < TELESCOPE_SENSORS; i++)
        if (!only || strcmp(only, telescope.sensors[i].name) == 0)
            expect_sensor(e, &telescope.sensors[i], start_s, end_s);
    return e;
}

static void expect_close(struct expected *e)
{
    addrvec_close(&e->addresses);
    addrvec_close(&e->sources);
    tables_close(&e->tables);
    free(e);
}

static void same_figures(const struct query_figures *figures, const struct expected *e,
                         bool detailed)
{
    cr_assert_eq(figures->any_data, e->records > 0);
    cr_assert_eq(figures->packets, e->packets, "%lu for %lu", figures->packets, e->packets);
    cr_assert_eq(figures->bytes, e->bytes);
    cr_assert_eq(figures->dropped, e->dropped);
    if (e->expected > 0)
        cr_assert_float_eq(query_coverage(figures), e->observed / e->expected, 1e-12);
    else
        cr_assert_eq(figures->coverage.expected, 0);
    cr_assert_eq(query_state(figures), e->records    ? e->packets ? QUERY_COUNTED : QUERY_TRUE_ZERO
                                       : e->expected ? QUERY_DOWN
                                                     : QUERY_ABSENT);
    if (detailed && e->records)
        cr_assert(figures->counters_known && figures->active_known && figures->hosts_known);
    /* Whatever is said to be known is right. */
    if (figures->counters_known) {
        cr_assert_eq(figures->counters.records, e->records);
        cr_assert_eq(figures->counters.off_darknet, e->off_darknet);
    }
    if (figures->active_known)
        cr_assert_eq(figures->active, addrvec_active(&e->addresses));
    if (figures->hosts_known)
        cr_assert_eq(figures->unique_hosts, hll_count(&e->hosts));
}

static void same_table(const struct table *a, const struct table *b)
{
    cr_assert_eq(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        cr_assert_eq(a->keys[i], b->keys[i]);
        cr_assert_eq(a->sums[i].packets, b->sums[i].packets);
        cr_assert_eq(a->sums[i].bytes, b->sums[i].bytes);
        cr_assert_eq(a->witnesses[i], b->witnesses[i]);
    }
}

static void same_classes(const struct tables *a, const struct tables *b)
{
    cr_assert_arr_eq(a->classes, b->classes, sizeof a->classes);
    cr_assert_arr_eq(a->class_witnesses, b->class_witnesses, sizeof a->class_witnesses);
}

static void same_tables(const struct tables *a, const struct tables *b)
{
    same_classes(a, b);
    same_table(&a->protocols, &b->protocols);
    same_table(&a->tcp_ports, &b->tcp_ports);
    same_table(&a->udp_ports, &b->udp_ports);
    same_table(&a->icmp4, &b->icmp4);
    same_table(&a->icmp6, &b->icmp6);
}

static void same_addresses(const struct addrvec *a, const struct addrvec *b)
{
    cr_assert_eq(a->count4, b->count4);
    cr_assert_eq(a->count6, b->count6);
    for (size_t i = 0; i < a->count4; i++)
        cr_assert(a->address4[i] == b->address4[i] && a->packets4[i] == b->packets4[i]);
    for (size_t i = 0; i < a->count6; i++)
        cr_assert(memcmp(a->address6[i], b->address6[i], 16) == 0 &&
                  a->packets6[i] == b->packets6[i]);
}

/* Rows must sum to the period, each with its share of it. */
static void rows_sum(const struct query_period *period)
{
    struct query_rows rows;
    struct query_row row;
    uint64_t packets = 0;
    size_t count = 0;
    bool whole = period->query->by < QUERY_PORT || period->query->by >= QUERY_SOURCE;
    query_rows_begin(&rows, period);
    for (; query_rows_next(&rows, &row); count++) {
        packets += row.sum.packets;
        cr_assert_gt(row.sum.packets, 0);
        cr_assert_eq(row.share, (double)row.sum.packets / (double)period->all.packets);
    }
    cr_assert(whole ? packets == period->all.packets : packets <= period->all.packets);
    if (period->query->top)
        cr_assert_leq(count, period->query->top + 1);
}

/* Countries and systems as the network of a source says, which the database below was made of. */
static uint32_t key_of(enum query_by by, const struct addrvec *vec, size_t i)
{
    static const char *const codes[4] = {"JP", "JP", "DE", NULL};
    size_t block = i < vec->count4 ? vec->address4[i] / 8 % 4 : 2;
    if (by == QUERY_ASN)
        return block < 3 ? 64500 + (uint32_t)block : 0;
    return codes[block] ? geo_country_key(codes[block], 2) : 0;
}

static void same_places(const struct query_period *period, const struct addrvec *sources)
{
    uint32_t before = 0;
    for (size_t p = 0; p < period->places->count; p++) {
        const struct query_place *place = &period->places->places[p];
        uint64_t packets = 0;
        for (size_t i = 0; i < sources->count4 + sources->count6; i++)
            if (key_of(period->query->by, sources, i) == place->key)
                packets += i < sources->count4 ? sources->packets4[i]
                                               : sources->packets6[i - sources->count4];
        cr_assert_eq(place->packets, packets);
        cr_assert(packets > 0 && (place->key > before || place->key == 0));
        before = place->key ? place->key : UINT32_MAX;
    }
}

struct walk {
    const struct query *query;
    bool detailed;
    int64_t next_s; /* where the next period must begin */
    size_t periods, with_data;
};

static int check_period(void *user, const struct query_period *period, char *errmsg)
{
    struct walk *walk = user;
    const struct query *query = walk->query;
    (void)errmsg;
    cr_assert_eq(period->start_s, walk->next_s);
    cr_assert_gt(period->end_s, period->start_s);
    walk->next_s = period->end_s;
    walk->periods++;
    struct expected *e = expect(period->start_s, period->end_s, query->sensor);
    walk->with_data += e->records > 0;
    bool figures = query->by == QUERY_TOTAL || query->by == QUERY_SENSOR;
    same_figures(&period->all, e, walk->detailed && figures);
    if (!figures && e->records && walk->detailed) {
        cr_assert(period->rows_known);
        if (query->by == QUERY_ADDRESS)
            same_addresses(period->addresses, &e->addresses);
        else if (query->by >= QUERY_SOURCE)
            same_addresses(period->sources, &e->sources);
        else if (query->by == QUERY_CLASS)
            same_classes(period->tables, &e->tables);
        else
            same_tables(period->tables, &e->tables);
        if (period->places)
            same_places(period, &e->sources);
        rows_sum(period);
    }
    expect_close(e);
    for (size_t i = 0; i < period->sensor_count && query->by == QUERY_SENSOR; i++) {
        e = expect(period->start_s, period->end_s, period->sensor[i]->name);
        same_figures(&period->sensors[i], e, walk->detailed);
        expect_close(e);
    }
    return 0;
}

static struct walk run_over(struct store *store, const struct query *query, bool detailed)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct walk walk = {.query = query, .detailed = detailed, .next_s = query->from_s};
    const struct query_reader reader = {&walk, check_period};
    cr_assert_eq(query_run(store, query, &reader, errmsg), 0, "%s", errmsg);
    cr_assert_eq(walk.next_s, query->to_s);
    return walk;
}

static struct walk run(const struct query *asked, bool detailed)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query query = *asked;
    struct store *store;
    if (query.by == QUERY_COUNTRY || query.by == QUERY_ASN)
        query.geo = mmdb_open(query.by == QUERY_ASN ? &asns : &countries);
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    if (now_s)
        cr_assert_eq(store_refresh_at(store, now_s, errmsg), 0, "%s", errmsg);
    struct walk walk = run_over(store, &query, detailed);
    store_close(store);
    geo_close(query.geo);
    return walk;
}

/* --- every step and breakdown ----------------------------------------------------------------- */

struct place {
    char zone[24], from[12];
};

ParameterizedTestParameters(query, every_step_and_breakdown_is_the_records_added_up)
{
    static struct place cases[] = {
        {"Asia/Tokyo", "2023-12-31"},          /* over the year's end */
        {"Europe/Berlin", "2024-03-30"},       /* a day of 23 hours */
        {"Europe/Berlin", "2024-10-26"},       /* a day of 25 hours */
        {"Australia/Lord_Howe", "2024-04-06"}, /* an hour of 30 minutes */
        {"Asia/Kathmandu", "2024-02-28"},      /* 45 minutes */
    };
    return cr_make_param_array(struct place, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct place *place, query, every_step_and_breakdown_is_the_records_added_up,
                  .timeout = 300)
{
    char errmsg[ERRMSG_SIZE];
    int64_t from_s;
    cr_assert_eq(calendar_init(place->zone, errmsg), 0);
    cr_assert_eq(calendar_parse(place->from, &from_s, errmsg), 0);
    telescope_make(&telescope, place->zone, 7, from_s, 40, 3600);
    telescope_write(&telescope, &redis, 13, 1000);
    for (enum query_step step = QUERY_WHOLE; step < QUERY_STEPS; step++)
        for (enum query_by by = QUERY_TOTAL; by < QUERY_BYS; by++) {
            int64_t until_s = from_s + 3 * 86400;
            struct query query = {
                .from_s = from_s - 86400, .to_s = until_s, .step = step, .by = by, .top = by % 3};
            if (step == QUERY_MINUTE) {
                query.from_s = from_s + 36000;
                query.to_s = from_s + 50400;
            }
            cr_assert_gt(run(&query, true).with_data, 0);
        }
}

Test(query, any_range_is_the_records_added_up, .timeout = 300)
{
    uint64_t state = 3;
    telescope_make(&telescope, "Asia/Tokyo", 11, 1703900000 / 60 * 60, 60, 7200);
    telescope_write(&telescope, &redis, 5, 1000);
    for (int i = 0; i < 60; i++) {
        int64_t a = 1703800020 + 60 * (int64_t)random_below(&state, 12000);
        int64_t b = a + 60 + 60 * (int64_t)random_below(&state, 8000);
        struct query query = {.from_s = a,
                              .to_s = b,
                              .by = (enum query_by)random_below(&state, QUERY_BYS),
                              .sensor = random_below(&state, 4) ? NULL : "sensor-1"};
        run(&query, true);
    }
}

/* Inventories that change within hours, days and years, and time after the last record in which live
 * sensors are missed. */
Test(query, coverage_follows_the_inventories, .timeout = 300)
{
    static const struct place places[] = {
        {"Asia/Tokyo", "2023-12-31"},
        {"Europe/Berlin", "2024-03-30"},
        {"Australia/Lord_Howe", "2024-04-06"},
        {"Asia/Kathmandu", "2024-02-28"},
    };
    char errmsg[ERRMSG_SIZE];
    uint64_t state = 17;
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        int64_t from_s;
        cr_assert_eq(calendar_init(places[p].zone, errmsg), 0);
        cr_assert_eq(calendar_parse(places[p].from, &from_s, errmsg), 0);
        redis_do(&redis, "FLUSHALL");
        telescope_close(&telescope);
        telescope_make(&telescope, places[p].zone, p, from_s, 60, 3600);
        telescope_enrol(&telescope, 5 + p, from_s - 7200, from_s + 4 * 86400);
        telescope_write(&telescope, &redis, 7, 1000);
        now_s = from_s + 5 * 86400 + 1234;
        for (enum query_step step = QUERY_WHOLE; step < QUERY_STEPS; step++) {
            int64_t a = from_s - 86400 + 60 * (int64_t)random_below(&state, 1440);
            int64_t length = step == QUERY_MINUTE ? 4 * 3600 : 7 * 86400;
            struct query query = {
                .from_s = a, .to_s = a + length, .step = step, .by = QUERY_SENSOR};
            run(&query, true);
        }
    }
}

/* Whatever is folded and whatever is not. */
Test(query, the_log_makes_up_for_what_is_not_folded, .timeout = 300)
{
    telescope_make(&telescope, "UTC", 5, 1704000000, 20, 3600);
    for (size_t unfolded = 0; unfolded <= 20; unfolded += 4) {
        redis_do(&redis, "FLUSHALL");
        telescope_write(&telescope, &redis, unfolded, unfolded);
        for (enum query_by by = QUERY_TOTAL; by < QUERY_BYS; by++) {
            struct query query = {
                .from_s = 1703980800, .to_s = 1704326400, .step = QUERY_DAY, .by = by};
            run(&query, true);
        }
    }
}

/* What a store has once read of the log is made up for by what came since, a few calls or many. */
Test(query, minutes_are_right_while_records_come, .timeout = 300)
{
    static const size_t counts[] = {30, 31, 40, 41, 80};
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store = NULL;
    telescope_make(&telescope, "UTC", 19, 1704067200, 80, 60);
    const struct telescope all = telescope;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (int s = 0; s < TELESCOPE_SENSORS; s++)
            telescope.sensors[s].count = counts[i];
        redis_do(&redis, "FLUSHALL");
        telescope_write(&telescope, &redis, counts[i] / 3, 1000);
        if (!store)
            cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
        for (enum query_by by = QUERY_TOTAL; by <= QUERY_SOURCE; by++) {
            struct query query = {
                .from_s = 1704067200, .to_s = 1704067200 + 5400, .step = QUERY_MINUTE, .by = by};
            cr_assert_gt(run_over(store, &query, true).with_data, 15);
        }
    }
    store_close(store);
    telescope = all;
}

/* --- what is no longer kept ------------------------------------------------------------------- */

static int count_known(void *user, const struct query_period *period, char *errmsg)
{
    struct walk *walk = user;
    (void)errmsg;
    walk->periods += period->all.any_data;
    walk->with_data += period->rows_known;
    return 0;
}

Test(query, minutes_outside_of_the_log_have_sums_and_no_detail)
{
    telescope_make(&telescope, "UTC", 9, 1704067200, 30, 600);
    telescope_write(&telescope, &redis, 2, 10);
    struct query query = {
        .from_s = 1704067200, .to_s = 1704067200 + 8 * 3600, .step = QUERY_MINUTE};
    cr_assert_gt(run(&query, false).with_data, 40);
    char errmsg[ERRMSG_SIZE] = "";
    struct walk walk = {0};
    const struct query_reader reader = {&walk, count_known};
    struct store *store;
    query.by = QUERY_CLASS;
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0);
    cr_assert_eq(query_run(store, &query, &reader, errmsg), 0, "%s", errmsg);
    cr_assert(walk.with_data > 10 && walk.with_data < walk.periods, "%zu of %zu", walk.with_data,
              walk.periods);
    store_close(store);
}

Test(query, hours_past_their_retention_have_sums_and_no_detail)
{
    char errmsg[ERRMSG_SIZE] = "";
    telescope_make(&telescope, "UTC", 9, 1704067200, 30, 600);
    telescope_write(&telescope, &redis, 0, 0);
    telescope_expire_hours(&telescope, &redis, 1704067200);
    struct query query = {.from_s = 1704067200, .to_s = 1704067200 + 86400, .step = QUERY_HOUR};
    cr_assert_gt(run(&query, false).with_data, 4);
    /* The day has its own detail. */
    query.step = QUERY_DAY;
    query.by = QUERY_PORT;
    run(&query, true);
    /* A bound within it has not, and a breakdown of it would not be whole. */
    query.step = QUERY_WHOLE;
    query.from_s += 3600;
    struct walk walk = {.query = &query};
    const struct query_reader reader = {&walk, count_known};
    struct store *store;
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0);
    cr_assert_eq(query_run(store, &query, &reader, errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "by port") && strstr(errmsg, "2024-01-01T01:00:00Z"), "%s", errmsg);
    store_close(store);
    query.by = QUERY_TOTAL;
    run(&query, false);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static int refuse(int64_t from_s, int64_t to_s, const char *sensor, char *errmsg)
{
    struct query query = {.from_s = from_s, .to_s = to_s, .sensor = sensor};
    struct walk walk = {.query = &query};
    const struct query_reader reader = {&walk, count_known};
    struct store *store;
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    int rc = query_run(store, &query, &reader, errmsg);
    store_close(store);
    return rc;
}

Test(query, a_range_must_be_one)
{
    char errmsg[ERRMSG_SIZE] = "";
    telescope_make(&telescope, "UTC", 9, 1704067200, 2, 600);
    telescope_write(&telescope, &redis, 0, 0);
    cr_assert_eq(refuse(60, 60, NULL, errmsg), ERR_INVALID);
    cr_assert_eq(refuse(120, 60, NULL, errmsg), ERR_INVALID);
    cr_assert_eq(refuse(30, 60, NULL, errmsg), ERR_INVALID);
    cr_assert(strstr(errmsg, "minute"), "%s", errmsg);
    cr_assert_eq(refuse(0, 90, NULL, errmsg), ERR_INVALID);
    cr_assert_eq(refuse(-60, 60, NULL, errmsg), ERR_INVALID);
    cr_assert_eq(refuse(0, CALENDAR_MAX_S + 60, NULL, errmsg), ERR_INVALID);
    cr_assert_eq(refuse(0, 60, "nobody", errmsg), ERR_UNKNOWN);
    cr_assert(strstr(errmsg, "nobody"), "%s", errmsg);
}

Test(query, an_open_range_holds_all_data)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    telescope_make(&telescope, "Asia/Tokyo", 9, 1704067200, 20, 3600);
    telescope_write(&telescope, &redis, 0, 0);
    uint64_t packets = 0;
    struct expected *e = expect(0, CALENDAR_MAX_S, NULL);
    packets = e->packets;
    expect_close(e);
    for (enum query_step step = QUERY_WHOLE; step < QUERY_STEPS; step++) {
        struct query query = {.from_s = QUERY_OPEN, .to_s = QUERY_OPEN, .step = step};
        cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
        cr_assert(query_range(store, &query));
        store_close(store);
        e = expect(query.from_s, query.to_s, NULL);
        cr_assert_eq(e->packets, packets, "step %d", step);
        expect_close(e);
        e = expect(query.from_s + 60, query.to_s, NULL);
        if (step == QUERY_MINUTE)
            cr_assert_lt(e->records, 3 * 40u);
        expect_close(e);
    }
}

Test(query, an_empty_store_has_no_range)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    struct query query = {.from_s = QUERY_OPEN, .to_s = QUERY_OPEN};
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    cr_assert_not(query_range(store, &query));
    query.from_s = 0;
    cr_assert_not(query_range(store, &query));
    query.to_s = 60;
    cr_assert(query_range(store, &query));
    store_close(store);
}

/* --- the top ---------------------------------------------------------------------------------- */

static int same_top(void *user, const struct query_period *period, char *errmsg)
{
    struct query_rows rows;
    struct query_row row, before = {0};
    uint64_t *found = user, packets = 0;
    bool other = false;
    (void)errmsg;
    query_rows_begin(&rows, period);
    while (query_rows_next(&rows, &row)) {
        cr_assert_not(other, "nothing comes behind the others");
        other = row.key == QUERY_KEY_OTHER;
        if (packets > 0 && !other) {
            cr_assert_leq(row.sum.packets, before.sum.packets);
            if (row.sum.packets == before.sum.packets)
                cr_assert_gt(memcmp(row.address, before.address, 16), 0);
        }
        packets += row.sum.packets;
        before = row;
        ++*found;
    }
    cr_assert_eq(packets, period->all.packets);
    return 0;
}

Test(query, the_top_descends_and_the_others_make_it_whole)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    telescope_make(&telescope, "UTC", 21, 1704067200, 3, 60);
    telescope_write(&telescope, &redis, 0, 0);
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    for (size_t top = 1; top < 60; top++) {
        uint64_t rows = 0;
        const struct query_reader reader = {&rows, same_top};
        struct query query = {.from_s = 1704067200,
                              .to_s = 1704067200 + 86400,
                              .by = QUERY_ADDRESS,
                              .sensor = "sensor-0",
                              .top = top};
        cr_assert_eq(query_run(store, &query, &reader, errmsg), 0, "%s", errmsg);
        cr_assert_leq(rows, top + 1);
    }
    store_close(store);
}

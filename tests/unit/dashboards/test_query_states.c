/* The states of an address against the records themselves and the inventories. */
#include <criterion/criterion.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/query_states.h"
#include "tests/unit/common/random.h"
#include "tests/unit/dashboards/redis.h"
#include "tests/unit/dashboards/telescope.h"

#define S INT64_C(1000000000)

static struct redis redis;
static struct telescope telescope;
static int64_t now_s;

static void start(void)
{
    redis_start(&redis);
}

static void stop(void)
{
    redis_stop(&redis);
    telescope_close(&telescope);
}

TestSuite(query_states, .init = start, .fini = stop);

/* --- the model -------------------------------------------------------------------------------- */

static bool in_list(const char *list, uint32_t address)
{
    struct prefixset *set = prefixset_new();
    cr_assert_eq(prefixset_add(set, list, NULL), 0);
    cr_assert_eq(prefixset_settle(set, NULL), 0);
    bool in = prefixset_has4(set, address);
    prefixset_free(set);
    return in;
}

static bool version_has(const struct telescope_version *version, uint32_t address)
{
    return version->size > 0 && in_list(version->list, address);
}

struct model {
    double expected, observed;
    uint64_t packets;
    bool observed_any;
};

static void add_span(struct model *model, const struct telescope_sensor *sensor, int64_t start_s,
                     int64_t end_s)
{
    int64_t due_ns = telescope_due_ns(sensor, now_s);
    int64_t first = start_s * S, last = end_s * S - 1 < due_ns ? end_s * S - 1 : due_ns;
    if (sensor->version_count == 0 && first < sensor->from_ns)
        first = sensor->from_ns;
    if (start_s >= end_s || first > last)
        return;
    model->expected += (double)(last - first + 1);
    model->observed += (double)telescope_observed(sensor, start_s, end_s);
}

static uint64_t packets_to(const struct telescope_sensor *sensor, uint32_t address, int64_t start_s,
                           int64_t end_s)
{
    uint64_t packets = 0;
    for (size_t i = 0; i < sensor->count; i++) {
        const struct record *record = &sensor->records[i];
        if (record->start_s < start_s || record->start_s >= end_s)
            continue;
        for (size_t a = 0; a < record->addresses.count4; a++)
            if (record->addresses.address4[a] == address)
                packets += record->addresses.packets4[a];
    }
    return packets;
}

/* Whether the sensor ever had the address; sensor-2 is not enrolled and has 10.0.2.0/28. */
static bool holds(const struct telescope_sensor *sensor, uint32_t address)
{
    for (size_t v = 0; v < sensor->version_count; v++)
        if (version_has(&sensor->versions[v], address))
            return true;
    return sensor->version_count == 0 && address >> 4 == 0x0a00020;
}

static void add_sensor(struct model *model, const struct telescope_sensor *sensor, uint32_t address,
                       int64_t start_s, int64_t end_s)
{
    if (sensor->version_count == 0)
        add_span(model, sensor, start_s, end_s);
    for (size_t v = 0; v < sensor->version_count; v++) {
        const struct telescope_version *version = &sensor->versions[v];
        int64_t until_s = v + 1 < sensor->version_count ? version[1].from_s : INT64_MAX;
        if (version_has(version, address))
            add_span(model, sensor, start_s > version->from_s ? start_s : version->from_s,
                     end_s < until_s ? end_s : until_s);
    }
}

static struct model model_of(uint32_t address, int64_t start_s, int64_t end_s)
{
    struct model model = {0};
    int holders = 0;
    for (int i = 0; i < TELESCOPE_SENSORS; i++)
        holders += holds(&telescope.sensors[i], address);
    for (int i = 0; i < TELESCOPE_SENSORS; i++) {
        const struct telescope_sensor *sensor = &telescope.sensors[i];
        if (holds(sensor, address))
            add_sensor(&model, sensor, address, start_s, end_s);
        if (holders > 1 || holds(sensor, address))
            model.packets += packets_to(sensor, address, start_s, end_s);
    }
    return model;
}

/* --- comparing -------------------------------------------------------------------------------- */

struct walk {
    uint32_t address;
    int64_t next_s;
    size_t states[4];
};

static int check_row(void *user, const struct query_states_row *row, char *errmsg)
{
    struct walk *walk = user;
    struct model model = model_of(walk->address, row->start_s, row->end_s);
    (void)errmsg;
    cr_assert_eq(row->start_s, walk->next_s);
    walk->next_s = row->end_s;
    cr_assert(row->known);
    enum query_state wanted = model.expected == 0   ? QUERY_ABSENT
                              : model.observed == 0 ? QUERY_DOWN
                              : model.packets       ? QUERY_COUNTED
                                                    : QUERY_TRUE_ZERO;
    cr_assert_eq(row->state, wanted, "%d for %d at %ld", row->state, wanted, row->start_s);
    if (wanted == QUERY_COUNTED)
        cr_assert_eq(row->packets, model.packets);
    cr_assert_float_eq(row->coverage.expected, model.expected, 1);
    cr_assert_float_eq(row->coverage.observed, model.observed, 1);
    cr_assert_eq(row->sensor != NULL, model.expected > 0);
    walk->states[wanted]++;
    return 0;
}

static void run(struct store *store, const char *text, const struct query *query, struct walk *walk)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_address address;
    const struct query_states_reader reader = {walk, check_row};
    cr_assert_eq(query_address_parse(&address, text, errmsg), 0, "%s", errmsg);
    memcpy(&walk->address, address.bytes, 4);
    walk->address = ntohl(walk->address);
    walk->next_s = query->from_s;
    cr_assert_eq(query_states(store, query, &address, &reader, errmsg), 0, "%s", errmsg);
    cr_assert_eq(walk->next_s, query->to_s);
}

Test(query_states, every_period_is_in_the_state_that_records_and_inventories_say, .timeout = 300)
{
    static const char *const addresses[] = {"10.0.0.3", "10.0.0.9",  "10.0.0.20", "10.0.1.3",
                                            "10.0.2.1", "10.0.2.15", "192.0.2.1", "10.0.2.16"};
    static const enum query_step steps[] = {QUERY_HOUR, QUERY_DAY, QUERY_MONTH, QUERY_WHOLE,
                                            QUERY_MINUTE};
    char errmsg[ERRMSG_SIZE];
    struct store *store;
    struct walk walk = {0};
    const int64_t from_s = 1711749600; /* 2024-03-29 22:00 UTC, before the clocks go forward */
    for (uint64_t seed = 1; seed <= 3; seed++) {
        redis_do(&redis, "FLUSHALL");
        telescope_close(&telescope);
        telescope_make(&telescope, "Europe/Berlin", seed, from_s, 60, 3600);
        telescope_enrol(&telescope, seed + 20, from_s - 7200, from_s + 4 * 86400);
        telescope_write(&telescope, &redis, 7, 1000);
        now_s = from_s + 5 * 86400 + 1234;
        cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
        cr_assert_eq(store_refresh_at(store, now_s, errmsg), 0, "%s", errmsg);
        for (size_t a = 0; a < sizeof addresses / sizeof *addresses; a++)
            for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
                int64_t length = steps[i] == QUERY_MINUTE ? 6 * 3600 : 7 * 86400;
                struct query query = {
                    .from_s = from_s - 3660, .to_s = from_s - 3660 + length, .step = steps[i]};
                run(store, addresses[a], &query, &walk);
            }
        store_close(store);
    }
    for (int state = 0; state < 4; state++)
        cr_expect_gt(walk.states[state], 20, "state %d: %zu times", state, walk.states[state]);
}

/* --- what is no longer kept ------------------------------------------------------------------- */

static int count_unknown(void *user, const struct query_states_row *row, char *errmsg)
{
    size_t *counts = user;
    (void)errmsg;
    counts[row->known ? row->state : 4]++;
    return 0;
}

/* Minutes outside of the log: a minute without a packet is still a true zero, or down. */
Test(query_states, what_is_past_its_retention_is_not_guessed)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    struct query_address address;
    size_t counts[5] = {0};
    const struct query_states_reader reader = {counts, count_unknown};
    struct query query = {
        .from_s = 1704067200, .to_s = 1704067200 + 8 * 3600, .step = QUERY_MINUTE};
    telescope_make(&telescope, "UTC", 9, 1704067200, 30, 600);
    telescope_write(&telescope, &redis, 2, 10);
    cr_assert_eq(query_address_parse(&address, "10.0.0.3", errmsg), 0);
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    cr_assert_eq(query_states(store, &query, &address, &reader, errmsg), 0, "%s", errmsg);
    cr_expect_gt(counts[4], 10);
    cr_expect_gt(counts[QUERY_TRUE_ZERO], 0);
    cr_expect_gt(counts[QUERY_DOWN], 50);
    cr_expect_gt(counts[QUERY_ABSENT], 0);
    store_close(store);
}

Test(query_states, what_cannot_be_asked_is_refused)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_address address;
    struct store *store;
    const struct query_states_reader reader = {NULL, NULL};
    cr_expect_eq(query_address_parse(&address, "10.0.0.0/24", errmsg), ERR_INVALID);
    cr_expect_eq(query_address_parse(&address, "", errmsg), ERR_INVALID);
    cr_expect_eq(query_address_parse(&address, "2001:db8::1", errmsg), 0);
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    struct query query = {.from_s = 30, .to_s = 90};
    cr_expect_eq(query_states(store, &query, &address, &reader, errmsg), ERR_INVALID);
    store_close(store);
}

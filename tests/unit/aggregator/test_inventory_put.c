#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/inventory_put.h"
#include "common/err.h"
#include "tests/unit/aggregator/keymap.h"

#define S       "000000000"    /* nanoseconds behind seconds */
#define NOW_S   1790000000     /* 2026-09-21 */
#define Y2019   "1546300800"   /* 2019-01-01 */
#define Y2021   "1609459200"   /* 2021-01-01 */
#define Y2026   "1767225600"   /* 2026-01-01 */
#define IN_2019 "1554000000" S /* 2019-03-31 */
#define IN_2020 "1590000000" S /* 2020-05-20 */

static struct keymap store;

static void start(void)
{
    char errmsg[ERRMSG_SIZE];
    cr_assert_eq(calendar_init("UTC", errmsg), 0);
    store = (struct keymap){0};
}

static void stop(void)
{
    keymap_close(&store);
}

TestSuite(inventory_put, .init = start, .fini = stop);

/* Sets fields of a hash of the sensor as its calls do, beside the head's. */
static void set(const char *sensor, const char *kind, const char *field, const char *value)
{
    struct put put;
    char head[SCHEMA_KEY_MAX], key[SCHEMA_KEY_MAX];
    schema_key_head(head, sensor);
    snprintf(key, sizeof key, "darkcount:{%s}:%s", sensor, kind);
    const struct keymap_entry *n = keymap_find(&store, head, "n");
    put_init(&put);
    put_begin_beside(&put, head, n ? strtoull((char *)n->bytes, NULL, 10) : 0);
    put_hset(&put, key, field, value);
    cr_assert_eq(keymap_call(&store, &put), KEYMAP_OK);
    put_close(&put);
}

static void delivered(const char *sensor, const char *from_ns, const char *until_ns, bool live)
{
    keymap_sadd(&store, SCHEMA_SENSORS, sensor);
    set(sensor, "head", "darknet", "192.0.2.0/24");
    set(sensor, "head", "from_ns", from_ns);
    set(sensor, "head", "until_ns", until_ns);
    if (live)
        set(sensor, "head", "live", "1");
}

/* Brings the inventory into the store as inventories.c does; what the put was answered. */
static enum keymap_answer bring(const char *sensor, const char *wanted)
{
    struct inventory_put change;
    struct fetch fetch, names, years;
    struct put put;
    char errmsg[ERRMSG_SIZE];
    enum keymap_answer answer = KEYMAP_OK;
    inventory_put_init(&change, sensor);
    fetch_init(&fetch);
    fetch_init(&names);
    fetch_init(&years);
    put_init(&put);
    inventory_put_ask(&change, &fetch);
    keymap_fetch(&store, &fetch);
    cr_assert_eq(inventory_put_compare(&change, &fetch, wanted, NOW_S, errmsg), 0, "%s", errmsg);
    fetch_ask(&names, FETCH_SET, SCHEMA_SENSORS, NULL);
    keymap_fetch(&store, &names);
    inventory_put_ask_years(&years, &names.items[0]);
    keymap_fetch(&store, &years);
    inventory_put_take_years(&change, &years);
    cr_assert_eq(inventory_put_write(&change, change.n, 1234, &put), 0);
    if (change.differs)
        answer = keymap_call(&store, &put);
    put_close(&put);
    fetch_close(&fetch);
    fetch_close(&names);
    fetch_close(&years);
    inventory_put_close(&change);
    return answer;
}

/* What the store says of the inventory, and how often which years were restated. */
static void holds(const char *sensor, const char *inventory, const char *restated)
{
    struct inventory_stored stored;
    struct fetch fetch;
    char key[SCHEMA_KEY_MAX], years[256] = "";
    schema_key_inventory(key, sensor);
    fetch_init(&fetch);
    fetch_ask(&fetch, FETCH_HASH, key, NULL);
    keymap_fetch(&store, &fetch);
    inventory_stored_init(&stored);
    for (size_t i = 0; i < fetch.items[0].count; i += 2)
        cr_assert_eq(inventory_stored_take(&stored, fetch.items[0].values[i].bytes,
                                           fetch.items[0].values[i + 1].bytes,
                                           fetch.items[0].values[i + 1].size),
                     0);
    cr_assert_eq(inventory_stored_finish(&stored), 0);
    char *text = inventory_text(&stored.inventory);
    cr_expect_str_eq(text, inventory);
    for (size_t i = 0; i < stored.restated_count; i++) {
        cr_expect_eq(stored.restated[i].when_s, 1234);
        snprintf(years + strlen(years), sizeof years - strlen(years), "%s%d:%d", i ? " " : "",
                 stored.restated[i].year, (int)stored.restated[i].k);
    }
    cr_expect_str_eq(years, restated, "%s", sensor);
    free(text);
    inventory_stored_close(&stored);
    fetch_close(&fetch);
}

/* With nothing in the store there is no figure that could have been printed. */
Test(inventory_put, the_first_inventory_of_an_empty_store_restates_nothing)
{
    cr_assert_eq(bring("a", Y2019 "=192.0.2.0/24"), KEYMAP_OK);
    holds("a", Y2019 "=192.0.2.0/24", "");
    cr_assert_eq(bring("a", Y2019 "=192.0.2.0/24"), KEYMAP_OK);
    holds("a", Y2019 "=192.0.2.0/24", "");
}

/* 2019 and 2021 have data, of another sensor: their coverage falls by what is now expected beside it. */
Test(inventory_put, a_sensor_that_is_enrolled_from_the_past_restates_the_years_with_data)
{
    delivered("b", IN_2019, IN_2020, false);
    set("b", "years", "2019", "1 1 1 1 1 1 0 0 0 0 0 0 0");
    set("b", "years", "2021", "1 1 1 1 1 1 0 0 0 0 0 0 0");
    set("b", "years", "2026", "1 1 1 1 1 1 0 0 0 0 0 0 0");
    cr_assert_eq(bring("a", Y2019 "=198.51.100.0/24"), KEYMAP_OK);
    holds("a", Y2019 "=198.51.100.0/24", "2019:1 2021:1");
    cr_assert_eq(bring("a", Y2019 "=198.51.100.0/24 " Y2021 "=198.51.100.0/25"), KEYMAP_OK);
    holds("a", Y2019 "=198.51.100.0/24 " Y2021 "=198.51.100.0/25", "2019:1 2021:1 2021:2");
    cr_assert_eq(bring("a", Y2021 "=198.51.100.0/25"), KEYMAP_OK);
    holds("a", Y2021 "=198.51.100.0/25", "2019:1 2019:2 2021:1 2021:2");
}

/* The year that is not over yet has no figure that stands, and what is to come none at all. */
Test(inventory_put, a_change_of_this_year_or_the_next_restates_nothing)
{
    delivered("a", IN_2019, IN_2020, true);
    set("a", "years", "2019", "1 1 1 1 1 1 0 0 0 0 0 0 0");
    set("a", "years", "2026", "1 1 1 1 1 1 0 0 0 0 0 0 0");
    cr_assert_eq(bring("a", "1554000000=192.0.2.0/24 " Y2026 "=192.0.2.0/25"), KEYMAP_OK);
    holds("a", "1554000000=192.0.2.0/24 " Y2026 "=192.0.2.0/25", "");
    cr_assert_eq(bring("a", "1554000000=192.0.2.0/24 " Y2026 "=192.0.2.0/25 1800000000=-"),
                 KEYMAP_OK);
    holds("a", "1554000000=192.0.2.0/24 " Y2026 "=192.0.2.0/25 1800000000=-", "");
}

/* What the records of a sensor that was not enrolled imply is what readers have gone by. */
Test(inventory_put, an_enrolment_is_compared_with_what_the_records_implied)
{
    delivered("a", IN_2019, IN_2020, false); /* an archive: it was over in 2020 */
    set("a", "years", "2019", "1 1 1 1 1 1 0 0 0 0 0 0 0");
    set("a", "years", "2020", "1 1 1 1 1 1 0 0 0 0 0 0 0");
    cr_assert_eq(bring("a", "1554000000=192.0.2.0/24"), KEYMAP_OK);
    holds("a", "1554000000=192.0.2.0/24", "2020:1");
}

Test(inventory_put, an_empty_one_takes_everything_back)
{
    cr_assert_eq(bring("a", Y2019 "=192.0.2.0/24 " Y2021 "=192.0.2.0/25"), KEYMAP_OK);
    cr_assert_eq(bring("a", ""), KEYMAP_OK);
    holds("a", "", "");
}

/* A record that was applied in between refuses the put, and nothing of it is done. */
Test(inventory_put, it_is_guarded_by_the_calls)
{
    struct inventory_put change;
    struct fetch fetch;
    struct put put;
    char errmsg[ERRMSG_SIZE], head[SCHEMA_KEY_MAX];
    inventory_put_init(&change, "a");
    fetch_init(&fetch);
    inventory_put_ask(&change, &fetch);
    keymap_fetch(&store, &fetch);
    cr_assert_eq(inventory_put_compare(&change, &fetch, Y2019 "=192.0.2.0/24", NOW_S, errmsg), 0);
    schema_key_head(head, "a");
    put_init(&put);
    put_begin(&put, head, 0, "", "w");
    cr_assert_eq(keymap_call(&store, &put), KEYMAP_OK);
    put_close(&put);
    put_init(&put);
    cr_assert_eq(inventory_put_write(&change, change.n, 1234, &put), 0);
    cr_expect_eq(keymap_call(&store, &put), KEYMAP_STALE);
    holds("a", "", "");
    put_close(&put);
    put_init(&put);
    cr_assert_eq(inventory_put_write(&change, 1, 1234, &put), 0);
    cr_expect_eq(keymap_call(&store, &put), KEYMAP_OK);
    holds("a", Y2019 "=192.0.2.0/24", "");
    put_close(&put);
    fetch_close(&fetch);
    inventory_put_close(&change);
}

Test(inventory_put, damage_is_told)
{
    struct inventory_put change;
    struct fetch fetch;
    char errmsg[ERRMSG_SIZE];
    set("a", "inventory", "1546300800", "192.0.2.1/24");
    inventory_put_init(&change, "a");
    fetch_init(&fetch);
    inventory_put_ask(&change, &fetch);
    keymap_fetch(&store, &fetch);
    cr_expect_eq(inventory_put_compare(&change, &fetch, Y2019 "=192.0.2.0/24", NOW_S, errmsg),
                 ERR_DAMAGED);
    cr_expect(strstr(errmsg, "darkcount:{a}:inventory"), "%s", errmsg);
    fetch_close(&fetch);
    inventory_put_close(&change);
}

/* The years of a telescope whose inventories change, against the records and inventories themselves. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "common/err.h"
#include "dashboards/query.h"
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

TestSuite(query_annual, .init = start, .fini = stop);

/* --- the model, minute by minute -------------------------------------------------------------- */

struct minute {
    double packets, addressed, up_ns, expected_ns;
};

static void add_records(struct minute *minute, const struct telescope_sensor *sensor, int64_t at_s,
                        double addresses)
{
    double observed = (double)telescope_observed(sensor, at_s, at_s + 60);
    for (size_t i = 0; i < sensor->count; i++)
        if (sensor->records[i].start_s == at_s)
            minute->packets += (double)sensor->records[i].packets;
    minute->addressed += addresses * observed;
    minute->up_ns = fmax(minute->up_ns, observed);
}

static void add_sensor(struct minute *minute, const struct telescope_sensor *sensor, int64_t at_s)
{
    double one = 0, observed = 0, addresses = sensor->version_count ? 0 : sensor->addresses;
    for (size_t v = 0; v < sensor->version_count && sensor->versions[v].from_s <= at_s; v++)
        addresses = sensor->versions[v].size;
    telescope_cover(sensor, at_s, at_s + 60, now_s, &one, &observed);
    if (one == 0)
        return;
    minute->expected_ns = fmax(minute->expected_ns, one / addresses);
    add_records(minute, sensor, at_s, addresses);
}

static double by_inventory(const struct period *year)
{
    double quotients = 0, up_ns = 0, expected_ns = 0;
    for (int64_t at_s = year->start_s; at_s < year->end_s && at_s < now_s; at_s += 60) {
        struct minute minute = {0};
        for (int i = 0; i < TELESCOPE_SENSORS; i++)
            add_sensor(&minute, &telescope.sensors[i], at_s);
        if (minute.addressed > 0)
            quotients += minute.packets / (minute.addressed / minute.up_ns);
        up_ns += minute.up_ns;
        expected_ns += minute.expected_ns;
    }
    return quotients / (up_ns / expected_ns);
}

static double coverage(const struct period *year)
{
    double expected = 0, observed = 0;
    for (int i = 0; i < TELESCOPE_SENSORS; i++)
        telescope_cover(&telescope.sensors[i], year->start_s, year->end_s, now_s, &expected,
                        &observed);
    return observed / expected;
}

/* --- comparing -------------------------------------------------------------------------------- */

static void compare(struct store *store, uint64_t seed)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_annual annual;
    cr_assert_eq(query_annual(store, METHOD_INVENTORY, 0, &annual, errmsg), 0, "%s", errmsg);
    cr_assert_eq(annual.count, 2);
    for (size_t i = 0; i < annual.count; i++) {
        const struct figures *figures = &annual.years[i];
        struct period year = calendar_date(LEVEL_YEAR, figures->year, 1, 1);
        cr_assert_float_eq(figures->coverage, coverage(&year), 1e-12, "seed %d, %d", (int)seed,
                           figures->year);
        double wanted = by_inventory(&year);
        cr_assert_float_eq(figures->packets_per_address, wanted, 1e-9 * wanted, "seed %d, %d: %g",
                           (int)seed, figures->year, wanted);
    }
    query_annual_close(&annual);
}

/* Over the end of a year in Tokyo. */
Test(query_annual, coverage_and_inventory_follow_the_versions, .timeout = 300)
{
    const int64_t from_s = 1703862000; /* 2023-12-30 in Tokyo */
    char errmsg[ERRMSG_SIZE];
    struct store *store;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        redis_do(&redis, "FLUSHALL");
        telescope_close(&telescope);
        telescope_make(&telescope, "Asia/Tokyo", seed, from_s, 60, 3600);
        telescope_enrol(&telescope, seed + 40, from_s - 7200, from_s + 4 * 86400);
        telescope_write(&telescope, &redis, 7, 1000);
        now_s = from_s + 5 * 86400 + 1234;
        cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
        cr_assert_eq(store_refresh_at(store, now_s, errmsg), 0, "%s", errmsg);
        compare(store, seed);
        store_close(store);
    }
}

/* What the charts draw, against the records themselves: nothing is lost between query and picture. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/chart_query.h"
#include "tests/unit/dashboards/mmdb.h"
#include "tests/unit/dashboards/redis.h"
#include "tests/unit/dashboards/telescope.h"

#define START INT64_C(1717200000) /* 2024-06-01T00:00:00Z */

static struct redis redis;
static struct telescope telescope;
static struct store *store;
static struct chart_query ask;
static struct options options; /* borrowed by what is asked */

/* Three sensors, 60 records each over some twelve days of June 2024. */
static void start(void)
{
    char errmsg[ERRMSG_SIZE] = "";
    redis_start(&redis);
    telescope_make(&telescope, "UTC", 7, START, 60, 5 * 3600);
    telescope_write(&telescope, &redis, 5, 10);
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
}

static void stop(void)
{
    store_close(store);
    redis_stop(&redis);
    telescope_close(&telescope);
}

TestSuite(chart_query, .init = start, .fini = stop);

static const struct command command = {.name = "chart daily"};

static void open_range(const char *from, const char *to, int year)
{
    char errmsg[ERRMSG_SIZE] = "";
    options = (struct options){.command = &command,
                               .store = redis.url.shown,
                               .from = from,
                               .to = to,
                               .year = year,
                               .language = LANGUAGE_EN,
                               .withhold = options.withhold};
    cr_assert_eq(chart_query_open(&ask, store, &options, errmsg), 0, "%s", errmsg);
}

/* Packets, and whether there were any records, of all sensors in [from_s, to_s). */
static bool counted(int64_t from_s, int64_t to_s, uint64_t *packets)
{
    bool any = false;
    *packets = 0;
    for (int s = 0; s < TELESCOPE_SENSORS; s++) {
        for (size_t i = 0; i < telescope.sensors[s].count; i++) {
            const struct record *record = &telescope.sensors[s].records[i];
            if (record->start_s < from_s || record->start_s >= to_s)
                continue;
            any = true;
            *packets += record->packets;
        }
    }
    return any;
}

static int refused(const char *from, const char *to, int year, char *errmsg)
{
    const struct options refuse = {.command = &command, .from = from, .to = to, .year = year};
    int rc = chart_query_open(&ask, store, &refuse, errmsg);
    chart_query_close(&ask);
    return rc;
}

/* --- ranges ----------------------------------------------------------------------------------- */

Test(chart_query, ranges)
{
    open_range(NULL, NULL, 0);
    cr_expect_eq(ask.query.from_s, START, "the first day with data");
    cr_expect_lt(ask.query.to_s, START + 60 * 86400, "the last day with data, not the year's end");
    cr_expect_eq(ask.query.to_s % 86400, 0);
    chart_query_close(&ask);
    open_range(NULL, NULL, 2024);
    cr_expect_eq(ask.query.from_s, 1704067200);
    cr_expect_eq(ask.query.to_s, 1735689600);
    cr_expect(ask.caption.first.month == 1 && ask.caption.last.day == 31);
    chart_query_close(&ask);
    open_range("2024-06-02T05:00:00Z", "2024-06-03T00:00:01Z", 0);
    cr_expect_eq(ask.query.from_s, START + 86400, "whole days");
    cr_expect_eq(ask.query.to_s, START + 3 * 86400);
    chart_query_close(&ask);
}

Test(chart_query, nothing_there_is_one_line)
{
    char errmsg[ERRMSG_SIZE] = "";
    cr_expect_eq(refused(NULL, NULL, 2023, errmsg), ERR_UNKNOWN);
    cr_expect_str_eq(errmsg, "chart daily: the store holds no data of 2023; nothing drawn");
    cr_expect_eq(refused("2025", "2026", 0, errmsg), ERR_UNKNOWN);
    cr_expect_str_eq(errmsg, "chart daily: the store holds no data of that time; nothing drawn");
    cr_expect_eq(refused("2024-06-05", "2024-06-05", 0, errmsg), ERR_INVALID);
    cr_expect(strstr(errmsg, "is not before"), "%s", errmsg);
}

/* --- charts ----------------------------------------------------------------------------------- */

Test(chart_query, countries_and_the_rest_sum_to_all_packets)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct mmdb made = {GEO_COUNTRY, "country", "1.0.0.0/29 JP\n1.0.0.8/29 DE\n", ""};
    struct geo *geo = mmdb_open(&made);
    struct chart_countries chart;
    uint64_t all, kept = 0;
    counted(0, INT64_MAX, &all);
    for (int s = 0; s < TELESCOPE_SENSORS; s++)
        for (size_t i = 0; i < telescope.sensors[s].count; i++)
            kept += addrvec_packets(&telescope.sensors[s].records[i].sources);
    open_range(NULL, NULL, 2024);
    cr_assert_eq(chart_query_countries(&ask, geo, &chart, errmsg), 0, "%s", errmsg);
    cr_expect_eq(chart.top.count, 2);
    cr_expect_eq(chart.total, all);
    cr_expect_eq(chart.top.not_kept, all - kept);
    cr_expect_gt(chart.top.unknown, 0);
    cr_expect_gt(chart.top.rows[0].packets, chart.top.rows[1].packets);
    cr_expect_eq(chart.top.rows[0].packets + chart.top.rows[1].packets + chart.top.unknown +
                     chart.top.not_kept,
                 all);
    cr_expect(strncmp(chart.database, "Test-Country (20", 16) == 0, "%s", chart.database);
    chart_query_close(&ask);
    geo_close(geo);
    mmdb_remove(&made);
}

Test(chart_query, daily_is_what_the_records_hold)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct chart_daily chart;
    size_t missing = 0;
    open_range(NULL, NULL, 2024);
    cr_assert_eq(chart_query_daily(&ask, &chart, errmsg), 0, "%s", errmsg);
    cr_assert_eq(chart.count, 366);
    for (size_t i = 0; i < chart.count; i++) {
        int64_t day = 1704067200 + (int64_t)i * 86400;
        uint64_t packets;
        if (counted(day, day + 86400, &packets)) {
            cr_expect_eq(chart.packets[i], (double)packets, "day %zu", i);
            cr_expect(chart.hosts[i] >= 0 && chart.coverage[i] > 0);
        } else {
            cr_expect(isnan(chart.packets[i]) && isnan(chart.hosts[i]), "day %zu", i);
            missing++;
        }
    }
    cr_expect_gt(missing, 300);
    cr_expect(chart.dates[365].month == 12 && chart.dates[365].day == 31);
    cr_expect(chart.caption.coverage > 0 && chart.caption.coverage < 1);
    chart_query_close(&ask);
}

static uint64_t sum_of(const struct chart_classes *chart)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < chart->count; i++)
        for (int class = 0; class < PACKET_CLASSES; class ++)
            sum += chart->columns[i].packets[class];
    return sum;
}

Test(chart_query, classes_sum_to_all_packets_by_day_and_by_month)
{
    char errmsg[ERRMSG_SIZE] = "";
    uint64_t all;
    counted(0, INT64_MAX, &all);
    for (int months = 0; months < 2; months++) {
        struct chart_classes chart;
        open_range(months ? "2020" : "2024-05-15", "2025", 0);
        cr_assert_eq(chart_query_classes(&ask, &chart, errmsg), 0, "%s", errmsg);
        cr_expect_eq(chart.months, months == 1);
        cr_expect_eq(chart.count, months ? 60 : 231);
        cr_expect_eq(sum_of(&chart), all);
        cr_expect_not(chart.columns[0].known);
        chart_query_close(&ask);
    }
}

Test(chart_query, ports_others_and_the_rest_sum_to_all_packets)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct chart_ports chart;
    uint64_t all, sum;
    counted(0, INT64_MAX, &all);
    open_range(NULL, NULL, 2024);
    cr_assert_eq(chart_query_ports(&ask, &chart, errmsg), 0, "%s", errmsg);
    sum = chart.others + chart.without;
    for (size_t i = 0; i < chart.count; i++) {
        sum += chart.rows[i].packets;
        cr_expect(i == 0 || chart.rows[i].packets <= chart.rows[i - 1].packets);
    }
    cr_expect_gt(chart.count, 0);
    cr_expect_eq(chart.total, all);
    cr_expect_eq(sum, all);
    chart_query_close(&ask);
}

/* How many sensors have packets of `class` or, where `port` is not NULL, to that port. */
static uint64_t saw(int64_t from_s, int64_t to_s, int class, const struct chart_ports_row *port)
{
    uint64_t count = 0;
    for (int s = 0; s < TELESCOPE_SENSORS; s++) {
        uint64_t packets = 0;
        for (size_t i = 0; i < telescope.sensors[s].count; i++) {
            const struct record *record = &telescope.sensors[s].records[i];
            const struct tables *tables = &record->tables;
            if (record->start_s < from_s || record->start_s >= to_s)
                continue;
            if (port)
                packets += table_at(port->protocol == PROTOCOL_TCP ? &tables->tcp_ports
                                                                   : &tables->udp_ports,
                                    port->port)
                               .packets;
            else
                packets += tables->classes[class].packets;
        }
        count += packets > 0;
    }
    return count;
}

Test(chart_query, ports_that_fewer_sensors_saw_are_in_no_row)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct chart_ports chart;
    uint64_t all, sum;
    options.withhold = 3;
    open_range("2024-06-01", "2024-06-02", 0);
    counted(ask.query.from_s, ask.query.to_s, &all);
    cr_assert_eq(chart_query_ports(&ask, &chart, errmsg), 0, "%s", errmsg);
    sum = chart.others + chart.without + chart.withheld;
    for (size_t i = 0; i < chart.count; i++) {
        sum += chart.rows[i].packets;
        cr_expect_eq(saw(ask.query.from_s, ask.query.to_s, 0, &chart.rows[i]), 3, "%u",
                     (unsigned)chart.rows[i].port);
    }
    cr_expect_gt(chart.withheld, 0);
    cr_expect_eq(sum, all);
    chart_query_close(&ask);
}

Test(chart_query, classes_of_days_that_fewer_sensors_saw_are_hidden)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct chart_classes chart;
    size_t told = 0;
    options.withhold = 2;
    open_range(NULL, NULL, 0);
    cr_assert_eq(chart_query_classes(&ask, &chart, errmsg), 0, "%s", errmsg);
    for (size_t i = 0; i < chart.count; i++) {
        int64_t day = ask.query.from_s + (int64_t)i * 86400;
        uint64_t packets, sum = chart.columns[i].withheld;
        counted(day, day + 86400, &packets);
        for (int class = 0; class < PACKET_CLASSES; class ++) {
            sum += chart.columns[i].packets[class];
            cr_expect(chart.columns[i].packets[class] == 0 ||
                      (saw(day, day + 86400, class, NULL) >= 2 && !chart.columns[i].hidden[class]));
            told += chart.columns[i].packets[class] > 0;
        }
        cr_expect_eq(sum, packets, "day %zu", i);
    }
    cr_expect_gt(told, 0);
    chart_query_close(&ask);
}

/* The telescope is the sensors with data in the range. */
Test(chart_query, a_sensor_by_itself_has_nothing_to_hide)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct disclose disclose;
    struct query query = {.from_s = START - 40 * 86400, .to_s = START + 90 * 86400};
    cr_assert_eq(disclose_open(&disclose, store, &redis.url, &query, 5, errmsg), 0, "%s", errmsg);
    cr_expect_eq(disclose.rule.sensors, TELESCOPE_SENSORS);
    cr_expect_eq(disclose.rule.sources, 5);
    disclose_close(&disclose);
    query.sensor = telescope.sensors[0].name;
    cr_assert_eq(disclose_open(&disclose, store, &redis.url, &query, 5, errmsg), 0, "%s", errmsg);
    cr_expect_eq(disclose.rule.sensors, 1);
    disclose_close(&disclose);
    query = (struct query){.from_s = START - 40 * 86400, .to_s = START - 86400};
    cr_assert_eq(disclose_open(&disclose, store, &redis.url, &query, 5, errmsg), 0, "%s", errmsg);
    cr_expect_eq(disclose.rule.sensors, 0, "nobody had data");
    disclose_close(&disclose);
}

Test(chart_query, coverage_has_the_state_of_every_sensor_and_day)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct chart_coverage chart;
    open_range("2024-05-30", "2024-06-20", 0);
    cr_assert_eq(chart_query_coverage(&ask, &chart, errmsg), 0, "%s", errmsg);
    cr_assert_eq(chart.count, 21);
    cr_assert_eq(chart.sensor_count, TELESCOPE_SENSORS);
    for (size_t s = 0; s < TELESCOPE_SENSORS; s++) {
        cr_expect_str_eq(chart.rows[s].sensor, telescope.sensors[s].name);
        cr_expect_eq(chart.rows[s].cells[0].state, COVERAGE_ABSENT);
        for (size_t i = 0; i < chart.count; i++) {
            int64_t from_s = START + ((int64_t)i - 2) * 86400;
            uint64_t packets = 0;
            bool any = false;
            for (size_t r = 0; r < telescope.sensors[s].count; r++) {
                const struct record *record = &telescope.sensors[s].records[r];
                if (record->start_s < from_s || record->start_s >= from_s + 86400)
                    continue;
                any = true;
                packets += record->packets;
            }
            enum chart_coverage_state state = chart.rows[s].cells[i].state;
            cr_expect_eq(state == COVERAGE_COUNTED, any && packets > 0, "%zu %zu", s, i);
            cr_expect_eq(state == COVERAGE_ZERO, any && packets == 0, "%zu %zu", s, i);
        }
    }
    chart_query_close(&ask);
}

/* The darknets: 16 IPv4 addresses of each of three sensors, and IPv6. */
Test(chart_query, the_map_has_every_ipv4_packet)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct chart_map chart;
    uint64_t want = 0;
    double sum = 0;
    for (int s = 0; s < TELESCOPE_SENSORS; s++)
        for (size_t i = 0; i < telescope.sensors[s].count; i++) {
            const struct addrvec *vec = &telescope.sensors[s].records[i].addresses;
            for (size_t a = 0; a < vec->count4; a++)
                want += vec->packets4[a];
        }
    open_range(NULL, NULL, 2024);
    cr_assert_eq(chart_query_map(&ask, &chart, errmsg), 0, "%s", errmsg);
    cr_assert_eq(chart.addresses, 48);
    cr_assert_eq(chart.order, 3);
    cr_assert_null(chart.range);
    cr_assert(chart.ipv6_left_out);
    for (size_t i = 0; i < 64; i++)
        sum += chart.cells[i] > 0 ? chart.cells[i] : 0;
    cr_expect_eq(sum, (double)want);
    cr_expect_eq(chart.cells[48], CHART_MAP_BLANK);
    chart_query_close(&ask);
}

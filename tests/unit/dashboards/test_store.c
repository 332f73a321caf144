/* Reading a store: a real redis-server, filled by the rules of common/schema.h, then damaged. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/schema.h"
#include "dashboards/query.h"
#include "dashboards/store.h"
#include "tests/unit/dashboards/redis.h"

#define S INT64_C(1000000000)

static struct redis redis;

static void start(void)
{
    redis_start(&redis);
}

static void stop(void)
{
    redis_stop(&redis);
}

TestSuite(store, .init = start, .fini = stop);

static void put_day(const char *sensor, int year, int month, int day, uint64_t packets,
                    uint64_t active)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX], text[TOTALS_TEXT_MAX];
    struct period period = calendar_date(LEVEL_DAY, year, month, day);
    const struct totals totals = {
        .packets = packets, .active = active, .records = 1, .observed_ns = 60 * (uint64_t)S};
    struct course *course = calloc(1, sizeof *course);
    struct buf form;
    schema_key_totals(key, field, sensor, &period);
    totals_format(&totals, text);
    redis_do(&redis, "HSET %s %s %s", key, field, text);
    course->packets[3] = packets;
    course->observed_ns[3] = 60 * (uint64_t)S;
    buf_init(&form);
    cr_assert_eq(course_encode(course, 0, &form), 0);
    schema_key_course(key, sensor, &period);
    redis_do(&redis, "SET %s %b", key, form.bytes, form.size);
    buf_close(&form);
    free(course);

    for (int level = LEVEL_MONTH; level <= LEVEL_YEAR; level++) {
        period = calendar_date((enum level)level, year, month, 1);
        schema_key_totals(key, field, sensor, &period);
        redis_do(&redis, "HSET %s %s %s", key, field, text);
    }
}

static void put_hosts(const char *sensor, int year, int from, int to)
{
    char key[SCHEMA_KEY_MAX];
    uint8_t form[HLL_REDIS_SIZE];
    struct hll *hosts = calloc(1, sizeof *hosts);
    for (int i = from; i < to; i++)
        hll_add(hosts, &i, sizeof i);
    hll_to_redis(hosts, form);
    struct period period = calendar_date(LEVEL_YEAR, year, 1, 1);
    schema_key_hosts(key, sensor, &period);
    redis_do(&redis, "SET %s %b", key, form, sizeof form);
    free(hosts);
}

/* Two sensors, a /30 and a /31: 2023 of both, 2021 of "a" alone. */
static void fill(void)
{
    char errmsg[ERRMSG_SIZE];
    cr_assert_eq(calendar_init("Asia/Tokyo", errmsg), 0);
    redis_do(&redis, "HSET darkcount:telescope schema 2 timezone Asia/Tokyo");
    redis_do(&redis, "SADD darkcount:sensors b a");
    put_day("a", 2021, 6, 1, 8, 4);
    put_day("a", 2023, 1, 1, 6, 2);
    put_day("a", 2023, 12, 31, 9, 3);
    put_day("b", 2023, 1, 1, 4, 2);
    put_hosts("a", 2021, 0, 10);
    put_hosts("a", 2023, 0, 100);
    put_hosts("b", 2023, 50, 150);
    int64_t from = calendar_date(LEVEL_DAY, 2021, 6, 1).start_s * S;
    int64_t until = calendar_date(LEVEL_YEAR, 2023, 1, 1).end_s * S - 1;
    redis_do(&redis,
             "HSET darkcount:{a}:head darknet 192.0.2.0/30 from_ns %lld until_ns %lld "
             "restated:2023 2",
             (long long)from, (long long)until);
    from = (calendar_date(LEVEL_DAY, 2023, 1, 1).start_s + 180) * S; /* as its course says */
    redis_do(&redis, "HSET darkcount:{b}:head darknet 192.0.2.4/31 from_ns %lld until_ns %lld",
             (long long)from, (long long)from + 60 * S - 1);
}

static int query(enum method method, int year, struct query_annual *annual, char *errmsg)
{
    struct store *store;
    int rc = store_open(&store, &redis.url, errmsg);
    if (rc)
        return rc;
    rc = query_annual(store, method, year, annual, errmsg);
    store_close(store);
    return rc;
}

Test(store, an_empty_database_has_no_sensors_and_no_years)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    struct query_annual annual;
    size_t count;
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    store_sensors(store, &count);
    cr_assert_eq(count, 0);
    cr_assert_eq(query_annual(store, METHOD_DAILY, 0, &annual, errmsg), 0);
    cr_assert_eq(annual.count, 0);
    query_annual_close(&annual);
    store_close(store);
}

Test(store, sensors_come_in_the_order_of_their_names)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    size_t count;
    fill();
    redis_do(&redis, "SADD darkcount:sensors idle"); /* enrolled, has delivered nothing */
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    const struct store_sensor *sensors = store_sensors(store, &count);
    cr_assert_eq(count, 3);
    cr_assert_str_eq(sensors[0].name, "a");
    cr_assert_str_eq(sensors[1].name, "b");
    cr_assert_str_eq(sensors[2].name, "idle");
    cr_assert_eq(sensors[0].addresses, 4);
    cr_assert_eq(sensors[1].addresses, 2);
    cr_assert_eq(sensors[0].restated[2023 - STORE_YEAR_MIN], 2);
    cr_assert_eq(sensors[0].restated[2021 - STORE_YEAR_MIN], 0);
    cr_assert_lt(sensors[2].until_ns, sensors[2].from_ns);
    cr_assert_str_eq(store_timezone(store), "Asia/Tokyo");
    store_close(store);
}

Test(store, figures_come_out_of_what_was_put_in)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_annual annual;
    fill();
    cr_assert_eq(query(METHOD_DAILY, 0, &annual, errmsg), 0, "%s", errmsg);
    cr_assert_eq(annual.count, 2);
    cr_assert_eq(annual.years[0].year, 2021);
    cr_assert_eq(annual.years[0].packets_per_address, 2);
    cr_assert_eq(annual.years[1].year, 2023);
    cr_assert_eq(annual.years[1].packets, 19);
    cr_assert_eq(annual.years[1].packets_per_address, 10 / 4. + 9 / 3.);
    cr_assert_eq(annual.years[1].observed_addresses, 3);
    cr_assert_eq(annual.years[1].revision, 2);
    cr_assert(fabs((double)annual.years[1].unique_hosts - 150) < 5);
    double year_s = 365 * 86400;
    cr_assert_float_eq(annual.years[1].coverage, (120 * 4 + 60 * 2) / (year_s * 4 + 60 * 2), 1e-15);
    query_annual_close(&annual);
}

Test(store, inventory_reads_the_courses)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_annual annual;
    fill();
    cr_assert_eq(query(METHOD_INVENTORY, 2023, &annual, errmsg), 0, "%s", errmsg);
    cr_assert_eq(annual.count, 1);
    double sum = 10 / 6. + 9 / 4., up = 120 / (365 * 86400.);
    cr_assert_float_eq(annual.years[0].packets_per_address, sum / up, 1e-6);
    query_annual_close(&annual);
}

/* A sensor that is in the registry and silent all year, one that began in June, and a restatement. */
Test(store, coverage_is_of_the_inventory)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_annual annual;
    double year_s = 365 * 86400;
    fill();
    redis_do(&redis, "SADD darkcount:sensors c d");
    int64_t from_s = calendar_date(LEVEL_YEAR, 2022, 1, 1).start_s;
    int64_t june_s = calendar_date(LEVEL_DAY, 2023, 6, 1).start_s;
    int64_t end_s = calendar_date(LEVEL_YEAR, 2023, 1, 1).end_s;
    redis_do(&redis, "HSET darkcount:{c}:inventory %lld 192.0.2.8/29 %lld -", (long long)from_s,
             (long long)end_s + 86400);
    redis_do(&redis, "HSET darkcount:{c}:inventory restated:2023:1 %b", "1 1700000000",
             sizeof "1 1700000000" - 1);
    redis_do(&redis, "HSET darkcount:{d}:inventory %lld 192.0.2.16/30", (long long)june_s);
    cr_assert_eq(query(METHOD_DAILY, 2023, &annual, errmsg), 0, "%s", errmsg);
    double expected = year_s * (4 + 8) + 60 * 2 + (double)(end_s - june_s) * 4;
    cr_assert_float_eq(annual.years[0].coverage, (120 * 4 + 60 * 2) / expected, 1e-15);
    cr_assert_eq(annual.years[0].revision, 3);
    query_annual_close(&annual);
    cr_assert_eq(query(METHOD_DAILY, 2021, &annual, errmsg), 0, "%s", errmsg);
    cr_assert_eq(annual.years[0].revision, 0, "before any of them");
    query_annual_close(&annual);
    redis_do(&redis, "HSET darkcount:{a}:inventory %lld 192.0.2.0/30 %lld 192.0.2.0/28",
             (long long)from_s, (long long)(calendar_date(LEVEL_DAY, 2023, 1, 1).start_s + 86400));
    cr_assert_eq(query(METHOD_DAILY, 2023, &annual, errmsg), 0, "%s", errmsg);
    expected +=
        12 * 364. * 86400; /* its last day's minute is one of 16 addresses, its first of 4 */
    cr_assert_float_eq(annual.years[0].coverage, (60 * 4 + 60 * 16 + 60 * 2) / expected, 1e-15);
    query_annual_close(&annual);
}

Test(store, one_year_is_read_alone)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_annual annual;
    fill();
    redis_do(&redis, "HSET darkcount:{a}:days:2021 06-01 damaged");
    cr_assert_eq(query(METHOD_DAILY, 2023, &annual, errmsg), 0, "%s", errmsg);
    cr_assert_eq(annual.count, 1);
    cr_assert_eq(annual.years[0].year, 2023);
    query_annual_close(&annual);
    cr_assert_eq(query(METHOD_DAILY, 1999, &annual, errmsg), 0, "%s", errmsg);
    cr_assert_eq(annual.count, 0);
    query_annual_close(&annual);
}

Test(store, more_requests_than_are_on_their_way_at_once)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_annual annual;
    fill();
    for (int i = 0; i < 300; i++) {
        redis_do(&redis, "SADD darkcount:sensors many-%d", i);
        redis_do(&redis, "HSET darkcount:{many-%d}:head darknet 10.0.%d.%d from_ns 1 until_ns 2", i,
                 i / 256, i % 256);
        redis_do(&redis, "HSET darkcount:{many-%d}:years 2022 %s", i,
                 "1 1 40 1 1 60 0 0 0 0 0 0 0");
        redis_do(&redis, "HSET darkcount:{many-%d}:days:2022 01-01 %s", i,
                 "1 1 40 1 1 60 0 0 0 0 0 0 0");
    }
    cr_assert_eq(query(METHOD_DAILY, 2022, &annual, errmsg), 0, "%s", errmsg);
    cr_assert_eq(annual.count, 1);
    cr_assert_eq(annual.years[0].packets, 300);
    cr_assert_eq(annual.years[0].packets_per_address, 1);
    cr_assert_not(annual.years[0].hosts_known);
    query_annual_close(&annual);
}

/* --- damage ----------------------------------------------------------------------------------- */

struct damage {
    char command[120];
    int code;
    char names[60]; /* must stand in the message */
};

ParameterizedTestParameters(store, damage)
{
    static struct damage cases[] = {
        {"SET darkcount:telescope x", ERR_DAMAGED, "darkcount:telescope"},
        {"HSET darkcount:telescope schema 3", ERR_VERSION, "upgrade"},
        {"HSET darkcount:telescope schema one", ERR_DAMAGED, "darkcount:telescope"},
        {"HSET darkcount:telescope timezone Mars/Olympus", ERR_DAMAGED, "Mars/Olympus"},
        {"HSET darkcount:telescope timezone ../../etc/passwd", ERR_DAMAGED, "darkcount:telescope"},
        {"HDEL darkcount:telescope timezone", ERR_DAMAGED, "time zone"},
        {"DEL darkcount:telescope", ERR_DAMAGED, "darkcount:telescope"},
        {"SADD darkcount:sensors {evil}", ERR_DAMAGED, "darkcount:sensors"},
        {"DEL darkcount:{a}:head", ERR_DAMAGED, "darkcount:{a}:head"},
        {"HSET darkcount:{a}:head darknet 192.0.2.1/24", ERR_DAMAGED, "darkcount:{a}:head"},
        {"HSET darkcount:{a}:inventory 1600000000 192.0.2.1/24", ERR_DAMAGED,
         "darkcount:{a}:inventory"},
        {"HSET darkcount:{a}:inventory restated:2023:1 damaged", ERR_DAMAGED,
         "darkcount:{a}:inventory"},
        {"SET darkcount:{b}:inventory x", ERR_DAMAGED, "darkcount:{b}:inventory"},
        {"HSET darkcount:{a}:head from_ns -1", ERR_DAMAGED, "from_ns"},
        {"HSET darkcount:{a}:head until_ns 9223372036854775808", ERR_DAMAGED, "until_ns"},
        {"HSET darkcount:{b}:head restated:2023 x", ERR_DAMAGED, "restated"},
        {"HSET darkcount:{a}:years 20x3 x", ERR_DAMAGED, "darkcount:{a}:years"},
        {"HSET darkcount:{a}:years 1969 x", ERR_DAMAGED, "darkcount:{a}:years"},
        {"HSET darkcount:{b}:days:2023 02-29 x", ERR_DAMAGED, "darkcount:{b}:days:2023"},
        {"HSET darkcount:{b}:days:2023 13-01 x", ERR_DAMAGED, "darkcount:{b}:days:2023"},
        {"HSET darkcount:{b}:days:2023 01-01 x", ERR_DAMAGED, "darkcount:{b}:days:2023"},
        {"SET darkcount:{a}:days:2023 x", ERR_DAMAGED, "darkcount:{a}:days:2023"},
        {"SET darkcount:{a}:hosts:year:2023 HYLL", ERR_DAMAGED, "darkcount:{a}:hosts:year:2023"},
        {"LPUSH darkcount:{c}:hosts:year:2023 x", 0, ""},
        {"SET darkcount:{a}:course:2023-12-31 x", ERR_VERSION, "darkcount:{a}:course:2023-12-31"},
        {"DEL darkcount:{b}:course:2023-01-01", ERR_DAMAGED, "darkcount:{b}:course:2023-01-01"},
    };
    return cr_make_param_array(struct damage, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct damage *param, store, damage, .init = start, .fini = stop)
{
    char errmsg[ERRMSG_SIZE] = "", command[120], *words = command, *word[6];
    struct query_annual annual;
    int count = 0;
    fill();
    strcpy(command, param->command);
    while (count < 4 && (word[count] = strsep(&words, " ")))
        count++;
    if (strcmp(word[0], "SET") == 0)
        redis_do(&redis, "DEL %s", word[1]);
    if (count == 4)
        redis_do(&redis, "%s %s %s %s", word[0], word[1], word[2], word[3]);
    else if (count == 3)
        redis_do(&redis, "%s %s %s", word[0], word[1], word[2]);
    else
        redis_do(&redis, "%s %s", word[0], word[1]);
    int rc = query(METHOD_INVENTORY, 0, &annual, errmsg);
    cr_assert_eq(rc, param->code, "%s: %d %s", param->command, rc, errmsg);
    cr_assert(strstr(errmsg, param->names), "%s: %s", param->command, errmsg);
    cr_assert_null(strchr(errmsg, '\n'));
    if (rc == 0)
        query_annual_close(&annual);
}

Test(store, only_leap_years_have_a_29th_of_february)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_annual annual;
    fill();
    put_day("a", 2024, 2, 29, 1, 1);
    cr_assert_eq(query(METHOD_DAILY, 2024, &annual, errmsg), 0, "%s", errmsg);
    query_annual_close(&annual);
    redis_do(&redis, "HSET darkcount:{a}:days:2023 02-29 %s", "1 1 40 1 1 60 0 0 0 0 0 0 0");
    cr_assert_eq(query(METHOD_DAILY, 2023, &annual, errmsg), ERR_DAMAGED);
    cr_assert(strstr(errmsg, "darkcount:{a}:days:2023"), "%s", errmsg);
}

Test(store, a_year_without_any_record_is_left_out)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_annual annual;
    fill();
    redis_do(&redis, "HSET darkcount:{a}:years 2022 %s", "1 0 0 0 0 0 0 0 0 0 0 0 0");
    cr_assert_eq(query(METHOD_DAILY, 0, &annual, errmsg), 0, "%s", errmsg);
    cr_assert_eq(annual.count, 2);
    cr_assert_eq(annual.years[1].year, 2023);
    query_annual_close(&annual);
}

Test(store, totals_of_a_newer_program_ask_for_an_upgrade)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_annual annual;
    fill();
    redis_do(&redis, "HSET darkcount:{b}:days:2023 01-01 %s", "2 1 40 1 1 60 0 0 0 0 0 0 0 9");
    cr_assert_eq(query(METHOD_DAILY, 0, &annual, errmsg), ERR_VERSION);
    cr_assert(strstr(errmsg, "darkcount:{b}:days:2023") && strstr(errmsg, "upgrade"), "%s", errmsg);
}

Test(store, a_wrong_password_is_refused)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    redis_do(&redis, "CONFIG SET requirepass secret");
    cr_assert_eq(store_open(&store, &redis.url, errmsg), ERR_REFUSED);
    cr_assert(strstr(errmsg, "password"), "%s", errmsg);
    strcpy(redis.url.password, "wrong");
    cr_assert_eq(store_open(&store, &redis.url, errmsg), ERR_REFUSED);
    cr_assert_null(strstr(errmsg, "wrong"), "%s", errmsg);
    strcpy(redis.url.password, "secret");
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    store_close(store);
}

Test(store, a_user_who_may_only_read_is_enough)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct query_annual annual;
    fill();
    redis_do(&redis,
             "ACL SETUSER reader on >pass ~darkcount:* -@all +get +hget +hmget +hgetall +hkeys "
             "+smembers +multi +exec +select +auth");
    strcpy(redis.url.user, "reader");
    strcpy(redis.url.password, "pass");
    cr_assert_eq(query(METHOD_INVENTORY, 0, &annual, errmsg), 0, "%s", errmsg);
    query_annual_close(&annual);
}

Test(store, nobody_there_is_unreachable)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    struct storeurl url = redis.url;
    strcat(url.path, ".not");
    cr_assert_eq(store_open(&store, &url, errmsg), ERR_UNREACHABLE);
    cr_assert(strstr(errmsg, redis.url.shown), "%s", errmsg);
}

/* A listener that never accepts: the connection stands, and no answer comes. */
Test(store, one_who_never_answers_is_unreachable, .timeout = 300)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct store *store;
    struct storeurl url = redis.url;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(url.path, sizeof url.path, "%s/silent.sock", redis.directory);
    strcpy(address.sun_path, url.path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(store_open(&store, &url, errmsg), ERR_UNREACHABLE);
    cr_assert(strstr(errmsg, "no answer"), "%s", errmsg);
    close(fd);
    unlink(url.path);
}

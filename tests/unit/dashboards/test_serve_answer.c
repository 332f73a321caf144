/* Answers of serve from a real redis-server, and what its description says of them. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dashboards/options_table.h"
#include "dashboards/serve_answer.h"
#include "dashboards/serve_files.h"
#include "dashboards/serve_sensors.h"
#include "tests/unit/dashboards/mmdb.h"
#include "tests/unit/dashboards/telescope.h"

#define MINUTES 40

static struct redis redis;
static struct telescope telescope;
static struct serve_site site;

static void start(void)
{
    struct options options = {0};
    redis_start(&redis);
    serve_site_init(&site, &options, &redis.url);
}

static void stop(void)
{
    serve_site_close(&site);
    redis_stop(&redis);
}

TestSuite(serve_answer, .init = start, .fini = stop);

static void fill(int64_t from_s)
{
    telescope_make(&telescope, "Asia/Tokyo", 7, from_s, MINUTES, 60);
    telescope_write(&telescope, &redis, 3, 10);
}

/* Asks with what stands in `options`; the body is the caller's to free. */
static unsigned ask(const char *path, struct options options, char **body)
{
    struct serve_reply reply;
    const struct serve_endpoint *endpoint = serve_find(path);
    cr_assert_not_null(endpoint, "%s", path);
    options.format = ROWS_JSON;
    serve_answer(&site, endpoint, &options, &reply);
    *body = strndup((const char *)reply.body.bytes, reply.body.size);
    serve_reply_close(&reply);
    return reply.status;
}

static void expect(const char *path, struct options options, unsigned status, const char *word)
{
    char *body;
    unsigned got = ask(path, options, &body);
    cr_expect(got == status && strstr(body, word), "%s: %u: %s", path, got, body);
    free(body);
}

Test(serve_answer, empty_store_has_no_rows)
{
    const struct options none = {0};
    expect("/api/v1/annual", none, 200, "\"rows\": []");
    expect("/api/v1/query", none, 200, "\"rows\": []");
    expect("/api/v1/sensors", none, 200, "\"rows\": []");
    expect("/api/v1/telescope", none, 200, "\"UTC\"");
    expect("/healthz", none, 200, "ok");
    expect("/metrics", none, 200, "# TYPE darkcount_sensor_up gauge");
}

Test(serve_answer, store_is_read_as_it_is_when_asked)
{
    const struct options none = {0};
    expect("/api/v1/telescope", none, 200, "\"sensors\": 0");
    struct store *before = site.store.store;
    fill(1700000000 / 60 * 60);
    expect("/api/v1/telescope", none, 200, "\"timezone\": \"Asia/Tokyo\", \"sensors\": 3");
    expect("/api/v1/annual", none, 200, "\"year\": 2023");
    cr_assert_eq(site.store.store, before, "another connection");
    redis_do(&redis, "FLUSHALL");
    expect("/api/v1/telescope", none, 200, "\"timezone\": \"UTC\", \"sensors\": 0");
    telescope_close(&telescope);
}

Test(serve_answer, addresses_need_leave)
{
    const struct options by_address = {.by = QUERY_ADDRESS}, by_source = {.by = QUERY_SOURCE};
    fill(1700000000 / 60 * 60);
    expect("/api/v1/query", by_address, 403, "by: darknet addresses are not given out");
    expect("/api/v1/query", by_source, 403, "by: source addresses are not given out");
    site.real_addresses = true;
    expect("/api/v1/query", by_address, 200, "\"address\"");
    expect("/api/v1/query", by_source, 200, "\"source\"");
    telescope_close(&telescope);
}

/* The database is the one that serve was told of, not one that whoever asks names. */
Test(serve_answer, countries_need_a_database)
{
    struct mmdb countries = {GEO_COUNTRY, "country", "1.0.0.0/25 JP\n", ""};
    struct options by_country = {.by = QUERY_COUNTRY, .geo_db = {"/etc/passwd", NULL}};
    fill(1700000000 / 60 * 60);
    site.geo_db[GEO_COUNTRY] = "/nonexistent.mmdb";
    expect("/api/v1/query", by_country, 503, "/nonexistent.mmdb");
    mmdb_make(&countries);
    site.geo_db[GEO_COUNTRY] = countries.path;
    expect("/api/v1/query", by_country, 200, "\"country\": \"JP\"");
    expect("/api/v1/query", by_country, 200, "\"database\": \"Test-Country\"");
    mmdb_remove(&countries);
    telescope_close(&telescope);
}

Test(serve_answer, what_cannot_be_asked_is_400)
{
    fill(1700000000 / 60 * 60);
    expect("/api/v1/query", (struct options){.top = 3}, 400, "\"top: goes with");
    expect("/api/v1/query", (struct options){.from = "x"}, 400, "\"from: ");
    expect("/api/v1/query", (struct options){.from = "2025", .to = "2024"}, 400, "begin before");
    expect("/api/v1/query", (struct options){.sensor = "nobody"}, 400, "nobody");
    expect("/api/v1/query", (struct options){.from = "2000", .to = "2025", .step = QUERY_MINUTE},
           400, "at most");
    expect("/healthz", (struct options){0}, 200, "ok");
    telescope_close(&telescope);
}

/* Not more is read for one answer than others can wait for. */
Test(serve_answer, what_is_much_to_read_is_refused)
{
    struct options options = {.by = QUERY_CLASS, .step = QUERY_MINUTE};
    fill(1700000000 / 60 * 60);
    options.from = "2023-11-14T18:00:00Z";
    options.to = "2023-11-15T02:20:00Z"; /* 500 minutes of 3 sensors */
    expect("/api/v1/query", options, 200, "\"class\"");
    options.to = "2023-11-15T02:21:00Z";
    expect("/api/v1/query", options, 400,
           "501 periods of 3 sensors are too many for one answer, which has at most 1500 of one");
    options.by = QUERY_TOTAL;
    expect("/api/v1/query", options, 200, "\"coverage\"");
    options = (struct options){
        .by = QUERY_CLASS, .step = QUERY_DAY, .from = "2022-01-01", .to = "2024-01-01"};
    expect("/api/v1/query", options, 200, "\"class\""); /* 730 days of 3 sensors */
    options.by = QUERY_PROTOCOL;
    expect("/api/v1/query", options, 400, "730 periods of 3 sensors are");
    options = (struct options){.by = QUERY_CLASS,
                               .step = QUERY_MINUTE,
                               .from = "2023-11-14T18:00:00Z",
                               .to = "2023-11-15T02:21:00Z"};
    options.by = QUERY_CLASS;
    options.sensor = telescope.sensors[0].name;
    expect("/api/v1/query", options, 200, "\"class\"");
    options.to = "2023-11-15T20:00:00Z";
    expect("/api/v1/query", options, 400, "1560 periods of 1 sensor are");
    site.real_addresses = true;
    options = (struct options){.by = QUERY_SOURCE, .from = "2023-01-01", .to = "2024-05-15"};
    expect("/api/v1/query", options, 200, "\"source\"");
    options.to = "2024-05-16";
    expect("/api/v1/query", options, 400, "501 days of 3 sensors are");
    telescope_close(&telescope);
}

Test(serve_answer, damaged_store_is_503_and_comes_back)
{
    const struct options none = {0};
    redis_do(&redis, "SET darkcount:telescope x");
    expect("/healthz", none, 503, "wrong type");
    redis_do(&redis, "DEL darkcount:telescope");
    expect("/healthz", none, 503, "wrong type"); /* told again what it was told, for a moment */
    site.store.failed_ms -= SERVE_STORE_PAUSE_MS;
    expect("/healthz", none, 200, "ok");
}

Test(serve_answer, connection_closed_by_the_store_is_opened_again)
{
    const struct options none = {0};
    signal(SIGPIPE, SIG_IGN); /* as main does */
    expect("/healthz", none, 200, "ok");
    redis_do(&redis, "CLIENT KILL TYPE normal SKIPME yes");
    expect("/healthz", none, 200, "ok");
}

Test(serve_answer, error_messages_are_json_whatever_was_asked)
{
    struct serve_reply reply;
    serve_answer_error(&reply, 400, "a\"b\\c\nd\xff<e>");
    buf_put_u8(&reply.body, 0);
    cr_assert_str_eq((char *)reply.body.bytes, "{\"error\": \"a\\\"b\\\\c?d?<e>\"}\n");
    serve_reply_close(&reply);
}

/* --- sensors ---------------------------------------------------------------------------------- */

static enum serve_state state_at(struct store *store, int64_t now_s, double *coverage)
{
    char errmsg[ERRMSG_SIZE];
    struct serve_sensors sensors;
    cr_assert_eq(store_refresh_at(store, now_s, errmsg), 0, "%s", errmsg);
    cr_assert_eq(serve_sensors_read(store, now_s, &sensors, errmsg), 0, "%s", errmsg);
    cr_assert_eq(sensors.count, TELESCOPE_SENSORS);
    enum serve_state state = sensors.sensors[0].state;
    *coverage = sensors.sensors[0].coverage;
    serve_sensors_close(&sensors);
    return state;
}

Test(serve_answer, sensor_is_live_and_then_down)
{
    char errmsg[ERRMSG_SIZE];
    struct store *store;
    double now, later, day;
    fill(1700000000 / 60 * 60);
    redis_do(&redis, "HSET darkcount:{sensor-0}:head live 1");
    cr_assert_eq(store_open(&store, &redis.url, errmsg), 0, "%s", errmsg);
    int64_t last_s = store_sensors(store, &(size_t){0})[0].until_ns / 1000000000 + 1;
    cr_assert_eq(state_at(store, last_s, &now), SERVE_LIVE);
    cr_assert_eq(state_at(store, last_s + SERVE_RECENT_S + 60, &later), SERVE_DOWN);
    cr_assert_eq(state_at(store, last_s + 3 * 86400, &day), SERVE_DOWN);
    cr_assert(now > later && later > 0, "time since the last record is not missing: %g %g", now,
              later);
    cr_assert(now <= 1);
    cr_assert_eq(day, 0);
    store_close(store);
    telescope_close(&telescope);
}

/* --- the description -------------------------------------------------------------------------- */

/* What the description says of a path, to be freed; NULL when it has no such path. */
static char *described(const char *path)
{
    char key[128];
    const struct serve_file *file = serve_files_find("/api/v1/openapi.json");
    snprintf(key, sizeof key, "\n    \"%s\": {", path);
    const char *begin = strstr(file->bytes, key);
    const char *end = begin ? strstr(begin, "\n    }") : NULL;
    return end ? strndup(begin, (size_t)(end - begin)) : NULL;
}

Test(serve_answer, every_path_and_parameter_is_described)
{
    for (size_t i = 0; i < serve_endpoint_count; i++) {
        char *text = described(serve_endpoints[i].path), name[64];
        cr_assert_not_null(text, "%s", serve_endpoints[i].path);
        for (int id = 0; id < OPTION_IDS; id++) {
            snprintf(name, sizeof name, "{\"name\": \"%s\", \"in\": \"query\"",
                     option_rows[id].name);
            bool taken = serve_endpoints[i].takes & OPTION_BIT(id);
            cr_expect_eq(strstr(text, name) != NULL, taken, "%s of %s", name,
                         serve_endpoints[i].path);
        }
        free(text);
    }
}

Test(serve_answer, every_path_described_is_there)
{
    const struct serve_file *file = serve_files_find("/api/v1/openapi.json");
    const char *end = strstr(file->bytes, "\n  \"components\"");
    size_t count = 0;
    for (const char *at = file->bytes; (at = strstr(at, "\n    \"/")) && at < end; count++) {
        char path[64] = "";
        at += 6;
        memcpy(path, at, strcspn(at, "\""));
        cr_expect(serve_find(path) || serve_files_find(path), "%s", path);
    }
    cr_assert_eq(count, serve_endpoint_count + 1);
}

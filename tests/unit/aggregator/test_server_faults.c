#include <criterion/criterion.h>

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "tests/unit/aggregator/box.h"
#include "tests/unit/aggregator/client.h"
#include "tests/unit/aggregator/sensor.h"
#include "tests/unit/aggregator/stored.h"

#define START_S INT64_C(1798750800) /* 2026-12-31 21:00 UTC: hours, a day, a month and a year end */

struct fault {
    const struct box *box;
    pid_t *aggregator;
    uint64_t random;
    unsigned aggregators, stores, stops;
};

/* Whether there was a redis-server to kill. */
static bool kill_store(const struct box *box)
{
    pid_t redis = box_listener(box->redis_socket);
    return redis > 1 && kill(redis, SIGKILL) == 0;
}

/* Ends the aggregator (told to or killed), its redis-server, or nothing. */
static void strike(struct fault *fault)
{
    unsigned kind = (unsigned)(sensor_random(&fault->random) >> 62);
    if (kind == 0) {
        box_end(*fault->aggregator, SIGKILL, BOX_END_MS);
        *fault->aggregator = box_start_aggregator(fault->box, NULL);
        fault->aggregators++;
    } else if (kind == 1) {
        fault->stores += kill_store(fault->box);
    } else if (kind == 2) {
        box_end_well(*fault->aggregator);
        *fault->aggregator = box_start_aggregator(fault->box, NULL);
        fault->stops++;
    }
}

/* Delivers up to a random record, and sends some more that nobody waits for. */
static void deliver_ahead(struct client *client, const struct buf *records, uint64_t count,
                          uint64_t *random)
{
    uint64_t some = client->acked + 1 + (sensor_random(random) >> 58);
    client_deliver(client, records, some < count ? some : count);
    for (uint64_t i = client->sent; i < client->acked + 40 && i < count; i++) {
        struct buf out;
        buf_init(&out);
        frame_put_record(&out, records[i].bytes, records[i].size);
        client_send(client, &out);
        buf_close(&out);
    }
}

static void deliver_and_strike(struct client *client, const struct buf *records, uint64_t count,
                               struct fault *fault)
{
    deliver_ahead(client, records, count, &fault->random);
    strike(fault);
    client_drop(client);
}

Test(server, kills_of_aggregator_and_redis_lose_and_double_nothing, .timeout = 240)
{
    const size_t count = 2000;
    struct box box;
    struct totals sent = {0};
    struct client client;
    const struct frame_open open = sensor_open("s", 1);
    struct buf *records = sensor_records("s", 1, START_S, count, &sent);
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    struct fault fault = {.box = &box, .aggregator = &pid, .random = (uint64_t)time(NULL)};
    uint64_t seed = fault.random, reached = 0;
    client_init(&client);
    for (int tries = 0; reached < count && tries < 10000; tries++) {
        if (!client_open(&client, box.sensor_socket, &open)) {
            box_pause();
            continue;
        }
        cr_assert(client.acked >= reached,
                  "seed %" PRIu64 ": %" PRIu64 " was acknowledged, %" PRIu64 " is held", seed,
                  reached, client.acked);
        if (fault.aggregators + fault.stores + fault.stops < 20 && client.acked + 200 < count)
            deliver_and_strike(&client, records, count, &fault);
        else
            client_deliver(&client, records, count);
        reached = client.acked;
    }
    cr_assert_eq(reached, count, "seed %" PRIu64 ": stuck at %" PRIu64 ": %s", seed, reached,
                 client.refused.text);
    cr_expect(fault.aggregators > 0 && fault.stores > 0 && fault.stops > 0, "seed %" PRIu64, seed);
    client_drop(&client);
    stored_await_folded(&box, "s");
    stored_expect(&box, "s", &sent);
    box_end_well(pid);
    client_close(&client);
    sensor_records_free(records, count);
    box_close(&box);
}

/* KILLS: how often, of redis-server alone, which is killed while it has calls before it. */
Test(server, kills_of_redis_under_load_lose_and_double_nothing, .timeout = 600)
{
    const char *kills = getenv("KILLS");
    const unsigned strikes = kills ? (unsigned)atoi(kills) : 10;
    const size_t count = 400 + 100 * (size_t)strikes;
    struct box box;
    struct totals sent = {0};
    struct client client;
    const struct frame_open open = sensor_open("s", 1);
    struct buf *records = sensor_records("s", 1, START_S, count, &sent);
    uint64_t random = (uint64_t)time(NULL), seed = random, reached = 0;
    unsigned struck = 0;
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    client_init(&client);
    for (int tries = 0; reached < count && tries < 20000; tries++) {
        if (!client_open(&client, box.sensor_socket, &open)) {
            box_pause();
            continue;
        }
        cr_assert(client.acked >= reached, "seed %" PRIu64, seed);
        if (struck < strikes) {
            deliver_ahead(&client, records, count, &random);
            struck += kill_store(&box);
            client_drop(&client);
        } else {
            client_deliver(&client, records, count);
        }
        reached = client.acked;
    }
    cr_assert_eq(reached, count, "seed %" PRIu64 ": stuck at %" PRIu64, seed, reached);
    cr_expect_eq(struck, strikes);
    client_drop(&client);
    stored_await_folded(&box, "s");
    stored_expect(&box, "s", &sent);
    box_end_well(pid);
    client_close(&client);
    sensor_records_free(records, count);
    box_close(&box);
}

Test(server, a_store_that_goes_is_waited_for)
{
    struct box box;
    struct totals sent = {0};
    struct client client;
    const struct frame_open open = sensor_open("s", 1);
    struct buf *records = sensor_records("s", 1, START_S, 20, &sent);
    char url[128];
    box_open(&box);
    snprintf(url, sizeof url, "unix://%s", box.redis_socket);
    pid_t redis = box_start_redis(&box, "yes");
    pid_t pid = box_start_aggregator(&box, (const char *[]){"--store", url, NULL});
    client_init(&client);
    cr_assert(client_open(&client, box.sensor_socket, &open));
    cr_assert(client_deliver(&client, records, 10));
    box_end(redis, SIGTERM, BOX_END_MS);
    cr_expect_not(client_deliver(&client, records, 20));
    cr_expect_eq(client.refused.code, REFUSE_STORE);
    cr_expect_not(client.refused.final);
    cr_expect_not(client_open(&client, box.sensor_socket, &open));
    cr_expect_eq(client.refused.code, REFUSE_STORE);
    redis = box_start_redis(&box, "yes");
    bool opened = false;
    for (int i = 0; i < 20000 && !opened; i++, box_pause())
        opened = client_open(&client, box.sensor_socket, &open);
    cr_assert(opened, "%s", client.refused.text);
    cr_expect_eq(client.acked, 10);
    cr_assert(client_deliver(&client, records, 20));
    box_end_well(pid);
    stored_expect(&box, "s", &sent);
    box_end(redis, SIGTERM, BOX_END_MS);
    client_close(&client);
    sensor_records_free(records, 20);
    box_close(&box);
}

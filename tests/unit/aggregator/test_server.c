#include <criterion/criterion.h>

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/calendar.h"
#include "common/err.h"
#include "common/schema.h"
#include "tests/unit/aggregator/box.h"
#include "tests/unit/aggregator/client.h"
#include "tests/unit/aggregator/sensor.h"

#define START_S                                                                                    \
    INT64_C(1798750800) /* 2026-12-31 21:00 UTC: hours, a day, a month and a year end              \
                         */
#define END_MS 5000     /* in which SIGTERM must be obeyed */

static struct frame_open open_of(const char *sensor, uint8_t epoch)
{
    struct frame_open open = {.darknet = (char[]){SENSOR_DARKNET}};
    static char darknet[] = SENSOR_DARKNET;
    strcpy(open.sensor, sensor);
    memset(open.epoch, epoch, EPOCH_SIZE);
    open.darknet = darknet;
    return open;
}

/* `count` sealed records of an epoch, one a minute from `start_s`; their sum is added to `sum`. */
static struct buf *make_records(const char *sensor, uint8_t epoch, int64_t start_s, size_t count,
                                struct totals *sum)
{
    struct buf *records = calloc(count, sizeof *records);
    uint64_t random = epoch;
    for (size_t i = 0; i < count; i++) {
        struct record record;
        record_init(&record);
        sensor_record(&record, sensor, epoch, i + 1, start_s + (int64_t)i * 60, &random);
        buf_init(&records[i]);
        cr_assert_eq(record_seal(&record, &records[i], NULL), 0);
        sum->packets += record.packets;
        sum->bytes += record.bytes;
        sum->records++;
        record_close(&record);
    }
    return records;
}

static void free_records(struct buf *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_close(&records[i]);
    free(records);
}

static void add_hash(redisContext *redis, const char *key, struct totals *sum)
{
    redisReply *reply = redisCommand(redis, "HVALS %s", key);
    cr_assert(reply && reply->type == REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < reply->elements; i++) {
        struct totals totals;
        cr_assert_eq(totals_parse(&totals, reply->element[i]->str, (size_t)reply->element[i]->len),
                     0);
        totals_add(sum, &totals);
    }
    freeReplyObject(reply);
}

/* The totals of one level of the sensor, summed over all of it. */
static struct totals stored(redisContext *redis, const char *sensor, const char *level)
{
    struct totals sum = {0};
    redisReply *keys = redisCommand(redis, "KEYS darkcount:{%s}:%s*", sensor, level);
    cr_assert(keys && keys->type == REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < keys->elements; i++)
        add_hash(redis, keys->element[i]->str, &sum);
    freeReplyObject(keys);
    return sum;
}

/* The packets in the stored address vectors of a level, once everything is folded. */
static uint64_t stored_packets(redisContext *redis, const char *sensor, const char *level)
{
    uint64_t packets = 0, folded;
    redisReply *keys = redisCommand(redis, "KEYS darkcount:{%s}:addresses:%s:*", sensor, level);
    cr_assert(keys && keys->type == REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *value = redisCommand(redis, "GET %s", keys->element[i]->str);
        struct addrvec vec;
        addrvec_init(&vec);
        cr_assert_eq(folded_decode(&vec, &folded, (uint8_t *)value->str, (size_t)value->len), 0);
        packets += addrvec_packets(&vec);
        addrvec_close(&vec);
        freeReplyObject(value);
    }
    freeReplyObject(keys);
    return packets;
}

static uint64_t stored_logs(redisContext *redis, const char *sensor)
{
    redisReply *keys = redisCommand(redis, "KEYS darkcount:{%s}:log:*", sensor);
    cr_assert(keys && keys->type == REDIS_REPLY_ARRAY);
    uint64_t count = keys->elements;
    freeReplyObject(keys);
    return count;
}

/* At every level: what was sent, once. The log has been folded. */
static void expect_stored(const struct box *box, const char *sensor, const struct totals *sent)
{
    static const char *const hashes[] = {"hours", "days", "months", "years"};
    redisContext *redis = box_redis(box);
    cr_assert(redis);
    for (int level = 0; level < LEVELS; level++) {
        struct totals found = stored(redis, sensor, hashes[level]);
        cr_expect_eq(found.packets, sent->packets, "%s: %" PRIu64 " packets, %" PRIu64 " sent",
                     hashes[level], found.packets, sent->packets);
        cr_expect_eq(found.bytes, sent->bytes);
        cr_expect_eq(found.records, sent->records);
        cr_expect_eq(stored_packets(redis, sensor, level_name((enum level)level)), sent->packets);
    }
    cr_expect_eq(stored_logs(redis, sensor), 0);
    redisFree(redis);
}

/* Waits until the log of the sensor is folded, as it is after its connection has ended. */
static void await_folded(const struct box *box, const char *sensor)
{
    redisContext *redis = box_redis(box);
    cr_assert(redis);
    for (int i = 0; i < 5000 && stored_logs(redis, sensor) > 0; i++)
        box_pause();
    redisFree(redis);
}

static void expect_clean_end(pid_t pid)
{
    int status = box_end(pid, SIGTERM, END_MS);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %x", (unsigned)status);
}

/* --- one sensor
 * ------------------------------------------------------------------------------------ */

Test(server, delivers_once_and_folds_when_the_sensor_leaves)
{
    struct box box;
    struct totals sent = {0};
    struct client client;
    const struct frame_open open = open_of("s", 1);
    struct buf *records = make_records("s", 1, START_S, 300, &sent);
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    client_init(&client);
    cr_assert(client_open(&client, box.sensor_socket, &open), "%s", client.refused.text);
    cr_expect_eq(client.acked, 0);
    cr_assert(client_deliver(&client, records, 300), "%s", client.refused.text);
    client.sent = client.acked = 250; /* the last fifty again, as after lost acknowledgements */
    cr_assert(client_deliver(&client, records, 300), "%s", client.refused.text);
    client_drop(&client);
    await_folded(&box, "s");
    expect_stored(&box, "s", &sent);
    cr_assert(client_open(&client, box.sensor_socket, &open), "%s", client.refused.text);
    cr_expect_eq(client.acked, 300);
    expect_clean_end(pid);
    cr_expect_eq(box_listener(box.redis_socket), 0, "the private redis-server is still there");
    client_close(&client);
    free_records(records, 300);
    box_close(&box);
}

/* --- faults
 * ---------------------------------------------------------------------------------------- */

struct fault {
    const struct box *box;
    pid_t *aggregator;
    uint64_t random;
    unsigned aggregators, stores, stops;
};

/* Ends the aggregator (told to or killed), its redis-server, or nothing. */
static void strike(struct fault *fault)
{
    unsigned kind = (unsigned)(sensor_random(&fault->random) >> 62);
    if (kind == 0) {
        box_end(*fault->aggregator, SIGKILL, END_MS);
        *fault->aggregator = box_start_aggregator(fault->box, NULL);
        fault->aggregators++;
    } else if (kind == 1) {
        pid_t redis = box_listener(fault->box->redis_socket);
        if (redis > 1) {
            kill(redis, SIGKILL);
            fault->stores++;
        }
    } else if (kind == 2) {
        expect_clean_end(*fault->aggregator);
        *fault->aggregator = box_start_aggregator(fault->box, NULL);
        fault->stops++;
    }
}

/* Delivers up to a random record, strikes with a part of the window unacknowledged, and drops. */
static void deliver_and_strike(struct client *client, const struct buf *records, uint64_t count,
                               struct fault *fault)
{
    uint64_t some = client->acked + 1 + (sensor_random(&fault->random) >> 58);
    client_deliver(client, records, some < count ? some : count);
    for (uint64_t i = client->sent; i < client->acked + 40 && i < count; i++) {
        struct buf out;
        buf_init(&out);
        frame_put_record(&out, records[i].bytes, records[i].size);
        client_send(client, &out);
        buf_close(&out);
    }
    strike(fault);
    client_drop(client);
}

Test(server, kills_of_aggregator_and_redis_lose_and_double_nothing, .timeout = 240)
{
    const size_t count = 2000;
    struct box box;
    struct totals sent = {0};
    struct client client;
    const struct frame_open open = open_of("s", 1);
    struct buf *records = make_records("s", 1, START_S, count, &sent);
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
    await_folded(&box, "s");
    expect_stored(&box, "s", &sent);
    expect_clean_end(pid);
    client_close(&client);
    free_records(records, count);
    box_close(&box);
}

Test(server, a_store_that_goes_is_waited_for)
{
    struct box box;
    struct totals sent = {0};
    struct client client;
    const struct frame_open open = open_of("s", 1);
    struct buf *records = make_records("s", 1, START_S, 20, &sent);
    char url[128];
    box_open(&box);
    snprintf(url, sizeof url, "unix://%s", box.redis_socket);
    pid_t redis = box_start_redis(&box, "yes");
    pid_t pid = box_start_aggregator(&box, (const char *[]){"--store", url, NULL});
    client_init(&client);
    cr_assert(client_open(&client, box.sensor_socket, &open));
    cr_assert(client_deliver(&client, records, 10));
    box_end(redis, SIGTERM, END_MS);
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
    expect_clean_end(pid);
    expect_stored(&box, "s", &sent);
    box_end(redis, SIGTERM, END_MS);
    client_close(&client);
    free_records(records, 20);
    box_close(&box);
}

/* --- refusals
 * -------------------------------------------------------------------------------------- */

static void expect_refusal(const struct box *box, const struct frame_open *open,
                           enum refuse_code code, bool final)
{
    struct client client;
    client_init(&client);
    cr_expect_not(client_open(&client, box->sensor_socket, open));
    cr_expect(client.refused.code == code && client.refused.final == final && *client.refused.text,
              "%d '%s'", client.refused.code, client.refused.text);
    client_close(&client);
}

Test(server, refuses_with_a_reason)
{
    struct box box;
    struct totals sent = {0};
    struct client client;
    struct frame_open open = open_of("s", 1), other = open;
    struct buf *records = make_records("s", 1, START_S, 10, &sent);
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    client_init(&client);
    cr_assert(client_open(&client, box.sensor_socket, &open));
    expect_refusal(&box, &open, REFUSE_BUSY, false);
    strcpy(other.sensor, "t"); /* its neighbour, that has not delivered anything yet */
    other.darknet = (char[]){"198.51.0.0/16"};
    expect_refusal(&box, &other, REFUSE_IDENTITY, false);
    cr_assert(client_deliver(&client, records, 10));
    client_drop(&client);
    await_folded(&box, "s");
    expect_refusal(&box, &other, REFUSE_IDENTITY, true);
    strcpy(other.sensor, "s");
    expect_refusal(&box, &other, REFUSE_IDENTITY, true);
    other.darknet = (char[]){"not a prefix"};
    expect_refusal(&box, &other, REFUSE_IDENTITY, true);
    other = open;
    memset(other.epoch, 2, EPOCH_SIZE);
    other.replay = true;
    other.first_ns = START_S * INT64_C(1000000000);
    other.last_ns = other.first_ns + INT64_C(1000000000);
    expect_refusal(&box, &other, REFUSE_OVERLAP, true);
    expect_clean_end(pid);
    client_close(&client);
    free_records(records, 10);
    box_close(&box);
}

/* What a record after an accepted OPEN is refused as. */
static void expect_record_refused(const struct box *box, const struct buf *sealed,
                                  enum refuse_code code, bool final)
{
    struct client client;
    struct frame frame;
    struct buf out;
    const struct frame_open open = open_of("s", 1);
    client_init(&client);
    buf_init(&out);
    cr_assert(client_open(&client, box->sensor_socket, &open), "%s", client.refused.text);
    frame_put_record(&out, sealed->bytes, sealed->size);
    cr_assert(client_send(&client, &out));
    cr_expect_eq(client_receive(&client, &frame, 15000), -1);
    cr_expect(client.refused.code == code && client.refused.final == final, "%d '%s'",
              client.refused.code, client.refused.text);
    buf_close(&out);
    client_close(&client);
}

Test(server, refuses_damage_gaps_and_noise_and_serves_on)
{
    struct box box;
    struct totals sent = {0};
    struct client client;
    struct frame frame;
    const struct frame_open open = open_of("s", 1);
    struct buf *records = make_records("s", 1, START_S, 10, &sent);
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    expect_record_refused(&box, &records[1], REFUSE_GAP, false);
    records[0].bytes[records[0].size - 1] ^= 1;
    expect_record_refused(&box, &records[0], REFUSE_DAMAGED, false);
    records[0].bytes[records[0].size - 1] ^= 1;
    client_init(&client);
    cr_assert(client_connect(&client, box.sensor_socket));
    cr_assert_eq(client_receive(&client, &frame, 15000), 1);
    const struct buf noise = {.bytes = (uint8_t *)"GET / HTTP/1.1\r\n\r\n", .size = 18};
    cr_assert(client_send(&client, &noise));
    cr_expect_eq(client_receive(&client, &frame, 15000), -1);
    cr_expect_eq(client.refused.code, REFUSE_PROTOCOL);
    cr_assert(client_open(&client, box.sensor_socket, &open), "%s", client.refused.text);
    cr_assert(client_deliver(&client, records, 10));
    expect_clean_end(pid);
    client_close(&client);
    free_records(records, 10);
    box_close(&box);
}

/* --- starts that fail
 * ------------------------------------------------------------------------------ */

static void expect_start_fails(const struct box *box, const char *const *args, const char *because)
{
    int status = box_end(box_spawn_aggregator(box, args), 0, 20000);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 1, "wait status %x", (unsigned)status);
    cr_expect(box_logged(box, because), "not logged: %s", because);
}

Test(server, a_start_that_cannot_work_ends_with_one_clear_line)
{
    struct box box;
    box_open(&box);
    expect_start_fails(&box, (const char *[]){"--listen", "192.0.2.1:7711", NULL},
                       "only loopback addresses");
    expect_start_fails(&box, (const char *[]){"--store", "unix:///nowhere/redis.sock", NULL},
                       "store unix:///nowhere/redis.sock: cannot be reached");
    expect_start_fails(&box, (const char *[]){"--timezone", "Mars/Olympus", NULL}, "Mars/Olympus");
    pid_t pid = box_start_aggregator(&box, (const char *[]){"--timezone", "Asia/Tokyo", NULL});
    expect_start_fails(&box, NULL, "another aggregator is running there");
    expect_clean_end(pid);
    expect_start_fails(&box, NULL, "it counts days in time zone Asia/Tokyo");
    box_close(&box);
}

Test(server, an_orphaned_redis_is_ended_before_a_new_one_starts)
{
    struct box box;
    box_open(&box);
    box_end(box_start_aggregator(&box, NULL), SIGKILL, END_MS);
    pid_t orphan = box_listener(box.redis_socket);
    cr_expect(orphan > 1);
    pid_t pid = box_start_aggregator(&box, NULL);
    pid_t next = box_listener(box.redis_socket);
    cr_expect(next > 1 && next != orphan);
    expect_clean_end(pid);
    cr_expect_eq(box_listener(box.redis_socket), 0);
    box_close(&box);
}

#include <criterion/criterion.h>

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/owners.h"
#include "common/calendar.h"
#include "common/err.h"
#include "aggregator/function.h"
#include "common/folded.h"
#include "common/schema.h"
#include "tests/unit/aggregator/box.h"
#include "tests/unit/aggregator/client.h"
#include "tests/unit/aggregator/sensor.h"

#define START_S                                                                                    \
    INT64_C(                                                                                       \
        1798750800) /* 2026-12-31 21:00 UTC: hours, a day, a month and a year end              \
                         */
#define END_MS 5000 /* in which SIGTERM must be obeyed */

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

/* The packets in the tables of a level, once everything is folded. */
static uint64_t stored_classes(redisContext *redis, const char *sensor, const char *level)
{
    uint64_t packets = 0, folded;
    redisReply *keys = redisCommand(redis, "KEYS darkcount:{%s}:tables:%s:*", sensor, level);
    cr_assert(keys && keys->type == REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *value = redisCommand(redis, "GET %s", keys->element[i]->str);
        struct tables tables = {0};
        cr_assert_eq(
            folded_decode_tables(&tables, &folded, (uint8_t *)value->str, (size_t)value->len), 0);
        for (int class = 0; class < PACKET_CLASSES; class ++)
            packets += tables.classes[class].packets;
        tables_close(&tables);
        freeReplyObject(value);
    }
    freeReplyObject(keys);
    return packets;
}

/* Calls that are not folded. */
static uint64_t unfolded(redisContext *redis, const char *sensor)
{
    redisReply *head = redisCommand(redis, "HMGET darkcount:{%s}:head n folded", sensor);
    cr_assert(head && head->type == REDIS_REPLY_ARRAY && head->elements == 2);
    const char *n = head->element[0]->str, *folded = head->element[1]->str;
    uint64_t count = n ? strtoull(n, NULL, 10) - (folded ? strtoull(folded, NULL, 10) : 0) : 0;
    freeReplyObject(head);
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
        cr_expect_eq(stored_classes(redis, sensor, level_name((enum level)level)), sent->packets);
    }
    cr_expect_eq(unfolded(redis, sensor), 0);
    redisFree(redis);
}

/* Waits until the log of the sensor is folded, as it is after its connection has ended. */
static void await_folded(const struct box *box, const char *sensor)
{
    redisContext *redis = box_redis(box);
    cr_assert(redis);
    for (int i = 0; i < 5000 && unfolded(redis, sensor) > 0; i++)
        box_pause();
    redisFree(redis);
}

static void expect_clean_end(pid_t pid)
{
    int status = box_end(pid, SIGTERM, END_MS);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %x", (unsigned)status);
}

/* --- one sensor ------------------------------------------------------------------------------- */

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

Test(server, alarms_of_a_record_are_logged)
{
    struct box box;
    struct client client;
    struct record record;
    struct buf sealed;
    uint64_t random = 1;
    const struct frame_open open = open_of("s", 1);
    record_init(&record);
    sensor_record(&record, "s", 1, 1, START_S, &random);
    record.flags = RECORD_RECOVERED;
    record.alarms[0] =
        (struct record_alarm){RECORD_ALARM_LIT_ADDRESS, 4, 32, {198, 51, 100, 7}, 12};
    record.alarm_count = 1;
    buf_init(&sealed);
    cr_assert_eq(record_seal(&record, &sealed, NULL), 0);
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    client_init(&client);
    cr_assert(client_open(&client, box.sensor_socket, &open), "%s", client.refused.text);
    cr_assert(client_deliver(&client, &sealed, 1), "%s", client.refused.text);
    cr_expect(box_logged(&box, "sensor s: lit_address 198.51.100.7 sent 12 packets in the minute"));
    cr_expect(box_logged(&box, "sensor s: recovered in the minute"));
    expect_clean_end(pid);
    client_close(&client);
    buf_close(&sealed);
    record_close(&record);
    box_close(&box);
}

/* Asks for a probe and waits for its answer. */
static void expect_probed(struct client *client, const char *nonce)
{
    struct buf out;
    struct frame frame;
    buf_init(&out);
    cr_assert_eq(frame_put_probe(&out, (const uint8_t *)nonce), 0);
    cr_assert(client_send(client, &out));
    cr_assert_eq(client_receive(client, &frame, 15000), 1, "%s", client->refused.text);
    cr_assert_eq(frame.type, FRAME_PROBED);
    cr_expect_arr_eq(frame.nonce, nonce, FRAME_NONCE_SIZE);
    buf_close(&out);
}

static void expect_text(redisContext *redis, const char *wanted, const char *command)
{
    redisReply *reply = redisCommand(redis, command);
    cr_assert(reply && reply->type == REDIS_REPLY_STRING, "%s", command);
    cr_expect_str_eq(reply->str, wanted, "%s", command);
    freeReplyObject(reply);
}

/* From a sensor that the store does not know yet, and from one that has delivered. */
Test(server, a_probe_comes_back_from_the_store_and_counts_nothing)
{
    struct box box;
    struct totals sent = {0};
    struct client client;
    const struct frame_open open = open_of("s", 1), other = open_of("s", 2);
    struct buf *records = make_records("s", 1, START_S, 3, &sent);
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    redisContext *redis = box_redis(&box);
    cr_assert(redis);
    client_init(&client);
    cr_assert(client_open(&client, box.sensor_socket, &other), "%s", client.refused.text);
    expect_probed(&client, "0123456789abcdef");
    expect_text(redis, "30313233343536373839616263646566", "GET darkcount:{s}:probe");
    expect_text(redis, "0", "HGET darkcount:{s}:head n");
    client_drop(&client);
    cr_assert(client_open(&client, box.sensor_socket, &open), "%s", client.refused.text);
    cr_assert(client_deliver(&client, records, 2), "%s", client.refused.text);
    expect_probed(&client, "abcdefghijklmnop");
    expect_text(redis, "6162636465666768696a6b6c6d6e6f70", "GET darkcount:{s}:probe");
    cr_assert(client_deliver(&client, records, 3), "%s", client.refused.text);
    client_drop(&client);
    await_folded(&box, "s");
    expect_stored(&box, "s", &sent);
    expect_clean_end(pid);
    redisFree(redis);
    client_close(&client);
    free_records(records, 3);
    box_close(&box);
}

/* --- several connections of one sensor -------------------------------------------------------- */

#define IN_2019 INT64_C(1554000000)

/* A connection and what it has to deliver. */
struct stream {
    struct frame_open open;
    struct client client;
    struct buf *records;
    size_t count;
};

static void begin_stream(struct stream *stream, uint8_t epoch, int64_t start_s, size_t count,
                         struct totals *sum)
{
    stream->open = open_of("s", epoch);
    stream->records = make_records("s", epoch, start_s, count, sum);
    stream->count = count;
    client_init(&stream->client);
}

static void end_stream(struct stream *stream)
{
    client_close(&stream->client);
    free_records(stream->records, stream->count);
}

/* Sends what the window allows and takes what has come, without waiting for long; false when the
 * connection is lost. */
static bool move(struct stream *stream, size_t most)
{
    struct client *client = &stream->client;
    struct frame frame;
    while (client->sent < most && client->sent < client->acked + FRAME_WINDOW) {
        struct buf out;
        buf_init(&out);
        frame_put_record(&out, stream->records[client->sent].bytes,
                         stream->records[client->sent].size);
        bool sent = client_send(client, &out);
        buf_close(&out);
        if (!sent)
            return false;
        client->sent++;
    }
    int rc = client_receive(client, &frame, 1);
    if (rc == 1 && frame.type == FRAME_ACK)
        client->acked = frame.seq;
    return rc >= 0;
}

static void move_all(struct stream *streams, size_t count)
{
    for (int tries = 0; tries < 20000; tries++) {
        bool done = true;
        for (size_t i = 0; i < count; i++) {
            cr_assert(move(&streams[i], streams[i].count), "stream %zu: %s", i,
                      streams[i].client.refused.text);
            done = done && streams[i].client.acked == streams[i].count;
        }
        if (done)
            return;
    }
    cr_assert_fail("not all is acknowledged");
}

static void open_stream(const struct box *box, struct stream *stream)
{
    cr_assert(client_open(&stream->client, box->sensor_socket, &stream->open), "%s",
              stream->client.refused.text);
}

Test(server, epochs_of_one_sensor_deliver_side_by_side, .timeout = 120)
{
    struct box box;
    struct totals sent = {0};
    struct stream streams[3];
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    for (uint8_t i = 0; i < 3; i++) {
        begin_stream(&streams[i], (uint8_t)(1 + i), i ? IN_2019 + i * 86400 * 40 : START_S, 400,
                     &sent);
        open_stream(&box, &streams[i]);
    }
    move_all(streams, 3);
    for (int i = 0; i < 3; i++)
        client_drop(&streams[i].client);
    await_folded(&box, "s");
    expect_stored(&box, "s", &sent);
    expect_clean_end(pid);
    for (int i = 0; i < 3; i++)
        end_stream(&streams[i]);
    box_close(&box);
}

Test(server, a_slow_live_sensor_is_not_starved_by_a_replay, .timeout = 120)
{
    struct box box;
    struct totals sent = {0};
    struct stream live, replay;
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    begin_stream(&live, 1, START_S, 10, &sent);
    begin_stream(&replay, 2, IN_2019, 3000, &sent);
    open_stream(&box, &live);
    open_stream(&box, &replay);
    for (int tries = 0; live.client.acked < live.count && tries < 20000; tries++) {
        cr_assert(move(&replay, replay.count), "%s", replay.client.refused.text);
        cr_assert(move(&live, live.client.acked + 1), "%s", live.client.refused.text);
    }
    cr_expect_eq(live.client.acked, live.count);
    cr_expect(replay.client.acked < replay.count, "the replay was over first");
    move_all(&replay, 1);
    client_drop(&live.client);
    client_drop(&replay.client);
    await_folded(&box, "s");
    expect_stored(&box, "s", &sent);
    expect_clean_end(pid);
    end_stream(&live);
    end_stream(&replay);
    box_close(&box);
}

Test(server, one_connection_is_cut_while_the_other_goes_on, .timeout = 120)
{
    struct box box;
    struct totals sent = {0};
    struct stream streams[2];
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    begin_stream(&streams[0], 1, START_S, 600, &sent);
    begin_stream(&streams[1], 2, IN_2019, 3000, &sent);
    for (int i = 0; i < 2; i++)
        open_stream(&box, &streams[i]);
    for (uint64_t cut = 50; cut < 500; cut += 25) {
        uint64_t from = streams[1].client.acked;
        for (int i = 0; streams[0].client.acked < cut && i < 20000; i++)
            for (int j = 0; j < 2; j++)
                cr_assert(move(&streams[j], streams[j].count), "%s",
                          streams[j].client.refused.text);
        client_drop(&streams[0].client); /* with a part of the window not acknowledged */
        if (cut % 50 == 0) {             /* else it comes again while that is under way */
            for (int i = 0; streams[1].client.acked < from + 10 && i < 20000; i++)
                cr_assert(move(&streams[1], streams[1].count), "%s",
                          streams[1].client.refused.text);
            cr_expect(streams[1].client.acked >= from + 10);
        }
        for (int i = 0; i < 20000; i++, box_pause()) /* the loss may not have been seen yet */
            if (client_open(&streams[0].client, box.sensor_socket, &streams[0].open))
                break;
        cr_assert(streams[0].client.acked >= cut, "%s", streams[0].client.refused.text);
    }
    move_all(streams, 2);
    for (int i = 0; i < 2; i++)
        client_drop(&streams[i].client);
    await_folded(&box, "s");
    expect_stored(&box, "s", &sent);
    expect_clean_end(pid);
    for (int i = 0; i < 2; i++)
        end_stream(&streams[i]);
    box_close(&box);
}

/* Sends OPEN on a new connection, again while the one before it is still known; what comes within
 * `wait_ms` then, as client_receive says it. */
static int ask_open(const struct box *box, struct stream *stream, struct frame *frame, int wait_ms)
{
    struct buf out;
    int rc = -1;
    buf_init(&out);
    frame_put_open(&out, &stream->open);
    for (int i = 0; i < 5000 && rc < 0; i++, box_pause()) {
        cr_assert(client_connect(&stream->client, box->sensor_socket));
        cr_assert_eq(client_receive(&stream->client, frame, 15000), 1);
        cr_assert(client_send(&stream->client, &out));
        rc = client_receive(&stream->client, frame, wait_ms);
    }
    buf_close(&out);
    return rc;
}

Test(server, an_epoch_is_resumed_when_what_its_last_connection_sent_is_durable)
{
    struct box box;
    struct totals sent = {0};
    struct stream one, other;
    struct frame frame = {0};
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    begin_stream(&one, 1, START_S, 20, &sent);
    begin_stream(&other, 2, START_S + 3600, 1, &sent);
    open_stream(&box, &one);
    open_stream(&box, &other);
    cr_assert(client_deliver(&one.client, one.records, 10));
    pid_t redis = box_listener(box.redis_socket);
    cr_assert(redis > 1 && kill(redis, SIGSTOP) == 0);
    cr_expect(move(&one, 20));
    client_drop(&one.client);
    cr_expect_eq(ask_open(&box, &one, &frame, 300), 0, "answered while puts are under way");
    cr_expect(move(&other, 1)); /* waits until that is answered */
    kill(redis, SIGCONT);
    cr_assert_eq(client_receive(&one.client, &frame, 15000), 1, "%s", one.client.refused.text);
    cr_expect_eq(frame.type, FRAME_RESUME);
    cr_expect_eq(frame.seq, 20);
    move_all(&other, 1);
    client_drop(&one.client);
    client_drop(&other.client);
    await_folded(&box, "s");
    expect_stored(&box, "s", &sent);
    expect_clean_end(pid);
    end_stream(&one);
    end_stream(&other);
    box_close(&box);
}

/* --- faults ----------------------------------------------------------------------------------- */

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
        box_end(*fault->aggregator, SIGKILL, END_MS);
        *fault->aggregator = box_start_aggregator(fault->box, NULL);
        fault->aggregators++;
    } else if (kind == 1) {
        fault->stores += kill_store(fault->box);
    } else if (kind == 2) {
        expect_clean_end(*fault->aggregator);
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

/* KILLS: how often, of redis-server alone, which is killed while it has calls before it. */
Test(server, kills_of_redis_under_load_lose_and_double_nothing, .timeout = 600)
{
    const char *kills = getenv("KILLS");
    const unsigned strikes = kills ? (unsigned)atoi(kills) : 10;
    const size_t count = 400 + 100 * (size_t)strikes;
    struct box box;
    struct totals sent = {0};
    struct client client;
    const struct frame_open open = open_of("s", 1);
    struct buf *records = make_records("s", 1, START_S, count, &sent);
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

/* --- refusals --------------------------------------------------------------------------------- */

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

static struct frame_open replay_of(uint8_t epoch, int64_t first_s, int64_t last_s)
{
    struct frame_open open = open_of("s", epoch);
    open.replay = true;
    open.first_ns = first_s * INT64_C(1000000000);
    open.last_ns = last_s * INT64_C(1000000000);
    return open;
}

Test(server, epochs_delivered_side_by_side_observe_a_moment_once)
{
    struct box box;
    struct totals sent = {0};
    struct stream live, replay;
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    begin_stream(&live, 1, START_S, 10, &sent);
    begin_stream(&replay, 2, START_S + 540, 10, &sent); /* from the live sensor's last minute on */
    open_stream(&box, &live);
    cr_assert(client_deliver(&live.client, live.records, 9));
    replay.open = replay_of(2, START_S + 540, START_S + 1100);
    open_stream(&box, &replay); /* nobody has observed this yet */
    const struct frame_open other = replay_of(3, START_S + 1000, START_S + 2000);
    expect_refusal(&box, &other, REFUSE_OVERLAP, false); /* while that one is under way */
    cr_assert(client_deliver(&live.client, live.records, 10));
    cr_expect_not(client_deliver(&replay.client, replay.records, 1));
    cr_expect(replay.client.refused.code == REFUSE_OVERLAP && replay.client.refused.final);
    expect_refusal(&box, &replay.open, REFUSE_OVERLAP, true);
    expect_clean_end(pid);
    end_stream(&live);
    end_stream(&replay);
    box_close(&box);
}

Test(server, more_connections_than_places_are_busy)
{
    struct box box;
    struct client clients[OWNERS_MAX];
    struct frame_open open;
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    for (uint8_t i = 0; i < OWNERS_MAX; i++) {
        open = open_of("s", (uint8_t)(1 + i));
        client_init(&clients[i]);
        cr_assert(client_open(&clients[i], box.sensor_socket, &open), "%s",
                  clients[i].refused.text);
    }
    open = open_of("s", OWNERS_MAX + 1);
    expect_refusal(&box, &open, REFUSE_BUSY, false);
    open = open_of("s", OWNERS_MAX);
    expect_refusal(&box, &open, REFUSE_BUSY, false);
    client_drop(&clients[0]);
    open = open_of("s", OWNERS_MAX + 1);
    bool opened = false;
    for (int i = 0; i < 5000 && !opened; i++, box_pause())
        opened = client_open(&clients[0], box.sensor_socket, &open);
    cr_expect(opened, "%s", clients[0].refused.text);
    expect_clean_end(pid);
    for (uint8_t i = 0; i < OWNERS_MAX; i++)
        client_close(&clients[i]);
    box_close(&box);
}

/* The limit of descriptors decides how many there may be: server.c. */
#define FEW_DESCRIPTORS 80
#define FEW_SENSORS     35

static struct frame_open open_of_own(unsigned i)
{
    static char darknet[32];
    char name[16];
    snprintf(name, sizeof name, "sensor-%u", i);
    snprintf(darknet, sizeof darknet, "10.0.%u.0/24", i);
    struct frame_open open = open_of(name, (uint8_t)(1 + i));
    open.darknet = darknet;
    return open;
}

Test(server, sensors_beyond_the_most_are_told_when_to_come_back, .timeout = 60)
{
    struct box box;
    struct client clients[FEW_SENSORS + 1];
    struct frame_open open;
    const struct rlimit few = {FEW_DESCRIPTORS, FEW_DESCRIPTORS};
    box_open(&box);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    pid_t pid = box_start_aggregator(&box, NULL);
    for (unsigned i = 0; i <= FEW_SENSORS; i++) {
        open = open_of_own(i);
        client_init(&clients[i]);
        bool opened = client_open(&clients[i], box.sensor_socket, &open);
        cr_assert_eq(opened, i < FEW_SENSORS, "%u: %s", i, clients[i].refused.text);
    }
    const struct frame_refuse *why = &clients[FEW_SENSORS].refused;
    cr_expect(why->code == REFUSE_BUSY && !why->final && why->retry_s > 0, "%s", why->text);
    client_drop(&clients[0]);
    bool opened = false;
    for (int i = 0; i < 5000 && !opened; i++, box_pause())
        opened = client_open(&clients[FEW_SENSORS], box.sensor_socket, &open);
    cr_expect(opened, "%s", clients[FEW_SENSORS].refused.text);
    expect_clean_end(pid);
    for (unsigned i = 0; i <= FEW_SENSORS; i++)
        client_close(&clients[i]);
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

/* A sensor whose spool has lost some, more often than the log is long; each is told twice. */
Test(server, lost_records_are_passed_over, .timeout = 60)
{
    struct box box;
    struct client client;
    struct frame frame;
    struct buf out;
    const struct frame_open open = open_of("s", 1);
    box_open(&box);
    buf_init(&out);
    pid_t pid = box_start_aggregator(&box, NULL);
    client_init(&client);
    for (uint64_t last = 3; last < 300; last += 3) {
        cr_assert(client_open(&client, box.sensor_socket, &open), "%s", client.refused.text);
        cr_assert_eq(client.acked, last - 3);
        buf_consume(&out, out.size);
        frame_put_lost(&out, &(struct frame_lost){last - 2, last});
        for (int i = 0; i < 2; i++) {
            cr_assert(client_send(&client, &out));
            cr_assert_eq(client_receive(&client, &frame, 15000), 1, "%s", client.refused.text);
            cr_assert(frame.type == FRAME_ACK && frame.seq == last);
        }
        client_drop(&client);
    }
    cr_assert(box_logged(&box, "3 records, 1 to 3 of its spool, are lost at the sensor"));
    expect_clean_end(pid);
    client_close(&client);
    buf_close(&out);
    box_close(&box);
}

/* --- starts that fail ------------------------------------------------------------------------- */

static void expect_start_fails(const struct box *box, const char *const *args, int code,
                               const char *because)
{
    int status = box_end(box_spawn_aggregator(box, args), 0, 20000);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == code, "wait status %x", (unsigned)status);
    cr_expect(box_logged(box, because), "not logged: %s", because);
}

Test(server, a_start_that_cannot_work_ends_with_one_clear_line)
{
    struct box box;
    box_open(&box);
    expect_start_fails(&box, (const char *[]){"--listen", "plain://192.0.2.1:7711", NULL}, 2,
                       "loopback addresses alone");
    expect_start_fails(&box, (const char *[]){"--store", "unix:///nowhere/redis.sock", NULL}, 1,
                       "store unix:///nowhere/redis.sock: cannot be reached");
    expect_start_fails(&box, (const char *[]){"--timezone", "Mars/Olympus", NULL}, 2,
                       "Mars/Olympus");
    expect_start_fails(&box, (const char *[]){"--store", "http://127.0.0.1", NULL}, 2,
                       "unix:///path");
    pid_t pid = box_start_aggregator(&box, (const char *[]){"--timezone", "Asia/Tokyo", NULL});
    expect_start_fails(&box, NULL, 1, "another aggregator is running there");
    expect_clean_end(pid);
    expect_start_fails(&box, NULL, 1, "it counts days in time zone Asia/Tokyo");
    box_close(&box);
}

/* What a store holds that was made by another version of the programs. */
Test(server, a_store_of_another_version_is_refused_or_brought_up_to_date)
{
    struct box box;
    char url[128];
    box_open(&box);
    snprintf(url, sizeof url, "unix://%s", box.redis_socket);
    pid_t redis = box_start_redis(&box, "yes");
    const char *const args[] = {"--store", url, NULL};
    redisContext *store = box_redis(&box);
    cr_assert(store);
    freeReplyObject(redisCommand(store, "HSET darkcount:telescope schema 1 timezone UTC"));
    expect_start_fails(&box, args, 1, "schema 1 of an older darkcount");
    freeReplyObject(redisCommand(store, "HSET darkcount:telescope schema 99"));
    expect_start_fails(&box, args, 1, "use a newer aggregator");
    freeReplyObject(redisCommand(store, "DEL darkcount:telescope"));
    freeReplyObject(redisCommand(
        store, "FUNCTION LOAD REPLACE %s",
        "#!lua name=darkcount\nredis.register_function{function_name='darkcount_version', "
        "callback=function() return 99 end, flags={'no-writes'}}"));
    expect_start_fails(&box, args, 1, "the function library: it is of version 99");
    freeReplyObject(redisCommand(
        store, "FUNCTION LOAD REPLACE %s",
        "#!lua name=darkcount\nredis.register_function('darkcount_put', function() end)"));
    pid_t pid = box_start_aggregator(&box, args);
    redisReply *version = redisCommand(store, "FCALL_RO darkcount_version 0");
    cr_expect_eq(version->integer, FUNCTION_VERSION, "a library without a version is older");
    freeReplyObject(version);
    expect_clean_end(pid);
    redisFree(store);
    box_end(redis, SIGTERM, END_MS);
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

#include <criterion/criterion.h>

#include "common/err.h"
#include "tests/unit/aggregator/box.h"
#include "tests/unit/aggregator/client.h"
#include "tests/unit/aggregator/sensor.h"
#include "tests/unit/aggregator/stored.h"

#define START_S INT64_C(1798750800) /* 2026-12-31 21:00 UTC: hours, a day, a month and a year end */

Test(server, delivers_once_and_folds_when_the_sensor_leaves)
{
    struct box box;
    struct totals sent = {0};
    struct client client;
    const struct frame_open open = sensor_open("s", 1);
    struct buf *records = sensor_records("s", 1, START_S, 300, &sent);
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    client_init(&client);
    cr_assert(client_open(&client, box.sensor_socket, &open), "%s", client.refused.text);
    cr_expect_eq(client.acked, 0);
    cr_assert(client_deliver(&client, records, 300), "%s", client.refused.text);
    client.sent = client.acked = 250; /* the last fifty again, as after lost acknowledgements */
    cr_assert(client_deliver(&client, records, 300), "%s", client.refused.text);
    client_drop(&client);
    stored_await_folded(&box, "s");
    stored_expect(&box, "s", &sent);
    cr_assert(client_open(&client, box.sensor_socket, &open), "%s", client.refused.text);
    cr_expect_eq(client.acked, 300);
    box_end_well(pid);
    cr_expect_eq(box_listener(box.redis_socket), 0, "the private redis-server is still there");
    client_close(&client);
    sensor_records_free(records, 300);
    box_close(&box);
}

Test(server, alarms_of_a_record_are_logged)
{
    struct box box;
    struct client client;
    struct record record;
    struct buf sealed;
    uint64_t random = 1;
    const struct frame_open open = sensor_open("s", 1);
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
    box_end_well(pid);
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
    const struct frame_open open = sensor_open("s", 1), other = sensor_open("s", 2);
    struct buf *records = sensor_records("s", 1, START_S, 3, &sent);
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
    stored_await_folded(&box, "s");
    stored_expect(&box, "s", &sent);
    box_end_well(pid);
    redisFree(redis);
    client_close(&client);
    sensor_records_free(records, 3);
    box_close(&box);
}

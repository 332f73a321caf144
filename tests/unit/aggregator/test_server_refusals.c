#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "aggregator/owners.h"
#include "tests/unit/aggregator/box.h"
#include "tests/unit/aggregator/client.h"
#include "tests/unit/aggregator/sensor.h"
#include "tests/unit/aggregator/stored.h"

#define START_S INT64_C(1798750800) /* 2026-12-31 21:00 UTC: hours, a day, a month and a year end */

/* --- refusals --------------------------------------------------------------------------------- */

Test(server, refuses_with_a_reason)
{
    struct box box;
    struct totals sent = {0};
    struct client client;
    struct frame_open open = sensor_open("s", 1), other = open;
    struct buf *records = sensor_records("s", 1, START_S, 10, &sent);
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    client_init(&client);
    cr_assert(client_open(&client, box.sensor_socket, &open));
    client_expect_refusal(&box, &open, REFUSE_BUSY, false);
    strcpy(other.sensor, "t"); /* its neighbour, that has not delivered anything yet */
    other.darknet = (char[]){"198.51.0.0/16"};
    client_expect_refusal(&box, &other, REFUSE_IDENTITY, false);
    cr_assert(client_deliver(&client, records, 10));
    client_drop(&client);
    stored_await_folded(&box, "s");
    client_expect_refusal(&box, &other, REFUSE_IDENTITY, true);
    strcpy(other.sensor, "s");
    client_expect_refusal(&box, &other, REFUSE_IDENTITY, true);
    other.darknet = (char[]){"not a prefix"};
    client_expect_refusal(&box, &other, REFUSE_IDENTITY, true);
    other = open;
    memset(other.epoch, 2, EPOCH_SIZE);
    other.replay = true;
    other.first_ns = START_S * INT64_C(1000000000);
    other.last_ns = other.first_ns + INT64_C(1000000000);
    client_expect_refusal(&box, &other, REFUSE_OVERLAP, true);
    box_end_well(pid);
    client_close(&client);
    sensor_records_free(records, 10);
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
        open = sensor_open("s", (uint8_t)(1 + i));
        client_init(&clients[i]);
        cr_assert(client_open(&clients[i], box.sensor_socket, &open), "%s",
                  clients[i].refused.text);
    }
    open = sensor_open("s", OWNERS_MAX + 1);
    client_expect_refusal(&box, &open, REFUSE_BUSY, false);
    open = sensor_open("s", OWNERS_MAX);
    client_expect_refusal(&box, &open, REFUSE_BUSY, false);
    client_drop(&clients[0]);
    open = sensor_open("s", OWNERS_MAX + 1);
    bool opened = false;
    for (int i = 0; i < 60000 && !opened; i++, box_pause())
        opened = client_open(&clients[0], box.sensor_socket, &open);
    cr_expect(opened, "%s", clients[0].refused.text);
    box_end_well(pid);
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
    struct frame_open open = sensor_open(name, (uint8_t)(1 + i));
    open.darknet = darknet;
    return open;
}

Test(server, sensors_beyond_the_most_are_told_when_to_come_back, .timeout = 300)
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
    for (int i = 0; i < 60000 && !opened; i++, box_pause())
        opened = client_open(&clients[FEW_SENSORS], box.sensor_socket, &open);
    cr_expect(opened, "%s", clients[FEW_SENSORS].refused.text);
    box_end_well(pid);
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
    const struct frame_open open = sensor_open("s", 1);
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
    const struct frame_open open = sensor_open("s", 1);
    struct buf *records = sensor_records("s", 1, START_S, 10, &sent);
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
    box_end_well(pid);
    client_close(&client);
    sensor_records_free(records, 10);
    box_close(&box);
}

/* A sensor whose spool has lost some, more often than the log is long; each is told twice. */
Test(server, lost_records_are_passed_over, .timeout = 300)
{
    struct box box;
    struct client client;
    struct frame frame;
    struct buf out;
    const struct frame_open open = sensor_open("s", 1);
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
    box_end_well(pid);
    client_close(&client);
    buf_close(&out);
    box_close(&box);
}

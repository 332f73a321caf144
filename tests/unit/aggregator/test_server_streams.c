#include <criterion/criterion.h>

#include <signal.h>

#include "tests/unit/aggregator/box.h"
#include "tests/unit/aggregator/client.h"
#include "tests/unit/aggregator/sensor.h"
#include "tests/unit/aggregator/stored.h"
#include "tests/unit/aggregator/stream.h"

#define START_S INT64_C(1798750800) /* 2026-12-31 21:00 UTC: hours, a day, a month and a year end */
#define IN_2019 INT64_C(1554000000)

Test(server, epochs_of_one_sensor_deliver_side_by_side, .timeout = 300)
{
    struct box box;
    struct totals sent = {0};
    struct stream streams[3];
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    for (uint8_t i = 0; i < 3; i++) {
        stream_begin(&streams[i], (uint8_t)(1 + i), i ? IN_2019 + i * 86400 * 40 : START_S, 400,
                     &sent);
        stream_open(&box, &streams[i]);
    }
    stream_move_all(streams, 3);
    for (int i = 0; i < 3; i++)
        client_drop(&streams[i].client);
    stored_await_folded(&box, "s");
    stored_expect(&box, "s", &sent);
    box_end_well(pid);
    for (int i = 0; i < 3; i++)
        stream_end(&streams[i]);
    box_close(&box);
}

Test(server, a_slow_live_sensor_is_not_starved_by_a_replay, .timeout = 300)
{
    struct box box;
    struct totals sent = {0};
    struct stream live, replay;
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    stream_begin(&live, 1, START_S, 10, &sent);
    stream_begin(&replay, 2, IN_2019, 3000, &sent);
    stream_open(&box, &live);
    stream_open(&box, &replay);
    for (int tries = 0; live.client.acked < live.count && tries < 20000; tries++) {
        cr_assert(stream_move(&replay, replay.count), "%s", replay.client.refused.text);
        cr_assert(stream_move(&live, live.client.acked + 1), "%s", live.client.refused.text);
    }
    cr_expect_eq(live.client.acked, live.count);
    cr_expect(replay.client.acked < replay.count, "the replay was over first");
    stream_move_all(&replay, 1);
    client_drop(&live.client);
    client_drop(&replay.client);
    stored_await_folded(&box, "s");
    stored_expect(&box, "s", &sent);
    box_end_well(pid);
    stream_end(&live);
    stream_end(&replay);
    box_close(&box);
}

Test(server, one_connection_is_cut_while_the_other_goes_on, .timeout = 300)
{
    struct box box;
    struct totals sent = {0};
    struct stream streams[2];
    box_open(&box);
    pid_t pid = box_start_aggregator(&box, NULL);
    stream_begin(&streams[0], 1, START_S, 600, &sent);
    stream_begin(&streams[1], 2, IN_2019, 3000, &sent);
    for (int i = 0; i < 2; i++)
        stream_open(&box, &streams[i]);
    for (uint64_t cut = 50; cut < 500; cut += 25) {
        uint64_t from = streams[1].client.acked;
        for (int i = 0; streams[0].client.acked < cut && i < 20000; i++)
            for (int j = 0; j < 2; j++)
                cr_assert(stream_move(&streams[j], streams[j].count), "%s",
                          streams[j].client.refused.text);
        client_drop(&streams[0].client); /* with a part of the window not acknowledged */
        if (cut % 50 == 0) {             /* else it comes again while that is under way */
            for (int i = 0; streams[1].client.acked < from + 10 && i < 20000; i++)
                cr_assert(stream_move(&streams[1], streams[1].count), "%s",
                          streams[1].client.refused.text);
            cr_expect(streams[1].client.acked >= from + 10);
        }
        for (int i = 0; i < 20000; i++, box_pause()) /* the loss may not have been seen yet */
            if (client_open(&streams[0].client, box.sensor_socket, &streams[0].open))
                break;
        cr_assert(streams[0].client.acked >= cut, "%s", streams[0].client.refused.text);
    }
    stream_move_all(streams, 2);
    for (int i = 0; i < 2; i++)
        client_drop(&streams[i].client);
    stored_await_folded(&box, "s");
    stored_expect(&box, "s", &sent);
    box_end_well(pid);
    for (int i = 0; i < 2; i++)
        stream_end(&streams[i]);
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
    for (int i = 0; i < 60000 && rc < 0; i++, box_pause()) {
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
    stream_begin(&one, 1, START_S, 20, &sent);
    stream_begin(&other, 2, START_S + 3600, 1, &sent);
    stream_open(&box, &one);
    stream_open(&box, &other);
    cr_assert(client_deliver(&one.client, one.records, 10));
    pid_t redis = box_listener(box.redis_socket);
    cr_assert(redis > 1 && kill(redis, SIGSTOP) == 0);
    cr_expect(stream_move(&one, 20));
    client_drop(&one.client);
    cr_expect_eq(ask_open(&box, &one, &frame, 300), 0, "answered while puts are under way");
    cr_expect(stream_move(&other, 1)); /* waits until that is answered */
    kill(redis, SIGCONT);
    cr_assert_eq(client_receive(&one.client, &frame, 15000), 1, "%s", one.client.refused.text);
    cr_expect_eq(frame.type, FRAME_RESUME);
    cr_expect_eq(frame.seq, 20);
    stream_move_all(&other, 1);
    client_drop(&one.client);
    client_drop(&other.client);
    stored_await_folded(&box, "s");
    stored_expect(&box, "s", &sent);
    box_end_well(pid);
    stream_end(&one);
    stream_end(&other);
    box_close(&box);
}

static struct frame_open replay_of(uint8_t epoch, int64_t first_s, int64_t last_s)
{
    struct frame_open open = sensor_open("s", epoch);
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
    stream_begin(&live, 1, START_S, 10, &sent);
    stream_begin(&replay, 2, START_S + 540, 10, &sent); /* from the live sensor's last minute on */
    stream_open(&box, &live);
    cr_assert(client_deliver(&live.client, live.records, 9));
    replay.open = replay_of(2, START_S + 540, START_S + 1100);
    stream_open(&box, &replay); /* nobody has observed this yet */
    const struct frame_open other = replay_of(3, START_S + 1000, START_S + 2000);
    client_expect_refusal(&box, &other, REFUSE_OVERLAP, false); /* while that one is under way */
    cr_assert(client_deliver(&live.client, live.records, 10));
    cr_expect_not(client_deliver(&replay.client, replay.records, 1));
    cr_expect(replay.client.refused.code == REFUSE_OVERLAP && replay.client.refused.final);
    client_expect_refusal(&box, &replay.open, REFUSE_OVERLAP, true);
    box_end_well(pid);
    stream_end(&live);
    stream_end(&replay);
    box_close(&box);
}

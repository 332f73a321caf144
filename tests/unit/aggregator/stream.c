#include "tests/unit/aggregator/stream.h"

#include <criterion/criterion.h>

#include "tests/unit/aggregator/sensor.h"

void stream_begin(struct stream *stream, uint8_t epoch, int64_t start_s, size_t count,
                  struct totals *sum)
{
    stream->open = sensor_open("s", epoch);
    stream->records = sensor_records("s", epoch, start_s, count, sum);
    stream->count = count;
    client_init(&stream->client);
}

void stream_end(struct stream *stream)
{
    client_close(&stream->client);
    sensor_records_free(stream->records, stream->count);
}

bool stream_move(struct stream *stream, size_t most)
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

void stream_move_all(struct stream *streams, size_t count)
{
    for (int tries = 0; tries < 20000; tries++) {
        bool done = true;
        for (size_t i = 0; i < count; i++) {
            cr_assert(stream_move(&streams[i], streams[i].count), "stream %zu: %s", i,
                      streams[i].client.refused.text);
            done = done && streams[i].client.acked == streams[i].count;
        }
        if (done)
            return;
    }
    cr_assert_fail("not all is acknowledged");
}

void stream_open(const struct box *box, struct stream *stream)
{
    cr_assert(client_open(&stream->client, box->sensor_socket, &stream->open), "%s",
              stream->client.refused.text);
}

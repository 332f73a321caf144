#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/frame.h"
#include "common/record.pb-c.h"

static char darknet[] = "198.51.100.0/24,2001:db8::/32";

static char request[] = "PEM";

static void put_open(struct buf *out)
{
    struct frame_open open = {.sensor = "campus-1",
                              .epoch = {1, 2, 3, [15] = 16},
                              .darknet = darknet,
                              .replay = true,
                              .first_ns = 5,
                              .last_ns = INT64_MAX};
    cr_assert_eq(frame_put_open(out, &open), 0);
}

/* One frame of every type, in the order of their numbers. */
static void put_every_type(struct buf *out)
{
    buf_init(out);
    cr_assert_eq(frame_put_hello(out), 0);
    put_open(out);
    cr_assert_eq(frame_put_resume(out, UINT64_MAX), 0);
    cr_assert_eq(frame_put_record(out, (const uint8_t *)"sealed", 6), 0);
    cr_assert_eq(frame_put_ack(out, 0), 0);
    cr_assert_eq(frame_put_refuse(out, &(struct frame_refuse){.code = REFUSE_OVERLAP,
                                                              .final = true,
                                                              .text = "already counted"}),
                 0);
    cr_assert_eq(frame_put_lost(out, &(struct frame_lost){3, UINT64_MAX}), 0);
    struct frame_join join = {.secret_given = true, .secret = {9, [15] = 8}, .request = request};
    struct frame_certificate certificate = {"campus-1", darknet, request, request};
    cr_assert_eq(frame_put_join(out, &join), 0);
    cr_assert_eq(frame_put_certificate(out, &certificate), 0);
    cr_assert_eq(frame_put_probe(out, (const uint8_t *)"a nonce: 16 byte"), 0);
    cr_assert_eq(frame_put_probed(out, (const uint8_t *)"a nonce: 16 byte"), 0);
}

static void expect_content(const struct frame *frame)
{
    switch (frame->type) {
    case FRAME_HELLO:
        cr_expect_eq(frame->protocol, FRAME_PROTOCOL);
        break;
    case FRAME_OPEN:
        cr_expect_str_eq(frame->open.sensor, "campus-1");
        cr_expect_arr_eq(frame->open.epoch, "\1\2\3\0\0\0\0\0\0\0\0\0\0\0\0\20", EPOCH_SIZE);
        cr_expect_str_eq(frame->open.darknet, darknet);
        cr_expect(frame->open.replay);
        cr_expect(frame->open.first_ns == 5 && frame->open.last_ns == INT64_MAX);
        break;
    case FRAME_RESUME:
        cr_expect_eq(frame->seq, UINT64_MAX);
        break;
    case FRAME_RECORD:
        cr_assert_eq(frame->record.size, 6);
        cr_expect_arr_eq(frame->record.bytes, "sealed", 6);
        break;
    case FRAME_ACK:
        cr_expect_eq(frame->seq, 0);
        break;
    case FRAME_REFUSE:
        cr_expect_eq(frame->refuse.code, REFUSE_OVERLAP);
        cr_expect(frame->refuse.final);
        cr_expect_str_eq(frame->refuse.text, "already counted");
        break;
    case FRAME_LOST:
        cr_expect(frame->lost.first == 3 && frame->lost.last == UINT64_MAX);
        break;
    case FRAME_JOIN:
        cr_expect(frame->join.secret_given);
        cr_expect_arr_eq(frame->join.secret, "\11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\10",
                         TOKEN_SECRET_SIZE);
        cr_expect_str_eq(frame->join.request, request);
        break;
    case FRAME_CERTIFICATE:
        cr_expect_str_eq(frame->certificate.sensor, "campus-1");
        cr_expect_str_eq(frame->certificate.darknet, darknet);
        cr_expect_str_eq(frame->certificate.certificate, request);
        cr_expect_str_eq(frame->certificate.authority, request);
        break;
    case FRAME_PROBE:
    case FRAME_PROBED:
        cr_expect_arr_eq(frame->nonce, "a nonce: 16 byte", FRAME_NONCE_SIZE);
        break;
    }
}

/* Every type, and each of them cut at every byte: more is asked for, never more than there will be. */
Test(frame, every_type_comes_back_however_it_is_split)
{
    struct buf out;
    size_t at = 0, need;
    put_every_type(&out);
    for (int type = FRAME_HELLO; type <= FRAME_PROBED; type++) {
        struct frame frame;
        int64_t whole = frame_read(out.bytes + at, out.size - at, &frame, &need, NULL);
        cr_assert_gt(whole, 0, "type %d", type);
        cr_expect_eq(frame.type, (enum frame_type)type);
        expect_content(&frame);
        frame_close(&frame);
        for (size_t size = 0; size < (size_t)whole; size++) {
            uint8_t *exact = malloc(size ? size : 1);
            memcpy(exact, out.bytes + at, size);
            cr_expect_eq(frame_read(exact, size, &frame, &need, NULL), 0, "%zu of type %d", size,
                         type);
            cr_expect_eq(need, size < FRAME_HEADER_SIZE ? FRAME_HEADER_SIZE : (size_t)whole);
            free(exact);
        }
        at += (size_t)whole;
    }
    cr_expect_eq(at, out.size);
    buf_close(&out);
}

static int64_t read_header(uint32_t size, uint8_t type, size_t *need, char *errmsg)
{
    struct buf out;
    struct frame frame;
    buf_init(&out);
    buf_put_u32_be(&out, size);
    buf_put_u8(&out, type);
    int64_t rc = frame_read(out.bytes, out.size, &frame, need, errmsg);
    buf_close(&out);
    return rc;
}

Test(frame, sizes_are_bounded_by_type_before_anything_is_awaited)
{
    const uint32_t record_most = RECORD_HEADER_SIZE + RECORD_PAYLOAD_MAX;
    for (int type = 0; type < 256; type++) {
        bool known = type >= FRAME_HELLO && type <= FRAME_PROBED;
        uint32_t most = type == FRAME_RECORD ? record_most : FRAME_CONTROL_MAX;
        char errmsg[ERRMSG_SIZE] = "";
        size_t need;
        int64_t rc = read_header(most, (uint8_t)type, &need, errmsg);
        cr_expect_eq(rc, known ? 0 : ERR_DAMAGED, "type %d", type);
        cr_expect(known ? need == FRAME_HEADER_SIZE + (size_t)most
                        : strstr(errmsg, "not a frame") != NULL);
        cr_expect_eq(read_header(most + 1, (uint8_t)type, &need, errmsg), ERR_DAMAGED);
        cr_expect_eq(read_header(UINT32_MAX, (uint8_t)type, &need, errmsg), ERR_DAMAGED);
    }
}

static int64_t read_message(enum frame_type type, const ProtobufCMessage *message,
                            struct frame *frame)
{
    static uint8_t bytes[4096];
    struct buf out;
    size_t need, size = protobuf_c_message_get_packed_size(message);
    cr_assert_lt(size, sizeof bytes);
    protobuf_c_message_pack(message, bytes);
    buf_init(&out);
    buf_put_u32_be(&out, (uint32_t)size);
    buf_put_u8(&out, (uint8_t)type);
    buf_put(&out, bytes, size);
    int64_t rc = frame_read(out.bytes, out.size, frame, &need, NULL);
    buf_close(&out);
    return rc;
}

Test(frame, an_open_that_breaks_a_rule_is_damaged)
{
    static uint8_t epoch[17];
    for (int i = 0; i < 10; i++) {
        struct frame frame;
        Darkcount__Open open = DARKCOUNT__OPEN__INIT;
        open.sensor = (char *)(i == 1 ? "" : i == 2 ? "a{b}" : "campus-1");
        open.epoch.data = epoch;
        open.epoch.len = i == 3 ? 15 : i == 4 ? 17 : 16;
        open.darknet = darknet;
        open.replay = i < 8;
        open.first_ns = i == 5 ? -1 : i == 6 || i == 8 ? 8 : 7;
        open.last_ns = i == 7 || i == 9 ? -1 : 7;
        int64_t rc = read_message(FRAME_OPEN, &open.base, &frame);
        cr_expect(i == 0 || i == 8 ? rc > 0 : rc == ERR_DAMAGED, "case %d: %lld", i, (long long)rc);
        frame_close(&frame);
    }
}

/* Sequences count from 1, and a range has a first and a last. */
Test(frame, a_range_of_lost_records_is_one)
{
    static const struct frame_lost ranges[] = {{0, 0}, {0, 5}, {6, 5}, {5, 5}};
    for (size_t i = 0; i < 4; i++) {
        struct frame frame;
        struct buf out;
        size_t need;
        buf_init(&out);
        frame_put_lost(&out, &ranges[i]);
        int64_t rc = frame_read(out.bytes, out.size, &frame, &need, NULL);
        cr_expect_eq(rc, i == 3 ? (int64_t)out.size : ERR_DAMAGED, "range %zu", i);
        buf_close(&out);
    }
}

Test(frame, a_nonce_has_16_bytes)
{
    static uint8_t bytes[17];
    for (size_t size = 0; size <= sizeof bytes; size++) {
        struct frame frame;
        Darkcount__Probe probe = DARKCOUNT__PROBE__INIT;
        probe.nonce = (ProtobufCBinaryData){size, bytes};
        int64_t rc = read_message(FRAME_PROBE, &probe.base, &frame);
        cr_expect(size == FRAME_NONCE_SIZE ? rc > 0 : rc == ERR_DAMAGED, "%zu bytes", size);
    }
}

Test(frame, a_body_that_is_no_message_is_damaged)
{
    for (uint8_t type = FRAME_HELLO; type <= FRAME_PROBED; type++) {
        struct buf out;
        struct frame frame;
        size_t need;
        buf_init(&out);
        buf_put_u32_be(&out, 4);
        buf_put_u8(&out, type);
        buf_put(&out, "\xff\xff\xff\xff", 4);
        int64_t rc = frame_read(out.bytes, out.size, &frame, &need, NULL);
        cr_expect_eq(rc, type == FRAME_RECORD ? 9 : ERR_DAMAGED, "type %u", type);
        frame_close(&frame);
        buf_close(&out);
    }
}

Test(frame, a_bomb_of_unknown_fields_is_damaged)
{
    struct buf out;
    struct frame frame;
    size_t need;
    buf_init(&out);
    buf_put_u32_be(&out, FRAME_CONTROL_MAX);
    buf_put_u8(&out, FRAME_ACK);
    for (int i = 0; i < FRAME_CONTROL_MAX; i += 2)
        buf_put(&out, "\x78", 2);
    cr_expect_eq(frame_read(out.bytes, out.size, &frame, &need, NULL), ERR_DAMAGED);
    buf_close(&out);
}

/* Reads back the one frame in `out` and closes that. */
static void read_one(struct buf *out, struct frame *frame)
{
    size_t need;
    cr_assert_eq(frame_read(out->bytes, out->size, frame, &need, NULL), (int64_t)out->size);
    buf_close(out);
}

Test(frame, a_refuse_text_has_no_control_characters)
{
    struct buf out;
    struct frame frame;
    buf_init(&out);
    frame_put_refuse(&out, &(struct frame_refuse){.code = REFUSE_GAP,
                                                  .final = false,
                                                  .text = "a\nb\x1b[31m\t\x7f\xc2\x9b"
                                                          "2J 東京 \xc2\xa7"});
    read_one(&out, &frame);
    cr_expect_str_eq(frame.refuse.text, "a?b?[31m??\xc2?2J 東京 \xc2\xa7");
    cr_expect_not(frame.refuse.final);
}

Test(frame, a_long_refuse_text_is_cut_on_either_side)
{
    static char text[4000];
    struct buf out;
    struct frame frame;
    Darkcount__Refuse refuse = DARKCOUNT__REFUSE__INIT;
    memset(text, 'x', sizeof text - 1);
    buf_init(&out);
    struct frame_refuse whole = {.code = REFUSE_BUSY};
    memset(whole.text, 'x', sizeof whole.text);
    frame_put_refuse(&out, &whole);
    cr_expect_lt(out.size, FRAME_TEXT_MAX + 16);
    read_one(&out, &frame);
    cr_expect_eq(strlen(frame.refuse.text), FRAME_TEXT_MAX - 1);
    refuse.text = text;
    cr_expect_gt(read_message(FRAME_REFUSE, &refuse.base, &frame), 0);
    cr_expect_eq(strlen(frame.refuse.text), FRAME_TEXT_MAX - 1);
}

Test(frame, a_refuse_may_say_when_to_come_back_and_that_is_bounded)
{
    struct buf out;
    struct frame frame;
    struct frame_refuse hint = {.code = REFUSE_BUSY, .text = "full", .retry_s = 7};
    Darkcount__Refuse refuse = DARKCOUNT__REFUSE__INIT;
    buf_init(&out);
    frame_put_refuse(&out, &hint);
    read_one(&out, &frame);
    cr_expect_eq(frame.refuse.retry_s, 7);
    refuse.retry_s = UINT32_MAX;
    cr_expect_gt(read_message(FRAME_REFUSE, &refuse.base, &frame), 0);
    cr_expect_eq(frame.refuse.retry_s, FRAME_RETRY_MAX_S);
}

Test(frame, a_refuse_code_of_a_later_version_is_unknown)
{
    static const int codes[] = {-1, REFUSE_CERTIFICATE + 1, 4711, INT32_MAX};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct frame frame;
        Darkcount__Refuse refuse = DARKCOUNT__REFUSE__INIT;
        refuse.code = (Darkcount__Refuse__Code)codes[i];
        cr_expect_gt(read_message(FRAME_REFUSE, &refuse.base, &frame), 0);
        cr_expect_eq(frame.refuse.code, REFUSE_UNKNOWN, "code %d", codes[i]);
    }
}

Test(frame, a_darknet_list_that_no_frame_carries_is_not_sent)
{
    struct buf out;
    struct frame_open open = {.sensor = "s", .darknet = malloc(FRAME_CONTROL_MAX + 1)};
    memset(open.darknet, '1', FRAME_CONTROL_MAX);
    open.darknet[FRAME_CONTROL_MAX] = '\0';
    buf_init(&out);
    cr_expect_eq(frame_put_open(&out, &open), ERR_FULL);
    cr_expect_eq(out.size, 0);
    open.darknet[FRAME_CONTROL_MAX - 100] = '\0';
    cr_expect_eq(frame_put_open(&out, &open), 0);
    struct frame frame;
    read_one(&out, &frame);
    cr_expect_str_eq(frame.open.darknet, open.darknet);
    frame_close(&frame);
    free(open.darknet);
}

/* The worked example of docs/WIRE.md. */
Test(frame, bytes_are_as_described)
{
    static const uint8_t expected[] = {0, 0, 0, 5, 8, 0x12, 3,    0x50, 0x45, 0x4d, 0,
                                       0, 0, 6, 6, 8, 1,    0x12, 2,    0x6e, 0x6f};
    struct frame_join join = {.request = request};
    struct buf out;
    buf_init(&out);
    cr_assert_eq(frame_put_join(&out, &join), 0);
    cr_assert_eq(
        frame_put_refuse(
            &out, &(struct frame_refuse){.code = REFUSE_PROTOCOL, .final = false, .text = "no"}),
        0);
    cr_assert_eq(out.size, sizeof expected);
    cr_assert_arr_eq(out.bytes, expected, sizeof expected);
    buf_close(&out);
}

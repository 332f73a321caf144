#include <criterion/criterion.h>

#include "tests/unit/collector/talk.h"

Test(delivery, happy_path)
{
    struct talk talk;
    talk_begin(&talk, 1, 3);
    talk_send(&talk);
    cr_assert_eq(talk.out.size, 0);
    delivery_connected(&talk.delivery);
    talk_send(&talk);
    cr_assert_eq(talk.out.size, 0, "the aggregator speaks first");
    cr_assert_eq(talk_give_hello(&talk), 0);
    cr_assert_eq(talk.delivery.state, DELIVERY_IDLE);
    talk_send(&talk);
    talk_expect_open(&talk, 1);
    talk_send(&talk);
    cr_assert_eq(talk.out.size, 0, "waits for RESUME");
    cr_assert_eq(talk_give_resume(&talk, 0), 0);
    talk_send(&talk);
    talk_expect_records(&talk, 1, 3);
    cr_assert_eq(talk_give_ack(&talk, 2), 0);
    cr_assert_eq(talk.epochs[0].acked, 2);
    cr_assert_eq(talk_give_ack(&talk, 3), 0);
    cr_assert_eq(talk.delivery.unacked_bytes, 0);
    talk.epochs[0].last = 4;
    talk_send(&talk);
    talk_expect_records(&talk, 4, 4);
    talk_end(&talk);
}

Test(delivery, resumes_in_the_middle)
{
    struct talk talk;
    talk_begin(&talk, 1, 10);
    talk_stream_from(&talk, 7);
    talk_send(&talk);
    talk_expect_records(&talk, 8, 10);
    talk_end(&talk);
}

/* An aggregator that holds more of a capture than the spool has so far: nothing is sent. */
Test(delivery, resumes_behind_the_end)
{
    struct talk talk;
    talk_begin(&talk, 2, 2);
    talk_stream_from(&talk, 9);
    talk_send(&talk);
    talk_expect_open(&talk, 2);
    talk_end(&talk);
}

Test(delivery, epochs_follow_each_other_on_one_connection)
{
    struct talk talk;
    talk_begin(&talk, 3, 2);
    talk_stream_from(&talk, 0);
    for (uint8_t mark = 1; mark <= 3; mark++) {
        talk_send(&talk);
        talk_expect_records(&talk, 1, 2);
        cr_assert_eq(talk_give_ack(&talk, 1), 0);
        talk_send(&talk);
        cr_assert_eq(talk.out.size, 0, "not before all is acknowledged");
        cr_assert_eq(talk_give_ack(&talk, 2), 0);
        talk_send(&talk);
        if (mark == 3)
            break;
        talk_expect_open(&talk, (uint8_t)(mark + 1));
        cr_assert_eq(talk_give_resume(&talk, 0), 0);
    }
    cr_assert_eq(talk.out.size, 0);
    cr_assert_eq(talk.delivery.state, DELIVERY_STREAMING);
    talk_end(&talk);
}

Test(delivery, reconnect_sends_what_is_not_acknowledged)
{
    struct talk talk;
    talk_begin(&talk, 1, 5);
    talk_stream_from(&talk, 0);
    talk_send(&talk);
    talk_expect_records(&talk, 1, 5);
    talk_give_ack(&talk, 2);
    uint8_t torn[3] = {0, 0, 0};
    cr_assert_eq(delivery_input(&talk.delivery, torn, sizeof torn, talk.errmsg), 0);
    delivery_disconnected(&talk.delivery);
    talk_send(&talk);
    cr_assert_eq(talk.out.size, 0);
    talk_stream_from(&talk, 3); /* the acknowledgement of 3 was lost */
    talk_send(&talk);
    talk_expect_records(&talk, 4, 5);
    cr_assert_eq(talk_give_ack(&talk, 5), 0);
    cr_assert_eq(talk.delivery.unacked_bytes, 0);
    talk_end(&talk);
}

Test(delivery, input_may_be_split_anywhere)
{
    struct talk talk;
    for (size_t cut = 1; cut < 64; cut++) {
        struct buf script = {0};
        talk_begin(&talk, 1, 3);
        talk.epochs[0].last = 3;
        delivery_connected(&talk.delivery);
        frame_put_hello(&script);
        cr_assert_eq(delivery_input(&talk.delivery, script.bytes, script.size, talk.errmsg), 0);
        talk_send(&talk);
        talk.out.size = 0;
        script.size = 0;
        frame_put_resume(&script, 0);
        cr_assert_eq(delivery_input(&talk.delivery, script.bytes, script.size, talk.errmsg), 0);
        talk_send(&talk);
        script.size = 0;
        frame_put_ack(&script, 1);
        frame_put_ack(&script, 2);
        frame_put_ack(&script, 3);
        for (size_t at = 0; at < script.size; at += cut) {
            size_t size = script.size - at < cut ? script.size - at : cut;
            cr_assert_eq(delivery_input(&talk.delivery, script.bytes + at, size, talk.errmsg), 0);
        }
        cr_assert_eq(talk.epochs[0].acked, 3, "cut %zu", cut);
        buf_close(&script);
        talk_end(&talk);
    }
}

static void expect_lost(struct talk *talk, uint64_t first, uint64_t last)
{
    struct frame frame;
    uint64_t seq;
    cr_assert(talk_take(talk, &frame, &seq));
    cr_assert_eq(frame.type, FRAME_LOST);
    cr_assert(frame.lost.first == first && frame.lost.last == last);
}

/* More are lost than the window holds: the aggregator is told when nothing is under way, in one frame
 * that takes one acknowledgement, and what comes behind goes on in the same window. */
Test(delivery, lost_records_are_told_when_all_is_acknowledged)
{
    struct talk talk;
    talk_begin(&talk, 1, 150);
    talk.epochs[0].lost_first = 6;
    talk.epochs[0].lost_last = 105;
    talk_stream_from(&talk, 3);
    talk_send(&talk);
    talk_expect_records(&talk, 4, 5);
    talk_send(&talk);
    cr_assert_eq(talk_give_ack(&talk, 4), 0);
    talk_send(&talk);
    cr_assert_eq(talk.out.size, 0);
    cr_assert_eq(talk_give_ack(&talk, 5), 0);
    talk_send(&talk);
    expect_lost(&talk, 6, 105);
    talk_send(&talk);
    talk_expect_records(&talk, 106, 150);
    cr_assert_eq(talk_give_ack(&talk, 105), 0);
    cr_assert_eq(talk.epochs[0].acked, 105);
    cr_assert_eq(talk_give_ack(&talk, 150), 0);
    cr_assert_eq(talk.delivery.unacked_bytes, 0);
    talk_end(&talk);
}

/* The connection broke before the acknowledgement came: it is told again. */
Test(delivery, lost_records_are_told_again_after_a_cut)
{
    struct talk talk;
    talk_begin(&talk, 1, 9);
    talk.epochs[0].lost_first = 2;
    talk.epochs[0].lost_last = 8;
    talk_stream_from(&talk, 1);
    talk_send(&talk);
    expect_lost(&talk, 2, 8);
    delivery_disconnected(&talk.delivery);
    talk_stream_from(&talk, 1);
    talk_send(&talk);
    expect_lost(&talk, 2, 8);
    cr_assert_eq(talk_give_ack(&talk, 8), 0);
    talk_send(&talk);
    talk_expect_records(&talk, 9, 9);
    talk_end(&talk);
}

#include <criterion/criterion.h>

#include "tests/unit/collector/talk.h"

static void expect_join(struct talk *talk)
{
    struct frame frame;
    uint64_t seq;
    cr_assert(talk_take(talk, &frame, &seq));
    cr_assert_eq(frame.type, FRAME_JOIN);
    cr_assert_not(frame.join.secret_given);
    cr_assert_str_eq(frame.join.request, "PEM");
    frame_close(&frame);
    cr_assert_eq(talk->out.size, 0);
}

static void connect_to_renew(struct talk *talk)
{
    delivery_connected(&talk->delivery);
    talk_renew(talk);
    cr_assert_eq(talk_give_hello(talk), 0);
    talk_send(talk);
    expect_join(talk);
    talk_send(talk);
    cr_assert_eq(talk->out.size, 0, "waits for CERTIFICATE");
}

Test(delivery, a_certificate_is_renewed_before_anything_is_opened)
{
    struct talk talk;
    talk_begin(&talk, 1, 3);
    connect_to_renew(&talk);
    cr_assert_eq(talk_give_certificate(&talk), 0);
    cr_assert_eq(talk.certified, 1);
    talk_send(&talk);
    talk_expect_open(&talk, 1);
    cr_assert_eq(talk_give_resume(&talk, 0), 0);
    talk_send(&talk);
    talk_expect_records(&talk, 1, 3);
    talk_end(&talk);
}

Test(delivery, a_refused_renewal_leaves_the_epoch_and_the_next_connection_alone)
{
    struct talk talk;
    talk_begin(&talk, 1, 3);
    connect_to_renew(&talk);
    cr_assert_eq(talk_give_refuse(&talk, true), ERR_REFUSED);
    cr_assert_not(talk.epochs[0].refused);
    delivery_disconnected(&talk.delivery);
    talk_stream_from(&talk, 0);
    talk_end(&talk);
}

Test(delivery, certificates_out_of_turn_and_unwritten_are_errors)
{
    struct talk talk;
    talk_begin(&talk, 1, 3);
    talk_stream_from(&talk, 0);
    cr_assert_eq(talk_give_certificate(&talk), ERR_DAMAGED);
    cr_assert_eq(talk.certified, 0);
    delivery_disconnected(&talk.delivery);
    connect_to_renew(&talk);
    talk.certified_rc = ERR_FULL;
    cr_assert_eq(talk_give_certificate(&talk), ERR_FULL);
    talk_end(&talk);
}

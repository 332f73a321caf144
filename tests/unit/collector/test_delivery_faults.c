#include <criterion/criterion.h>

#include <string.h>

#include "tests/unit/collector/talk.h"

/* Brings the conversation to the given state. */
static void reach(struct talk *talk, enum delivery_state state)
{
    talk_begin(talk, 1, state == DELIVERY_IDLE ? 0 : 2);
    delivery_connected(&talk->delivery);
    if (state == DELIVERY_RENEWING)
        talk_renew(talk);
    if (state >= DELIVERY_IDLE)
        talk_give_hello(talk);
    talk_send(talk);
    if (state >= DELIVERY_STREAMING)
        talk_give_resume(talk, 0);
    talk->out.size = 0;
    cr_assert_eq(talk->delivery.state, state);
}

Test(delivery, refusal_in_each_state)
{
    struct talk talk;
    for (int state = DELIVERY_HELLO; state <= DELIVERY_STREAMING; state++) {
        reach(&talk, (enum delivery_state)state);
        cr_assert_eq(talk_give_refuse(&talk, false), ERR_UNREACHABLE, "state %d", state);
        cr_assert(strstr(talk.errmsg, "counted already"));
        cr_assert_not(talk.epochs[0].refused);
        talk_end(&talk);
        reach(&talk, (enum delivery_state)state);
        cr_assert_eq(talk_give_refuse(&talk, true), ERR_REFUSED, "state %d", state);
        cr_assert_eq(talk.epochs[0].refused, state >= DELIVERY_RESUME, "state %d", state);
        talk_end(&talk);
    }
}

/* After a refusal for good the next connection carries the next epoch. */
Test(delivery, refused_epoch_does_not_stand_in_the_way)
{
    struct talk talk;
    talk_begin(&talk, 2, 2);
    talk_stream_from(&talk, 0);
    cr_assert_eq(talk_give_refuse(&talk, true), ERR_REFUSED);
    delivery_disconnected(&talk.delivery);
    delivery_connected(&talk.delivery);
    talk_give_hello(&talk);
    talk_send(&talk);
    talk_expect_open(&talk, 2);
    talk_end(&talk);
}

Test(delivery, frames_out_of_turn_are_errors)
{
    struct talk talk;
    for (int state = DELIVERY_HELLO; state <= DELIVERY_STREAMING; state++) {
        reach(&talk, (enum delivery_state)state);
        cr_assert_eq(talk_give_hello(&talk), state == DELIVERY_HELLO ? 0 : ERR_DAMAGED);
        talk_end(&talk);
        reach(&talk, (enum delivery_state)state);
        cr_assert_eq(talk_give_certificate(&talk), state == DELIVERY_RENEWING ? 0 : ERR_DAMAGED);
        talk_end(&talk);
        reach(&talk, (enum delivery_state)state);
        cr_assert_eq(talk_give_resume(&talk, 0), state == DELIVERY_RESUME ? 0 : ERR_DAMAGED);
        talk_end(&talk);
        struct frame_open open = {.darknet = (char[]){"198.51.100.0/24"}, .sensor = "tester"};
        struct buf frame = {0};
        frame_put_open(&frame, &open);
        reach(&talk, (enum delivery_state)state);
        cr_assert_eq(talk_give(&talk, &frame), ERR_DAMAGED);
        talk_end(&talk);
    }
}

Test(delivery, wrong_acknowledgements_are_errors)
{
    struct talk talk;
    talk_begin(&talk, 1, 5);
    talk_stream_from(&talk, 1);
    talk_send(&talk);
    cr_assert_eq(talk_give_ack(&talk, 6), ERR_DAMAGED);
    talk_end(&talk);
    talk_begin(&talk, 1, 5);
    talk_stream_from(&talk, 0);
    talk_send(&talk);
    cr_assert_eq(talk_give_ack(&talk, 3), 0);
    cr_assert_eq(talk_give_ack(&talk, 3), 0); /* said again */
    cr_assert_eq(talk_give_ack(&talk, 2), ERR_DAMAGED);
    cr_assert_eq(talk.epochs[0].acked, 3);
    talk_end(&talk);
    talk_begin(&talk, 1, 5);
    delivery_connected(&talk.delivery);
    cr_assert_eq(talk_give_ack(&talk, 0), ERR_DAMAGED);
    talk_end(&talk);
}

/* An acknowledgement that is said twice can cross the OPEN of the next epoch. */
Test(delivery, repeated_acknowledgement_crosses_the_next_open)
{
    struct talk talk;
    talk_begin(&talk, 2, 2);
    delivery_connected(&talk.delivery);
    talk_give_hello(&talk);
    talk_send(&talk);
    cr_assert_eq(talk_give_ack(&talk, 0), ERR_DAMAGED, "nothing was sent on this connection");
    delivery_disconnected(&talk.delivery);
    talk.out.size = 0;
    talk_stream_from(&talk, 0);
    talk_send(&talk);
    talk_expect_records(&talk, 1, 2);
    cr_assert_eq(talk_give_ack(&talk, 2), 0);
    talk_send(&talk);
    talk_expect_open(&talk, 2);
    cr_assert_eq(talk_give_ack(&talk, 2), 0);
    cr_assert_eq(talk_give_ack(&talk, 1), ERR_DAMAGED);
    cr_assert_eq(talk.epochs[1].acked, 0);
    talk_end(&talk);
}

Test(delivery, hello_of_another_protocol)
{
    struct talk talk;
    static const uint8_t hello[] = {0, 0, 0, 2, FRAME_HELLO, 0x08, 2}; /* protocol 2 */
    talk_begin(&talk, 1, 1);
    delivery_connected(&talk.delivery);
    cr_assert_eq(delivery_input(&talk.delivery, hello, sizeof hello, talk.errmsg), ERR_VERSION);
    talk_end(&talk);
}

/* A record is refused by its header, before up to 64 MiB of it would be waited for. */
Test(delivery, record_from_the_aggregator_is_refused_early)
{
    struct talk talk;
    static const uint8_t header[FRAME_HEADER_SIZE] = {3, 0, 0, 0, FRAME_RECORD};
    reach(&talk, DELIVERY_STREAMING);
    cr_assert_eq(delivery_input(&talk.delivery, header, sizeof header, talk.errmsg), ERR_DAMAGED);
    talk_end(&talk);
}

Test(delivery, what_is_no_frame_is_an_error)
{
    struct talk talk;
    static const uint8_t http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    talk_begin(&talk, 1, 1);
    delivery_connected(&talk.delivery);
    cr_assert_eq(delivery_input(&talk.delivery, http, sizeof http - 1, talk.errmsg), ERR_DAMAGED);
    talk_end(&talk);
}

/* Memory that ran out in one connection does not end the next one. */
Test(delivery, connects_again_after_memory_ran_out)
{
    struct talk talk;
    talk_begin(&talk, 1, 2);
    delivery_connected(&talk.delivery);
    talk.delivery.input.failed = true;
    cr_assert_eq(talk_give_hello(&talk), ERR_NOMEM);
    delivery_disconnected(&talk.delivery);
    talk_stream_from(&talk, 0);
    talk_end(&talk);
}

Test(delivery, error_of_the_source_is_passed_on)
{
    struct talk talk;
    talk_begin(&talk, 1, 5);
    talk.resumed_rc = ERR_DAMAGED;
    delivery_connected(&talk.delivery);
    talk_give_hello(&talk);
    talk_send(&talk);
    cr_assert_eq(talk_give_resume(&talk, 3), ERR_DAMAGED);
    cr_assert_str_eq(talk.errmsg, "no");
    talk_end(&talk);
}

#include <criterion/criterion.h>

#include "tests/unit/collector/talk.h"

Test(delivery, window_is_bounded_in_records)
{
    struct talk talk;
    talk_begin(&talk, 1, 150);
    talk_stream_from(&talk, 0);
    talk_send(&talk);
    talk_expect_records(&talk, 1, FRAME_WINDOW);
    talk_send(&talk);
    cr_assert_eq(talk.out.size, 0);
    cr_assert_eq(talk_give_ack(&talk, 10), 0);
    talk_send(&talk);
    talk_expect_records(&talk, FRAME_WINDOW + 1, FRAME_WINDOW + 10);
    cr_assert_eq(talk_give_ack(&talk, FRAME_WINDOW + 10), 0); /* cumulative */
    cr_assert_eq(talk.delivery.unacked_bytes, 0);
    talk_send(&talk);
    talk_expect_records(&talk, FRAME_WINDOW + 11, 2 * FRAME_WINDOW + 10);
    talk_end(&talk);
}

/* Records that each are `merged` sequences: the window closes behind 64 sequences, the last of them in a
 * record that may reach beyond. */
Test(delivery, a_merged_record_is_all_of_its_sequences)
{
    struct talk talk;
    talk_begin(&talk, 1, 3 * RECORD_MERGED_MAX);
    talk.merged = RECORD_MERGED_MAX;
    talk_stream_from(&talk, 0);
    talk_send(&talk);
    cr_assert_eq(talk.delivery.sent, 2 * RECORD_MERGED_MAX);
    cr_assert_eq(talk.delivery.unacked_bytes, 2 * talk.record.size);
    talk.out.size = 0;
    cr_assert_eq(talk_give_ack(&talk, RECORD_MERGED_MAX), 0);
    cr_assert_eq(talk.delivery.unacked_bytes, talk.record.size);
    talk_send(&talk);
    cr_assert_eq(talk.delivery.sent, 3 * RECORD_MERGED_MAX);
    cr_assert_eq(talk_give_ack(&talk, 3 * RECORD_MERGED_MAX), 0);
    cr_assert_eq(talk.delivery.unacked_bytes, 0);
    talk_end(&talk);
}

Test(delivery, window_is_bounded_in_bytes)
{
    struct talk talk;
    talk_begin(&talk, 1, 20);
    talk.payload = (3 << 20) - RECORD_HEADER_SIZE;
    talk_stream_from(&talk, 0);
    talk_send(&talk);
    talk_expect_records(&talk, 1, 3); /* the third passes 8 MiB */
    cr_assert_eq(talk_give_ack(&talk, 1), 0);
    cr_assert_eq(talk.delivery.unacked_bytes, 6 << 20);
    talk_send(&talk);
    talk_expect_records(&talk, 4, 4);
    talk_end(&talk);
}

Test(delivery, record_larger_than_the_window_goes_alone)
{
    struct talk talk;
    talk_begin(&talk, 1, 3);
    talk.payload = DELIVERY_WINDOW_BYTES + 1;
    talk_stream_from(&talk, 0);
    talk_send(&talk);
    talk_expect_records(&talk, 1, 1);
    cr_assert_eq(talk_give_ack(&talk, 1), 0);
    talk_send(&talk);
    talk_expect_records(&talk, 2, 2);
    talk_end(&talk);
}

Test(delivery, output_stops_beyond_most)
{
    struct talk talk;
    talk_begin(&talk, 1, 50);
    talk_stream_from(&talk, 0);
    cr_assert_eq(delivery_output(&talk.delivery, &talk.out, 100, talk.errmsg), 0);
    talk_expect_records(&talk, 1, 2);
    cr_assert_eq(delivery_output(&talk.delivery, &talk.out, 100, talk.errmsg), 0);
    talk_expect_records(&talk, 3, 4);
    talk_end(&talk);
}

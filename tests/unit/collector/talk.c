#include "tests/unit/collector/talk.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/collector/sealed.h"

/* --- the source ------------------------------------------------------------------------------- */

static struct talk_epoch *current(struct talk *talk)
{
    return &talk->epochs[talk->current];
}

static int source_epoch(void *user, struct frame_open *open)
{
    static char darknet[] = "198.51.100.0/24";
    struct talk *talk = user;
    for (size_t i = 0; i < talk->epoch_count; i++) {
        const struct talk_epoch *epoch = &talk->epochs[i];
        if (epoch->refused || epoch->acked >= epoch->last)
            continue;
        talk->current = i;
        *open = (struct frame_open){.darknet = darknet, .sensor = "tester"};
        memcpy(open->epoch, epoch->epoch, EPOCH_SIZE);
        return 1;
    }
    return 0;
}

static int source_read(void *user, uint64_t seq, const uint8_t **sealed, size_t *size, char *why)
{
    struct talk *talk = user;
    const struct talk_epoch *epoch = current(talk);
    (void)why;
    if (seq == epoch->lost_last + 1)
        talk->next_read = seq;
    cr_assert_eq(seq, talk->next_read, "asked for %lu, expected %lu", (unsigned long)seq,
                 (unsigned long)talk->next_read);
    if (seq > epoch->last)
        return 0;
    if (seq >= epoch->lost_first && seq <= epoch->lost_last)
        return DELIVERY_LOST;
    talk->next_read += talk->merged ? talk->merged : 1;
    talk->record.size = 0;
    sealed_put(&talk->record, epoch->epoch, talk->next_read - 1, talk->payload);
    if (talk->merged)
        sealed_merge(talk->record.bytes, talk->record.size, talk->merged);
    *sealed = talk->record.bytes;
    *size = talk->record.size;
    return 1;
}

static uint64_t source_lost(void *user)
{
    return current(user)->lost_last;
}

static int source_resumed(void *user, uint64_t seq, char *why)
{
    struct talk *talk = user;
    current(talk)->acked = seq;
    talk->next_read = seq + 1;
    return talk->resumed_rc ? err_set(why, talk->resumed_rc, "no") : 0;
}

static int source_acked(void *user, uint64_t seq, char *why)
{
    struct talk_epoch *epoch = current(user);
    (void)why;
    cr_assert_geq(seq, epoch->acked);
    cr_assert_leq(seq, epoch->last);
    epoch->acked = seq;
    return 0;
}

static int source_refused(void *user, const struct frame_refuse *refuse, char *why)
{
    (void)refuse;
    (void)why;
    current(user)->refused = true;
    return 0;
}

void talk_begin(struct talk *talk, size_t count, uint64_t last)
{
    const struct delivery_source source = {
        talk, source_epoch, source_read, source_resumed, source_acked, source_refused, source_lost};
    memset(talk, 0, sizeof *talk);
    for (size_t i = 0; i < count; i++) {
        talk->epochs[i].epoch[0] = (uint8_t)(i + 1);
        talk->epochs[i].last = last;
    }
    talk->epoch_count = count;
    talk->payload = 20;
    buf_init(&talk->record);
    buf_init(&talk->out);
    delivery_init(&talk->delivery, &source);
}

void talk_end(struct talk *talk)
{
    delivery_close(&talk->delivery);
    buf_close(&talk->record);
    buf_close(&talk->out);
}

/* --- a renewal -------------------------------------------------------------------------------- */

static int take_certificate(void *user, const struct frame_certificate *certificate, char *why)
{
    struct talk *talk = user;
    cr_assert_str_eq(certificate->certificate, "NEW");
    talk->certified++;
    return talk->certified_rc ? err_set(why, talk->certified_rc, "not written") : 0;
}

void talk_renew(struct talk *talk)
{
    delivery_renew(&talk->delivery, &(struct delivery_renewal){"PEM", take_certificate, talk});
}

/* --- the aggregator gives --------------------------------------------------------------------- */

int talk_give(struct talk *talk, struct buf *frame)
{
    int rc = delivery_input(&talk->delivery, frame->bytes, frame->size, talk->errmsg);
    buf_close(frame);
    return rc;
}

int talk_give_hello(struct talk *talk)
{
    struct buf frame = {0};
    frame_put_hello(&frame);
    return talk_give(talk, &frame);
}

int talk_give_resume(struct talk *talk, uint64_t seq)
{
    struct buf frame = {0};
    frame_put_resume(&frame, seq);
    return talk_give(talk, &frame);
}

int talk_give_ack(struct talk *talk, uint64_t seq)
{
    struct buf frame = {0};
    frame_put_ack(&frame, seq);
    return talk_give(talk, &frame);
}

int talk_give_refuse(struct talk *talk, bool final)
{
    struct buf frame = {0};
    frame_put_refuse(
        &frame,
        &(struct frame_refuse){.code = REFUSE_OVERLAP, .final = final, .text = "counted already"});
    return talk_give(talk, &frame);
}

int talk_give_certificate(struct talk *talk)
{
    const struct frame_certificate certificate = {"tester", (char[]){"198.51.100.0/24"},
                                                  (char[]){"NEW"}, (char[]){"CA"}};
    struct buf frame = {0};
    frame_put_certificate(&frame, &certificate);
    return talk_give(talk, &frame);
}

/* --- what the sensor sent --------------------------------------------------------------------- */

void talk_send(struct talk *talk)
{
    cr_assert_eq(delivery_output(&talk->delivery, &talk->out, SIZE_MAX / 2, talk->errmsg), 0, "%s",
                 talk->errmsg);
}

bool talk_take(struct talk *talk, struct frame *frame, uint64_t *seq)
{
    size_t need;
    int64_t got = frame_read(talk->out.bytes, talk->out.size, frame, &need, talk->errmsg);
    cr_assert_geq(got, 0, "%s", talk->errmsg);
    if (got == 0)
        return false;
    if (frame->type == FRAME_RECORD) {
        struct record_header header;
        cr_assert_eq(record_peek(frame->record.bytes, frame->record.size, &header), 0);
        cr_assert_eq(record_check(frame->record.bytes, frame->record.size), 0);
        *seq = header.seq;
        frame->record.bytes = NULL; /* gone with the next line */
    }
    buf_consume(&talk->out, (size_t)got);
    return true;
}

void talk_expect_records(struct talk *talk, uint64_t first, uint64_t last)
{
    struct frame frame;
    uint64_t seq;
    for (uint64_t want = first; want <= last; want++) {
        cr_assert(talk_take(talk, &frame, &seq), "record %lu is missing", (unsigned long)want);
        cr_assert_eq(frame.type, FRAME_RECORD);
        cr_assert_eq(seq, want);
    }
    cr_assert_eq(talk->out.size, 0);
}

void talk_expect_open(struct talk *talk, uint8_t mark)
{
    struct frame frame;
    uint64_t seq;
    cr_assert(talk_take(talk, &frame, &seq));
    cr_assert_eq(frame.type, FRAME_OPEN);
    cr_assert_eq(frame.open.epoch[0], mark);
    cr_assert_str_eq(frame.open.sensor, "tester");
    frame_close(&frame);
    cr_assert_eq(talk->out.size, 0);
}

void talk_stream_from(struct talk *talk, uint64_t seq)
{
    delivery_connected(&talk->delivery);
    cr_assert_eq(talk_give_hello(talk), 0);
    talk_send(talk);
    talk_expect_open(talk, 1);
    cr_assert_eq(talk_give_resume(talk, seq), 0);
    cr_assert_eq(talk->delivery.state, DELIVERY_STREAMING);
}

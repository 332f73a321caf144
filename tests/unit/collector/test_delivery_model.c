#include <criterion/criterion.h>

#include "tests/unit/collector/sealed.h"
#include "tests/unit/collector/talk.h"
#include "tests/unit/common/random.h"

#define MOST 200 /* records of an epoch */

/* An aggregator: stores by epoch and sequence what it gets over a connection that is cut anywhere. */
struct model {
    struct talk *talk;
    uint64_t held[TALK_EPOCHS]; /* records stored of each epoch, in order */
    size_t open;                /* epoch of the connection; TALK_EPOCHS for none */
    struct buf in, back;        /* arrived; to be sent */
    unsigned duplicates;
};

static void model_take(struct model *model, struct frame *frame)
{
    if (frame->type == FRAME_OPEN) {
        model->open = frame->open.epoch[0] - 1u;
        frame_put_resume(&model->back, model->held[model->open]);
        return;
    }
    struct record_header header;
    cr_assert_eq(frame->type, FRAME_RECORD);
    cr_assert_lt(model->open, TALK_EPOCHS);
    cr_assert_eq(record_peek(frame->record.bytes, frame->record.size, &header), 0);
    cr_assert(sealed_is(frame->record.bytes, frame->record.size,
                        model->talk->epochs[model->open].epoch, header.seq));
    cr_assert_leq(header.seq, model->held[model->open] + 1, "a gap");
    if (header.seq == model->held[model->open] + 1)
        model->held[model->open]++;
    else
        model->duplicates++;
}

static void model_input(struct model *model, const uint8_t *bytes, size_t size, uint64_t *state)
{
    buf_put(&model->in, bytes, size);
    struct frame frame;
    char errmsg[ERRMSG_SIZE];
    size_t need;
    int64_t got;
    while ((got = frame_read(model->in.bytes, model->in.size, &frame, &need, errmsg)) > 0) {
        model_take(model, &frame);
        frame_close(&frame);
        buf_consume(&model->in, (size_t)got);
        if (frame.type == FRAME_RECORD && random_below(state, 4) == 0)
            frame_put_ack(&model->back, model->held[model->open]);
    }
    cr_assert_geq(got, 0);
    /* In the end everything is acknowledged. */
    if (model->in.size == 0 && model->open < TALK_EPOCHS)
        frame_put_ack(&model->back, model->held[model->open]);
}

static void model_connect(struct model *model)
{
    model->in.size = model->back.size = model->talk->out.size = 0;
    model->open = TALK_EPOCHS;
    delivery_disconnected(&model->talk->delivery);
    delivery_connected(&model->talk->delivery);
    frame_put_hello(&model->back);
}

static bool all_delivered(const struct talk *talk)
{
    for (size_t i = 0; i < talk->epoch_count; i++)
        if (talk->epochs[i].acked < talk->epochs[i].last)
            return false;
    return true;
}

/* Moves a random part of what waits in either direction. */
static void exchange(struct model *model, uint64_t *state)
{
    struct talk *talk = model->talk;
    struct buf *out = &talk->out, *back = &model->back;
    cr_assert_eq(delivery_output(&talk->delivery, out, 500, talk->errmsg), 0, "%s", talk->errmsg);
    size_t size = out->size ? 1 + random_below(state, out->size) : 0;
    if (size) {
        model_input(model, out->bytes, size, state);
        buf_consume(out, size);
    }
    size = back->size ? 1 + random_below(state, back->size) : 0;
    if (size) {
        cr_assert_eq(delivery_input(&talk->delivery, back->bytes, size, talk->errmsg), 0, "%s",
                     talk->errmsg);
        buf_consume(back, size);
    }
}

Test(delivery, every_record_arrives_once_whatever_is_cut)
{
    struct talk talk;
    uint64_t state = 42;
    for (int round = 0; round < 100; round++) {
        struct model model = {.talk = &talk, .open = TALK_EPOCHS};
        talk_begin(&talk, TALK_EPOCHS, 0);
        for (size_t i = 0; i < TALK_EPOCHS; i++)
            talk.epochs[i].last = random_below(&state, MOST);
        model_connect(&model);
        for (int step = 0; !all_delivered(&talk); step++) {
            cr_assert_lt(step, 100000, "round %d does not end", round);
            if (random_below(&state, 40) == 0)
                model_connect(&model);
            if (random_below(&state, 100) == 0) /* the capture goes on */
                talk.epochs[random_below(&state, TALK_EPOCHS)].last++;
            exchange(&model, &state);
        }
        for (size_t i = 0; i < TALK_EPOCHS; i++)
            cr_assert_eq(model.held[i], talk.epochs[i].last);
        cr_assert_eq(model.duplicates, 0, "it resumes where the aggregator stands");
        buf_close(&model.in);
        buf_close(&model.back);
        talk_end(&talk);
    }
}

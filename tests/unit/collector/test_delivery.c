#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "collector/delivery.h"
#include "common/err.h"
#include "tests/unit/collector/sealed.h"

#define EPOCHS 3
#define MOST   200 /* records of an epoch */

/* A source in memory, in the place of the spool. */
struct held {
    uint8_t epoch[EPOCH_SIZE];
    uint64_t last, acked;           /* records it has; acknowledged as far as it was told */
    uint64_t lost_first, lost_last; /* these cannot be read any more; 0, 0: all can */
    bool refused;
};

static struct held epochs[EPOCHS];
static size_t epoch_count, current, payload;
static unsigned merged;    /* sequences that a record is of; 0: one */
static uint64_t next_read; /* reads must ascend by one */
static unsigned resumes;
static int resumed_rc;
static struct buf record, out;
static struct delivery delivery;
static char errmsg[ERRMSG_SIZE];

static int source_epoch(void *user, struct frame_open *open)
{
    static char darknet[] = "198.51.100.0/24";
    (void)user;
    for (size_t i = 0; i < epoch_count; i++) {
        if (epochs[i].refused || epochs[i].acked >= epochs[i].last)
            continue;
        current = i;
        *open = (struct frame_open){.darknet = darknet, .sensor = "tester"};
        memcpy(open->epoch, epochs[i].epoch, EPOCH_SIZE);
        return 1;
    }
    return 0;
}

static int source_read(void *user, uint64_t seq, const uint8_t **sealed, size_t *size, char *why)
{
    (void)user;
    (void)why;
    if (seq == epochs[current].lost_last + 1)
        next_read = seq;
    cr_assert_eq(seq, next_read, "asked for %lu, expected %lu", (unsigned long)seq,
                 (unsigned long)next_read);
    if (seq > epochs[current].last)
        return 0;
    if (seq >= epochs[current].lost_first && seq <= epochs[current].lost_last)
        return DELIVERY_LOST;
    next_read += merged ? merged : 1;
    record.size = 0;
    sealed_put(&record, epochs[current].epoch, next_read - 1, payload);
    if (merged)
        sealed_merge(record.bytes, record.size, merged);
    *sealed = record.bytes;
    *size = record.size;
    return 1;
}

static uint64_t source_lost(void *user)
{
    (void)user;
    return epochs[current].lost_last;
}

static int source_resumed(void *user, uint64_t seq, char *why)
{
    (void)user;
    resumes++;
    epochs[current].acked = seq;
    next_read = seq + 1;
    return resumed_rc ? err_set(why, resumed_rc, "no") : 0;
}

static int source_acked(void *user, uint64_t seq, char *why)
{
    (void)user;
    (void)why;
    cr_assert_geq(seq, epochs[current].acked);
    cr_assert_leq(seq, epochs[current].last);
    epochs[current].acked = seq;
    return 0;
}

static int source_refused(void *user, const struct frame_refuse *refuse, char *why)
{
    (void)user;
    (void)refuse;
    (void)why;
    epochs[current].refused = true;
    return 0;
}

static void begin(size_t count, uint64_t last)
{
    struct delivery_source source = {NULL,         source_epoch,   source_read, source_resumed,
                                     source_acked, source_refused, source_lost};
    memset(epochs, 0, sizeof epochs);
    for (size_t i = 0; i < count; i++) {
        epochs[i].epoch[0] = (uint8_t)(i + 1);
        epochs[i].last = last;
    }
    epoch_count = count;
    payload = 20;
    merged = 0;
    resumes = 0;
    resumed_rc = 0;
    buf_init(&record);
    buf_init(&out);
    delivery_init(&delivery, &source);
}

static void end(void)
{
    delivery_close(&delivery);
    buf_close(&record);
    buf_close(&out);
}

/* Hands a frame over and returns what delivery_input says. */
static int give(struct buf *frame)
{
    int rc = delivery_input(&delivery, frame->bytes, frame->size, errmsg);
    buf_close(frame);
    return rc;
}

static int give_hello(void)
{
    struct buf frame = {0};
    frame_put_hello(&frame);
    return give(&frame);
}

static int give_resume(uint64_t seq)
{
    struct buf frame = {0};
    frame_put_resume(&frame, seq);
    return give(&frame);
}

static int give_ack(uint64_t seq)
{
    struct buf frame = {0};
    frame_put_ack(&frame, seq);
    return give(&frame);
}

static int give_refuse(bool final)
{
    struct buf frame = {0};
    frame_put_refuse(
        &frame,
        &(struct frame_refuse){.code = REFUSE_OVERLAP, .final = final, .text = "counted already"});
    return give(&frame);
}

static void send_all(void)
{
    cr_assert_eq(delivery_output(&delivery, &out, SIZE_MAX / 2, errmsg), 0, "%s", errmsg);
}

/* The next frame that the sensor sent, taken out of `out`; false when there is none. */
static bool take(struct frame *frame, uint64_t *seq)
{
    size_t need;
    int64_t got = frame_read(out.bytes, out.size, frame, &need, errmsg);
    cr_assert_geq(got, 0, "%s", errmsg);
    if (got == 0)
        return false;
    if (frame->type == FRAME_RECORD) {
        struct record_header header;
        cr_assert_eq(record_peek(frame->record.bytes, frame->record.size, &header), 0);
        cr_assert_eq(record_check(frame->record.bytes, frame->record.size), 0);
        *seq = header.seq;
        frame->record.bytes = NULL; /* gone with the next line */
    }
    buf_consume(&out, (size_t)got);
    return true;
}

/* Expects records first..last and nothing behind them. */
static void expect_records(uint64_t first, uint64_t last)
{
    struct frame frame;
    uint64_t seq;
    for (uint64_t want = first; want <= last; want++) {
        cr_assert(take(&frame, &seq), "record %lu is missing", (unsigned long)want);
        cr_assert_eq(frame.type, FRAME_RECORD);
        cr_assert_eq(seq, want);
    }
    cr_assert_eq(out.size, 0);
}

static void expect_open(uint8_t mark)
{
    struct frame frame;
    uint64_t seq;
    cr_assert(take(&frame, &seq));
    cr_assert_eq(frame.type, FRAME_OPEN);
    cr_assert_eq(frame.open.epoch[0], mark);
    cr_assert_str_eq(frame.open.sensor, "tester");
    frame_close(&frame);
    cr_assert_eq(out.size, 0);
}

/* Connects and has the first epoch resumed. */
static void stream_from(uint64_t seq)
{
    delivery_connected(&delivery);
    cr_assert_eq(give_hello(), 0);
    send_all();
    expect_open(1);
    cr_assert_eq(give_resume(seq), 0);
    cr_assert_eq(delivery.state, DELIVERY_STREAMING);
}

Test(delivery, happy_path)
{
    begin(1, 3);
    send_all();
    cr_assert_eq(out.size, 0);
    delivery_connected(&delivery);
    send_all();
    cr_assert_eq(out.size, 0, "the aggregator speaks first");
    cr_assert_eq(give_hello(), 0);
    cr_assert_eq(delivery.state, DELIVERY_IDLE);
    send_all();
    expect_open(1);
    send_all();
    cr_assert_eq(out.size, 0, "waits for RESUME");
    cr_assert_eq(give_resume(0), 0);
    send_all();
    expect_records(1, 3);
    cr_assert_eq(give_ack(2), 0);
    cr_assert_eq(epochs[0].acked, 2);
    cr_assert_eq(give_ack(3), 0);
    cr_assert_eq(delivery.unacked_bytes, 0);
    epochs[0].last = 4;
    send_all();
    expect_records(4, 4);
    end();
}

static unsigned certified;
static int certified_rc;

static int take_certificate(void *user, const struct frame_certificate *certificate, char *why)
{
    (void)user;
    cr_assert_str_eq(certificate->certificate, "NEW");
    certified++;
    return certified_rc ? err_set(why, certified_rc, "not written") : 0;
}

static const struct delivery_renewal renewal = {"PEM", take_certificate, NULL};

static int give_certificate(void)
{
    const struct frame_certificate certificate = {"tester", (char[]){"198.51.100.0/24"},
                                                  (char[]){"NEW"}, (char[]){"CA"}};
    struct buf frame = {0};
    frame_put_certificate(&frame, &certificate);
    return give(&frame);
}

static void expect_join(void)
{
    struct frame frame;
    uint64_t seq;
    cr_assert(take(&frame, &seq));
    cr_assert_eq(frame.type, FRAME_JOIN);
    cr_assert_not(frame.join.secret_given);
    cr_assert_str_eq(frame.join.request, "PEM");
    frame_close(&frame);
    cr_assert_eq(out.size, 0);
}

static void connect_to_renew(void)
{
    delivery_connected(&delivery);
    delivery_renew(&delivery, &renewal);
    cr_assert_eq(give_hello(), 0);
    send_all();
    expect_join();
    send_all();
    cr_assert_eq(out.size, 0, "waits for CERTIFICATE");
}

Test(delivery, a_certificate_is_renewed_before_anything_is_opened)
{
    begin(1, 3);
    connect_to_renew();
    cr_assert_eq(give_certificate(), 0);
    cr_assert_eq(certified, 1);
    send_all();
    expect_open(1);
    cr_assert_eq(give_resume(0), 0);
    send_all();
    expect_records(1, 3);
    end();
}

Test(delivery, a_refused_renewal_leaves_the_epoch_and_the_next_connection_alone)
{
    begin(1, 3);
    connect_to_renew();
    cr_assert_eq(give_refuse(true), ERR_REFUSED);
    cr_assert_not(epochs[0].refused);
    delivery_disconnected(&delivery);
    stream_from(0);
    end();
}

Test(delivery, certificates_out_of_turn_and_unwritten_are_errors)
{
    begin(1, 3);
    stream_from(0);
    cr_assert_eq(give_certificate(), ERR_DAMAGED);
    cr_assert_eq(certified, 0);
    delivery_disconnected(&delivery);
    connect_to_renew();
    certified_rc = ERR_FULL;
    cr_assert_eq(give_certificate(), ERR_FULL);
    end();
}

Test(delivery, resumes_in_the_middle)
{
    begin(1, 10);
    stream_from(7);
    send_all();
    expect_records(8, 10);
    end();
}

static void expect_lost(uint64_t first, uint64_t last)
{
    struct frame frame;
    uint64_t seq;
    cr_assert(take(&frame, &seq));
    cr_assert_eq(frame.type, FRAME_LOST);
    cr_assert(frame.lost.first == first && frame.lost.last == last);
}

/* More are lost than the window holds: the aggregator is told when nothing is under way, in one frame
 * that takes one acknowledgement, and what comes behind goes on in the same window. */
Test(delivery, lost_records_are_told_when_all_is_acknowledged)
{
    begin(1, 150);
    epochs[0].lost_first = 6;
    epochs[0].lost_last = 105;
    stream_from(3);
    send_all();
    expect_records(4, 5);
    send_all();
    cr_assert_eq(give_ack(4), 0);
    send_all();
    cr_assert_eq(out.size, 0);
    cr_assert_eq(give_ack(5), 0);
    send_all();
    expect_lost(6, 105);
    send_all();
    expect_records(106, 150);
    cr_assert_eq(give_ack(105), 0);
    cr_assert_eq(epochs[0].acked, 105);
    cr_assert_eq(give_ack(150), 0);
    cr_assert_eq(delivery.unacked_bytes, 0);
    end();
}

/* The connection broke before the acknowledgement came: it is told again. */
Test(delivery, lost_records_are_told_again_after_a_cut)
{
    begin(1, 9);
    epochs[0].lost_first = 2;
    epochs[0].lost_last = 8;
    stream_from(1);
    send_all();
    expect_lost(2, 8);
    delivery_disconnected(&delivery);
    stream_from(1);
    send_all();
    expect_lost(2, 8);
    cr_assert_eq(give_ack(8), 0);
    send_all();
    expect_records(9, 9);
    end();
}

/* An aggregator that holds more of a capture than the spool has so far: nothing is sent. */
Test(delivery, resumes_behind_the_end)
{
    begin(2, 2);
    stream_from(9);
    send_all();
    expect_open(2);
    end();
}

Test(delivery, input_may_be_split_anywhere)
{
    for (size_t cut = 1; cut < 64; cut++) {
        struct buf script = {0};
        begin(1, 3);
        epochs[0].last = 3;
        delivery_connected(&delivery);
        frame_put_hello(&script);
        cr_assert_eq(delivery_input(&delivery, script.bytes, script.size, errmsg), 0);
        send_all();
        out.size = 0;
        script.size = 0;
        frame_put_resume(&script, 0);
        cr_assert_eq(delivery_input(&delivery, script.bytes, script.size, errmsg), 0);
        send_all();
        script.size = 0;
        frame_put_ack(&script, 1);
        frame_put_ack(&script, 2);
        frame_put_ack(&script, 3);
        for (size_t at = 0; at < script.size; at += cut) {
            size_t size = script.size - at < cut ? script.size - at : cut;
            cr_assert_eq(delivery_input(&delivery, script.bytes + at, size, errmsg), 0);
        }
        cr_assert_eq(epochs[0].acked, 3, "cut %zu", cut);
        buf_close(&script);
        end();
    }
}

Test(delivery, window_is_bounded_in_records)
{
    begin(1, 150);
    stream_from(0);
    send_all();
    expect_records(1, FRAME_WINDOW);
    send_all();
    cr_assert_eq(out.size, 0);
    cr_assert_eq(give_ack(10), 0);
    send_all();
    expect_records(FRAME_WINDOW + 1, FRAME_WINDOW + 10);
    cr_assert_eq(give_ack(FRAME_WINDOW + 10), 0); /* cumulative */
    cr_assert_eq(delivery.unacked_bytes, 0);
    send_all();
    expect_records(FRAME_WINDOW + 11, 2 * FRAME_WINDOW + 10);
    end();
}

/* Records that each are `merged` sequences: the window closes behind 64 sequences, the last of them in a
 * record that may reach beyond. */
Test(delivery, a_merged_record_is_all_of_its_sequences)
{
    begin(1, 3 * RECORD_MERGED_MAX);
    merged = RECORD_MERGED_MAX;
    stream_from(0);
    send_all();
    cr_assert_eq(delivery.sent, 2 * RECORD_MERGED_MAX);
    cr_assert_eq(delivery.unacked_bytes, 2 * record.size);
    out.size = 0;
    cr_assert_eq(give_ack(RECORD_MERGED_MAX), 0);
    cr_assert_eq(delivery.unacked_bytes, record.size);
    send_all();
    cr_assert_eq(delivery.sent, 3 * RECORD_MERGED_MAX);
    cr_assert_eq(give_ack(3 * RECORD_MERGED_MAX), 0);
    cr_assert_eq(delivery.unacked_bytes, 0);
    end();
}

Test(delivery, window_is_bounded_in_bytes)
{
    begin(1, 20);
    payload = (3 << 20) - RECORD_HEADER_SIZE;
    stream_from(0);
    send_all();
    expect_records(1, 3); /* the third passes 8 MiB */
    cr_assert_eq(give_ack(1), 0);
    cr_assert_eq(delivery.unacked_bytes, 6 << 20);
    send_all();
    expect_records(4, 4);
    end();
}

Test(delivery, record_larger_than_the_window_goes_alone)
{
    begin(1, 3);
    payload = DELIVERY_WINDOW_BYTES + 1;
    stream_from(0);
    send_all();
    expect_records(1, 1);
    cr_assert_eq(give_ack(1), 0);
    send_all();
    expect_records(2, 2);
    end();
}

Test(delivery, output_stops_beyond_most)
{
    begin(1, 50);
    stream_from(0);
    cr_assert_eq(delivery_output(&delivery, &out, 100, errmsg), 0);
    expect_records(1, 2);
    cr_assert_eq(delivery_output(&delivery, &out, 100, errmsg), 0);
    expect_records(3, 4);
    end();
}

Test(delivery, wrong_acknowledgements_are_errors)
{
    begin(1, 5);
    stream_from(1);
    send_all();
    cr_assert_eq(give_ack(6), ERR_DAMAGED);
    end();
    begin(1, 5);
    stream_from(0);
    send_all();
    cr_assert_eq(give_ack(3), 0);
    cr_assert_eq(give_ack(3), 0); /* said again */
    cr_assert_eq(give_ack(2), ERR_DAMAGED);
    cr_assert_eq(epochs[0].acked, 3);
    end();
    begin(1, 5);
    delivery_connected(&delivery);
    cr_assert_eq(give_ack(0), ERR_DAMAGED);
    end();
}

/* Brings the conversation to the given state. */
static void reach(enum delivery_state state)
{
    begin(1, state == DELIVERY_IDLE ? 0 : 2);
    delivery_connected(&delivery);
    if (state == DELIVERY_RENEWING)
        delivery_renew(&delivery, &renewal);
    if (state >= DELIVERY_IDLE)
        give_hello();
    send_all();
    if (state >= DELIVERY_STREAMING)
        give_resume(0);
    out.size = 0;
    cr_assert_eq(delivery.state, state);
}

/* An acknowledgement that is said twice can cross the OPEN of the next epoch. */
Test(delivery, repeated_acknowledgement_crosses_the_next_open)
{
    begin(2, 2);
    delivery_connected(&delivery);
    give_hello();
    send_all();
    cr_assert_eq(give_ack(0), ERR_DAMAGED, "nothing was sent on this connection");
    delivery_disconnected(&delivery);
    out.size = 0;
    stream_from(0);
    send_all();
    expect_records(1, 2);
    cr_assert_eq(give_ack(2), 0);
    send_all();
    expect_open(2);
    cr_assert_eq(give_ack(2), 0);
    cr_assert_eq(give_ack(1), ERR_DAMAGED);
    cr_assert_eq(epochs[1].acked, 0);
    end();
}

Test(delivery, refusal_in_each_state)
{
    for (int state = DELIVERY_HELLO; state <= DELIVERY_STREAMING; state++) {
        reach((enum delivery_state)state);
        cr_assert_eq(give_refuse(false), ERR_UNREACHABLE, "state %d", state);
        cr_assert(strstr(errmsg, "counted already"));
        cr_assert_not(epochs[0].refused);
        end();
        reach((enum delivery_state)state);
        cr_assert_eq(give_refuse(true), ERR_REFUSED, "state %d", state);
        cr_assert_eq(epochs[0].refused, state >= DELIVERY_RESUME, "state %d", state);
        end();
    }
}

/* After a refusal for good the next connection carries the next epoch. */
Test(delivery, refused_epoch_does_not_stand_in_the_way)
{
    begin(2, 2);
    stream_from(0);
    cr_assert_eq(give_refuse(true), ERR_REFUSED);
    delivery_disconnected(&delivery);
    delivery_connected(&delivery);
    give_hello();
    send_all();
    expect_open(2);
    end();
}

Test(delivery, frames_out_of_turn_are_errors)
{
    for (int state = DELIVERY_HELLO; state <= DELIVERY_STREAMING; state++) {
        reach((enum delivery_state)state);
        cr_assert_eq(give_hello(), state == DELIVERY_HELLO ? 0 : ERR_DAMAGED);
        end();
        reach((enum delivery_state)state);
        cr_assert_eq(give_certificate(), state == DELIVERY_RENEWING ? 0 : ERR_DAMAGED);
        end();
        reach((enum delivery_state)state);
        cr_assert_eq(give_resume(0), state == DELIVERY_RESUME ? 0 : ERR_DAMAGED);
        end();
        struct frame_open open = {.darknet = (char[]){"198.51.100.0/24"}, .sensor = "tester"};
        struct buf frame = {0};
        frame_put_open(&frame, &open);
        reach((enum delivery_state)state);
        cr_assert_eq(give(&frame), ERR_DAMAGED);
        end();
    }
}

Test(delivery, hello_of_another_protocol)
{
    static const uint8_t hello[] = {0, 0, 0, 2, FRAME_HELLO, 0x08, 2}; /* protocol 2 */
    begin(1, 1);
    delivery_connected(&delivery);
    cr_assert_eq(delivery_input(&delivery, hello, sizeof hello, errmsg), ERR_VERSION);
    end();
}

/* A record is refused by its header, before up to 64 MiB of it would be waited for. */
Test(delivery, record_from_the_aggregator_is_refused_early)
{
    static const uint8_t header[FRAME_HEADER_SIZE] = {3, 0, 0, 0, FRAME_RECORD};
    reach(DELIVERY_STREAMING);
    cr_assert_eq(delivery_input(&delivery, header, sizeof header, errmsg), ERR_DAMAGED);
    end();
}

Test(delivery, what_is_no_frame_is_an_error)
{
    static const uint8_t http[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    begin(1, 1);
    delivery_connected(&delivery);
    cr_assert_eq(delivery_input(&delivery, http, sizeof http - 1, errmsg), ERR_DAMAGED);
    end();
}

Test(delivery, epochs_follow_each_other_on_one_connection)
{
    begin(3, 2);
    stream_from(0);
    for (uint8_t mark = 1; mark <= 3; mark++) {
        send_all();
        expect_records(1, 2);
        cr_assert_eq(give_ack(1), 0);
        send_all();
        cr_assert_eq(out.size, 0, "not before all is acknowledged");
        cr_assert_eq(give_ack(2), 0);
        send_all();
        if (mark == 3)
            break;
        expect_open((uint8_t)(mark + 1));
        cr_assert_eq(give_resume(0), 0);
    }
    cr_assert_eq(out.size, 0);
    cr_assert_eq(delivery.state, DELIVERY_STREAMING);
    end();
}

Test(delivery, reconnect_sends_what_is_not_acknowledged)
{
    begin(1, 5);
    stream_from(0);
    send_all();
    expect_records(1, 5);
    give_ack(2);
    uint8_t torn[3] = {0, 0, 0};
    cr_assert_eq(delivery_input(&delivery, torn, sizeof torn, errmsg), 0);
    delivery_disconnected(&delivery);
    send_all();
    cr_assert_eq(out.size, 0);
    stream_from(3); /* the acknowledgement of 3 was lost */
    send_all();
    expect_records(4, 5);
    cr_assert_eq(give_ack(5), 0);
    cr_assert_eq(delivery.unacked_bytes, 0);
    end();
}

/* Memory that ran out in one connection does not end the next one. */
Test(delivery, connects_again_after_memory_ran_out)
{
    begin(1, 2);
    delivery_connected(&delivery);
    delivery.input.failed = true;
    cr_assert_eq(give_hello(), ERR_NOMEM);
    delivery_disconnected(&delivery);
    stream_from(0);
    end();
}

Test(delivery, error_of_the_source_is_passed_on)
{
    begin(1, 5);
    resumed_rc = ERR_DAMAGED;
    delivery_connected(&delivery);
    give_hello();
    send_all();
    cr_assert_eq(give_resume(3), ERR_DAMAGED);
    cr_assert_str_eq(errmsg, "no");
    end();
}

/* --- against a model of an aggregator --------------------------------------------------------- */

/* Stores by epoch and sequence what it gets over a connection that is cut anywhere. */
struct model {
    uint64_t held[EPOCHS]; /* records stored of each epoch, in order */
    size_t open;           /* epoch of the connection; EPOCHS for none */
    struct buf in, back;   /* arrived; to be sent */
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
    cr_assert_lt(model->open, EPOCHS);
    cr_assert_eq(record_peek(frame->record.bytes, frame->record.size, &header), 0);
    cr_assert(
        sealed_is(frame->record.bytes, frame->record.size, epochs[model->open].epoch, header.seq));
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
    if (model->in.size == 0 && model->open < EPOCHS) /* in the end everything is acknowledged */
        frame_put_ack(&model->back, model->held[model->open]);
}

static void model_connect(struct model *model)
{
    model->in.size = model->back.size = out.size = 0;
    model->open = EPOCHS;
    delivery_disconnected(&delivery);
    delivery_connected(&delivery);
    frame_put_hello(&model->back);
}

static bool all_delivered(void)
{
    for (size_t i = 0; i < epoch_count; i++)
        if (epochs[i].acked < epochs[i].last)
            return false;
    return true;
}

/* Moves a random part of what waits in either direction. */
static void exchange(struct model *model, uint64_t *state)
{
    cr_assert_eq(delivery_output(&delivery, &out, 500, errmsg), 0, "%s", errmsg);
    size_t size = out.size ? 1 + random_below(state, out.size) : 0;
    if (size) {
        model_input(model, out.bytes, size, state);
        buf_consume(&out, size);
    }
    size = model->back.size ? 1 + random_below(state, model->back.size) : 0;
    if (size) {
        cr_assert_eq(delivery_input(&delivery, model->back.bytes, size, errmsg), 0, "%s", errmsg);
        buf_consume(&model->back, size);
    }
}

Test(delivery, every_record_arrives_once_whatever_is_cut)
{
    uint64_t state = 42;
    for (int round = 0; round < 100; round++) {
        struct model model = {.open = EPOCHS};
        begin(EPOCHS, 0);
        for (size_t i = 0; i < EPOCHS; i++)
            epochs[i].last = random_below(&state, MOST);
        model_connect(&model);
        for (int step = 0; !all_delivered(); step++) {
            cr_assert_lt(step, 100000, "round %d does not end", round);
            if (random_below(&state, 40) == 0)
                model_connect(&model);
            if (random_below(&state, 100) == 0) /* the capture goes on */
                epochs[random_below(&state, EPOCHS)].last++;
            exchange(&model, &state);
        }
        for (size_t i = 0; i < EPOCHS; i++)
            cr_assert_eq(model.held[i], epochs[i].last);
        cr_assert_eq(model.duplicates, 0, "it resumes where the aggregator stands");
        buf_close(&model.in);
        buf_close(&model.back);
        end();
    }
}

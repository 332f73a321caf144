#include "collector/delivery.h"

#include <inttypes.h>
#include <string.h>

#include "common/err.h"

void delivery_init(struct delivery *delivery, const struct delivery_source *source)
{
    *delivery = (struct delivery){.source = *source};
    buf_init(&delivery->input);
}

void delivery_close(struct delivery *delivery)
{
    buf_close(&delivery->input);
}

void delivery_connected(struct delivery *delivery)
{
    delivery->state = DELIVERY_HELLO;
    delivery->sent = delivery->acked = 0;
    delivery->retry_s = 0;
    delivery->renewal = (struct delivery_renewal){0};
    buf_close(&delivery->input); /* a buffer that ran out of memory stays failed */
}

void delivery_renew(struct delivery *delivery, const struct delivery_renewal *renewal)
{
    delivery->renewal = *renewal;
}

void delivery_disconnected(struct delivery *delivery)
{
    delivery->state = DELIVERY_OFFLINE;
}

/* --- what the aggregator says ----------------------------------------------------------------- */

static int on_hello(struct delivery *delivery, const struct frame *frame, char *errmsg)
{
    if (delivery->state != DELIVERY_HELLO)
        return err_set(errmsg, ERR_DAMAGED, "aggregator: HELLO out of turn");
    if (frame->protocol != FRAME_PROTOCOL)
        return err_set(errmsg, ERR_VERSION,
                       "aggregator: speaks protocol %u, this sensor %d: update the "
                       "older one",
                       frame->protocol, FRAME_PROTOCOL);
    delivery->state = DELIVERY_IDLE;
    return 0;
}

static int on_resume(struct delivery *delivery, const struct frame *frame, char *errmsg)
{
    if (delivery->state != DELIVERY_RESUME)
        return err_set(errmsg, ERR_DAMAGED, "aggregator: RESUME out of turn");
    delivery->state = DELIVERY_STREAMING;
    delivery->sent = delivery->acked = frame->seq;
    delivery->unacked_bytes = 0;
    return delivery->source.resumed(delivery->source.user, frame->seq, errmsg);
}

static int on_ack(struct delivery *delivery, const struct frame *frame, char *errmsg)
{
    /* An aggregator that got a record twice says its last word twice; by then OPEN may be sent. */
    if (delivery->state == DELIVERY_RESUME && delivery->sent > 0 && frame->seq == delivery->acked)
        return 0;
    if (delivery->state != DELIVERY_STREAMING || frame->seq > delivery->sent ||
        frame->seq < delivery->acked)
        return err_set(errmsg, ERR_DAMAGED,
                       "aggregator: acknowledges record %" PRIu64 ", sent are %" PRIu64, frame->seq,
                       delivery->sent);
    while (delivery->acked < frame->seq)
        delivery->unacked_bytes -= delivery->sizes[++delivery->acked % DELIVERY_SIZES];
    return delivery->source.acked(delivery->source.user, frame->seq, errmsg);
}

static int on_certificate(struct delivery *delivery, const struct frame *frame, char *errmsg)
{
    if (delivery->state != DELIVERY_RENEWING)
        return err_set(errmsg, ERR_DAMAGED, "aggregator: CERTIFICATE out of turn");
    delivery->state = DELIVERY_IDLE;
    return delivery->renewal.certified(delivery->renewal.user, &frame->certificate, errmsg);
}

static int on_refuse(struct delivery *delivery, const struct frame *frame, char *errmsg)
{
    const struct frame_refuse *refuse = &frame->refuse;
    delivery->retry_s = refuse->retry_s;
    bool about_epoch = delivery->state == DELIVERY_RESUME || delivery->state == DELIVERY_STREAMING;
    if (!refuse->final || !about_epoch)
        return err_set(errmsg, refuse->final ? ERR_REFUSED : ERR_UNREACHABLE, "aggregator: %s",
                       refuse->text);
    int rc = delivery->source.refused(delivery->source.user, refuse, errmsg);
    return rc ? rc : err_set(errmsg, ERR_REFUSED, "aggregator: %s", refuse->text);
}

static int on_frame(struct delivery *delivery, const struct frame *frame, char *errmsg)
{
    switch (frame->type) {
    case FRAME_HELLO:
        return on_hello(delivery, frame, errmsg);
    case FRAME_RESUME:
        return on_resume(delivery, frame, errmsg);
    case FRAME_ACK:
        return on_ack(delivery, frame, errmsg);
    case FRAME_REFUSE:
        return on_refuse(delivery, frame, errmsg);
    case FRAME_CERTIFICATE:
        return on_certificate(delivery, frame, errmsg);
    default:
        return err_set(errmsg, ERR_DAMAGED, "aggregator: sent what only a sensor sends");
    }
}

int delivery_input(struct delivery *delivery, const uint8_t *bytes, size_t size, char *errmsg)
{
    buf_put(&delivery->input, bytes, size);
    if (delivery->input.failed)
        return err_set(errmsg, ERR_NOMEM, "aggregator: out of memory");
    size_t used = 0;
    int rc = 0;
    while (rc == 0) {
        struct frame frame;
        size_t need;
        /* An aggregator never sends a record: what announces one is refused before it is waited
         * for. */
        const uint8_t *at = delivery->input.bytes + used;
        size_t left = delivery->input.size - used;
        if (left >= FRAME_HEADER_SIZE && at[4] == FRAME_RECORD)
            return err_set(errmsg, ERR_DAMAGED, "aggregator: sent what only a sensor sends");
        int64_t got = frame_read(at, left, &frame, &need, errmsg);
        if (got < 0)
            return err_wrap(errmsg, (int)got, "aggregator");
        if (got == 0)
            break;
        rc = on_frame(delivery, &frame, errmsg);
        frame_close(&frame);
        used += (size_t)got;
    }
    buf_consume(&delivery->input, used);
    return rc;
}

/* --- what the sensor says --------------------------------------------------------------------- */

/* Opens the epoch that the source names, if any. */
static int open_epoch(struct delivery *delivery, struct buf *out, char *errmsg)
{
    struct frame_open open;
    int rc = delivery->source.epoch(delivery->source.user, &open);
    if (rc <= 0)
        return rc;
    delivery->state = DELIVERY_RESUME;
    rc = frame_put_open(out, &open);
    return rc ? err_set(errmsg, rc, "opening the epoch of sensor %s: %s", open.sensor, err_str(rc))
              : 0;
}

/* What comes first on a connection. */
static int begin(struct delivery *delivery, struct buf *out, char *errmsg)
{
    struct frame_join join = {.request = (char *)delivery->renewal.request};
    if (!join.request)
        return open_epoch(delivery, out, errmsg);
    delivery->state = DELIVERY_RENEWING;
    delivery->renewal.request = NULL;
    int rc = frame_put_join(out, &join);
    return rc ? err_set(errmsg, rc, "renewing the certificate: %s", err_str(rc)) : 0;
}

static bool window_open(const struct delivery *delivery)
{
    return delivery->sent - delivery->acked < FRAME_WINDOW &&
           delivery->unacked_bytes < DELIVERY_WINDOW_BYTES;
}

/* Says that the records from the next one to `last` are lost, when nothing is under way: so one
 * acknowledgement is awaited, and it is that of `last`. */
static int put_lost(struct delivery *delivery, uint64_t last, struct buf *out, char *errmsg)
{
    if (delivery->sent != delivery->acked)
        return 0;
    const struct frame_lost lost = {delivery->sent + 1, last};
    int rc = frame_put_lost(out, &lost);
    if (rc)
        return err_set(errmsg, rc, "telling which records are lost: %s", err_str(rc));
    delivery->sent = last;
    delivery->acked = last - 1;
    delivery->sizes[last % DELIVERY_SIZES] = 0;
    return 0;
}

/* A merged record is all of its sequences, and has its size at the last. */
static void note_sent(struct delivery *delivery, const uint8_t *sealed, size_t size)
{
    struct record_header header;
    uint64_t last = record_peek(sealed, size, &header) == 0 ? header.seq : delivery->sent + 1;
    while (delivery->sent < last)
        delivery->sizes[++delivery->sent % DELIVERY_SIZES] = 0;
    delivery->sizes[delivery->sent % DELIVERY_SIZES] = size;
    delivery->unacked_bytes += size;
}

static int stream(struct delivery *delivery, struct buf *out, size_t most, char *errmsg)
{
    while (window_open(delivery) && out->size <= most) {
        const uint8_t *sealed;
        size_t size;
        int rc = delivery->source.read(delivery->source.user, delivery->sent + 1, &sealed, &size,
                                       errmsg);
        if (rc == 0 && delivery->sent == delivery->acked)
            return open_epoch(delivery, out,
                              errmsg); /* all of this one is delivered: another may wait */
        if (rc <= 0)
            return rc;
        if (rc == DELIVERY_LOST)
            return put_lost(delivery, delivery->source.lost(delivery->source.user), out, errmsg);
        rc = frame_put_record(out, sealed, size);
        if (rc)
            return err_set(errmsg, rc, "sending record %" PRIu64 ": %s", delivery->sent + 1,
                           err_str(rc));
        note_sent(delivery, sealed, size);
    }
    return 0;
}

int delivery_output(struct delivery *delivery, struct buf *out, size_t most, char *errmsg)
{
    switch (delivery->state) {
    case DELIVERY_IDLE:
        return begin(delivery, out, errmsg);
    case DELIVERY_STREAMING:
        return stream(delivery, out, most, errmsg);
    default:
        return 0;
    }
}

#include "aggregator/session.h"

#include <stdio.h>
#include <string.h>

#include "common/err.h"

#define TLS_HANDSHAKE_BYTE 0x16 /* begins a connection, then version 3.x: RFC 8446 section 5.1 */

int session_init(struct session *session)
{
    *session = (struct session){.state = SESSION_HANDSHAKE, .need = FRAME_HEADER_SIZE};
    buf_init(&session->in);
    buf_init(&session->out);
    return frame_put_hello(&session->out);
}

/* Drops the frame at hand and its bytes. */
static void drop_frame(struct session *session)
{
    if (session->frame_size == 0)
        return;
    frame_close(&session->frame);
    buf_consume(&session->in, session->frame_size);
    session->frame_size = 0;
    session->need = FRAME_HEADER_SIZE;
}

void session_close(struct session *session)
{
    drop_frame(session);
    buf_close(&session->in);
    buf_close(&session->out);
}

bool session_hungry(const struct session *session)
{
    if (session->state == SESSION_ENDED || session->state == SESSION_OPENING)
        return false;
    return session->frame_size == 0 && session->in.size < session->need &&
           session->pending < FRAME_WINDOW;
}

int session_feed(struct session *session, const uint8_t *bytes, size_t size)
{
    if (session->state != SESSION_ENDED)
        buf_put(&session->in, bytes, size);
    return session->in.failed ? ERR_NOMEM : 0;
}

void session_refuse(struct session *session, const struct frame_refuse *refuse)
{
    if (session->state == SESSION_ENDED)
        return;
    drop_frame(session);
    session->state = SESSION_ENDED;
    session->refused = *refuse;
    frame_put_refuse(&session->out, refuse);
}

static enum session_event breach(struct session *session, const char *cause)
{
    struct frame_refuse refuse = {.code = REFUSE_PROTOCOL, .final = false};
    snprintf(refuse.text, sizeof refuse.text, "%.500s", cause);
    session_refuse(session, &refuse);
    return SESSION_REFUSED;
}

static const char *join_out_of_turn(const struct session *session)
{
    if (session->peer == SESSION_LOCAL)
        return "joining needs an encrypted connection: use the aggregator's TLS port";
    if (session->state != SESSION_HANDSHAKE)
        return "a JOIN came after an OPEN";
    return session->joined ? "a second JOIN came" : NULL;
}

static const char *open_out_of_turn(const struct session *session)
{
    if (session->peer == SESSION_STRANGER)
        return "this sensor showed no certificate: it has to join first";
    return session->pending == 0 ? NULL : "an OPEN came before all records were acknowledged";
}

/* What is wrong with a frame of this type now, known before its body is there; NULL when nothing
 * is. */
static const char *out_of_turn(const struct session *session, uint8_t type)
{
    switch (type) {
    case FRAME_RECORD:
    case FRAME_LOST:
        return session->state == SESSION_OPEN ? NULL : "a record came before an accepted OPEN";
    case FRAME_PROBE:
        if (session->state != SESSION_OPEN)
            return "a PROBE came before an accepted OPEN";
        return session->pending == 0 ? NULL : "a PROBE came before all records were acknowledged";
    case FRAME_OPEN:
        return open_out_of_turn(session);
    case FRAME_JOIN:
        return join_out_of_turn(session);
    case FRAME_CERTIFICATE:
    case FRAME_PROBED:
    case FRAME_HELLO:
    case FRAME_RESUME:
    case FRAME_ACK:
    case FRAME_REFUSE:
        return "that frame is the aggregator's to send";
    default:
        return NULL; /* frame_read says that it is none */
    }
}

static enum session_event take_open(struct session *session)
{
    const struct frame_open *open = &session->frame.open;
    if (*session->sensor && strcmp(session->sensor, open->sensor) != 0)
        return breach(session, "a connection delivers for one sensor");
    strcpy(session->sensor, open->sensor);
    memcpy(session->epoch, open->epoch, EPOCH_SIZE);
    session->state = SESSION_OPENING;
    return SESSION_OPENS;
}

/* The event of the frame at hand. */
static enum session_event event(struct session *session)
{
    if (session->frame.type == FRAME_JOIN)
        return SESSION_JOINS;
    if (session->frame.type == FRAME_PROBE)
        return SESSION_PROBES;
    if (session->frame.type != FRAME_OPEN)
        return SESSION_RECORDS;
    return session->state == SESSION_OPENING ? SESSION_OPENS : take_open(session);
}

enum session_event session_next(struct session *session)
{
    char cause[ERRMSG_SIZE];
    if (session->state == SESSION_ENDED)
        return SESSION_REFUSED;
    if (session->frame_size > 0)
        return event(session);
    if (session->in.size < session->need || session->pending >= FRAME_WINDOW)
        return SESSION_NOTHING;
    if (session->state == SESSION_HANDSHAKE && session->peer == SESSION_LOCAL &&
        session->in.bytes[0] == TLS_HANDSHAKE_BYTE && session->in.bytes[1] == 3)
        return breach(session, "this is TLS, and this address is served in the clear");
    const char *early = out_of_turn(session, session->in.bytes[FRAME_HEADER_SIZE - 1]);
    if (early)
        return breach(session, early);
    int64_t size =
        frame_read(session->in.bytes, session->in.size, &session->frame, &session->need, cause);
    if (size < 0)
        return breach(session, size == ERR_NOMEM ? err_str(ERR_NOMEM) : cause);
    if (size == 0)
        return SESSION_NOTHING;
    session->frame_size = (size_t)size;
    return event(session);
}

void session_opened(struct session *session, uint64_t seq)
{
    drop_frame(session);
    session->state = SESSION_OPEN;
    frame_put_resume(&session->out, seq);
}

void session_certified(struct session *session, const struct frame_certificate *certificate)
{
    drop_frame(session);
    session->joined = true;
    frame_put_certificate(&session->out, certificate);
}

void session_probed(struct session *session)
{
    if (session->state == SESSION_ENDED)
        return;
    uint8_t nonce[FRAME_NONCE_SIZE];
    memcpy(nonce, session->frame.nonce, sizeof nonce);
    drop_frame(session);
    frame_put_probed(&session->out, nonce);
}

void session_taken(struct session *session, bool pending)
{
    drop_frame(session);
    session->pending += pending;
}

void session_durable(struct session *session, unsigned count, uint64_t seq)
{
    if (session->state == SESSION_ENDED)
        return;
    session->pending -= count;
    frame_put_ack(&session->out, seq);
}

/*
 * Session: the aggregator's side of one conversation (common/frame.h), bytes in and bytes out,
 * without I/O. peer.c feeds it what arrived, takes the next event, has it carried out, tells the
 * session the result, and sends what stands in `out`:
 *
 *   HANDSHAKE --OPEN--> OPENING --session_opened--> OPEN --RECORD--> ... --OPEN--> OPENING ...
 *   any --session_refuse or a breach of protocol--> ENDED
 *
 * Memory is bounded: before an OPEN was accepted by FRAME_CONTROL_MAX, after it by one record of
 * the greatest size, and each time one SESSION_CHUNK_MAX.
 */
#ifndef AGGREGATOR_SESSION_H
#define AGGREGATOR_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/frame.h"

#define SESSION_CHUNK_MAX 65536 /* bytes handed to session_feed at once, at most */

enum session_state { SESSION_HANDSHAKE, SESSION_OPENING, SESSION_OPEN, SESSION_ENDED };

/* Who is at the other end, as the connection shows. */
enum session_peer {
    SESSION_LOCAL,    /* in the clear, on this machine: any sensor */
    SESSION_STRANGER, /* without a certificate: can only join */
    SESSION_SENSOR,   /* with a certificate: whose it is, it can renew it */
};

enum session_event {
    SESSION_NOTHING, /* more bytes or a result is needed */
    SESSION_OPENS,   /* session->frame.open is to be checked: session_opened or session_refuse */
    SESSION_RECORDS, /* session->frame is a RECORD or LOST to be applied: session_taken or
                        session_refuse */
    SESSION_JOINS, /* session->frame.join is to be answered: session_certified or session_refuse */
    SESSION_PROBES, /* session->frame.nonce is to be written and read: session_probed or session_refuse */
    SESSION_REFUSED, /* a refusal stands in `out`: send it and close */
};

struct session {
    enum session_state state;
    enum session_peer peer; /* SESSION_LOCAL until the owner says otherwise, before it feeds */
    bool joined;            /* a certificate was issued: one is enough for a connection */
    struct buf in;          /* what arrived and is not used yet */
    size_t need;        /* bytes of `in` that the frame at its front takes, as far as is known */
    struct buf out;     /* to be sent; the owner consumes it */
    struct frame frame; /* of the event at hand */
    size_t frame_size;  /* its bytes at the front of `in`; 0: none at hand */
    unsigned pending;   /* records taken and not acknowledged */
    char sensor[SENSOR_NAME_MAX + 1]; /* empty until an OPEN arrived */
    uint8_t epoch[EPOCH_SIZE];
    struct frame_refuse refused; /* in ENDED: what was said */
};

/* Begins with HELLO in `out`. ERR_NOMEM. */
int session_init(struct session *session);
void session_close(struct session *session);

/* Whether more bytes are of use now; while they are not, the sensor is not read from. */
bool session_hungry(const struct session *session);
/* Appends what arrived, about SESSION_CHUNK_MAX bytes at most. ERR_NOMEM. */
int session_feed(struct session *session, const uint8_t *bytes, size_t size);
/* What is to be done next. An event is given again until its result is told. */
enum session_event session_next(struct session *session);

/* The OPEN is accepted, the sensor is to send from seq + 1. */
void session_opened(struct session *session, uint64_t seq);
/* The certificate that was asked for; the conversation goes on. */
void session_certified(struct session *session, const struct frame_certificate *certificate);
/* The store gave back the nonce that was asked for. */
void session_probed(struct session *session);
/* The record is being applied (its acknowledgement is pending), or had been applied before. */
void session_taken(struct session *session, bool pending);
/* `count` pending records are durable, the last of them `seq`; 0: tells the sensor again. */
void session_durable(struct session *session, unsigned count, uint64_t seq);
/* Ends the conversation. */
void session_refuse(struct session *session, const struct frame_refuse *refuse);

#endif

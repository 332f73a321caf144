/*
 * Delivery: the sensor's side of the conversation with the aggregator (common/frame.h), as a state
 * machine without I/O. Whoever owns the connection tells it what happened (connected, bytes came,
 * disconnected), asks it for bytes to send, and looks at its state; records come from and
 * acknowledgements go to a source, which is the spool.
 *
 *   delivery_connected -> [HELLO] (JOIN [CERTIFICATE]) OPEN -> [RESUME] RECORD ... [ACK] ... -> OPEN of the next epoch
 *
 * One epoch at a time: the source names the next one that has something to deliver; when all of it
 * is acknowledged and another waits, it is opened on the same connection.
 */
#ifndef COLLECTOR_DELIVERY_H
#define COLLECTOR_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/frame.h"

/* Bytes handed out for sending and not yet acknowledged are bounded by FRAME_WINDOW records or
 * this, whichever comes first (one record may be larger). */
#define DELIVERY_WINDOW_BYTES ((size_t)8 << 20)

/* The last of a window may be a merged record. */
#define DELIVERY_SIZES (FRAME_WINDOW + RECORD_MERGED_MAX)

#define DELIVERY_LOST 2

struct delivery_source {
    void *user;
    /* The epoch to deliver now, into `open` (borrowed until the next call): 1, 0 when nothing
     * waits, or an error. */
    int (*epoch)(void *user, struct frame_open *open);
    /* The sealed record that begins with `seq`, of the epoch being delivered (borrowed until the next call): 1, 0
     * when there is none yet, DELIVERY_LOST when it is lost for good and so are those after it up
     * to lost(), or an error. Asked for in ascending order after each resume; what is lost again
     * until it could be said. */
    int (*read)(void *user, uint64_t seq, const uint8_t **sealed, size_t *size, char *errmsg);
    /* The aggregator said where it stands: `seq` is durable, sending goes on behind it. An error
     * when the spool cannot go on from there. */
    int (*resumed)(void *user, uint64_t seq, char *errmsg);
    /* Everything up to `seq` is durable. */
    int (*acked)(void *user, uint64_t seq, char *errmsg);
    /* The epoch is refused for good. */
    int (*refused)(void *user, const struct frame_refuse *refuse, char *errmsg);
    /* After DELIVERY_LOST: the last record that is lost with the one asked for. */
    uint64_t (*lost)(void *user);
};

/* A certificate that is to be renewed on this connection, before anything is opened. */
struct delivery_renewal {
    const char *request; /* PEM, borrowed until it is sent; NULL: nothing is to be renewed */
    int (*certified)(void *user, const struct frame_certificate *certificate, char *errmsg);
    void *user;
};

enum delivery_state {
    DELIVERY_OFFLINE,   /* no connection */
    DELIVERY_HELLO,     /* connected, waiting for HELLO */
    DELIVERY_IDLE,      /* nothing to deliver */
    DELIVERY_RENEWING,  /* JOIN sent, waiting for CERTIFICATE */
    DELIVERY_RESUME,    /* OPEN sent, waiting for RESUME */
    DELIVERY_STREAMING, /* records go out, acknowledgements come in */
};

struct delivery {
    struct delivery_source source;
    struct delivery_renewal renewal;
    enum delivery_state state;
    uint64_t sent, acked; /* sequences of the open epoch */
    size_t unacked_bytes;
    uint32_t retry_s; /* the aggregator wants to be left alone so long; until the next connection */
    size_t sizes
        [DELIVERY_SIZES]; /* of the records sent and not acknowledged, by sequence modulo that */
    struct buf input;
};

void delivery_init(struct delivery *delivery, const struct delivery_source *source);
void delivery_close(struct delivery *delivery);

void delivery_connected(struct delivery *delivery);
/* After delivery_connected: asks for a certificate first. */
void delivery_renew(struct delivery *delivery, const struct delivery_renewal *renewal);
void delivery_disconnected(struct delivery *delivery);

/* Bytes came. A negative return: the connection is to be closed, `errmsg` says why (a refusal of
 * the aggregator's: ERR_REFUSED when final, ERR_UNREACHABLE when it may be tried again). */
int delivery_input(struct delivery *delivery, const uint8_t *bytes, size_t size, char *errmsg);

/* Appends to `out` what may be sent now, until it holds more than `most` bytes. Call it after every
 * change: input, a new record in the source, room in the socket. Errors as delivery_input. */
int delivery_output(struct delivery *delivery, struct buf *out, size_t most, char *errmsg);

#endif

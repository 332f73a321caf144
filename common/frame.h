/*
 * Frames: what sensor and aggregator say to each other. Both sides use this and nothing else to
 * make and take apart the bytes of the conversation; it does no I/O.
 *
 *   aggregator: HELLO                        at once
 *   sensor:     OPEN sensor, epoch, darknet
 *   aggregator: RESUME seq                   the last sequence it holds durably, 0 for none
 *   sensor:     RECORD seq+1, RECORD ...     at most FRAME_WINDOW unacknowledged
 *   sensor:     LOST seq+1, last             instead of records that it has lost, when all that it
 *                                            sent is acknowledged
 *   aggregator: ACK seq                      cumulative: durable in the store
 *   sensor:     OPEN of another epoch        only when all it sent is acknowledged
 *   aggregator: REFUSE code, text            at any point; then it closes
 *
 *   sensor:     JOIN token, signing request  instead of OPEN, from one without a certificate, or
 *                                            before it, without token, to renew its certificate
 *   aggregator: CERTIFICATE
 *
 *   sensor:     PROBE nonce                  in an open epoch, when all that it sent is acknowledged
 *   aggregator: PROBED nonce                 as the store, into which it was written, gave it back
 *
 * Frame: u32 size of the body (big-endian), u8 type, body. The body of RECORD is a sealed record
 * (common/record.h); every other body is the protobuf message of that name in common/record.proto.
 */
#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/record.h"
#include "common/token.h"

#define FRAME_PROTOCOL    1
#define FRAME_HEADER_SIZE 5
#define FRAME_WINDOW      64            /* records sent and not acknowledged */
#define FRAME_CONTROL_MAX (1024 * 1024) /* body of anything but RECORD */
#define FRAME_TEXT_MAX    512
#define FRAME_RETRY_MAX_S 600
#define FRAME_NONCE_SIZE  16

enum frame_type {
    FRAME_HELLO = 1,
    FRAME_OPEN = 2,
    FRAME_RESUME = 3,
    FRAME_RECORD = 4,
    FRAME_ACK = 5,
    FRAME_REFUSE = 6,
    FRAME_LOST = 7,
    FRAME_JOIN = 8,
    FRAME_CERTIFICATE = 9,
    FRAME_PROBE = 10,
    FRAME_PROBED = 11,
};

enum refuse_code { /* Refuse.Code in record.proto */
                   REFUSE_UNKNOWN = 0,
                   REFUSE_PROTOCOL = 1,
                   REFUSE_DAMAGED = 2,
                   REFUSE_GAP = 3,
                   REFUSE_IDENTITY = 4,
                   REFUSE_OVERLAP = 5,
                   REFUSE_STORE = 6,
                   REFUSE_BUSY = 7,
                   REFUSE_CERTIFICATE = 8,
                   REFUSE_CODES
};

struct frame_open {
    char sensor[SENSOR_NAME_MAX + 1]; /* valid by sensor_name_valid */
    uint8_t epoch[EPOCH_SIZE];
    char *darknet; /* canonical list; frame_read: to be freed by the caller */
    bool replay;
    int64_t first_ns, last_ns;
    char *
        inventory; /* not in the frame: the aggregator's registry's (common/inventory.h), of an enrolled
                      * sensor; freed as `darknet` */
};

struct frame_lost {
    uint64_t first, last; /* sequences, 1 <= first <= last */
};

struct frame_refuse {
    enum refuse_code code; /* one that this version does not know is REFUSE_UNKNOWN */
    char text[FRAME_TEXT_MAX];
    bool final;
    uint32_t
        retry_s; /* not sooner than after so long; 0: nothing is said. At most FRAME_RETRY_MAX_S */
};

struct frame_join {
    bool secret_given; /* false: to renew */
    uint8_t secret[TOKEN_SECRET_SIZE];
    char *request; /* PEM; frame_read: to be freed by frame_close, as the next ones */
};

struct frame_certificate {
    char sensor[SENSOR_NAME_MAX + 1];
    char *darknet, *certificate, *authority;
};

/* A frame as read: `type` says which member holds. */
struct frame {
    enum frame_type type;
    union {
        uint32_t protocol;      /* FRAME_HELLO */
        struct frame_open open; /* FRAME_OPEN */
        uint64_t seq;           /* FRAME_RESUME, FRAME_ACK */
        struct {
            const uint8_t *bytes; /* FRAME_RECORD: borrowed from the input */
            size_t size;
        } record;
        struct frame_lost lost;     /* FRAME_LOST */
        struct frame_refuse refuse; /* FRAME_REFUSE; text has no control characters */
        struct frame_join join;
        struct frame_certificate certificate;
        uint8_t nonce[FRAME_NONCE_SIZE]; /* FRAME_PROBE, FRAME_PROBED */
    };
};

/* Append one frame to `out`; ERR_NOMEM; ERR_FULL for a body beyond FRAME_CONTROL_MAX (a darknet
 * list that no frame can carry). frame_put_record takes a sealed record as it is; a refuse text is
 * cut. */
int frame_put_hello(struct buf *out);
int frame_put_open(struct buf *out, const struct frame_open *open);
int frame_put_resume(struct buf *out, uint64_t seq);
int frame_put_record(struct buf *out, const uint8_t *sealed, size_t size);
int frame_put_lost(struct buf *out, const struct frame_lost *lost);
int frame_put_ack(struct buf *out, uint64_t seq);
int frame_put_refuse(struct buf *out, const struct frame_refuse *refuse);
int frame_put_join(struct buf *out, const struct frame_join *join);
int frame_put_certificate(struct buf *out, const struct frame_certificate *certificate);
int frame_put_probe(struct buf *out, const uint8_t nonce[FRAME_NONCE_SIZE]);
int frame_put_probed(struct buf *out, const uint8_t nonce[FRAME_NONCE_SIZE]);

/* Takes the first frame of bytes[0..size). Returns its whole size when it is there and sound; 0
 * when more bytes are needed (*need: at least how many in all, bounded by the type's maximum);
 * ERR_DAMAGED with the cause in `errmsg` when this is no frame; ERR_NOMEM. */
int64_t frame_read(const uint8_t *bytes, size_t size, struct frame *frame, size_t *need,
                   char *errmsg);
/* Frees what frame_read made. */
void frame_close(struct frame *frame);

#endif

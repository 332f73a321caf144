/*
 * The conversation of a delivery for its tests: a source in memory in the place of the spool, the
 * frames that an aggregator gives, and what the sensor sent. In order: talk_begin, talk_stream_from or
 * the single frames, talk_send, what is expected of it, talk_end. A read out of turn, a wrong
 * acknowledgement and a frame that cannot be read fail the test.
 */
#ifndef TESTS_UNIT_COLLECTOR_TALK_H
#define TESTS_UNIT_COLLECTOR_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/delivery.h"
#include "common/err.h"

#define TALK_EPOCHS 3

/* An epoch that the source has. */
struct talk_epoch {
    uint8_t epoch[EPOCH_SIZE];
    uint64_t last, acked;           /* records it has; acknowledged as far as it was told */
    uint64_t lost_first, lost_last; /* these cannot be read any more; 0, 0: all can */
    bool refused;
};

struct talk {
    struct delivery delivery;
    struct talk_epoch epochs[TALK_EPOCHS];
    size_t epoch_count, current;
    size_t payload;           /* bytes of each record */
    unsigned merged;          /* sequences that a record is of; 0: one */
    uint64_t next_read;       /* reads must ascend by one */
    struct buf record;        /* the last one read */
    int resumed_rc;           /* what the source says to RESUME */
    unsigned certified;       /* certificates that came */
    int certified_rc;         /* what is said to them */
    struct buf out;           /* sent and not looked at */
    char errmsg[ERRMSG_SIZE]; /* of the last error */
};

/* `count` epochs, marked 1 .. count in their first byte, of `last` records of 20 bytes each. */
void talk_begin(struct talk *talk, size_t count, uint64_t last);
void talk_end(struct talk *talk);

/* Has a certificate renewed on this connection; the request is "PEM", the certificate "NEW". */
void talk_renew(struct talk *talk);

/* The aggregator gives a frame, which is closed; what delivery_input says. */
int talk_give(struct talk *talk, struct buf *frame);
int talk_give_hello(struct talk *talk);
int talk_give_resume(struct talk *talk, uint64_t seq);
int talk_give_ack(struct talk *talk, uint64_t seq);
int talk_give_refuse(struct talk *talk, bool final);
int talk_give_certificate(struct talk *talk);

/* The sensor sends all it may, into `out`. */
void talk_send(struct talk *talk);
/* The next frame that the sensor sent, taken out of `out`; false when there is none. Of a record the
 * bytes are gone, and `seq` is its sequence. */
bool talk_take(struct talk *talk, struct frame *frame, uint64_t *seq);
/* Expects records first..last and nothing behind them. */
void talk_expect_records(struct talk *talk, uint64_t first, uint64_t last);
/* Expects the OPEN of the epoch of that mark and nothing behind it. */
void talk_expect_open(struct talk *talk, uint8_t mark);

/* Connects and has the first epoch resumed behind `seq`. */
void talk_stream_from(struct talk *talk, uint64_t seq);

#endif

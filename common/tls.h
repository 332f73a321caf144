/*
 * TLS 1.3 between sensor and aggregator, bytes in and bytes out, without I/O: OpenSSL over memory.
 * Whoever owns the connection feeds what arrived, gives what is to be said, and sends what
 * tls_take hands out after each of these.
 *
 *   tls_context_new -> tls_new -> tls_take -> { tls_input | tls_output | tls_shutdown -> tls_take }
 *
 * Both sides prove who they are with a certificate of the telescope's own authority (common/cert.h):
 * the aggregator always, by its name CERT_AGGREGATOR; the sensor by its certificate, or it has none
 * and can only ask for one. Chain, dates and purpose are checked here; whether a sensor is still
 * enrolled is the aggregator's to say. Versions before 1.3, tickets and early data are off.
 *
 * Memory of a conversation is bounded: unread input by one TLS record, a handshake by
 * TLS_CHAIN_MAX; what tls_take has not taken is as long as what was said.
 */
#ifndef COMMON_TLS_H
#define COMMON_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/cert.h"

#define TLS_CHAIN_MAX 16384 /* bytes of certificates that are looked at */

struct tls_context;
struct tls;

struct tls_terms {
    bool server;
    const char *identity; /* common/cert.h; NULL: a client that has none yet */
    const uint8_t *pin;   /* then: CERT_PIN_SIZE bytes, the authority's public key to trust */
};

enum tls_state {
    TLS_HANDSHAKE,
    TLS_OPEN,
    TLS_CLOSED, /* the other side has said all */
    TLS_FAILED, /* tls_reason says why */
};

/* What many conversations share. NULL with the cause in `errmsg`. Free it after them. */
struct tls_context *tls_context_new(const struct tls_terms *terms, char *errmsg);
void tls_context_free(struct tls_context *context);

/* One conversation; NULL without memory. */
struct tls *tls_new(const struct tls_context *context);
void tls_free(struct tls *tls);

enum tls_state tls_state(const struct tls *tls);
/* Why it failed, for a person; empty while it has not. */
const char *tls_reason(const struct tls *tls);
/* Who the other side is. False: not open, or without a certificate. */
bool tls_peer(const struct tls *tls, struct cert_facts *facts);

/* Bytes arrived; what they say is appended to `plain`. ERR_REFUSED when the conversation failed
 * (what tls_take gives may still tell the other side why), ERR_NOMEM. */
int tls_input(struct tls *tls, const uint8_t *bytes, size_t size, struct buf *plain);
/* No more bytes will arrive: a conversation that was not closed has failed. */
void tls_input_end(struct tls *tls);
/* Says `bytes`; only while open. ERR_INVALID, ERR_REFUSED, ERR_NOMEM. */
int tls_output(struct tls *tls, const uint8_t *bytes, size_t size);
/* Says that nothing more follows. */
void tls_shutdown(struct tls *tls);
/* Appends to `wire` what is to be sent. ERR_NOMEM. */
int tls_take(struct tls *tls, struct buf *wire);

#endif

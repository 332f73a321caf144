/*
 * Secure: what stands between a connection's bytes and its session: TLS, or nothing. peer.c feeds it
 * what the socket gave and sends what it takes. Pure.
 */
#ifndef AGGREGATOR_SECURE_H
#define AGGREGATOR_SECURE_H

#include "aggregator/session.h"
#include "common/tls.h"

/* Bytes arrived; what they say goes to the session. When TLS stands by them, `facts` are those of the
 * sensor's certificate and the session's peer is SESSION_SENSOR, or SESSION_STRANGER without one.
 * `tls` may be NULL: in the clear. ERR_REFUSED when TLS failed (tls_reason says why), ERR_NOMEM. */
int secure_feed(struct tls *tls, struct session *session, struct cert_facts *facts,
                const uint8_t *bytes, size_t size);

/* Takes what is to be sent now into `wire`, which is initialised here: what the session has written,
 * as soon as TLS stands, and what TLS itself has to say. Errors as secure_feed. */
int secure_take(struct tls *tls, struct session *session, struct buf *wire);

#endif

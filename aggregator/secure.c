#include "aggregator/secure.h"

#include "common/err.h"

int secure_feed(struct tls *tls, struct session *session, struct cert_facts *facts,
                const uint8_t *bytes, size_t size)
{
    struct buf plain;
    if (!tls)
        return session_feed(session, bytes, size);
    buf_init(&plain);
    bool before = tls_state(tls) == TLS_HANDSHAKE;
    int rc = tls_input(tls, bytes, size, &plain);
    if (rc == 0 && before && tls_state(tls) == TLS_OPEN)
        session->peer = tls_peer(tls, facts) ? SESSION_SENSOR : SESSION_STRANGER;
    if (rc == 0 && plain.size > 0)
        rc = session_feed(session, plain.bytes, plain.size);
    buf_close(&plain);
    return rc;
}

int secure_take(struct tls *tls, struct session *session, struct buf *wire)
{
    struct buf *out = &session->out;
    int rc = 0;
    buf_init(wire);
    if (out->failed)
        return ERR_NOMEM;
    if (!tls) {
        *wire = *out;
        buf_init(out);
        return 0;
    }
    if (tls_state(tls) == TLS_OPEN) {
        rc = tls_output(tls, out->bytes, out->size);
        out->size = 0;
        if (session->state == SESSION_ENDED)
            tls_shutdown(tls);
    }
    return rc ? rc : tls_take(tls, wire);
}

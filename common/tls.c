#include "common/tls.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "common/cert_inside.h"
#include "common/err.h"

#define PIECE_SIZE 16384 /* of a TLS record: RFC 8446 section 5.1 */

struct tls_context {
    SSL_CTX *ssl;
    bool server;
    uint8_t pin[CERT_PIN_SIZE];
};

struct tls {
    SSL *ssl;
    BIO *in, *out; /* the SSL's */
    enum tls_state state;
    char reason[256];
};

/* --- contexts --------------------------------------------------------------------------------- */

/* Trusts whichever certificate of the other side's chain has the pinned key, then verifies as
 * always: dates, purpose, name and signatures. */
static int verify_pinned(X509_STORE_CTX *store, void *data)
{
    const struct tls_context *context = data;
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(store);
    STACK_OF(X509) *trusted = sk_X509_new_null();
    uint8_t pin[CERT_PIN_SIZE];
    for (int i = 0; trusted && i < sk_X509_num(chain); i++)
        if (cert_pin_of(sk_X509_value(chain, i), pin) &&
            CRYPTO_memcmp(pin, context->pin, sizeof pin) == 0)
            sk_X509_push(trusted, sk_X509_value(chain, i));
    X509_STORE_CTX_set0_trusted_stack(store, trusted);
    int verified = X509_verify_cert(store);
    X509_STORE_CTX_set0_trusted_stack(store, NULL);
    sk_X509_free(trusted);
    return verified;
}

static bool use_identity(SSL_CTX *ssl, const char *identity)
{
    EVP_PKEY *key = cert_take_key(identity);
    X509 *own = cert_take(identity, 0);
    X509 *authority = cert_take(identity, 1);
    bool used = key && own && authority && SSL_CTX_use_certificate(ssl, own) == 1 &&
                SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1 &&
                SSL_CTX_add1_chain_cert(ssl, authority) == 1 &&
                X509_STORE_add_cert(SSL_CTX_get_cert_store(ssl), authority) == 1;
    X509_free(authority);
    X509_free(own);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return used;
}

static bool set_rules(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ssl, TLS_CHAIN_MAX);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, NULL); /* a server lets clients without one in */
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    return SSL_CTX_set_min_proto_version(ssl, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_num_tickets(ssl, 0) == 1;
}

struct tls_context *tls_context_new(const struct tls_terms *terms, char *errmsg)
{
    /* The machine's openssl.cnf does not decide here, and none of its modules is loaded. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    struct tls_context *context = calloc(1, sizeof *context);
    SSL_CTX *ssl =
        context ? SSL_CTX_new(terms->server ? TLS_server_method() : TLS_client_method()) : NULL;
    const char *fault = ssl && set_rules(ssl) ? NULL : "out of memory";
    if (!fault && terms->identity && !use_identity(ssl, terms->identity))
        fault = "it must hold a private key, its certificate and the authority's";
    if (!fault) {
        context->ssl = ssl;
        context->server = terms->server;
        if (!terms->identity)
            memcpy(context->pin, terms->pin, sizeof context->pin);
        if (!terms->identity)
            SSL_CTX_set_cert_verify_callback(ssl, verify_pinned, context);
        return context;
    }
    SSL_CTX_free(ssl);
    free(context);
    err_set(errmsg, ERR_INVALID, "identity: %s", fault);
    return NULL;
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl);
    free(context);
}

/* --- reasons ---------------------------------------------------------------------------------- */

static const char *alert_words(int reason)
{
    switch (reason) {
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        return "our certificate has expired, or its clock is wrong";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_TLSV1_ALERT_DECRYPT_ERROR:
        return "our certificate is of another authority";
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
        return "our certificate is not for this";
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        return "it does not speak TLS 1.3";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
        return "it wants a certificate";
    default:
        return NULL;
    }
}

static const char *verify_words(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return "has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "is not valid yet: one of the two clocks is wrong";
    case X509_V_ERR_HOSTNAME_MISMATCH:
        return "is not an aggregator's: it has another name";
    case X509_V_ERR_INVALID_PURPOSE:
        return "is not for this: a sensor's is no aggregator's, nor the reverse";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        return "is of another authority than ours";
    default:
        return X509_verify_cert_error_string(result);
    }
}

static const char *protocol_words(int reason)
{
    switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_BAD_RECORD_TYPE:
        return "the other side does not speak TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
        return "the other side does not speak TLS 1.3";
    default:
        return NULL;
    }
}

/* Takes OpenSSL's first complaint and puts it into words. */
static int fail(struct tls *tls)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_REASON(code);
    long verified = SSL_get_verify_result(tls->ssl);
    char *out = tls->reason;
    size_t room = sizeof tls->reason;
    const char *words;
    tls->state = TLS_FAILED;
    if (verified != X509_V_OK && reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        snprintf(out, room, "the other side's certificate %s", verify_words(verified));
    else if ((words = alert_words(reason)))
        snprintf(out, room, "the other side says that %s", words);
    else if ((words = protocol_words(reason)))
        snprintf(out, room, "%s", words);
    else
        snprintf(out, room, "TLS: %s",
                 code ? ERR_reason_error_string(code) ? ERR_reason_error_string(code) : "failed"
                      : "the conversation broke off");
    ERR_clear_error();
    return ERR_REFUSED;
}

/* --- conversations ---------------------------------------------------------------------------- */

static bool begin(struct tls *tls, bool server)
{
    tls->in = BIO_new(BIO_s_mem());
    tls->out = BIO_new(BIO_s_mem());
    if (!tls->in || !tls->out) {
        BIO_free(tls->in);
        BIO_free(tls->out);
        return false;
    }
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    if (server) {
        SSL_set_accept_state(tls->ssl);
        return true;
    }
    SSL_set_connect_state(tls->ssl);
    if (SSL_set1_host(tls->ssl, CERT_AGGREGATOR) != 1)
        return false;
    SSL_do_handshake(tls->ssl); /* writes the greeting */
    ERR_clear_error();
    return true;
}

struct tls *tls_new(const struct tls_context *context)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return NULL;
    tls->ssl = SSL_new(context->ssl);
    if (tls->ssl && begin(tls, context->server))
        return tls;
    tls_free(tls);
    return NULL;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

enum tls_state tls_state(const struct tls *tls)
{
    return tls->state;
}

const char *tls_reason(const struct tls *tls)
{
    return tls->reason;
}

bool tls_peer(const struct tls *tls, struct cert_facts *facts)
{
    X509 *certificate = tls->state == TLS_OPEN ? SSL_get0_peer_certificate(tls->ssl) : NULL;
    return certificate && cert_facts_of(certificate, facts) == 0;
}

/* Whether the call that returned `rc` only waits for more input. */
static bool waits(const struct tls *tls, int rc)
{
    return SSL_get_error(tls->ssl, rc) == SSL_ERROR_WANT_READ;
}

static int handshake(struct tls *tls)
{
    int rc = SSL_do_handshake(tls->ssl);
    if (rc == 1)
        tls->state = TLS_OPEN;
    return rc == 1 || waits(tls, rc) ? 0 : fail(tls);
}

/* Reads all that is there. */
static int decrypt(struct tls *tls, struct buf *plain)
{
    for (;;) {
        size_t got = 0, before = plain->size;
        uint8_t *room = buf_extend(plain, PIECE_SIZE);
        if (!room)
            return ERR_NOMEM;
        int rc = SSL_read_ex(tls->ssl, room, PIECE_SIZE, &got);
        plain->size = before + got;
        if (rc == 1)
            continue;
        if (waits(tls, rc))
            return 0;
        if (SSL_get_error(tls->ssl, rc) != SSL_ERROR_ZERO_RETURN)
            return fail(tls);
        tls->state = TLS_CLOSED;
        return 0;
    }
}

int tls_input(struct tls *tls, const uint8_t *bytes, size_t size, struct buf *plain)
{
    ERR_clear_error();
    if (tls->state == TLS_FAILED)
        return ERR_REFUSED;
    if (tls->state == TLS_CLOSED || size == 0)
        return 0;
    if (BIO_write(tls->in, bytes, (int)size) != (int)size)
        return ERR_NOMEM;
    int rc = tls->state == TLS_HANDSHAKE ? handshake(tls) : 0;
    return rc || tls->state != TLS_OPEN ? rc : decrypt(tls, plain);
}

void tls_input_end(struct tls *tls)
{
    if (tls->state == TLS_CLOSED || tls->state == TLS_FAILED)
        return;
    snprintf(tls->reason, sizeof tls->reason, "the connection was cut off%s",
             tls->state == TLS_HANDSHAKE ? " in the handshake" : "");
    tls->state = TLS_FAILED;
}

int tls_output(struct tls *tls, const uint8_t *bytes, size_t size)
{
    size_t written;
    ERR_clear_error();
    if (tls->state != TLS_OPEN)
        return tls->state == TLS_FAILED ? ERR_REFUSED : ERR_INVALID;
    return size == 0 || SSL_write_ex(tls->ssl, bytes, size, &written) == 1 ? 0 : fail(tls);
}

void tls_shutdown(struct tls *tls)
{
    if (tls->state == TLS_OPEN || tls->state == TLS_CLOSED)
        SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

int tls_take(struct tls *tls, struct buf *wire)
{
    size_t size = BIO_ctrl_pending(tls->out);
    uint8_t *room = size > 0 ? buf_extend(wire, size) : NULL;
    if (size > 0 && !room)
        return ERR_NOMEM;
    if (size > 0)
        BIO_read(tls->out, room, (int)size);
    return 0;
}

/*
 * Certificates: keys, requests and certificates of the telescope's own authority, as PEM text in
 * and out, so that nobody else needs OpenSSL's types. Keys are ECDSA on P-256. The aggregator signs
 * (aggregator/ca.h), the sensor makes its key and a request; common/tls.h uses what comes out. Pure.
 *
 * An identity is one text of three PEM blocks: private key, certificate, the authority's
 * certificate. It is kept in one file, so that key and certificate are always of the same kind.
 */
#ifndef COMMON_CERT_H
#define COMMON_CERT_H

#include <stdint.h>

#define CERT_NAME_MAX   64 /* X.520: ub-common-name */
#define CERT_SERIAL_MAX 40 /* hexadecimal digits: 20 bytes, RFC 5280 section 4.1.2.2 */
#define CERT_PIN_SIZE   32
#define CERT_TEXT_MAX   65536 /* bytes of a PEM text that is read */

/* The name in every aggregator's certificate: sensors trust the authority, not a host name, so an
 * aggregator can move or stand behind a forwarded port. */
#define CERT_AGGREGATOR "aggregator.darkcount"

enum cert_role {
    CERT_AUTHORITY, /* signs the others */
    CERT_SERVER,    /* the aggregator's */
    CERT_SENSOR,    /* good as a client's and as nothing else */
};

struct cert_terms {
    enum cert_role role;
    const char *name;         /* common name; a server's is its DNS name as well */
    int64_t from_s, until_s;  /* validity: seconds since the epoch, UTC */
    const char *issuer, *key; /* PEM: the authority's certificate (NULL: self-signed) and key */
};

struct cert_facts {
    char name[CERT_NAME_MAX + 1];
    char serial[CERT_SERIAL_MAX + 1]; /* upper-case hexadecimal */
    int64_t from_s, until_s;
};

/* Each makes a PEM text to be freed, or returns NULL with the cause in `errmsg`. */

/* A new private key. */
char *cert_key(char *errmsg);
/* A signing request (PKCS #10, RFC 2986) for the key; it asks for no name: the authority knows. */
char *cert_request(const char *key, char *errmsg);
/* A certificate with a random serial number for the public key of `subject`, a request or a private
 * key. NULL also for a request that its own key did not sign and for a key that is not on P-256. */
char *cert_issue(const struct cert_terms *terms, const char *subject, char *errmsg);

/* What the first certificate of the text says. ERR_INVALID with the cause in `errmsg`. */
int cert_read(const char *text, struct cert_facts *facts, char *errmsg);
/* The SHA-256 of the certificate's public key (SubjectPublicKeyInfo, as in RFC 7469). ERR_INVALID. */
int cert_pin(const char *text, uint8_t pin[CERT_PIN_SIZE], char *errmsg);

#endif

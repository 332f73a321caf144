/*
 * What cert.c and tls.c share of OpenSSL: reading PEM blocks from memory. Nobody else includes this.
 */
#ifndef COMMON_CERT_INSIDE_H
#define COMMON_CERT_INSIDE_H

#include <openssl/x509.h>

#include "common/cert.h"

/* The first private key, the `number`th certificate (from 0) of a text, or NULL. Never asks for a
 * password. */
EVP_PKEY *cert_take_key(const char *text);
X509 *cert_take(const char *text, int number);

/* The facts of a certificate; ERR_INVALID when its name is missing, long or has control characters. */
int cert_facts_of(X509 *certificate, struct cert_facts *facts);
/* SHA-256 of its public key; 1, or 0 when it fails. */
int cert_pin_of(const X509 *certificate, uint8_t pin[CERT_PIN_SIZE]);

#endif

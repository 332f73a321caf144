/*
 * Token: what an operator carries from the aggregator to a sensor that is to join: whom to trust
 * (the pin of the authority's key) and the secret that shows who asks. As text it is 64 letters,
 * digits, '-' and '_' (base64url, RFC 4648 section 5, of the pin and then the secret). Pure.
 */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/cert.h"

#define TOKEN_SECRET_SIZE 16
#define TOKEN_TEXT_SIZE   64 /* without the zero byte */
#define TOKEN_HASH_SIZE   64 /* SHA-256 of the secret in hexadecimal, without the zero byte */

struct token {
    uint8_t pin[CERT_PIN_SIZE];
    uint8_t secret[TOKEN_SECRET_SIZE];
};

/* A random secret. ERR_IO when the system has no random numbers. */
int token_new(struct token *token, const uint8_t pin[CERT_PIN_SIZE]);
void token_text(const struct token *token, char text[TOKEN_TEXT_SIZE + 1]);
/* False: this is no token. */
bool token_parse(struct token *token, const char *text);

/* What is kept of a secret, so that whoever reads the file cannot use it. */
void token_hash(const uint8_t secret[TOKEN_SECRET_SIZE], char hash[TOKEN_HASH_SIZE + 1]);
/* Compares hashes in a time that does not depend on them. */
bool token_matches(const char *hash, const char *other);

#endif

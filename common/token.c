#include "common/token.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

_Static_assert((CERT_PIN_SIZE + TOKEN_SECRET_SIZE) * 4 == TOKEN_TEXT_SIZE * 3, "no padding");

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int token_new(struct token *token, const uint8_t pin[CERT_PIN_SIZE])
{
    memcpy(token->pin, pin, CERT_PIN_SIZE);
    return RAND_bytes(token->secret, sizeof token->secret) == 1 ? 0 : ERR_IO;
}

void token_text(const struct token *token, char text[TOKEN_TEXT_SIZE + 1])
{
    uint8_t bytes[sizeof *token];
    memcpy(bytes, token, sizeof bytes);
    for (size_t i = 0, at = 0; i < sizeof bytes; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            text[at++] = digits[three >> shift & 63];
    }
    text[TOKEN_TEXT_SIZE] = '\0';
}

bool token_parse(struct token *token, const char *text)
{
    uint8_t bytes[sizeof *token];
    if (strlen(text) != TOKEN_TEXT_SIZE)
        return false;
    for (size_t i = 0, at = 0; i < sizeof bytes; i += 3) {
        uint32_t three = 0;
        for (int j = 0; j < 4; j++) {
            const char *digit = strchr(digits, text[at++]);
            if (!digit)
                return false;
            three = three << 6 | (uint32_t)(digit - digits);
        }
        bytes[i] = (uint8_t)(three >> 16);
        bytes[i + 1] = (uint8_t)(three >> 8);
        bytes[i + 2] = (uint8_t)three;
    }
    memcpy(token, bytes, sizeof bytes);
    return true;
}

void token_hash(const uint8_t secret[TOKEN_SECRET_SIZE], char hash[TOKEN_HASH_SIZE + 1])
{
    uint8_t digest[TOKEN_HASH_SIZE / 2] = {0};
    EVP_Digest(secret, TOKEN_SECRET_SIZE, digest, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}

bool token_matches(const char *hash, const char *other)
{
    return strlen(hash) == TOKEN_HASH_SIZE && strlen(other) == TOKEN_HASH_SIZE &&
           CRYPTO_memcmp(hash, other, TOKEN_HASH_SIZE) == 0;
}

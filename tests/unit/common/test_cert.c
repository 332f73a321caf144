#include "tests/unit/common/identities.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

static char *key_on(const char *group)
{
    EVP_PKEY *key = EVP_EC_gen(group);
    BIO *out = BIO_new(BIO_s_mem());
    char *bytes;
    cr_assert(PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL));
    long size = BIO_get_mem_data(out, &bytes);
    char *text = strndup(bytes, (size_t)size);
    BIO_free(out);
    EVP_PKEY_free(key);
    return text;
}

Test(cert, says_whom_it_is_for_and_how_long)
{
    struct authority authority = authority_new("telescope");
    char *one = identity_new(&authority, &authority, CERT_SENSOR, "tokyo-1", -1, 90);
    char *two = identity_new(&authority, &authority, CERT_SENSOR, "tokyo-1", -1, 90);
    struct cert_facts facts, again;
    cr_assert_eq(cert_read(one, &facts, NULL), 0);
    cr_assert_eq(cert_read(two, &again, NULL), 0);
    cr_assert_str_eq(facts.name, "tokyo-1");
    cr_assert_eq(facts.until_s - facts.from_s, 91 * DAY_S);
    cr_assert_eq(strlen(facts.serial), 32);
    cr_assert_str_neq(facts.serial, again.serial);
    free(one);
    free(two);
    authority_close(&authority);
}

Test(cert, a_request_gives_a_certificate_for_its_key)
{
    char errmsg[ERRMSG_SIZE];
    struct authority authority = authority_new("telescope");
    char *key = cert_key(errmsg), *request = cert_request(key, errmsg);
    struct cert_terms terms = {.role = CERT_SENSOR,
                               .name = "a",
                               .from_s = 0,
                               .until_s = INT64_C(4102444800),
                               .issuer = authority.certificate,
                               .key = authority.key};
    char *of_request = cert_issue(&terms, request, errmsg),
         *of_key = cert_issue(&terms, key, errmsg);
    uint8_t pin[CERT_PIN_SIZE], other[CERT_PIN_SIZE];
    cr_assert_eq(cert_pin(of_request, pin, errmsg), 0);
    cr_assert_eq(cert_pin(of_key, other, errmsg), 0);
    cr_assert_arr_eq(pin, other, sizeof pin);
    cr_assert_eq(cert_pin(authority.certificate, other, errmsg), 0);
    cr_assert_arr_neq(pin, other, sizeof pin);
    free(of_request);
    free(of_key);
    free(request);
    free(key);
    authority_close(&authority);
}

Test(cert, refuses_requests_that_prove_nothing)
{
    char errmsg[ERRMSG_SIZE];
    struct authority authority = authority_new("telescope");
    struct cert_terms terms = {.role = CERT_SENSOR,
                               .name = "a",
                               .until_s = 1,
                               .issuer = authority.certificate,
                               .key = authority.key};
    char *key = cert_key(errmsg), *request = cert_request(key, errmsg), *weak = key_on("P-521");
    cr_assert_null(cert_issue(&terms, "no request", errmsg));
    cr_assert(strstr(errmsg, "no key"));
    cr_assert_null(cert_issue(&terms, weak, errmsg));
    cr_assert(strstr(errmsg, "P-256"));
    /* One bit of the signature, which is at the end: its base64 line before the last. */
    char *line = strstr(request, "\n-----END");
    line[-10] = line[-10] == 'A' ? 'B' : 'A';
    cr_assert_null(cert_issue(&terms, request, errmsg));
    free(key);
    free(request);
    free(weak);
    authority_close(&authority);
}

Test(cert, is_not_read_from_anything_else)
{
    char errmsg[ERRMSG_SIZE], *key = cert_key(errmsg);
    struct cert_facts facts;
    uint8_t pin[CERT_PIN_SIZE];
    cr_assert_eq(cert_read("", &facts, errmsg), ERR_INVALID);
    cr_assert_eq(cert_read(key, &facts, errmsg), ERR_INVALID);
    cr_assert_eq(cert_pin("-----BEGIN CERTIFICATE-----\nAAAA\n", pin, errmsg), ERR_INVALID);
    free(key);
}

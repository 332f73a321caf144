#include "common/cert.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cert_inside.h"
#include "common/err.h"

/* What OpenSSL complained about first, for a person. */
static int failed(char *errmsg, const char *what)
{
    char cause[256] = "out of memory";
    unsigned long code = ERR_get_error();
    if (code)
        ERR_error_string_n(code, cause, sizeof cause);
    ERR_clear_error();
    return err_set(errmsg, ERR_INVALID, "%s: %s", what, cause);
}

/* --- text ------------------------------------------------------------------------------------- */

static int no_password(char *out, int size, int writing, void *data)
{
    (void)out, (void)size, (void)writing, (void)data;
    return -1;
}

static BIO *over(const char *text)
{
    return BIO_new_mem_buf(text, (int)strnlen(text, CERT_TEXT_MAX));
}

EVP_PKEY *cert_take_key(const char *text)
{
    BIO *in = over(text);
    EVP_PKEY *key = in ? PEM_read_bio_PrivateKey(in, NULL, no_password, NULL) : NULL;
    BIO_free(in);
    ERR_clear_error();
    return key;
}

X509 *cert_take(const char *text, int number)
{
    BIO *in = over(text);
    X509 *certificate = in ? PEM_read_bio_X509(in, NULL, no_password, NULL) : NULL;
    for (; certificate && number > 0; number--) {
        X509_free(certificate);
        certificate = PEM_read_bio_X509(in, NULL, no_password, NULL);
    }
    BIO_free(in);
    ERR_clear_error();
    return certificate;
}

static X509_REQ *take_request(const char *text)
{
    BIO *in = over(text);
    X509_REQ *request = in ? PEM_read_bio_X509_REQ(in, NULL, no_password, NULL) : NULL;
    BIO_free(in);
    ERR_clear_error();
    return request;
}

/* What was written to `out`, as a string; frees `out`. */
static char *text_of(BIO *out, bool written)
{
    char *bytes, *text = NULL;
    long size = out && written ? BIO_get_mem_data(out, &bytes) : 0;
    if (size > 0)
        text = strndup(bytes, (size_t)size);
    BIO_free(out);
    return text;
}

/* --- keys and requests ------------------------------------------------------------------------ */

char *cert_key(char *errmsg)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    BIO *out = BIO_new(BIO_s_mem());
    char *text =
        text_of(out, key && out && PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL));
    EVP_PKEY_free(key);
    if (!text)
        failed(errmsg, "making a key");
    return text;
}

char *cert_request(const char *key_text, char *errmsg)
{
    EVP_PKEY *key = cert_take_key(key_text);
    X509_REQ *request = X509_REQ_new();
    BIO *out = BIO_new(BIO_s_mem());
    bool made = key && request && out && X509_REQ_set_version(request, X509_REQ_VERSION_1) &&
                X509_REQ_set_pubkey(request, key) && X509_REQ_sign(request, key, EVP_sha256()) &&
                PEM_write_bio_X509_REQ(out, request);
    char *text = text_of(out, made);
    X509_REQ_free(request);
    EVP_PKEY_free(key);
    if (!text)
        failed(errmsg, "making a signing request");
    return text;
}

static bool on_p256(const EVP_PKEY *key)
{
    char group[32];
    size_t size;
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof group, &size) &&
           strcmp(group, "prime256v1") == 0;
}

/* The public key that is to be certified, from a request or a private key; NULL with the cause. */
static EVP_PKEY *subject_key(const char *text, char *errmsg)
{
    X509_REQ *request = take_request(text);
    EVP_PKEY *key = request ? X509_REQ_get_pubkey(request) : cert_take_key(text);
    const char *fault = NULL;
    if (!key)
        fault = "it holds no key that can be read";
    else if (!on_p256(key))
        fault = "its key is not on P-256";
    else if (request && X509_REQ_verify(request, key) != 1)
        fault = "it is not signed by its own key";
    X509_REQ_free(request);
    ERR_clear_error();
    if (!fault)
        return key;
    EVP_PKEY_free(key);
    err_set(errmsg, ERR_INVALID, "signing request: %s", fault);
    return NULL;
}

/* --- issuing ---------------------------------------------------------------------------------- */

static bool extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static bool extend_all(X509 *certificate, X509 *issuer, enum cert_role role, const char *name)
{
    char dns[8 + CERT_NAME_MAX];
    snprintf(dns, sizeof dns, "DNS:%s", name);
    bool authority = role == CERT_AUTHORITY;
    return extend(certificate, issuer, NID_basic_constraints,
                  authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE") &&
           extend(certificate, issuer, NID_key_usage,
                  authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
           extend(certificate, issuer, NID_subject_key_identifier, "hash") &&
           (authority || extend(certificate, issuer, NID_authority_key_identifier, "keyid")) &&
           (authority || extend(certificate, issuer, NID_ext_key_usage,
                                role == CERT_SERVER ? "serverAuth" : "clientAuth")) &&
           (role != CERT_SERVER || extend(certificate, issuer, NID_subject_alt_name, dns));
}

/* 127 random bits: positive, and never the same twice. */
static bool set_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool set = number && BN_rand(number, 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
               BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return set;
}

static bool set_name(X509 *certificate, const char *name)
{
    return X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                      MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
}

static bool fill(X509 *certificate, const struct cert_terms *terms, EVP_PKEY *subject, X509 *issuer)
{
    X509 *by = issuer ? issuer : certificate;
    return X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
           ASN1_TIME_set(X509_getm_notBefore(certificate), terms->from_s) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), terms->until_s) &&
           set_name(certificate, terms->name) &&
           X509_set_issuer_name(certificate, X509_get_subject_name(by)) &&
           X509_set_pubkey(certificate, subject) &&
           extend_all(certificate, by, terms->role, terms->name);
}

char *cert_issue(const struct cert_terms *terms, const char *subject_text, char *errmsg)
{
    EVP_PKEY *subject = subject_key(subject_text, errmsg);
    if (!subject)
        return NULL;
    EVP_PKEY *key = cert_take_key(terms->key);
    X509 *issuer = terms->issuer ? cert_take(terms->issuer, 0) : NULL;
    X509 *certificate = X509_new();
    BIO *out = BIO_new(BIO_s_mem());
    bool made = key && certificate && out && (issuer || !terms->issuer) &&
                fill(certificate, terms, subject, issuer) &&
                X509_sign(certificate, key, EVP_sha256()) && PEM_write_bio_X509(out, certificate);
    char *text = text_of(out, made);
    X509_free(certificate);
    X509_free(issuer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(subject);
    if (!text)
        failed(errmsg, "signing a certificate");
    return text;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm broken;
    return ASN1_TIME_to_tm(time, &broken) ? (int64_t)timegm(&broken) : -1;
}

static bool name_of(X509 *certificate, char name[CERT_NAME_MAX + 1])
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    const X509_NAME_ENTRY *entry = at < 0 ? NULL : X509_NAME_get_entry(subject, at);
    const ASN1_STRING *value = entry ? X509_NAME_ENTRY_get_data(entry) : NULL;
    int size = value ? ASN1_STRING_length(value) : 0;
    if (size < 1 || size > CERT_NAME_MAX)
        return false;
    memcpy(name, ASN1_STRING_get0_data(value), (size_t)size);
    name[size] = '\0';
    for (int i = 0; i < size; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return false;
    return true;
}

int cert_facts_of(X509 *certificate, struct cert_facts *facts)
{
    *facts = (struct cert_facts){.from_s = seconds_of(X509_get0_notBefore(certificate)),
                                 .until_s = seconds_of(X509_get0_notAfter(certificate))};
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *serial = number ? BN_bn2hex(number) : NULL;
    bool sound = serial && strlen(serial) <= CERT_SERIAL_MAX && name_of(certificate, facts->name) &&
                 facts->from_s >= 0 && facts->until_s >= 0;
    if (sound)
        strcpy(facts->serial, serial);
    OPENSSL_free(serial);
    BN_free(number);
    return sound ? 0 : ERR_INVALID;
}

int cert_pin_of(const X509 *certificate, uint8_t pin[CERT_PIN_SIZE])
{
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    int done = size > 0 && EVP_Digest(der, (size_t)size, pin, NULL, EVP_sha256(), NULL);
    OPENSSL_free(der);
    return done;
}

int cert_read(const char *text, struct cert_facts *facts, char *errmsg)
{
    X509 *certificate = cert_take(text, 0);
    int rc = certificate ? cert_facts_of(certificate, facts) : ERR_INVALID;
    X509_free(certificate);
    return rc ? err_set(errmsg, rc, "this is no certificate of this telescope") : 0;
}

int cert_pin(const char *text, uint8_t pin[CERT_PIN_SIZE], char *errmsg)
{
    X509 *certificate = cert_take(text, 0);
    bool done = certificate && cert_pin_of(certificate, pin);
    X509_free(certificate);
    return done ? 0 : err_set(errmsg, ERR_INVALID, "this is no certificate");
}

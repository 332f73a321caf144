/*
 * Authorities and identities for tests, with any dates: what aggregator and sensor would have.
 */
#ifndef TEST_IDENTITIES_H
#define TEST_IDENTITIES_H

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cert.h"
#include "common/err.h"

#define DAY_S INT64_C(86400)

struct authority {
    char *key, *certificate;
};

static inline struct authority authority_new(const char *name)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct authority authority = {.key = cert_key(errmsg)};
    struct cert_terms terms = {.role = CERT_AUTHORITY,
                               .name = name,
                               .from_s = time(NULL) - DAY_S,
                               .until_s = time(NULL) + 100 * DAY_S,
                               .key = authority.key};
    authority.certificate = cert_issue(&terms, authority.key, errmsg);
    cr_assert(authority.certificate, "%s", errmsg);
    return authority;
}

static inline void authority_close(struct authority *authority)
{
    free(authority->key);
    free(authority->certificate);
}

/* Valid from `from` to `until` days from now. To be freed. */
static inline char *identity_new(const struct authority *by, const struct authority *trusted,
                                 enum cert_role role, const char *name, int from, int until)
{
    char errmsg[ERRMSG_SIZE] = "", *identity = NULL, *key = cert_key(errmsg);
    struct cert_terms terms = {.role = role,
                               .name = name,
                               .from_s = time(NULL) + from * DAY_S,
                               .until_s = time(NULL) + until * DAY_S,
                               .issuer = by->certificate,
                               .key = by->key};
    char *certificate = cert_issue(&terms, key, errmsg);
    cr_assert(certificate, "%s", errmsg);
    cr_assert(asprintf(&identity, "%s%s%s", key, certificate, trusted->certificate) > 0);
    free(key);
    free(certificate);
    return identity;
}

#endif

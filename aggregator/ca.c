#include "aggregator/ca.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/textfile.h"

/* A new authority's key and certificate as one text; NULL with the cause. */
static char *make(int64_t now_s, char *errmsg)
{
    char *text = NULL, *key = cert_key(errmsg);
    struct cert_terms terms = {.role = CERT_AUTHORITY,
                               .name = "darkcount-telescope",
                               .from_s = now_s - CA_SLACK_S,
                               .until_s = now_s + CA_DAYS * INT64_C(86400),
                               .key = key};
    char *certificate = key ? cert_issue(&terms, key, errmsg) : NULL;
    if (certificate && asprintf(&text, "%s%s", key, certificate) < 0)
        text = NULL;
    free(key);
    free(certificate);
    return text;
}

static char *read_or_make(const char *path, int64_t now_s, int *rc, char *errmsg)
{
    char *text = textfile_read(path, rc, errmsg);
    if (text || *rc != ERR_UNKNOWN)
        return text;
    text = make(now_s, errmsg);
    *rc = text ? textfile_replace(path, text, 0600, errmsg) : ERR_NOMEM;
    if (*rc == 0)
        return text;
    free(text);
    return NULL;
}

int ca_open(struct ca *ca, const char *state, int64_t now_s, char *errmsg)
{
    char path[PATH_MAX];
    int rc;
    *ca = (struct ca){0};
    snprintf(path, sizeof path, "%.4000s/" CA_FILE, state);
    ca->text = read_or_make(path, now_s, &rc, errmsg);
    const char *certificate = ca->text ? strstr(ca->text, "-----BEGIN CERTIFICATE") : NULL;
    if (ca->text && (!certificate || cert_pin(certificate, ca->pin, NULL) != 0))
        rc = err_set(errmsg, ERR_INVALID,
                     "certificate authority %s: it must hold a private key and its certificate; "
                     "restore it from a backup, or remove it and enrol all sensors again",
                     path);
    if (rc == 0 && !(ca->certificate = strdup(certificate)))
        rc = err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    if (rc)
        ca_close(ca);
    return rc;
}

void ca_close(struct ca *ca)
{
    if (ca->text)
        explicit_bzero(ca->text, strlen(ca->text));
    free(ca->text);
    free(ca->certificate);
    *ca = (struct ca){0};
}

char *ca_sign(const struct ca *ca, const char *sensor, const char *request, int64_t now_s,
              char *errmsg)
{
    const struct cert_terms terms = {.role = CERT_SENSOR,
                                     .name = sensor,
                                     .from_s = now_s - CA_SLACK_S,
                                     .until_s = now_s + CA_SENSOR_S,
                                     .issuer = ca->certificate,
                                     .key = ca->text};
    return cert_issue(&terms, request, errmsg);
}

char *ca_server_identity(const struct ca *ca, int64_t now_s, char *errmsg)
{
    char *identity = NULL, *key = cert_key(errmsg);
    struct cert_terms terms = {.role = CERT_SERVER,
                               .name = CERT_AGGREGATOR,
                               .from_s = now_s - CA_SLACK_S,
                               .until_s = now_s + CA_DAYS * INT64_C(86400),
                               .issuer = ca->certificate,
                               .key = ca->text};
    char *certificate = key ? cert_issue(&terms, key, errmsg) : NULL;
    if (certificate && asprintf(&identity, "%s%s%s", key, certificate, ca->certificate) < 0)
        identity = NULL;
    free(key);
    free(certificate);
    return identity;
}

/*
 * CA: the telescope's own certificate authority, in the state directory. Its key is made at first
 * use, by whoever comes first of `run` and `sensor add`; it signs sensors' certificates and, for
 * each run, one for the aggregator itself, whose key is never written.
 *
 *   STATE/ca.pem   private key and certificate, mode 0600
 */
#ifndef AGGREGATOR_CA_H
#define AGGREGATOR_CA_H

#include <stdint.h>

#include "common/cert.h"

#define CA_FILE     "ca.pem"
#define CA_DAYS     7300 /* of the authority itself and of an aggregator's certificate */
#define CA_SENSOR_S (90 * INT64_C(86400))
#define CA_SLACK_S  INT64_C(86400) /* a sensor's clock may be behind by so much */

struct ca {
    char *text;        /* key and certificate */
    char *certificate; /* PEM */
    uint8_t pin[CERT_PIN_SIZE];
};

/* Reads the authority of the state directory, or makes it at `now_s`. ERR_IO, ERR_FULL, ERR_INVALID
 * with the cause in `errmsg`. The caller holds the registry's lock. */
int ca_open(struct ca *ca, const char *state, int64_t now_s, char *errmsg);
void ca_close(struct ca *ca);

/* A sensor's certificate for a signing request, and the identity (common/cert.h) of an aggregator
 * with a new key: PEM, to be freed; NULL with the cause in `errmsg`. */
char *ca_sign(const struct ca *ca, const char *sensor, const char *request, int64_t now_s,
              char *errmsg);
char *ca_server_identity(const struct ca *ca, int64_t now_s, char *errmsg);

#endif

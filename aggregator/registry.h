/*
 * Registry: the enrolled sensors, one file each in STATE/sensors, named by the sensor, replaced as a
 * whole. `sensor add` and its sisters write it, the running aggregator too (when a sensor joins or
 * renews), each under registry_lock; reading needs no lock.
 *
 *   invited --join--> enrolled --revoke--> revoked --replace--> invited beside whatever it was
 *
 * A certificate is good when its serial number is the sensor's: there is no list of revoked ones to
 * be kept and none can be forgotten.
 */
#ifndef AGGREGATOR_REGISTRY_H
#define AGGREGATOR_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cert.h"
#include "common/frame.h"
#include "common/record.h"
#include "common/token.h"

#define REGISTRY_TOKEN_S   INT64_C(900)
#define REGISTRY_LOCK_MS   5000
#define REGISTRY_DIRECTORY "sensors"

struct enrolment {
    char name[SENSOR_NAME_MAX + 1];
    char *darknet;  /* canonical list, exclusions taken out */
    int64_t from_s; /* records of intervals before are refused */
    bool revoked;
    char serial[CERT_SERIAL_MAX + 1]; /* of its certificate; empty: it has not joined yet */
    char next[CERT_SERIAL_MAX + 1];   /* of one that was issued to it and not been seen; or empty */
    int64_t until_s;                  /* end of the later one */
    char token[TOKEN_HASH_SIZE + 1];  /* of an invitation; empty: none */
    int64_t token_until_s;
};

void enrolment_close(struct enrolment *enrolment);

/* Locks the registry of the state directory, made if it is missing; waits at most `wait_ms`. The
 * descriptor, whose closing unlocks; ERR_STALE, ERR_IO. */
int registry_lock(const char *state, int wait_ms, char *errmsg);

/* The sensor's file. ERR_UNKNOWN when there is none, ERR_INVALID, ERR_IO, ERR_NOMEM. */
int registry_read(const char *state, const char *name, struct enrolment *enrolment, char *errmsg);
/* All of them, by name; to be freed by registry_list_free. A file that cannot be read is an error. */
int registry_list(const char *state, struct enrolment **list, size_t *count, char *errmsg);
void registry_list_free(struct enrolment *list, size_t count);
/* Replaces the sensor's file. ERR_IO, ERR_FULL, ERR_NOMEM. */
int registry_write(const char *state, const struct enrolment *enrolment, char *errmsg);

/* Whether a certificate may deliver for the sensor now; otherwise `refuse` says why not. */
bool registry_admits(const char *state, const struct cert_facts *facts,
                     struct frame_refuse *refuse);
/* Whether its owner may open this: as itself, with its darknet, from its time on, which is put into
 * `open`. */
bool registry_opens(const char *state, const struct cert_facts *facts, struct frame_open *open,
                    struct frame_refuse *refuse);

#endif

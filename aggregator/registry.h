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
#include "common/inventory.h"
#include "common/record.h"
#include "common/token.h"

#define REGISTRY_TOKEN_S   INT64_C(900)
#define REGISTRY_LOCK_MS   5000
#define REGISTRY_DIRECTORY "sensors"

struct enrolment {
    char name[SENSOR_NAME_MAX + 1];
    struct inventory inventory; /* at least one version; times are whole minutes, as records are */
    bool revoked;
    int64_t revoked_s;                /* since when, where it is known; 0: not */
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
/* Whether its owner may open this: as itself, with a darknet that its inventory had at some time. The
 * inventory, against which each record is held, is put into `open`. `refuse` says why not; when it may,
 * its text is empty, or tells that a live sensor's darknet is not the one that it should count now. */
bool registry_opens(const char *state, const struct cert_facts *facts, struct frame_open *open,
                    struct frame_refuse *refuse);

/* Whether there is such a sensor; in no registry (NULL) there is none. */
bool registry_has(const char *state, const char *name);
/* What is darknet at that time, or will be first: the list that a sensor is to be configured with;
 * borrowed, empty when nothing is any more. */
const char *enrolment_darknet(const struct enrolment *enrolment, int64_t at_s);
/* What is expected of the sensor, as text, to be freed; NULL without memory: its inventory, which ends
 * where it was revoked, and is empty (of a sensor revoked before it ever joined, or not known when). */
char *enrolment_expected(const struct enrolment *enrolment);
/* The sensor's inventory as text, to be freed; NULL when it cannot be read. */
char *registry_inventory(const char *state, const char *name);

#endif

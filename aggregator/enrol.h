/*
 * Enrol: how a sensor comes into the registry, gets its certificate, and goes. `sensor add`,
 * `replace` and `revoke` call the first three; the running aggregator answers JOIN with the others.
 * Each locks the registry for itself.
 */
#ifndef AGGREGATOR_ENROL_H
#define AGGREGATOR_ENROL_H

#include <stdint.h>

#include "aggregator/ca.h"
#include "aggregator/registry.h"
#include "common/frame.h"
#include "common/token.h"

struct enrol {
    const char *state; /* the state directory; borrowed */
    struct ca ca;
};

/* Opens the authority. ERR_IO and others with the cause in `errmsg`. */
int enrol_open(struct enrol *enrol, const char *state, int64_t now_s, char *errmsg);
void enrol_close(struct enrol *enrol);

/* Enters a sensor with a darknet from `from_s` on, cut to the minute, and makes its token. ERR_REFUSED
 * when there is one of that name already or its darknet shares addresses with another's at any time. */
int enrol_add(struct enrol *enrol, const char *name, const char *darknet, int64_t from_s,
              int64_t now_s, struct token *token, char *errmsg);
/* A new token for a sensor that is enrolled: whoever joins with it takes its place. Its certificate
 * is good until then, unless it was revoked. ERR_UNKNOWN. */
int enrol_replace(struct enrol *enrol, const char *name, int64_t now_s, struct token *token,
                  char *errmsg);
/* From `from_s`, a whole minute, on: the prefixes of `plus` are in its inventory, those of `minus` are
 * not (lists, or NULL). ERR_UNKNOWN; ERR_INVALID when that changes nothing, or is no minute;
 * ERR_REFUSED when another sensor has such an address at a time of its own, or none would ever have
 * been darknet. */
int enrol_change(struct enrol *enrol, const char *name, int64_t from_s, const char *plus,
                 const char *minus, char *errmsg);
/* Certificate and token are no good any more. ERR_UNKNOWN. */
int enrol_revoke(struct enrol *enrol, const char *name, int64_t now_s, char *errmsg);

/* The answer to JOIN. Without `facts`: the certificate for whom the secret names. With the `facts` of
 * the asking sensor's certificate: one to follow it; the one before is good until the new one is seen
 * (enrol_seen), since the answer may be lost. `out` is to be freed by frame_close as the member of a
 * frame of that type. ERR_REFUSED with the reason in `refuse`. */
int enrol_answer(struct enrol *enrol, const struct cert_facts *facts, const struct frame_join *join,
                 int64_t now_s, struct frame_certificate *out, struct frame_refuse *refuse);
/* A sensor came with this certificate: one before it is no good any more. */
int enrol_seen(struct enrol *enrol, const struct cert_facts *facts, char *errmsg);

#endif

/*
 * Schema of the store: which Redis key holds what, and the form of each value. The aggregator
 * writes by it, the exporters read by it, docs/STORE.md tells it to people. Everything of one
 * sensor is under the hash tag {NAME}, so that one call can change it as a whole on a cluster as
 * well. Pure.
 *
 *   darkcount:telescope                       hash    schema, timezone
 *   darkcount:sensors                         set     names
 *   darkcount:{NAME}:head                     hash    below
 *   darkcount:{NAME}:log:<n>                  string  addresses of the record applied by call n,
 * until folded darkcount:{NAME}:years                    hash    YYYY -> totals
 *   darkcount:{NAME}:months:<YYYY>            hash    MM -> totals
 *   darkcount:{NAME}:days:<YYYY>              hash    MM-DD -> totals
 *   darkcount:{NAME}:hours:<YYYY-MM-DD>       hash    start_s -> totals
 *   darkcount:{NAME}:course:<YYYY-MM-DD>      string  the day minute by minute
 *   darkcount:{NAME}:hosts:<level>:<label>    string  unique hosts, Redis HyperLogLog
 *   darkcount:{NAME}:addresses:<level>:<label> string packets per address
 *
 * Head: `n` calls applied so far (the writer's fence); `folded` the last call whose log entry is in
 * the address vectors; `darknet` canonical list; `from_ns`, `until_ns` first and last moment
 * observed; `epoch:<uuid>` see struct epoch_state; `restated:<YYYY>` how many epochs changed
 * the year's figure after it had been complete, `restater:<YYYY>:<uuid>` which. Folding is a call
 * too, and leaves no log entry.
 */
#ifndef COMMON_SCHEMA_H
#define COMMON_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addrvec.h"
#include "common/calendar.h"
#include "common/record.h"

#define SCHEMA_VERSION   1
#define SCHEMA_TELESCOPE "darkcount:telescope"
#define SCHEMA_SENSORS   "darkcount:sensors"
#define SCHEMA_KEY_MAX   192 /* any key or field, with its NUL */

void schema_key_head(char key[SCHEMA_KEY_MAX], const char *sensor);
void schema_key_log(char key[SCHEMA_KEY_MAX], const char *sensor, uint64_t n);
void schema_key_course(char key[SCHEMA_KEY_MAX], const char *sensor, const struct period *day);
void schema_key_hosts(char key[SCHEMA_KEY_MAX], const char *sensor, const struct period *period);
void schema_key_addresses(char key[SCHEMA_KEY_MAX], const char *sensor,
                          const struct period *period);
/* The hash that holds the totals of `period`, and the field in it. */
void schema_key_totals(char key[SCHEMA_KEY_MAX], char field[SCHEMA_KEY_MAX], const char *sensor,
                       const struct period *period);

/* What one sensor counted in one period. `records` > 0 tells a true zero from no data. */
struct totals {
    uint64_t packets, bytes;
    uint64_t active; /* addresses with at least one packet in the period */
    uint64_t records;
    uint64_t observed_ns; /* time in which the sensor was observing */
    uint64_t kernel_dropped, interface_dropped;
    uint64_t off_darknet, not_ip, undecodable, late, refused;
};

/* "1 packets bytes active records observed_ns ...", decimal, in the order of the struct. */
#define TOTALS_TEXT_MAX 288
void totals_format(const struct totals *totals, char out[TOTALS_TEXT_MAX]);
/* ERR_DAMAGED; ERR_VERSION when it does not begin with "1 ". */
int totals_parse(struct totals *totals, const char *text, size_t size);
/* dst += src, field by field; `active` too, which is right only for disjoint darknets. */
void totals_add(struct totals *dst, const struct totals *src);

/* A day minute by minute: slot i is [day start + 60 i, + 60). 1,380 to 1,500 slots are in use as a
 * rule; tzdata's longest day since 1970 has 31 hours (Antarctica/Vostok, 1994-01-31). */
#define COURSE_SLOTS 1860
struct course {
    uint64_t packets[COURSE_SLOTS];
    uint64_t
        observed_ns[COURSE_SLOTS]; /* 0: sensor down; with 0 packets and > 0 here: a true zero */
};
/* Form: u8 version 1, planes of packets, planes of observed_ns. ERR_NOMEM. */
int course_encode(const struct course *course, struct buf *out);
int course_decode(struct course *course, const uint8_t *bytes, size_t size);

/* An address vector as stored: u8 version 1, u64 LE the last call folded into it, addrvec form. */
int folded_encode(const struct addrvec *vec, uint64_t folded, struct buf *out);
int folded_decode(struct addrvec *vec, uint64_t *folded, const uint8_t *bytes, size_t size);

/* A log entry: u8 version 1, i64 LE start_s of its interval, addrvec form. */
int log_encode(const struct addrvec *vec, int64_t start_s, struct buf *out);
int log_decode(struct addrvec *vec, int64_t *start_s, const uint8_t *bytes, size_t size);

/* What the head keeps of a spool epoch: "seq replay first-last first-last ...": the last sequence
 * applied, 1 for a replay, and the spans of time its records observed, ascending, nanoseconds, both
 * ends included. Two epochs of a sensor may not have observed the same moment (aggregator/overlap
 * in docs/STORE.md). */
struct span {
    int64_t first_ns, last_ns;
};
struct epoch_state {
    uint64_t seq;
    bool replay;
    size_t count, room;
    struct span *spans; /* ascending, disjoint, not adjacent */
};
void epoch_state_init(struct epoch_state *state);
void epoch_state_close(struct epoch_state *state);
/* Adds a span (0 <= first <= last), merging it with what it touches (the next nanosecond counts as
 * touching). ERR_NOMEM. */
int epoch_state_add(struct epoch_state *state, struct span span);
/* Whether the two would count a moment twice. Spans that share only an end point do not (the last
 * packet of a file and the first of the next may carry the same time stamp), unless one of them is
 * that single moment and nothing more. */
bool span_overlap(struct span a, struct span b);
/* The first span of `state` that overlaps `span`, or NULL. */
const struct span *epoch_state_overlap(const struct epoch_state *state, struct span span);
/* The text form, and back into an initialised, empty state (left empty on failure). ERR_DAMAGED for
 * what epoch_state_format does not write; ERR_NOMEM. */
int epoch_state_format(const struct epoch_state *state, struct buf *out);
int epoch_state_parse(struct epoch_state *state, const char *text, size_t size);

#endif

/*
 * Schema of the store: which Redis key holds what, and the form of each text. The aggregator writes
 * by it, the exporters read by it, docs/STORE.md tells it to people. Everything of one sensor is
 * under the hash tag {NAME}, so that one call can change it as a whole on a cluster as well. Pure.
 *
 *   darkcount:telescope                        hash    schema, timezone
 *   darkcount:sensors                          set     names
 *   darkcount:aggregators                      hash    aggregator/status.h
 *   darkcount:{NAME}:head                      hash    below
 *   darkcount:{NAME}:years                     hash    YYYY -> totals
 *   darkcount:{NAME}:months:<YYYY>             hash    MM -> totals
 *   darkcount:{NAME}:days:<YYYY>               hash    MM-DD -> totals
 *   darkcount:{NAME}:hours:<YYYY-MM-DD>        hash    start_s -> totals
 *   darkcount:{NAME}:revisions                 hash    YYYY:K -> revision
 *   darkcount:{NAME}:inventory                 hash    common/inventory_stored.h
 *   darkcount:{NAME}:log:<n>                   string  the record applied by call n, as sealed
 *   darkcount:{NAME}:minutes                   hash    n -> start_s of every log entry
 *   darkcount:{NAME}:course:<YYYY-MM-DD>       string  the day minute by minute (common/course.h)
 *   darkcount:{NAME}:hosts:<level>:<label>     string  unique hosts, Redis HyperLogLog
 *   darkcount:{NAME}:addresses:<level>:<label> string  packets per address (common/folded.h)
 *   darkcount:{NAME}:tables:<level>:<label>    string  class, protocol, port, ICMP (common/folded.h)
 *   darkcount:{NAME}:sources:<level>:<label>   string  packets by source, of hours and days: those with
 *                                                      the most (common/sourcevec.h, common/folded.h)
 *   darkcount:{NAME}:probe                     string  what a joining sensor had written last
 *   darkcount:{NAME}:status                    hash    aggregator/status.h
 *
 * Totals, revisions and head are written with every record. All else is written when the log is folded, which is a call too and leaves no log entry: what they really are
 * is the value and the log entries of calls behind `folded` whose record is of the period. A log
 * entry and a folded value may be cut into chunks (common/chunk.h). Sources came after version 2 and
 * did not make another one of it: an older program does not look at them, and what it counts has
 * none, as what was counted before has none. That is packets of sources that are not kept, of which no
 * sum says otherwise.
 *
 * Head: `n` calls applied so far, `writer` who made the last (a writer's fence); `folded` the last call whose log entry is in
 * the folded values; `trimmed` the last call whose log entry is gone, and `log_chunks` the most
 * chunks that one ever had (absent: 0 and 1); `darknet` canonical list; `from_ns`, `until_ns` first
 * and last moment observed; `live` 1 once a record of a live epoch was applied; `epoch:<uuid>` see
 * struct epoch_state; `restated:<YYYY>` the number of the year's revisions.
 */
#ifndef COMMON_SCHEMA_H
#define COMMON_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/calendar.h"
#include "common/record.h"

#define SCHEMA_VERSION     2
#define SCHEMA_TELESCOPE   "darkcount:telescope"
#define SCHEMA_SENSORS     "darkcount:sensors"
#define SCHEMA_AGGREGATORS "darkcount:aggregators"
#define SCHEMA_KEY_MAX     192 /* any key or field, with its NUL */

void schema_key_head(char key[SCHEMA_KEY_MAX], const char *sensor);
void schema_key_status(char key[SCHEMA_KEY_MAX], const char *sensor);
void schema_key_probe(char key[SCHEMA_KEY_MAX], const char *sensor);
void schema_key_revisions(char key[SCHEMA_KEY_MAX], const char *sensor);
void schema_key_inventory(char key[SCHEMA_KEY_MAX], const char *sensor);
void schema_key_log(char key[SCHEMA_KEY_MAX], const char *sensor, uint64_t n);
void schema_key_minutes(char key[SCHEMA_KEY_MAX], const char *sensor);
void schema_key_course(char key[SCHEMA_KEY_MAX], const char *sensor, const struct period *day);
void schema_key_hosts(char key[SCHEMA_KEY_MAX], const char *sensor, const struct period *period);
void schema_key_addresses(char key[SCHEMA_KEY_MAX], const char *sensor,
                          const struct period *period);
void schema_key_tables(char key[SCHEMA_KEY_MAX], const char *sensor, const struct period *period);
void schema_key_sources(char key[SCHEMA_KEY_MAX], const char *sensor, const struct period *period);
/* The key of chunk `index` of the value of `key`; 0 is `key` itself. */
void schema_key_chunk(char chunk[SCHEMA_KEY_MAX], const char *key, size_t index);
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
/* Adds a record, but for the addresses that are active and the time that was observed, which depend on what
 * was there before it. */
void totals_add_record(struct totals *totals, const struct record *record);

/* That an epoch restated a year: added to it when it was complete and another epoch had observed some
 * of it. K of `YYYY:K` counts a year's revisions from 1 in the order in which they began; the year
 * without what all of them added is revision 0. */
struct revision {
    int64_t when_s; /* wall clock of its first record */
    uint8_t epoch[EPOCH_SIZE];
    uint64_t records, packets; /* that it added to the year */
};

/* "1 when_s epoch records packets_added". */
#define REVISION_TEXT_MAX 112
void revision_format(const struct revision *revision, char out[REVISION_TEXT_MAX]);
/* ERR_DAMAGED; ERR_VERSION when it does not begin with "1 ". */
int revision_parse(struct revision *revision, const char *text, size_t size);
/* The field "YYYY:K", and back: ERR_DAMAGED for any other text. */
#define REVISION_FIELD_MAX 32
void revision_field(char field[REVISION_FIELD_MAX], int year, uint64_t k);
int revision_field_parse(const char *field, int *year, uint64_t *k);

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

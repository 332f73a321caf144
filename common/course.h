/*
 * Course: a day of one sensor minute by minute, as the store keeps it for ever: what a minute was
 * also when its record is long gone. Pure.
 *
 * Form: u8 version 3, u64 LE the last call folded into it, planes of each column in the order of the
 * struct. Version 2 is the same without `merged`.
 */
#ifndef COMMON_COURSE_H
#define COMMON_COURSE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/record.h"

/* Slot i is [day start + 60 i, + 60). 1,380 to 1,500 slots are in use as a rule; tzdata's longest day
 * since 1970 has 31 hours (Antarctica/Vostok, 1994-01-31). */
#define COURSE_SLOTS 1860
struct course {
    uint64_t packets[COURSE_SLOTS];
    uint64_t bytes[COURSE_SLOTS];
    /* At most 60 s. 0: sensor down; with 0 packets and > 0 here: a true zero. */
    uint64_t observed_ns[COURSE_SLOTS];
    uint64_t dropped[COURSE_SLOTS]; /* by kernel and interface */
    /* 1: of packets, bytes and dropped it has an even share of what a merged record counted in a quarter of
     * an hour, of which the minutes are not known. Sums over quarters are exact. */
    uint64_t merged[COURSE_SLOTS];
};

/* Adds a record of the day that begins at `day_s`, once; a merged one to each minute of its span. The observed time that it adds, which is
 * left in `*observed_ns` (unless NULL), is its span, but with what the minute has already no more
 * than each minute: a late record of an epoch lies within what was observed before, and the spans of
 * two epochs may share an end point. The order of records makes no difference to the course.
 * ERR_INVALID when the record is not of that day. */
int course_add(struct course *course, int64_t day_s, const struct record *record,
               uint64_t *observed_ns);

/* dst += src, two courses of one day; no minute is observed longer than it is. */
void course_merge(struct course *dst, const struct course *src);

/* ERR_NOMEM. */
int course_encode(const struct course *course, uint64_t folded, struct buf *out);
/* ERR_DAMAGED, ERR_VERSION, ERR_NOMEM. */
int course_decode(struct course *course, uint64_t *folded, const uint8_t *bytes, size_t size);

#endif

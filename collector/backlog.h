/*
 * Backlog: records of a live sensor that the spool could not take (disk full), kept in memory in
 * order until it can. Bounded; what does not fit any more is lost and said with its interval and
 * packets.
 */
#ifndef COLLECTOR_BACKLOG_H
#define COLLECTOR_BACKLOG_H

#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

#define BACKLOG_MAX_BYTES ((size_t)256 << 20)

struct backlog {
    struct backlog_entry *first, *last;
    size_t bytes;
    uint64_t count;                        /* records that wait */
    uint64_t lost_packets, lost_intervals; /* since the start */
};

/* Takes over what `record` holds and leaves it empty. ERR_FULL: there was no room, the record is
 * lost and counted. */
int backlog_push(struct backlog *backlog, struct record *record);
/* The oldest record, borrowed, or NULL. */
struct record *backlog_front(struct backlog *backlog);
void backlog_pop(struct backlog *backlog);
void backlog_close(struct backlog *backlog);

#endif

/*
 * Meter: cuts packets into intervals of 60 s by packet time and makes each into a record. meter_new,
 * meter_begin, then meter_packet for every packet and meter_advance as time passes, meter_end; every
 * record that is complete goes to the sink, without epoch and sequence. Time comes from the caller.
 *
 * Several threads may count at once, each in a lane of its own: meter_enter, packets, meter_leave.
 * The record of an interval is the sum of its lanes; which thread counted a packet cannot be told
 * from it. Sealing holds the lanes only while it changes intervals, not while it makes the record.
 *
 * Between begin and end every interval gives a record, a quiet one too: a true zero. Only a silence
 * longer than `max_quiet_ns`, or meter_pause, is taken as time in which nothing was observed and
 * leaves a gap.
 *
 * A packet older than the open interval: with `keep_late` (captures: files are not always in order)
 * it goes into a further record of its own interval; without (live: a sealed interval stays as it
 * is) it is counted as late. So that few are, a live interval is not sealed by the first packet of
 * the next one, which is counted beside it: only by meter_advance, a packet two intervals on, or
 * one after a gap.
 */
#ifndef COLLECTOR_METER_H
#define COLLECTOR_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/capture.h"
#include "common/prefix.h"
#include "common/record.h"

#define METER_WIDTH_S   60
#define METER_LANES_MAX 64

struct meter;

/* Takes a complete record; epoch and seq are the sink's to fill in. The record is the meter's and
 * is closed when the sink returns. A negative return ends the meter: it does nothing from then on
 * but return that error. Called by one thread at a time, any that counts. */
typedef int (*meter_sink)(void *user, struct record *record);

struct meter_options {
    const char *sensor;              /* borrowed */
    const struct prefixset *darknet; /* finished; borrowed */
    const struct prefixset *tunnels; /* end points of ours; borrowed; NULL: none */
    unsigned lanes; /* at most METER_LANES_MAX; 0: 1; with keep_late there is one, and one thread */
    /* Directory of the files that outlive the process with what the open intervals have counted
     * (recover_open finds it there); NULL: counted in memory. */
    const char *dir;
    bool keep_late;
    bool without_sources; /* records have none */
    int64_t max_quiet_ns;
    uint64_t
        split_at; /* packets of a lane in an interval that seal it early; 0: before a counter wraps */
    meter_sink sink;
    /* The sequence that the next record gets; NULL where `dir` is. Called as the sink. */
    uint64_t (*next_seq)(void *user);
    void *user;
};

/* ERR_NOMEM. Where files cannot be had, memory is taken, 0 returned and the cause is in `errmsg`,
 * which is empty otherwise. */
int meter_new(struct meter **meter, const struct meter_options *options, char *errmsg);
void meter_free(struct meter *meter);

/* Whether the meter takes this time stamp: the years 1970 to 2199. Others make a packet undecodable. */
bool meter_time_valid(int64_t at_ns);

/* Observation begins at `now_ns`. ERR_INVALID outside of the years 1970 to 2199. */
int meter_begin(struct meter *meter, int64_t now_ns);

/* Around the packets that a thread counts one after the other in `lane`. */
void meter_enter(struct meter *meter, unsigned lane);
void meter_leave(struct meter *meter, unsigned lane);

/* Counts one packet of a frame of `linktype` in a lane that was entered. What is no packet to the
 * darknet is counted by reason; a time stamp outside of 1970 to 2199 makes a packet undecodable.
 * While observation is paused, a packet resumes it. Errors are the sink's, or ERR_NOMEM. */
int meter_packet(struct meter *meter, unsigned lane, int linktype,
                 const struct capture_packet *packet);

/* No lane of the calling thread may be entered from here on. */

/* Adds drops that the kernel and the interface told of to the open interval. */
void meter_dropped(struct meter *meter, uint64_t kernel, uint64_t interface);
/* Sets RECORD_... flags of what is open. */
void meter_flag(struct meter *meter, uint32_t flags);

/* Seals every interval that ended by `now_ns`; a clock that was set back seals nothing. */
int meter_advance(struct meter *meter, int64_t now_ns);

/* Nothing is observed behind `last_ns` (included) until meter_begin or a packet resumes it: seals
 * what is open, as a partial interval. Nothing while it is paused. */
int meter_pause(struct meter *meter, int64_t last_ns);

/* Observation ends at `last_ns` (included): seals what is open, as a partial interval, and deletes
 * the files. */
int meter_end(struct meter *meter, int64_t last_ns);

#endif

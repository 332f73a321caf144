/*
 * Meter: cuts the packets of one capture into intervals of 60 s by packet time and turns each into
 * a record. meter_begin once, then meter_packet for every packet and meter_advance as time passes,
 * meter_end; every record that is complete goes to the sink, without epoch and sequence. Pure: time
 * comes from the caller.
 *
 * Between begin and end every interval gives a record, a quiet one too: a true zero. Only a silence
 * longer than `max_quiet_ns` is taken as time in which nothing was observed and leaves a gap.
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

#define METER_WIDTH_S 60

struct meter;

/* Takes a complete record; epoch and seq are the sink's to fill in. The record is the meter's and
 * is closed when the sink returns. A negative return ends the meter: it does nothing from then on
 * but return that error. */
typedef int (*meter_sink)(void *user, struct record *record);

struct meter_options {
    const char *sensor;              /* borrowed */
    const struct prefixset *darknet; /* finished; borrowed */
    const struct prefixset *tunnels; /* as tunnel_decode's; borrowed */
    bool keep_late;
    int64_t max_quiet_ns;
    meter_sink sink;
    void *user;
};

/* NULL without memory. */
struct meter *meter_new(const struct meter_options *options);
void meter_free(struct meter *meter);

/* Whether the meter takes this time stamp: the years 1970 to 2199. Others make a packet undecodable. */
bool meter_time_valid(int64_t at_ns);

/* Observation begins at `now_ns`. ERR_INVALID outside of the years 1970 to 2199. */
int meter_begin(struct meter *meter, int64_t now_ns);

/* Counts one packet of a frame of `linktype`. What is no packet to the darknet is counted by
 * reason; a time stamp outside of 1970 to 2199 makes a packet undecodable. Errors are the sink's,
 * or ERR_NOMEM. */
int meter_packet(struct meter *meter, int linktype, const struct capture_packet *packet);

/* Adds drops that the kernel and the interface told of to the open interval. */
void meter_dropped(struct meter *meter, uint64_t kernel, uint64_t interface);

/* Seals every interval that ended by `now_ns`; a clock that was set back seals nothing. */
int meter_advance(struct meter *meter, int64_t now_ns);

/* Observation ends at `last_ns` (included): seals what is open, as a partial interval. */
int meter_end(struct meter *meter, int64_t last_ns);

#endif

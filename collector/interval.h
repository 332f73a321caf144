/*
 * Interval: all that one thread counts in one interval, in one piece of memory that outlives the
 * process (collector/region.h): packets per darknet address, tables by class, protocol, port and
 * ICMP type, unique hosts, packets per source, and what was not counted, by reason. Used by meter, which decides what
 * interval is open; by recover, which finds what a killed process left.
 *
 *   interval_new; interval_open; then interval_add and its kin per packet; interval_record makes one
 *   record of what several threads counted; interval_open begins anew.
 *
 * A packet is counted when interval_add returns, whatever happens to the process: it waits in a
 * batch in the same memory until its counters are in the cache (collector/interval_settle.c says
 * how a batch that was cut short is finished by interval_load). Counters of addresses are 32 bits
 * wide; the meter seals before one might wrap.
 *
 * Addresses of an IPv4 darknet of up to INTERVAL_DENSE_MAX are counted in a dense array, 4 bytes
 * each; of a larger one, and of IPv6, in a table of at most INTERVAL_SPARSE_MAX. What a full table
 * refuses is counted. Sources are in tables of their own (collector/sources.h); an interval with too many
 * of them keeps none, and counts everything else all the same. The rows of its tables have witnesses of
 * their sources (common/tables.h) either way, unless no sources are wanted.
 */
#ifndef COLLECTOR_INTERVAL_H
#define COLLECTOR_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "common/prefix.h"
#include "common/record.h"

#define INTERVAL_DENSE_MAX  (UINT64_C(1) << 26)
#define INTERVAL_SPARSE_MAX (UINT32_C(1) << 22)
#define INTERVAL_FILE       "open-" /* what the files' names begin with */

struct interval;

/* Why a captured packet is in no counter. Late packets have interval_late. */
enum interval_reason {
    INTERVAL_OFF_DARKNET,
    INTERVAL_NOT_IP,
    INTERVAL_UNDECODABLE,
    INTERVAL_LATE,
    INTERVAL_REFUSED, /* no room in the bounded table */
    INTERVAL_REASONS
};

/* Counters for `darknet` (finished; borrowed, must outlive it), not yet open. `path`: the file to
 * keep them in, borrowed as well, or NULL for memory. Where the file cannot be had, memory is taken
 * and 0 returned all the same, with the cause in `errmsg`, which is empty otherwise: interval_open
 * tries again. ERR_NOMEM. */
int interval_new(struct interval **interval, const struct prefixset *darknet, const char *path,
                 char *errmsg);
/* Frees it; the file stays, for interval_load. NULL is allowed. */
void interval_free(struct interval *interval);
/* Frees it and deletes its file. NULL is allowed. */
void interval_discard(struct interval *interval);

/* No sources are counted, from the next interval_open on. */
void interval_without_sources(struct interval *interval);

/* Whether what is counted would outlive the process. */
bool interval_safe(const struct interval *interval);

/* Forgets everything and opens the interval that begins at `start_ns`, observed from `first_ns`. */
void interval_open(struct interval *interval, int64_t start_ns, int64_t first_ns);
/* Forgets everything; the interval is not open any more. */
void interval_close(struct interval *interval);

/* Counts a packet that decode() filled in, captured at `ts_ns`; its layer 4 is decoded here. What is
 * not to the darknet is counted as off-darknet, what finds no room as refused. A source in the
 * darknet is noted for an alarm. Returns whether interval_packets has changed. */
bool interval_add(struct interval *interval, struct packet *packet, int64_t ts_ns);
/* Likewise one that decode_plain() filled in. */
bool interval_add_plain(struct interval *interval, const struct packet_plain *packet,
                        int64_t ts_ns);
/* Counts a packet that is in no counter. */
void interval_add_reason(struct interval *interval, enum interval_reason reason);
/* Notes an IPv4 address that a frame which is not IP names as its sender, as ARP does: where it is one
 * of the darknet, that is lit. */
void interval_add_sender(struct interval *interval, uint32_t address);
/* Counts a packet of the sealed interval that begins at `start_ns`. */
void interval_add_late(struct interval *interval, int64_t start_ns);
void interval_add_dropped(struct interval *interval, uint64_t kernel, uint64_t interface);
/* Sets bits of enum record_flag. */
void interval_flag(struct interval *interval, uint32_t flags);
/* Observation goes on at `now_ns`. */
void interval_seen(struct interval *interval, int64_t now_ns);

/* Packets counted, but for up to a batch of the latest. Beyond INTERVAL_PACKETS_MAX the counter of an
 * address might wrap: nothing may be added any more. */
uint64_t interval_packets(const struct interval *interval);
#define INTERVAL_PACKETS_MAX UINT64_C(0xffff0000)

bool interval_is_open(const struct interval *interval);
int64_t interval_start_ns(const struct interval *interval);
/* Observation: from interval_open, to the latest packet or interval_seen. */
int64_t interval_first_ns(const struct interval *interval);
int64_t interval_last_ns(const struct interval *interval);

/* The sequence that the interval's record gets, noted before the record is written: a process that
 * finds the interval and a spool that holds this sequence knows that it was sealed. 0: none. */
void interval_set_sealing(struct interval *interval, uint64_t seq);
uint64_t interval_sealing(const struct interval *interval);

/* Fills an initialised record with the sums of `count` (at least 1) open intervals of the same start
 * and darknet, all but its name, span and sequence. ERR_NOMEM: the record is then to be closed. */
int interval_record(struct interval *const *intervals, size_t count, struct record *record);

/* What a process that was killed left in `path`, its last batch finished. ERR_UNKNOWN: no such file;
 * ERR_VERSION: of another version of this program, or another darknet; ERR_DAMAGED, ERR_IO,
 * ERR_NOMEM. It can be read, not added to. */
int interval_load(struct interval **interval, const struct prefixset *darknet, const char *path,
                  char *errmsg);

#endif

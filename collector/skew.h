/*
 * Skew: finds what does not look like darknet among the counts of a live sensor: an address that gets
 * far more or far less than the others of its /24 for hours, and a /24 in which nothing arrives for
 * hours while the others do. skew_new, then skew_record with every record, in order and before it is
 * spooled: it adds RECORD_ALARM_SKEW and RECORD_ALARM_SILENT alarms to the record with which they
 * became true. Pure.
 *
 * Time is what records observed (last_ns - first_ns), in slots of SKEW_SLOT_NS; time in which nothing
 * was observed is none, and records during which an interface was down are left out, since part of
 * the darknet may have been cut off. Nothing outlives the process.
 *
 * Addresses. The counts of a /24 are compared every hour. An address is off when it got at least
 * SKEW_FACTOR_HIGH times the median and SKEW_FACTOR_DECILE times what nine tenths stay below, or,
 * where the median is at least SKEW_MEDIAN_LOW, at most a SKEW_FACTOR_LOW-th of it. It is told when
 * it was off to the same side in SKEW_STREAK hours in a row, and again after as many more. Darknet
 * traffic is not Poisson: what is legal comes in bursts (backscatter of an attack, a scan of all
 * ports), so that one hour proves nothing, however many packets it is about. But bursts end, and
 * independent ones hardly ever follow each other: the decile follows heavy tails, so that in traffic
 * whose bursts have no mean (Pareto, exponent 1) an address is off in 2.5 % of hours, and in 8 in a
 * row with 2e-13. Poisson traffic is worst at a median of 1 (a rate of 1.7), where 8 packets have
 * 4e-4, 8 times 5e-28, and at a median of 10 (a rate of 9.7), where none have 6e-5, 8 times 2e-34;
 * 1e-17 for an address that always gets half, as .0 and .255 may. Where more than a tenth of a /24
 * is off, two populations share it, and none of them is told.
 *
 * Prefixes. A slot counts when packets came to half of the /24s: then the median neighbour had some.
 * `q`, the chance of a /24 to get none in such a slot, is estimated from its past, with the doubt of
 * 4 slots, 3 of them silent. The /24 is told when the silence has lasted an hour, is SKEW_SILENCES
 * times as long as any in its past and q^slots is below SKEW_SILENCE_P; then once an hour. Slots are
 * compared rather than packets since packets come in sweeps, and with the longest silence since
 * sweeps are slow. A /24 in which something came in every slot of a day is told after an hour, one
 * known for an hour after 3, one that never got anything after 12. What is past fades within weeks.
 */
#ifndef COLLECTOR_SKEW_H
#define COLLECTOR_SKEW_H

#include "common/prefix.h"
#include "common/record.h"

#define SKEW_SLOT_NS       (INT64_C(600) * 1000000000)
#define SKEW_HOUR_SLOTS    6
#define SKEW_FACTOR_HIGH   8
#define SKEW_FACTOR_DECILE 4
#define SKEW_FACTOR_LOW    20
#define SKEW_MEDIAN_LOW    10
#define SKEW_STREAK        8
#define SKEW_SILENCES      4
#define SKEW_SILENCE_P     1e-9

/* A median of fewer addresses, and a majority of fewer prefixes, say nothing. */
#define SKEW_MEMBERS_MIN  16  /* of the darknet in a /24 whose addresses are compared */
#define SKEW_MEMBERS_HALF 128 /* in a /24 whose silence is told */
#define SKEW_PREFIXES_MIN 4   /* of these */

/* Bounds of memory: a /24 takes 56 bytes, and 1,280 more where its addresses are compared. A darknet of
 * more /24s than the first has no alarms of addresses, of more than the second none at all. IPv6 has
 * none. */
#define SKEW_DETAILED_MAX ((size_t)1 << 12)
#define SKEW_PREFIXES_MAX ((size_t)1 << 18)

struct skew;

/* Nothing seen yet of `darknet` (finished; not needed any more afterwards). NULL without memory. */
struct skew *skew_new(const struct prefixset *darknet);
void skew_free(struct skew *skew);

/* Adds what the record says to the slot that is open, and to the record the alarms of the slot that
 * it closes. The packets of a skewed address are those of the last hour. */
void skew_record(struct skew *skew, struct record *record);

#endif

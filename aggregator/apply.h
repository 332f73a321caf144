/*
 * Apply: what a record changes, "log and checkpoint". A record is added to the part in memory and
 * its consequences are written as one guarded put: its addresses as a log entry, and as absolute
 * values all that is small (totals, course, sketches, epoch). The address vectors of hour, day,
 * month and year are written when they are folded: before a record of another hour is applied,
 * after APPLY_LOGS_MAX calls, and when the sensor leaves. Callers: the lane. Order for a
 * connection: apply_open; then for each record apply_check, apply_fold if apply_fold_due, load_turn
 * unless part_holds, apply_record. Pure.
 */
#ifndef AGGREGATOR_APPLY_H
#define AGGREGATOR_APPLY_H

#include <stdbool.h>

#include "aggregator/part.h"
#include "aggregator/put.h"
#include "common/chunk.h"
#include "common/frame.h"

#define APPLY_LOGS_MAX 64

/* More than this in one record is no count: a year of such records still fits 64 bits. */
#define APPLY_COUNT_MAX (UINT64_C(1) << 40)
#define APPLY_BYTES_MAX (UINT64_C(1) << 44)

/* Whether this sensor may deliver what `open` announces: its darknet (`darknet`, as canonical text) is
 * the one that the store holds, or that of an enrolled sensor with an inventory, and a replay's whole span was not observed by
 * another epoch. Makes the epoch known to the part and gives the last sequence applied of it.
 * ERR_REFUSED with the reason in `refuse`; ERR_NOMEM. */
int apply_open(struct part *part, const struct frame_open *open, const char *darknet, uint64_t *seq,
               struct frame_refuse *refuse);

/* Whether `record` is the next one of `epoch`, an epoch that apply_open made known: 0; 1 when it
 * was applied before (nothing is to be done); ERR_REFUSED with the reason in `refuse`. */
int apply_check(const struct part *part, const uint8_t epoch[EPOCH_SIZE],
                const struct record *record, struct frame_refuse *refuse);
/* Whether it counts only addresses of `addresses` (NULL: of the darknet that the store holds).
 * ERR_REFUSED with the reason in `refuse`. */
int apply_check_addresses(const struct part *part, const struct prefixset *addresses,
                          const struct record *record, struct frame_refuse *refuse);

/* Whether apply_fold must come before a record of the instant `at_s`. */
bool apply_fold_due(const struct part *part, int64_t at_s);
/* Whether there is anything that apply_fold would write. */
bool apply_fold_possible(const struct part *part);

/* Both write one call into `put` (initialised, empty) and count it in part->n. The part holds the
 * periods of the record, which apply_check let pass; `sealed` is its sealed form. After ERR_NOMEM the part is good for
 * part_close only, and nothing of the put may be sent. */
int apply_record(struct part *part, const struct record *record, struct chunk sealed,
                 struct put *put);
int apply_fold(struct part *part, struct put *put);

/* apply_check for the sensor's word that records are lost at it. */
int apply_check_lost(const struct part *part, const uint8_t epoch[EPOCH_SIZE],
                     const struct frame_lost *lost, struct frame_refuse *refuse);
/* Passes over the sequences of the opened epoch up to `last`, without which nothing was observed: as
 * apply_record, but no period needs to be held. */
int apply_lost(struct part *part, const struct frame_open *open, uint64_t last, struct put *put);

#endif

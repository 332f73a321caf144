/*
 * Manifest: which epochs of a spool there are and how far each is on disk and acknowledged; the
 * source that delivery takes its records from. No loop in it: ship tells it what the capture
 * process said, asks whether all is delivered, and has it save. manifest.c knows the epochs and is the
 * source; manifest_save.c notes what is acknowledged and keeps the limit of the spool.
 */
#ifndef COLLECTOR_MANIFEST_H
#define COLLECTOR_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/delivery.h"
#include "collector/spool.h"

#define MANIFEST_KEPT 16

struct manifest_entry {
    struct spool_epoch epoch;
    uint64_t durable; /* on disk up to here */
    uint64_t acked;
    struct {
        int64_t at_s;
        uint64_t acked;
    } kept[MANIFEST_KEPT]; /* what was acknowledged when, ascending: the retention begins there */
    size_t kept_count;
    uint64_t noted; /* acknowledged as the spool knows it; UINT64_MAX: that is to be noted anew */
    bool announced; /* the capture process works on it */
    bool ask; /* the aggregator is to be asked, whatever the spool believes to be acknowledged */
    bool resumed;  /* the aggregator said where it stands */
    uint64_t told; /* which was said to be lost, up to here */
    bool stuck;    /* a capture that is damaged where delivery stands */
    uint64_t held; /* what it held when it said so first */
    uint64_t
        offered; /* live: no record behind this one was ever sent; at most what the disk says */
    bool offered_noted;   /* and the disk says so */
    uint64_t merged;      /* up to here merging was tried */
    bool unmerged;        /* it failed, and that was said */
    uint64_t oldest;      /* the record that manifest_oldest looked at last, */
    int64_t oldest_end_s; /* and when its interval ended */
};

struct manifest {
    const char *spool; /* borrowed */
    struct manifest_entry *entries;
    size_t count;
    size_t current; /* being delivered; SIZE_MAX for none */
    struct spool_reader *reader;
    uint64_t max_bytes;  /* that the segments of live epochs may take; 0: any number */
    uint64_t used_bytes; /* that they took when manifest_save looked last */
    uint64_t progress;   /* grows with every acknowledgement, and every resume that is news */
    uint64_t acknowledged, lost; /* records, since manifest_init; what was told to be lost */
    uint64_t merged;             /* records that became part of a merged one, since manifest_init */
    bool refused;                /* an epoch was refused for good */
    bool live_refused;           /* and it was that of a live sensor */
    bool broken;                 /* the spool could not be read */
};

/* Takes over `epochs` from spool_list. ERR_NOMEM. */
int manifest_init(struct manifest *manifest, const char *spool, struct spool_epoch *epochs,
                  size_t count);
void manifest_close(struct manifest *manifest);

/* The source for delivery_init. */
struct delivery_source manifest_source(struct manifest *manifest);

/* The spool holds `epoch` on disk up to `seq`. ERR_UNKNOWN when the spool has no such epoch. */
int manifest_durable(struct manifest *manifest, const uint8_t epoch[EPOCH_SIZE], uint64_t seq,
                     char *errmsg);

/* There is a connection: the aggregator is asked again about every epoch of which it has acknowledged
 * something, since its store may have been put back to an older state meanwhile. */
void manifest_connected(struct manifest *manifest);

/* Whether there is anything to talk to the aggregator about: a record that waits, or an epoch that
 * it was not asked about yet. */
bool manifest_wants(const struct manifest *manifest);

/* Records that wait, over all epochs that are not refused; those that the spool believes to be
 * acknowledged and the aggregator was not asked about yet are among them. */
uint64_t manifest_waiting(const struct manifest *manifest);

/* When the oldest interval of a live epoch that waits ended: seconds since 1970; INT64_MAX when none
 * waits or its record cannot be read. */
int64_t manifest_oldest(struct manifest *manifest);

/* Says of each replayed capture how much of it the aggregator holds and how much of that was new. */
void manifest_report(const struct manifest *manifest);

/* Writes new acknowledgements into the spool and deletes what a live sensor got acknowledged
 * `retention_s` ago or more (a sixteenth of that more, since not every acknowledgement's time is
 * kept); a replay may be being written to. Then keeps the limit: what is acknowledged goes first,
 * oldest first, and goes as well while the disk is nearly full; then records that were never sent are
 * merged by the quarter of an hour, oldest first, a few segments each time; only when none of those
 * are left what is not acknowledged goes, oldest first, which is said by interval and told to the
 * aggregator as lost. What may be on its way to the aggregator is not dropped. */
void manifest_save(struct manifest *manifest, int64_t retention_s, int64_t now_s);

#endif

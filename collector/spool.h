/*
 * Spool: the directory between the capture process, which appends sealed records, and the ship
 * process, which reads and acknowledges them. One sub-directory per epoch, which is one unbroken
 * sequence of records: of a live sensor, or of one replayed capture.
 *
 *   SPOOL/lock                          held by the sensor that runs on this spool
 *   SPOOL/<epoch>/identity              whose records these are, written once
 *   SPOOL/<epoch>/<first seq>.segment   sealed records (common/record.h), one after the other
 *   SPOOL/<epoch>/open-<lane>-<slot>    what open intervals have counted (collector/interval.h)
 *   SPOOL/<epoch>/acked                 last sequence that the aggregator holds durably
 *   SPOOL/<epoch>/refused               why the aggregator will never take it; not offered again
 *
 * A record is offered to the aggregator only after it is on disk: spool_sync says up to where that
 * is. What a crash leaves behind the last whole record of a segment is cut off when it is opened
 * for appending. Acknowledged segments stay for the retention time.
 */
#ifndef COLLECTOR_SPOOL_H
#define COLLECTOR_SPOOL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

/* Sealed records of a segment are closed and a new file begun beyond this. */
#define SPOOL_SEGMENT_MAX ((size_t)8 << 20)

struct spool_identity {
    uint8_t epoch[EPOCH_SIZE];
    char sensor[SENSOR_NAME_MAX + 1];
    char *darknet; /* canonical list */
    bool replay;
    int64_t first_ns, last_ns; /* replay: of the capture; live: when the epoch began, and 0 */
};

/* Makes the directory where it is missing and takes its lock; returns the lock's descriptor, to be
 * closed at the end. ERR_REFUSED when another sensor runs on it; ERR_IO, ERR_FULL. */
int spool_lock(const char *spool, char *errmsg);

/* --- writing ---------------------------------------------------------------------------------- */

struct spool_writer;

/* Opens the epoch for appending and creates it where it is missing. ERR_REFUSED when the spool
 * holds the epoch with another darknet, or marked as refused; ERR_DAMAGED when a segment is damaged
 * before its end; ERR_IO, ERR_FULL, ERR_NOMEM. */
int spool_writer_open(struct spool_writer **writer, const char *spool,
                      const struct spool_identity *identity, char *errmsg);
/* The directory of the epoch; borrowed. */
const char *spool_writer_path(const struct spool_writer *writer);
/* The last sequence in the epoch, 0 for none. */
uint64_t spool_writer_last(const struct spool_writer *writer);
/* Appends one sealed record, whose sequence must be spool_writer_last() + 1. Nothing of it stays
 * after an error (ERR_FULL, ERR_IO): the same record can be appended later. */
int spool_append(struct spool_writer *writer, const uint8_t *sealed, size_t size, char *errmsg);
/* Forces everything appended to disk. ERR_IO, ERR_FULL. */
int spool_sync(struct spool_writer *writer, char *errmsg);
/* Closes and frees; NULL is allowed. Does not sync. */
void spool_writer_close(struct spool_writer *writer);

/* The most recent live epoch of this sensor and darknet that can go on, into `identity` (epoch and
 * first_ns are set). Returns whether there is one. */
bool spool_find_live(const char *spool, struct spool_identity *identity);

/* --- reading ---------------------------------------------------------------------------------- */

struct spool_epoch {
    struct spool_identity identity;
    char path[PATH_MAX];
    uint64_t first, last; /* sequences on disk; 0, 0 for none */
    uint64_t acked;
    bool refused;
};

/* The epochs of a spool: replays first, then live, by first_ns. A sub-directory that is no epoch is
 * left out; a damaged one is left out and named in `errmsg` (empty otherwise). ERR_IO, ERR_NOMEM.
 */
int spool_list(const char *spool, struct spool_epoch **epochs, size_t *count, char *errmsg);
/* Forces to disk what spool_list found of the epoch: what another process appended may not be yet,
 * and it may be offered only when it is. ERR_IO, ERR_NOMEM. */
int spool_settle(const struct spool_epoch *epoch, char *errmsg);
void spool_list_free(struct spool_epoch *epochs, size_t count);
/* One epoch of a spool; `found->identity.darknet` is to be freed. ERR_UNKNOWN when there is none;
 * ERR_DAMAGED, ERR_IO, ERR_NOMEM. */
int spool_find(const char *spool, const uint8_t epoch[EPOCH_SIZE], struct spool_epoch *found,
               char *errmsg);

struct spool_reader;

/* Reads the epoch in `path` from sequence `seq` on. NULL without memory. */
struct spool_reader *spool_reader_new(const char *path, uint64_t seq);
void spool_reader_free(struct spool_reader *reader);
/* The next record: 1 with `*sealed` (borrowed until the next call) and `*size`; 0 when the disk
 * holds no further one yet. ERR_UNKNOWN: it was deleted, or never there; ERR_DAMAGED: its bytes are
 * not a record; ERR_IO. Only whole records with a right checksum come out. */
int spool_read(struct spool_reader *reader, const uint8_t **sealed, size_t *size, char *errmsg);

/* Notes that everything up to `seq` is durable at the aggregator. Losing the note is harmless: the
 * aggregator knows. ERR_IO, ERR_FULL. */
int spool_acknowledge(const char *path, uint64_t seq, char *errmsg);
/* Notes that the aggregator refused the epoch for good. */
int spool_refuse(const char *path, const char *reason, char *errmsg);
/* Deletes acknowledged segments last written `retention_s` or more before `now_s`. The newest
 * segment of a live epoch stays, so that its sequence is not forgotten. A replay goes as a whole
 * when all of it is acknowledged: replaying the capture makes it anew; nobody may be writing to it.
 * Needs no free space. */
void spool_prune(const struct spool_epoch *epoch, uint64_t acked, int64_t retention_s,
                 int64_t now_s);

#endif

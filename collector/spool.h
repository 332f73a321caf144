/*
 * Spool: the directory between the capture process, which appends sealed records, and the ship
 * process, which reads and acknowledges them. One sub-directory per epoch, which is one unbroken
 * sequence of records: of a live sensor, or of one replayed capture.
 *
 *   SPOOL/lock                          held by the sensor that runs on this spool
 *   SPOOL/<epoch>/identity              whose records these are, written once; identity.copy the same
 *   SPOOL/<epoch>/<first seq>.segment   sealed records (common/record.h), one after the other
 *   SPOOL/<epoch>/open-<lane>-<slot>    what open intervals have counted (collector/interval.h)
 *   SPOOL/<epoch>/mark                  live: the last sequence that is known to have been on disk
 *   SPOOL/<epoch>/.spare                live: room on the disk for the next segment
 *   SPOOL/<epoch>/offered               live: no record behind this sequence was ever sent
 *   SPOOL/<epoch>/acked                 last sequence that the aggregator holds durably
 *   SPOOL/<epoch>/refused               why the aggregator will never take it; not offered again
 *   SPOOL/<epoch>/<first>-<last>.merge  merged records that take the place of segments, until they do
 *   SPOOL/<epoch>/<...>.segment.damaged a damaged segment under a second name; never deleted
 *
 * A record is offered to the aggregator only after it is on disk: spool_sync says up to where that
 * is. What a crash leaves behind the last whole record of a segment is cut off when it is opened
 * for appending. Acknowledged segments stay for the retention time.
 *
 * Damage costs the records that it hit and no other. A sequence between the first and the last of an
 * epoch that no sound record has is lost: the reader says so, and the sensor tells the aggregator,
 * which passes over it. A live epoch goes on in a new segment behind its damage; of a capture, which
 * can be counted again, everything from the damaged segment on is.
 */
#ifndef COLLECTOR_SPOOL_H
#define COLLECTOR_SPOOL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/record.h"

/* Sealed records of a segment are closed and a new file begun beyond this. */
#ifndef SPOOL_SEGMENT_MAX
#define SPOOL_SEGMENT_MAX ((size_t)8 << 20)
#endif

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
 * holds the epoch with another darknet, or marked as refused; ERR_DAMAGED when its identity is
 * another's; ERR_IO, ERR_FULL, ERR_NOMEM. Damage in the newest segment of a live epoch, or anywhere in
 * a capture's, is logged with the sequences lost. */
int spool_writer_open(struct spool_writer **writer, const char *spool,
                      const struct spool_identity *identity, char *errmsg);
/* From now on has the disk keep room for the segment being written and for the next one, until the
 * writer is closed: so that a full disk is known (and logged) a segment ahead. For a live sensor. */
void spool_reserve(struct spool_writer *writer);
/* The directory of the epoch; borrowed. */
const char *spool_writer_path(const struct spool_writer *writer);
/* The last sequence in the epoch, 0 for none. */
uint64_t spool_writer_last(const struct spool_writer *writer);
/* Appends one sealed record, whose sequence must be spool_writer_last() + 1. Nothing of it stays
 * after an error (ERR_FULL, ERR_IO): the same record can be appended later. */
int spool_append(struct spool_writer *writer, const uint8_t *sealed, size_t size, char *errmsg);
/* Forces everything appended to disk; after an error it is written once more the next time, since
 * the system may have dropped it. ERR_IO, ERR_FULL. */
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
    uint64_t first, last; /* sequences: of the oldest segment, and the last given out; 0, 0: none */
    uint64_t acked;
    int64_t acked_s; /* when that was noted: UTC; 0: never */
    uint64_t marked; /* the last one that is known to be on disk; UINT64_MAX: not known */
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
#define SPOOL_LOST 2

/* The next record, of those up to `through`, which are on disk: 1 with `*sealed` (borrowed until the
 * next call) and `*size`; 0 behind `through`. SPOOL_LOST: it is damaged or was deleted, and so are
 * those after it up to spool_reader_lost; said again until spool_reader_skip. ERR_IO, ERR_NOMEM. Only
 * whole records with a right checksum come out. */
int spool_read(struct spool_reader *reader, uint64_t through, const uint8_t **sealed, size_t *size,
               char *errmsg);
/* To be called when segments from the next record on were replaced: the next one is looked up again. */
void spool_reader_reopen(struct spool_reader *reader);
/* After SPOOL_LOST: the last sequence that is lost. */
uint64_t spool_reader_lost(const struct spool_reader *reader);
/* Goes on with `seq`, where that is ahead. */
void spool_reader_skip(struct spool_reader *reader, uint64_t seq);

/* Notes that everything up to `seq` is durable at the aggregator. Losing the note is harmless: the
 * aggregator knows. ERR_IO, ERR_FULL. */
int spool_acknowledge(const char *path, uint64_t seq, char *errmsg);
/* Notes on disk that records up to `seq` are offered from now on. Where that fails nothing is noted, and
 * any record may have been offered. ERR_IO, ERR_FULL. */
int spool_offer(const char *path, uint64_t seq, char *errmsg);
/* Up to where records may have been offered; UINT64_MAX: it is not known. */
uint64_t spool_offered(const char *path);
/* Notes that the aggregator refused the epoch for good. */
int spool_refuse(const char *path, const char *reason, char *errmsg);
/* Deletes acknowledged segments last written `retention_s` or more before `now_s`. The newest
 * segment of a live epoch stays, so that its sequence is not forgotten. A replay goes as a whole
 * when all of it is acknowledged: replaying the capture makes it anew; nobody may be writing to it.
 * Needs no free space. */
void spool_prune(const struct spool_epoch *epoch, uint64_t acked, int64_t retention_s,
                 int64_t now_s);

/* Bytes that the epoch's segments take on the disk. */
uint64_t spool_usage(const struct spool_epoch *epoch);
/* Whether the disk of the spool has less free than two segments take. */
bool spool_disk_low(const char *spool);
/* Deletes the oldest segments of a live epoch until `bytes` are free or no further one may go: none
 * with a record behind `upto`, none with one of acked + 1 .. spared, and never the newest. Of records
 * behind `acked` it says what is lost with them: a line for each interval. Returns the bytes. Needs no
 * free space. */
uint64_t spool_shrink(const struct spool_epoch *epoch, uint64_t acked, uint64_t spared,
                      uint64_t upto, uint64_t bytes);

/* --- merging ---------------------------------------------------------------------------------- */

struct spool_merging {
    uint64_t records, into; /* so many became so many; 0, 0: nothing was to be gained */
    uint64_t first, last; /* sequences that were looked at; 0, 0: there is nothing from there on */
    uint64_t freed;       /* bytes */
};

/* Merges the oldest records of a live epoch from sequence `from` on by the quarter of an hour
 * (record_merge), a few segments at a time and never the newest. It needs room for what they
 * become. A crash leaves them as they were or merged. ERR_IO: nothing of the epoch may be offered until
 * spool_merge_finish succeeded; after any other error (ERR_FULL, ERR_NOMEM, ERR_VERSION) all is as it was. */
int spool_merge(const struct spool_epoch *epoch, uint64_t from, struct spool_merging *merging,
                char *errmsg);
/* Completes a merging that a crash has cut short, before anything of the epoch is offered. ERR_IO,
 * ERR_NOMEM. */
int spool_merge_finish(const struct spool_epoch *epoch, char *errmsg);

/* --- looking ---------------------------------------------------------------------------------- */

/* One thing that is wrong in an epoch. */
struct spool_damage {
    char file[PATH_MAX];
    size_t at, size;      /* bytes of it */
    uint64_t first, last; /* sequences that are lost by it; none when last < first */
};

/* Checks every record of the epoch and the notes beside them, and reports each damage with `report`;
 * `*records` gets how many are sound. Changes nothing; a sensor may be writing. 0 whether there is
 * damage or not; ERR_IO, ERR_NOMEM. */
int spool_verify(const struct spool_epoch *epoch, uint64_t *records,
                 void (*report)(void *user, const struct spool_damage *damage), void *user,
                 char *errmsg);
/* The bytes that the epoch's files take, damaged ones that were kept among them. */
uint64_t spool_bytes(const struct spool_epoch *epoch);
/* When what the epoch still holds begins and ends: seconds since 1970, as the first and the last record
 * say that can be read. False: none can. */
bool spool_times(const struct spool_epoch *epoch, int64_t *from_s, int64_t *until_s);

#endif

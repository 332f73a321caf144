/*
 * What the parts of the spool share: spool_segment.c knows the files of records, spool_note.c the
 * small files beside them, spool_writer.c appends, spool_room.c keeps room for that, spool_reader.c
 * reads, spool_prune.c deletes. Included by collector/spool_*.c and their tests only.
 */
#ifndef COLLECTOR_SPOOL_PRIVATE_H
#define COLLECTOR_SPOOL_PRIVATE_H

#include <sys/types.h>

#include "collector/spool.h"
#include "collector/spool_env.h"

/* --- segments --------------------------------------------------------------------------------- */

/* The first sequences of the segments in `path`, ascending; to be freed. ERR_IO, ERR_NOMEM. */
int segments_list(const char *path, uint64_t **firsts, size_t *count);
void segment_path(char out[PATH_MAX], const char *path, uint64_t first);

/* Reads a whole segment; what the disk cannot read (EIO) becomes zeros. Bounded by the greatest
 * segment. ERR_UNKNOWN when it is not there; ERR_IO, ERR_NOMEM. */
int segment_load(const char *path, uint64_t first, struct buf *bytes);

/* A walk over the bytes of a segment, through whatever is damaged in it. Zeroed, then the first
 * five set. */
struct segment_walk {
    const uint8_t *bytes;
    size_t size;
    const uint8_t *epoch;
    uint64_t next;  /* sequence that comes next: at first that of the segment's name */
    uint64_t limit; /* records from this sequence on are in the next segment; 0: there is none */
    size_t at;
};

enum segment_found {
    SEGMENT_END,    /* no sound record from `at` on; there may be bytes */
    SEGMENT_RECORD, /* the record that is piece.first to piece.last: one, unless it is merged */
    SEGMENT_DAMAGE, /* bytes that are no record, records that are not there, or both */
};

struct segment_piece {
    uint64_t first, last; /* sequences; damage: those that are lost, none when last < first */
    size_t at, size;
};

enum segment_found segment_next(struct segment_walk *walk, struct segment_piece *piece);

/* Where a live epoch's sequence ends, as its newest segment and its mark say. */
struct segment_tail {
    uint64_t last;  /* highest sequence that was given out, whether it can be read or not */
    uint64_t found; /* last record that can be read; first - 1 for none */
    size_t end;     /* where that ends; what is behind it is what a crash left, or damage */
    bool damaged;   /* nothing may be appended here: a record is lost, or bytes between records */
};

/* `mark`: what is known to have been on disk, 0 when nothing is. */
int segment_tail(const char *path, const uint8_t epoch[EPOCH_SIZE], uint64_t first, uint64_t mark,
                 struct segment_tail *tail);

/* Keeps a damaged segment beside the segments under a second name, for whoever wants to look at it
 * when the first is deleted; logs each damaged range and the sequences lost, once for each segment.
 * `upto`: sequences up to here were written to the segment. */
void segment_quarantine(const char *path, const uint8_t epoch[EPOCH_SIZE], uint64_t first,
                        uint64_t limit, uint64_t upto);

/* One sealed record at `offset` into `buf` (emptied): 1 when it is sound, 0, ERR_IO, ERR_NOMEM. */
int segment_read(int fd, off_t offset, struct buf *buf);

/* Whether a merging is under way, or was cut short: records are then in its file that are in no segment. */
bool merge_unfinished(const char *path);

/* --- notes ------------------------------------------------------------------------------------ */

/* Writes `text` to path/name so that it is there whole or not at all. `durable`: and stays. */
int file_replace(const char *path, const char *name, const char *text, bool durable, char *errmsg);

/* Writes all at `offset`: 0, or -1 with errno. */
int file_write(int fd, const void *bytes, size_t size, size_t offset);

/* fsync of a directory: 0, or -1 with errno. */
int directory_sync(const char *path);

/* Reads path/identity, or its copy when that is damaged. ERR_UNKNOWN when there is none,
 * ERR_DAMAGED, ERR_IO, ERR_NOMEM. */
int identity_read(const char *path, struct spool_identity *identity);
/* Whether that one file of the two, "identity" or "identity.copy", can be read. */
bool identity_sound(const char *path, const char *name);
int identity_write(const char *path, const struct spool_identity *identity, char *errmsg);

/* The acknowledgement that the spool knows of; 0 for none and for a damaged one. */
uint64_t acked_read(const char *path, const uint8_t epoch[EPOCH_SIZE]);
/* When it was noted, UTC; 0 for none. */
int64_t acked_time(const char *path);

/* The mark: the highest sequence known to be on disk; 0 for none and for a damaged one. It is
 * written over in place, which needs no free space. */
uint64_t mark_read(const char *path, const uint8_t epoch[EPOCH_SIZE]);
/* The same, and UINT64_MAX where there is none or a damaged one; 0: it was never set. */
uint64_t mark_known(const char *path, const uint8_t epoch[EPOCH_SIZE]);
/* Its file, made where it is missing; -1 when that cannot be. */
int mark_open(const char *path);
int mark_write(int fd, const uint8_t epoch[EPOCH_SIZE], uint64_t seq);

/* Whether the epoch in `path` is marked as refused. Not by access(2), which for another user than
 * root leaves the capability to search directories out of account. */
bool epoch_refused(const char *path);

/* --- room ------------------------------------------------------------------------------------- */

/* Has the disk set room aside for a whole segment in the file, without changing its size. False:
 * the disk is full; a file system that cannot do it says nothing. */
bool room_reserve(int fd);
/* Gives back what of it was not used. */
void room_release(int fd, size_t size);
/* Makes the file that becomes the next segment, with its room, where it is not there yet. */
bool room_prepare(const char *path);
/* The prepared file becomes the segment `first`. Returns whether there was one. */
bool room_take(const char *path, uint64_t first);
/* Deletes it. */
void room_drop(const char *path);

#endif

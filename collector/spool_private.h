/*
 * What the writing and the reading half of the spool share: names of files, lists of segments, the
 * identity file. Included by collector/spool_*.c only.
 */
#ifndef COLLECTOR_SPOOL_PRIVATE_H
#define COLLECTOR_SPOOL_PRIVATE_H

#include "collector/spool.h"

/* The first sequences of the segments in `path`, ascending; to be freed. ERR_IO, ERR_NOMEM. */
int segments_list(const char *path, uint64_t **firsts, size_t *count);
void segment_path(char out[PATH_MAX], const char *path, uint64_t first);

/* Walks the records at `fd` from its start: `*seq` gets the last sequence (first - 1 for none),
 * `*size` where the last whole record ends. A record that is not whole, has a wrong checksum,
 * another epoch or is out of sequence ends the walk. ERR_IO, ERR_NOMEM. */
int segment_walk(int fd, const uint8_t epoch[EPOCH_SIZE], uint64_t first, uint64_t *seq,
                 size_t *size);

/* Whether a sound record of the epoch, later than `seq`, stands anywhere behind `size`: what ended
 * the walk there is then damage, not what a crash left of the last append. 1, 0, ERR_IO, ERR_NOMEM.
 */
int segment_goes_on(int fd, const uint8_t epoch[EPOCH_SIZE], uint64_t seq, size_t size);

/* Writes `text` to path/name so that it is there whole or not at all. `durable`: and stays. */
int file_replace(const char *path, const char *name, const char *text, bool durable, char *errmsg);

/* fsync of a directory: 0, or -1 with errno. */
int directory_sync(const char *path);

/* Reads path/identity. ERR_UNKNOWN when there is none, ERR_DAMAGED, ERR_NOMEM. */
int identity_read(const char *path, struct spool_identity *identity);
int identity_write(const char *path, const struct spool_identity *identity, char *errmsg);

/* Whether the epoch in `path` is marked as refused. Not by access(2), which for another user than
 * root leaves the capability to search directories out of account. */
bool epoch_refused(const char *path);

#endif

/*
 * Stream: a file or standard input as a stdio FILE that is decompressed as it is read: gzip and
 * zstd, told by their first bytes, or plain. Called by capture, which hands the FILE to libpcap.
 * Reads go to the kernel in blocks of STREAM_BLOCK, nothing is ever sought, so pipes will do;
 * ftello() on the FILE tells the position in the uncompressed stream.
 *
 * Where the compressed data is damaged or ends early, everything before that point is given first,
 * then the FILE is in error (or at its end) and stream_damage() says why.
 */
#ifndef COLLECTOR_STREAM_H
#define COLLECTOR_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define STREAM_BLOCK (1u << 17) /* larger was no faster: it falls out of the cache */

struct stream;

/* Opens `path`, "-" for standard input. `*file` is to be closed with fclose; `*stream` belongs to
 * it and is gone with it. ERR_UNKNOWN: no such file; ERR_IO, ERR_NOMEM. */
int stream_open(struct stream **stream, FILE **file, const char *path, char *errmsg);
/* Frees what is behind a FILE that was closed; NULL is allowed. */
void stream_close(struct stream *stream);

/* The first 4 bytes of the uncompressed stream as a big-endian number; 0 where there are fewer.
 * Only before anything was read from the FILE. */
uint32_t stream_magic(struct stream *stream);

/* "gzip", "zstd" or NULL for plain. */
const char *stream_compression(const struct stream *stream);

/* What is wrong with the stream itself: compressed data damaged or cut, a read that failed; NULL
 * while nothing is. Borrowed. `*io`, unless NULL, tells whether the system refused a read. */
const char *stream_damage(const struct stream *stream, bool *io);

#endif

/*
 * Stream: a file or standard input that is decompressed as it is read: gzip and zstd, told by their
 * first bytes, or plain. Called by capture: stream_open, stream_head to see what it is, and then
 * either stream_read, in blocks, or stream_file, a stdio FILE for libpcap. Nothing is ever sought,
 * so pipes will do.
 *
 * Where the compressed data is damaged or ends early, everything before that point is given first,
 * then reading fails (the FILE is in error) and stream_damage() says why.
 */
#ifndef COLLECTOR_STREAM_H
#define COLLECTOR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define STREAM_BLOCK (1u << 17) /* larger was no faster: it falls out of the cache */
#define STREAM_HEAD  24         /* as much as a classic pcap's header */

struct stream;

/* Opens `path`, "-" for standard input. ERR_UNKNOWN: no such file; ERR_IO, ERR_NOMEM. */
int stream_open(struct stream **stream, const char *path, char *errmsg);
/* NULL is allowed. A FILE of the stream must be closed before. */
void stream_close(struct stream *stream);

/* The first bytes of the uncompressed stream, `*size` of them: STREAM_HEAD or, where it is shorter
 * or damaged, fewer. Only before anything was read; it takes nothing away. Borrowed. */
const uint8_t *stream_head(struct stream *stream, size_t *size);

/* At least one and at most `size` bytes of the stream; 0 at its end, negative on damage. What
 * stream_head showed comes in one piece if there is room for it. */
ssize_t stream_read(struct stream *stream, void *out, size_t size);

/* The stream as a FILE to be closed with fclose, on which ftello() tells the position in the
 * uncompressed stream; NULL without memory. Once, and instead of stream_read. */
FILE *stream_file(struct stream *stream);

/* "gzip", "zstd" or NULL for plain. */
const char *stream_compression(const struct stream *stream);

/* Bytes of the file, as it is stored, that were read so far. */
uint64_t stream_consumed(const struct stream *stream);

/* What is wrong with the stream itself: compressed data damaged or cut, a read that failed; NULL
 * while nothing is. Borrowed. `*io`, unless NULL, tells whether the system refused a read. */
const char *stream_damage(const struct stream *stream, bool *io);

#endif

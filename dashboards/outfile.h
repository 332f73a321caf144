/*
 * A file that is written as a stream and appears under its name as a whole or not at all. Whoever
 * exports opens it, writes, and ends with outfile_commit or outfile_abort; a process that is killed
 * in between leaves nothing behind where the file system knows files without a name.
 *
 *   outfile_open -> outfile_write ... -> outfile_commit | outfile_abort
 *
 * "-" is standard output, and what exists and is no regular file (a pipe, /dev/null) is written to
 * as it is: neither can be put in place.
 */
#ifndef DASHBOARDS_OUTFILE_H
#define DASHBOARDS_OUTFILE_H

#include <stddef.h>

struct outfile;

/* `path` is borrowed for the call. ERR_INVALID (a directory, no name), ERR_IO, ERR_FULL, ERR_NOMEM,
 * with the cause in `errmsg`. */
int outfile_open(struct outfile **out, const char *path, char *errmsg);

/* Writes all of it. After an error, ERR_IO or ERR_FULL, only outfile_abort is of use. */
int outfile_write(struct outfile *out, const void *bytes, size_t size, char *errmsg);

/* Syncs, puts the file in place and frees. After an error what had the name before still has it. */
int outfile_commit(struct outfile *out, char *errmsg);
/* Drops what was written and frees. NULL is allowed. */
void outfile_abort(struct outfile *out);

#endif

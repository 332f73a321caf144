/*
 * A directory of files that appears under its name as a whole or not at all: it is filled beside the
 * place where it is to be, and put there by one rename. What is there already is replaced only when
 * nothing but files of the same kind are in it.
 *
 *   outdir_open -> outdir_write, files of the caller's below outdir_path -> outdir_commit | outdir_abort
 *
 * Or a directory that is of use only while something works in it: outdir_scratch ... outdir_abort.
 */
#ifndef DASHBOARDS_OUTDIR_H
#define DASHBOARDS_OUTDIR_H

#include <limits.h>

#include "common/buf.h"

struct outdir {
    char path[PATH_MAX];  /* where it is filled */
    char final[PATH_MAX]; /* where it is to be */
};

/* `names`: everything that may be in such a directory, ended by NULL; `folders`: those to be made in
 * it. ERR_INVALID when `final` is there and has anything else in it, or is no directory; ERR_IO,
 * ERR_FULL; the cause is in `errmsg`. */
int outdir_open(struct outdir *dir, const char *final, const char *const *names,
                const char *const *folders, char *errmsg);
/* A directory for temporary files that nobody else may look into. ERR_IO, ERR_FULL. */
int outdir_scratch(struct outdir *dir, char *errmsg);
/* Writes a file of it, "data/annual.csv". ERR_IO, ERR_FULL. */
int outdir_write(const struct outdir *dir, const char *file, const struct buf *bytes, char *errmsg);
/* Appends a file of it to `bytes`. ERR_IO, ERR_NOMEM. */
int outdir_read(const struct outdir *dir, const char *file, struct buf *bytes, char *errmsg);
/* Syncs it and puts it in place. After an error what was there is still there. */
int outdir_commit(struct outdir *dir, char *errmsg);
/* Removes what was written. */
void outdir_abort(struct outdir *dir);

#endif

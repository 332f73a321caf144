/*
 * A confined child process: text goes in, bytes come out. It gets a cleaned environment, limits on
 * time, memory and processor, may write to no file at all, and is ended when it takes too long.
 * gnuplot.c and font.c run their programs through it.
 */
#ifndef DASHBOARDS_CHILD_H
#define DASHBOARDS_CHILD_H

#include "common/buf.h"

#define CHILD_OUTPUT_MAX     ((size_t)64 << 20)
#define CHILD_COMPLAINT_SIZE 400

/* Runs the program words[0], found in PATH, with
 * `input` on standard input; appends its standard output to `output`, and puts the beginning of its
 * standard error into `complaint` as one line. ERR_UNKNOWN when it is not installed, ERR_STOPPED
 * when it took too long, ERR_INVALID when it failed, ERR_FULL beyond CHILD_OUTPUT_MAX; ERR_IO,
 * ERR_NOMEM. The cause is in `errmsg`. */
int child_run(char *const words[], const struct buf *input, struct buf *output,
              char complaint[CHILD_COMPLAINT_SIZE], int timeout_s, char *errmsg);

#endif

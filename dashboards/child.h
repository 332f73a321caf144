/*
 * A confined child process: text goes in, bytes come out. It gets a cleaned environment, no network,
 * limits on time and processor, and is ended, with all that it started, when it takes too long or when
 * this process ends. gnuplot.c, font.c and pdf.c run their programs through it.
 */
#ifndef DASHBOARDS_CHILD_H
#define DASHBOARDS_CHILD_H

#include "common/buf.h"

#define CHILD_OUTPUT_MAX     ((size_t)64 << 20)
#define CHILD_COMPLAINT_SIZE 400

struct child_task {
    char *const *words;      /* words[0], found in PATH, and its arguments; NULL ends them */
    const struct buf *input; /* on its standard input; NULL: nothing */
    int timeout_s;
    /* Where it works, which is then its home as well: a directory for it alone. NULL: it may write to
     * no file at all, and its memory is limited. */
    const char *directory;
};

/* Runs it; appends its standard output to `output`, and puts the beginning of its standard error into
 * `complaint` as one line. ERR_UNKNOWN when it is not installed, ERR_STOPPED when it took too long,
 * ERR_INVALID when it failed, ERR_FULL beyond CHILD_OUTPUT_MAX; ERR_IO, ERR_NOMEM. The cause is in
 * `errmsg`. */
int child_run(const struct child_task *task, struct buf *output,
              char complaint[CHILD_COMPLAINT_SIZE], char *errmsg);

#endif

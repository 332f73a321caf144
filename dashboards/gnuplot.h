/*
 * gnuplot as a confined child (child.h): a script goes in, the bytes of a picture come out. Scripts
 * are built with gnuplot_quote and numbers only: text from outside never stands in a double-quoted
 * string or bare, where gnuplot would hand backticks to a shell.
 */
#ifndef DASHBOARDS_GNUPLOT_H
#define DASHBOARDS_GNUPLOT_H

#include "common/buf.h"

/* Appends `text` as a single-quoted gnuplot string, in which nothing has a meaning but the quote
 * itself, which is doubled. Control characters become blanks. */
void gnuplot_quote(struct buf *script, const char *text);

/* Appends printf-formatted commands. Only numbers and words of this program may go in by it. */
void gnuplot_put(struct buf *script, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs `script` and appends what it draws to `picture`. ERR_UNKNOWN when gnuplot is not installed,
 * ERR_INVALID when it complained or drew nothing; the rest as child_run. The cause is in `errmsg`.
 */
int gnuplot_run(const struct buf *script, struct buf *picture, char *errmsg);

#endif

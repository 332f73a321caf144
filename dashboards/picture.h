/*
 * A drawing as a file: which kind the name asks for, gnuplot's terminal for it, and the finished
 * bytes put in place as a whole or not at all. The same drawing gives the same bytes: what gnuplot
 * or cairo write of the time of day is taken out.
 */
#ifndef DASHBOARDS_PICTURE_H
#define DASHBOARDS_PICTURE_H

#include "common/buf.h"
#include "dashboards/bars.h"

enum picture_kind { PICTURE_SVG, PICTURE_PNG, PICTURE_PDF };

/* By the ending of `path`: .svg, .png or .pdf. ERR_INVALID with the cause in `errmsg`. */
int picture_kind_of(const char *path, enum picture_kind *kind, char *errmsg);

/* Appends the terminal command for a canvas. `font` is one of labels_font. */
void picture_terminal(struct buf *script, enum picture_kind kind, struct bars_canvas canvas,
                      const char *font);

/* Takes out of the picture what differs from run to run, and gives an SVG its title for readers of
 * the screen. `title` is ours, without markup. ERR_NOMEM. */
int picture_finish(struct buf *picture, enum picture_kind kind, const char *title);

/* Writes `picture` to `path` by way of a temporary file beside it that is renamed when it is
 * complete and synced. After an error `path` is what it was. ERR_IO, ERR_FULL with the cause in
 * `errmsg`. */
int picture_write(const struct buf *picture, const char *path, char *errmsg);

#endif

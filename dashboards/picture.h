/*
 * A drawing as a file: which kind the name asks for, gnuplot's terminal for it, and the finished
 * bytes put in place as a whole or not at all. The same drawing gives the same bytes: what gnuplot
 * or cairo write of the time of day is taken out.
 */
#ifndef DASHBOARDS_PICTURE_H
#define DASHBOARDS_PICTURE_H

#include "common/buf.h"
#include "dashboards/canvas.h"
#include "dashboards/labels.h"

enum picture_kind { PICTURE_SVG, PICTURE_PNG, PICTURE_PDF };

/* By the ending of `path`: .svg, .png or .pdf. ERR_INVALID with the cause in `errmsg`. */
int picture_kind_of(const char *path, enum picture_kind *kind, char *errmsg);

/* Draws a finished canvas into `picture`, in the font of the language. An SVG has the canvas's
 * title, which is without markup, for readers of the screen. Nothing in the bytes differs from run to run.
 * Errors as gnuplot_run. */
int picture_draw(const struct canvas *canvas, enum picture_kind kind, enum language language,
                 struct buf *picture, char *errmsg);

/* Writes `picture` to `path` by way of a temporary file beside it that is renamed when it is
 * complete and synced. After an error `path` is what it was. ERR_IO, ERR_FULL with the cause in
 * `errmsg`. */
int picture_write(const struct buf *picture, const char *path, char *errmsg);

#endif

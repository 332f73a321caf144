/*
 * A sheet of pixels that gnuplot draws: texts, rectangles, polygons, one image. Every chart lays
 * itself out in pixels from the lower left corner and draws here; picture.c makes a file of it.
 * Shapes that are drawn later lie above, boxes below all shapes, texts above everything. Order of calls: canvas_init, what is
 * to be drawn, canvas_end, canvas_close. Memory that ran out is in script.failed.
 */
#ifndef DASHBOARDS_CANVAS_H
#define DASHBOARDS_CANVAS_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

#define CANVAS_TITLE_MAX 512

struct canvas {
    int width, height;            /* pixels */
    char title[CANVAS_TITLE_MAX]; /* for readers of the screen */
    struct buf script;            /* commands, to be drawn by gnuplot; complete after canvas_end */
    struct buf data;  /* datablocks, and the elements of the plot command that draws them: */
    struct buf plots; /* canvas_end adds both to the script */
    unsigned blocks;
};

struct box { /* pixels from the lower left corner */
    double left, bottom, right, top;
};

void canvas_init(struct canvas *canvas, int width, int height);
void canvas_close(struct canvas *canvas);

/* A line of text. `where`: "left", "center" or "right" of (x, y), in a vertical sense always the
 * middle; "center rotate by 90" reads upwards. `font` in pixels. */
void canvas_text(struct canvas *canvas, double x, double y, const char *text, int font,
                 const char *where);
/* A rectangle with a thin outline; `fill` and `outline` are "#rrggbb" of this program. */
void canvas_box(struct canvas *canvas, struct box box, const char *fill, const char *outline);

/* Rectangles or polygons without outline, all of one colour: canvas_shapes, then canvas_rectangle any
 * number of times, or for each polygon canvas_point, with canvas_next between two; canvas_shapes_end.
 * Fewer than one is an error of ours. */
enum canvas_shape { CANVAS_RECTANGLES, CANVAS_POLYGONS, CANVAS_LINES };
void canvas_shapes(struct canvas *canvas, enum canvas_shape shape, const char *colour);
void canvas_rectangle(struct canvas *canvas, struct box box);
void canvas_point(struct canvas *canvas, double x, double y);
void canvas_next(struct canvas *canvas);
void canvas_shapes_end(struct canvas *canvas);

/* columns * rows (at least 2 by 2) colours 0xrrggbb, row by row from the bottom, stretched over
 * `box`. */
void canvas_image(struct canvas *canvas, struct box box, const uint32_t *colours, size_t columns,
                  size_t rows);

/* Writes the command that draws all shapes. */
void canvas_end(struct canvas *canvas);

#endif

/*
 * What every chart has around its plot: the title, a legend below it, and notes at the foot (source,
 * method, coverage, revision), broken into lines. sheet_break first, then the chart knows its
 * height; sheet_draw when it has a canvas. Pure.
 */
#ifndef DASHBOARDS_SHEET_H
#define DASHBOARDS_SHEET_H

#include <stddef.h>

#include "dashboards/canvas.h"

#define SHEET_NOTES_MAX  10
#define SHEET_LINES_MAX  40
#define SHEET_LEGEND_MAX 12

/* Pixels of the canvas; fonts by their em. */
#define SHEET_EDGE        20 /* left of the notes, and of the unit of an axis */
#define SHEET_HEAD        84 /* title and a line of legend above the plot */
#define SHEET_LEGEND_LINE 20 /* what each further line of the legend takes */
#define SHEET_TITLE_FONT  18
#define SHEET_TEXT_FONT   12
#define SHEET_NOTE_FONT   11
#define SHEET_GAP         16 /* above and below the notes */

#define SHEET_OUTLINE "#33281a"

struct sheet {
    const char *title;
    const char *notes[SHEET_NOTES_MAX];
    size_t note_count;
    struct sheet_entry {
        const char *name, *fill;
    } legend[SHEET_LEGEND_MAX];
    size_t legend_count;
    struct sheet_line {
        const char *text;
        size_t size;
    } lines[SHEET_LINES_MAX]; /* of the notes, after sheet_break */
    size_t line_count;
};

void sheet_note(struct sheet *sheet, const char *note);
void sheet_entry(struct sheet *sheet, const char *name, const char *fill);

/* Breaks the notes for a canvas of that width; afterwards their height, gaps included. */
double sheet_break(struct sheet *sheet, int width);
/* Lines that the legend takes from `left` to the edge of a canvas of that width; at least 1. */
size_t sheet_legend_lines(const struct sheet *sheet, int width, double left);

/* Draws title, notes, and the legend from `left` on. */
void sheet_draw(const struct sheet *sheet, struct canvas *canvas, double left);

#endif

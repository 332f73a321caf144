/*
 * How wide text is in the fonts of the charts, in ems, and where a line of it may be broken. Pure.
 * Whatever lays out a picture asks here, so that it comes out the same in SVG, PNG and PDF. Text is
 * UTF-8 of this program: English, Japanese, numbers, checked names.
 */
#ifndef DASHBOARDS_GLYPHS_H
#define DASHBOARDS_GLYPHS_H

#include <stddef.h>

/* A little more than the width in ems of text[0..size). */
double glyphs_ems(const char *text, size_t size);
/* The width in ems of `text`, which is digits with points and commas and little else. */
double glyphs_number_ems(const char *text);
/* How many bytes of `text` go on a line of `ems`: up to a blank, or between wide characters; more
 * than a line where it cannot be broken. */
size_t glyphs_break(const char *text, double ems);

#endif

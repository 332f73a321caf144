/*
 * Whether a font is installed. Asked before drawing, because cairo would silently take another one,
 * and Japanese would come out as boxes.
 */
#ifndef DASHBOARDS_FONT_H
#define DASHBOARDS_FONT_H

/* ERR_UNKNOWN, with `package` as what to install in `errmsg`, when the family `font` is not there. */
int font_check(const char *font, const char *package, char *errmsg);

#endif

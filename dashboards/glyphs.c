#include "dashboards/glyphs.h"

#include <stdbool.h>
#include <string.h>

#define DIGIT_EM 0.64 /* width of a digit in DejaVu Sans, the wider of our fonts */

/* Bytes of the UTF-8 character at `text`. */
static size_t character(const char *text)
{
    size_t size = 1;
    while (((unsigned char)text[size] & 0xc0) == 0x80)
        size++;
    return size;
}

/* Japanese characters are a full em wide and may stand at either side of a line's end. */
static bool is_wide(const char *text)
{
    return (unsigned char)*text >= 0xe3;
}

double glyphs_ems(const char *text, size_t size)
{
    double ems = 0;
    for (size_t i = 0; i < size; i += character(text + i))
        ems += is_wide(text + i) ? 1.0 : strchr(" .,:;()/1il|", text[i]) ? 0.45 : 0.63;
    return ems;
}

double glyphs_number_ems(const char *text)
{
    double ems = 0;
    for (size_t i = 0; text[i]; i += character(text + i))
        ems += is_wide(text + i) ? 1.0 : text[i] == ',' || text[i] == '.' ? 0.32 : DIGIT_EM;
    return ems;
}

/* Characters that may not begin a line. */
static bool closes(const char *text)
{
    static const char *const closing[] = {"、", "。", "）", "」", "：", "％"};
    for (size_t i = 0; i < sizeof closing / sizeof *closing; i++)
        if (strncmp(text, closing[i], strlen(closing[i])) == 0)
            return true;
    return false;
}

size_t glyphs_break(const char *text, double ems)
{
    size_t best = 0, at = 0;
    while (text[at]) {
        size_t next = at + character(text + at);
        if (glyphs_ems(text, next) > ems && best > 0)
            return best;
        if (text[next] == ' ' || (is_wide(text + at) && text[next] && !closes(text + next)))
            best = next;
        at = next;
    }
    return at;
}

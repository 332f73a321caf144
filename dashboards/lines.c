#include "dashboards/lines.h"

#include <math.h>
#include <stdio.h>

void lines_begin(struct lines *lines, struct textout *out, bool json, const char *const *columns)
{
    *lines = (struct lines){.out = out, .json = json, .columns = columns};
    while (lines->count < LINES_COLUMNS && columns[lines->count])
        lines->count++;
    for (size_t i = 0; i < lines->count && !json; i++) {
        textout_string(out, i ? "," : "");
        textout_string(out, columns[i]);
    }
    textout_string(out, json ? "" : "\n");
}

/* What stands before a cell. */
static void open_cell(struct lines *lines)
{
    if (lines->json) {
        textout_string(lines->out, lines->column ? ",\"" : "{\"");
        textout_string(lines->out, lines->columns[lines->column]);
        textout_put(lines->out, "\":", 2);
    } else if (lines->column) {
        textout_put(lines->out, ",", 1);
    }
}

static void close_cell(struct lines *lines)
{
    if (++lines->column < lines->count)
        return;
    lines->column = 0;
    textout_string(lines->out, lines->json ? "}\n" : "\n");
}

static void put_quote(struct lines *lines)
{
    if (lines->json)
        textout_put(lines->out, "\"", 1);
}

void lines_text(struct lines *lines, const char *text)
{
    open_cell(lines);
    put_quote(lines);
    textout_string(lines->out, text);
    put_quote(lines);
    close_cell(lines);
}

void lines_u64(struct lines *lines, uint64_t value)
{
    open_cell(lines);
    textout_u64(lines->out, value);
    close_cell(lines);
}

void lines_double(struct lines *lines, double value, int decimals)
{
    char text[400]; /* the largest double has 309 digits before its point */
    if (!isfinite(value)) {
        lines_missing(lines);
        return;
    }
    snprintf(text, sizeof text, "%.*f", decimals < 64 ? decimals : 64, value);
    open_cell(lines);
    textout_string(lines->out, text);
    close_cell(lines);
}

void lines_address(struct lines *lines, int family, const uint8_t *address)
{
    open_cell(lines);
    put_quote(lines);
    textout_address(lines->out, family, address);
    put_quote(lines);
    close_cell(lines);
}

void lines_address4(struct lines *lines, uint32_t address)
{
    open_cell(lines);
    put_quote(lines);
    textout_address4(lines->out, address);
    put_quote(lines);
    close_cell(lines);
}

void lines_missing(struct lines *lines)
{
    open_cell(lines);
    textout_string(lines->out, lines->json ? "null" : "");
    close_cell(lines);
}

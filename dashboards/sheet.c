#include "dashboards/sheet.h"

#include <stdio.h>
#include <string.h>

#include "dashboards/glyphs.h"

#define NOTE_LINE    16
#define SWATCH       22
#define SWATCH_SPACE 30 /* from one side of a swatch to its name */
#define ENTRY_SPACE  36 /* from a name to the next swatch */

void sheet_note(struct sheet *sheet, const char *note)
{
    if (sheet->note_count < SHEET_NOTES_MAX)
        sheet->notes[sheet->note_count++] = note;
}

void sheet_entry(struct sheet *sheet, const char *name, const char *fill)
{
    if (sheet->legend_count < SHEET_LEGEND_MAX)
        sheet->legend[sheet->legend_count++] = (struct sheet_entry){name, fill};
}

double sheet_break(struct sheet *sheet, int width)
{
    double ems = (width - 2.0 * SHEET_EDGE) / SHEET_NOTE_FONT;
    sheet->line_count = 0;
    for (size_t i = 0; i < sheet->note_count; i++) {
        const char *text = sheet->notes[i];
        while (*text && sheet->line_count < SHEET_LINES_MAX) {
            size_t size = glyphs_break(text, ems);
            sheet->lines[sheet->line_count++] = (struct sheet_line){text, size};
            text += size;
            while (*text == ' ')
                text++;
        }
    }
    return 2 * SHEET_GAP + (double)sheet->line_count * NOTE_LINE;
}

/* --- legend ----------------------------------------------------------------------------------- */

static double entry_width(const struct sheet_entry *entry)
{
    return SWATCH_SPACE + glyphs_ems(entry->name, strlen(entry->name)) * SHEET_TEXT_FONT;
}

/* Where the next entry goes: after the one before, or at the left of the next line. */
static void place(const struct sheet *sheet, size_t i, int width, double left, double *x,
                  size_t *line)
{
    if (i > 0)
        *x += entry_width(&sheet->legend[i - 1]) + ENTRY_SPACE;
    if (i > 0 && *x + entry_width(&sheet->legend[i]) > width - SHEET_EDGE) {
        *x = left;
        ++*line;
    }
}

size_t sheet_legend_lines(const struct sheet *sheet, int width, double left)
{
    double x = left;
    size_t line = 0;
    for (size_t i = 0; i < sheet->legend_count; i++)
        place(sheet, i, width, left, &x, &line);
    return line + 1;
}

static void draw_legend(const struct sheet *sheet, struct canvas *canvas, double left)
{
    double x = left;
    size_t line = 0;
    for (size_t i = 0; i < sheet->legend_count; i++) {
        place(sheet, i, canvas->width, left, &x, &line);
        double y = canvas->height - SHEET_HEAD + 24 - SHEET_LEGEND_LINE * (double)line;
        canvas_box(canvas, (struct box){x, y - 5, x + SWATCH, y + 7}, sheet->legend[i].fill,
                   SHEET_OUTLINE);
        canvas_text(canvas, x + SWATCH_SPACE, y + 1, sheet->legend[i].name, SHEET_TEXT_FONT,
                    "left");
    }
}

void sheet_draw(const struct sheet *sheet, struct canvas *canvas, double left)
{
    char line[1024];
    snprintf(canvas->title, sizeof canvas->title, "%s", sheet->title);
    canvas_text(canvas, canvas->width / 2.0, canvas->height - 30, sheet->title, SHEET_TITLE_FONT,
                "center");
    draw_legend(sheet, canvas, left);
    for (size_t i = 0; i < sheet->line_count; i++) {
        double y = SHEET_GAP + (double)(sheet->line_count - 1 - i) * NOTE_LINE;
        snprintf(line, sizeof line, "%.*s", (int)sheet->lines[i].size, sheet->lines[i].text);
        canvas_text(canvas, SHEET_EDGE, y, line, SHEET_NOTE_FONT, "left");
    }
}

#include "common/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static const char *program_name = "darkcount";
static bool under_journal;

void log_init(const char *program)
{
    program_name = program;
    under_journal = getenv("JOURNAL_STREAM") != NULL;
}

/* Whether c, behind the byte `before`, is a control character: of ASCII, or of Latin-1 in UTF-8
 * (U+0080 to U+009F), which terminals obey too. */
static bool is_control(unsigned char before, unsigned char c)
{
    return c < 0x20 || c == 0x7f || (before == 0xc2 && c >= 0x80 && c <= 0x9f);
}

/* Appends `text` to line[*used] with control characters escaped, so that no foreign text can end
 * the line or drive the terminal. Leaves room for the final newline. */
static void append_safe(char *line, size_t size, size_t *used, const char *text)
{
    unsigned char before = 0;
    for (; *text && *used + 6 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (is_control(before, c))
            *used += (size_t)snprintf(line + *used, 5, "\\x%02x", c);
        else
            line[(*used)++] = (char)c;
        before = c;
    }
}

static void log_line(int level, const char *format, va_list args)
{
    char text[2048], line[4096];
    vsnprintf(text, sizeof text, format, args);
    size_t used = 0;
    if (under_journal)
        used = (size_t)snprintf(line, sizeof line, "<%d>", level);
    used += (size_t)snprintf(line + used, sizeof line - used, "%.64s: ", program_name);
    append_safe(line, sizeof line, &used, text);
    line[used++] = '\n';
    fwrite(line, 1, used, stderr);
    fflush(stderr);
}

void log_info(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(6, format, args);
    va_end(args);
}

void log_warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(4, format, args);
    va_end(args);
}

void log_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_line(3, format, args);
    va_end(args);
}

#include "common/rows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/csv.h"
#include "common/err.h"

/* Rows that a table looks at before it settles the widths of its columns; what comes after is
 * written as it comes, so that memory stays bounded however many rows there are. */
#define TABLE_SAMPLE 1000
#define COLUMNS_MAX  64

enum cell { CELL_TEXT, CELL_NUMBER, CELL_MISSING };

struct rows {
    FILE *out;
    enum rows_format format;
    const char *const *columns;
    size_t column_count, column; /* `column`: the next cell's */
    uint64_t row_count;
    int error; /* the first write that failed */

    /* Table: the sample's cells, each a type byte and a string; then only the widths. */
    struct buf sample;
    size_t sampled; /* rows */
    bool settled;
    size_t width[COLUMNS_MAX];
    bool number[COLUMNS_MAX]; /* right-aligned */

    struct csv *csv;

    bool in_rows;    /* JSON: between "rows": [ and ] */
    bool any_member; /* JSON: a member was written at the top level */
    bool any_rows;   /* JSON: "rows" was written */
};

int rows_format_parse(const char *text, enum rows_format *format)
{
    static const char *const names[] = {
        [ROWS_TABLE] = "table", [ROWS_CSV] = "csv", [ROWS_JSON] = "json"};
    for (int i = 0; i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            *format = (enum rows_format)i;
            return 0;
        }
    return ERR_INVALID;
}

enum rows_format rows_format_default(FILE *out)
{
    return isatty(fileno(out)) ? ROWS_TABLE : ROWS_CSV;
}

static void check(struct rows *rows)
{
    if (rows->error == 0 && ferror(rows->out))
        rows->error = err_from_errno(errno);
}

/* Columns that a terminal gives to UTF-8 text: its code points. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

/* --- csv -------------------------------------------------------------------------------------- */

static void csv_header(struct rows *rows)
{
    for (size_t i = 0; i < rows->column_count; i++) {
        if (i)
            csv_put(rows->csv, ",", 1);
        csv_text(rows->csv, rows->columns[i]);
    }
    csv_put(rows->csv, "\n", 1);
}

static void csv_cell(struct rows *rows, enum cell type, const char *text)
{
    if (rows->column)
        csv_put(rows->csv, ",", 1);
    if (type == CELL_TEXT)
        csv_text(rows->csv, text);
    else
        csv_put(rows->csv, text, strlen(text));
    if (rows->column + 1 == rows->column_count)
        csv_put(rows->csv, "\n", 1);
}

/* --- json ------------------------------------------------------------------------------------- */

/* Length of the UTF-8 sequence at `text`, 0 when it is none (RFC 3629 section 4). */
static size_t utf8_length(const unsigned char *text)
{
    size_t length = text[0] < 0x80   ? 1
                    : text[0] < 0xc2 ? 0
                    : text[0] < 0xe0 ? 2
                    : text[0] < 0xf0 ? 3
                    : text[0] < 0xf5 ? 4
                                     : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool wrong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
                 (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f);
    return wrong ? 0 : length;
}

/* RFC 8259 section 7; bytes that are no UTF-8 become U+FFFD. */
static void put_json(FILE *out, const char *text)
{
    putc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at;) {
        size_t length = utf8_length(at);
        if (length == 0) {
            fputs("\xef\xbf\xbd", out);
            length = 1;
        } else if (*at == '"' || *at == '\\') {
            fprintf(out, "\\%c", *at);
        } else if (*at < 0x20) {
            fprintf(out, "\\u%04x", *at);
        } else {
            fwrite(at, 1, length, out);
        }
        at += length;
    }
    putc('"', out);
}

static void json_member(struct rows *rows, const char *name)
{
    fputs(rows->any_member ? ",\n  " : "{\n  ", rows->out);
    rows->any_member = true;
    put_json(rows->out, name);
    fputs(": ", rows->out);
}

static void json_open_rows(struct rows *rows)
{
    json_member(rows, "rows");
    putc('[', rows->out);
    rows->in_rows = rows->any_rows = true;
}

static void json_close_rows(struct rows *rows)
{
    if (rows->in_rows)
        fputs(rows->row_count ? "\n  ]" : "]", rows->out);
    rows->in_rows = false;
}

static void json_cell(struct rows *rows, enum cell type, const char *text)
{
    if (!rows->any_rows)
        json_open_rows(rows);
    if (rows->column == 0)
        fputs(rows->row_count ? ",\n    {" : "\n    {", rows->out);
    else
        fputs(", ", rows->out);
    put_json(rows->out, rows->columns[rows->column]);
    fputs(": ", rows->out);
    if (type == CELL_TEXT)
        put_json(rows->out, text);
    else
        fputs(type == CELL_MISSING ? "null" : text, rows->out);
    if (rows->column + 1 == rows->column_count)
        putc('}', rows->out);
}

/* --- table ------------------------------------------------------------------------------------ */

static void table_put(struct rows *rows, size_t column, const char *text)
{
    size_t width = text_width(text);
    size_t pad = width < rows->width[column] ? rows->width[column] - width : 0;
    bool last = column + 1 == rows->column_count;
    if (column)
        fputs("  ", rows->out);
    if (rows->number[column])
        fprintf(rows->out, "%*s", (int)pad, "");
    fputs(text, rows->out);
    if (!rows->number[column] && !last)
        fprintf(rows->out, "%*s", (int)pad, "");
    if (last)
        putc('\n', rows->out);
}

/* Writes the header and the sampled rows; from here on the widths stand. */
static void table_settle(struct rows *rows)
{
    for (size_t i = 0; i < rows->column_count; i++)
        table_put(rows, i, rows->columns[i]);
    const char *at = (const char *)rows->sample.bytes;
    const char *end = at + rows->sample.size;
    for (size_t cell = 0; at < end; cell++) {
        table_put(rows, cell % rows->column_count, at);
        at += strlen(at) + 1;
    }
    buf_close(&rows->sample);
    rows->settled = true;
}

static void table_cell(struct rows *rows, enum cell type, const char *text)
{
    if (rows->settled) {
        table_put(rows, rows->column, text);
        return;
    }
    size_t width = text_width(text);
    if (width > rows->width[rows->column])
        rows->width[rows->column] = width;
    if (type == CELL_NUMBER)
        rows->number[rows->column] = true;
    buf_put(&rows->sample, text, strlen(text) + 1);
    if (rows->sample.failed && rows->error == 0)
        rows->error = ERR_NOMEM;
    if (rows->column + 1 == rows->column_count && ++rows->sampled == TABLE_SAMPLE)
        table_settle(rows);
}

/* --- the interface ---------------------------------------------------------------------------- */

struct rows *rows_begin(FILE *out, enum rows_format format, const char *const *columns)
{
    struct rows *rows = calloc(1, sizeof *rows);
    if (!rows)
        return NULL;
    rows->out = out;
    rows->format = format;
    rows->columns = columns;
    buf_init(&rows->sample);
    rows->csv = format == ROWS_CSV ? csv_new(out) : NULL;
    if (format == ROWS_CSV && !rows->csv) {
        free(rows);
        return NULL;
    }
    while (columns[rows->column_count] && rows->column_count < COLUMNS_MAX) {
        rows->width[rows->column_count] = text_width(columns[rows->column_count]);
        rows->column_count++;
    }
    if (format == ROWS_CSV)
        csv_header(rows);
    return rows;
}

static void put_cell(struct rows *rows, enum cell type, const char *text)
{
    switch (rows->format) {
    case ROWS_CSV:
        csv_cell(rows, type, text);
        break;
    case ROWS_JSON:
        json_cell(rows, type, text);
        break;
    case ROWS_TABLE:
        table_cell(rows, type, text);
        break;
    }
    if (++rows->column == rows->column_count) {
        rows->column = 0;
        rows->row_count++;
        if (rows->format != ROWS_CSV) /* csv_end tells */
            check(rows);
    }
}

void rows_text(struct rows *rows, const char *text)
{
    put_cell(rows, CELL_TEXT, text);
}

void rows_u64(struct rows *rows, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put_cell(rows, CELL_NUMBER, text);
}

static void put_counts(struct rows *rows, uint32_t address, uint64_t packets, uint64_t bytes)
{
    char text[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &(struct in_addr){htonl(address)}, text, sizeof text);
    rows_text(rows, text);
    rows_u64(rows, packets);
    rows_u64(rows, bytes);
}

void rows_counts(struct rows *rows, const uint32_t *address, const uint64_t *packets,
                 const uint64_t *bytes, size_t count)
{
    if (rows->format == ROWS_CSV)
        csv_counts(rows->csv, address, packets, bytes, count);
    else
        for (size_t i = 0; i < count; i++)
            put_counts(rows, address[i], packets[i], bytes[i]);
}

void rows_double(struct rows *rows, double value, int decimals)
{
    char text[400]; /* the largest double has 309 digits before its point */
    if (!isfinite(value)) {
        rows_missing(rows);
        return;
    }
    snprintf(text, sizeof text, "%.*f", decimals < 64 ? decimals : 64, value);
    put_cell(rows, CELL_NUMBER, text);
}

void rows_missing(struct rows *rows)
{
    put_cell(rows, CELL_MISSING, "");
}

void rows_extra_u64(struct rows *rows, const char *name, uint64_t value)
{
    if (rows->format != ROWS_JSON)
        return;
    json_close_rows(rows);
    json_member(rows, name);
    fprintf(rows->out, "%" PRIu64, value);
}

void rows_extra_text(struct rows *rows, const char *name, const char *text)
{
    if (rows->format != ROWS_JSON)
        return;
    json_close_rows(rows);
    json_member(rows, name);
    put_json(rows->out, text);
}

int rows_end(struct rows *rows)
{
    if (rows->format == ROWS_TABLE && !rows->settled)
        table_settle(rows);
    if (rows->format == ROWS_JSON) {
        if (!rows->any_rows)
            json_open_rows(rows);
        json_close_rows(rows);
        fputs("\n}\n", rows->out);
    }
    if (rows->format == ROWS_CSV)
        rows->error = csv_end(rows->csv);
    check(rows);
    if (fflush(rows->out) && rows->error == 0)
        rows->error = err_from_errno(errno);
    int error = rows->error;
    buf_close(&rows->sample);
    free(rows);
    return error;
}

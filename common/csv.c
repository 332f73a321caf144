#include "common/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define BLOCK (1u << 18)
/* No row of an address and two numbers is longer, with what is written beyond its end. */
#define COUNTS_MAX 80

struct csv {
    FILE *out;
    int error;            /* of the first write that failed */
    char digits[1000][4]; /* per number its three digits, and how many without leading zeros */

    /* The text of an address' first three bytes, those of the row before. */
    uint32_t prefix;
    char prefix_text[16];
    size_t prefix_size; /* 0: none yet */

    size_t gathered; /* of a block */
    char block[BLOCK + COUNTS_MAX];
};

static void fill_digits(struct csv *csv)
{
    for (unsigned value = 0; value < 1000; value++) {
        char *digits = csv->digits[value];
        digits[0] = (char)('0' + value / 100);
        digits[1] = (char)('0' + value / 10 % 10);
        digits[2] = (char)('0' + value % 10);
        digits[3] = value < 10 ? 1 : value < 100 ? 2 : 3;
    }
}

struct csv *csv_new(FILE *out)
{
    struct csv *csv = malloc(sizeof *csv); /* not calloc: the block is large */
    if (!csv)
        return NULL;
    csv->out = out;
    csv->error = 0;
    csv->prefix_size = 0;
    csv->gathered = 0;
    fill_digits(csv);
    if (fileno(out) >= 0)
        setvbuf(out, NULL, _IONBF, 0); /* or it would cut blocks in two */
    return csv;
}

static void flush(struct csv *csv)
{
    if (fwrite(csv->block, 1, csv->gathered, csv->out) != csv->gathered && csv->error == 0)
        csv->error = err_from_errno(errno);
    csv->gathered = 0;
}

int csv_end(struct csv *csv)
{
    flush(csv);
    int error = csv->error;
    free(csv);
    return error;
}

/* --- cells ------------------------------------------------------------------------------------ */

void csv_put(struct csv *csv, const char *text, size_t size)
{
    while (size > BLOCK - csv->gathered) {
        size_t fits = BLOCK - csv->gathered;
        memcpy(csv->block + csv->gathered, text, fits);
        csv->gathered = BLOCK;
        flush(csv);
        text += fits;
        size -= fits;
    }
    memcpy(csv->block + csv->gathered, text, size);
    csv->gathered += size;
}

static void put_quoted(struct csv *csv, const char *text)
{
    csv_put(csv, "\"", 1);
    for (; *text; text++)
        csv_put(csv, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    csv_put(csv, "\"", 1);
}

/* RFC 4180 section 2. */
void csv_text(struct csv *csv, const char *text)
{
    size_t plain = strcspn(text, ",\"\r\n");
    if (text[plain])
        put_quoted(csv, text);
    else
        csv_put(csv, text, plain);
}

/* --- rows of counts --------------------------------------------------------------------------- */

/* These write 4 bytes at a time, beyond the digits, and return the end of the digits. */
static inline char *put_small(const struct csv *csv, char *at, unsigned value)
{
    size_t size = (size_t)csv->digits[value][3];
    memcpy(at, (const char *)csv->digits + 4 * value + 3 - size, 4);
    return at + size;
}

static char *put_large(const struct csv *csv, char *at, uint64_t value);

static inline char *put_number(const struct csv *csv, char *at, uint64_t value)
{
    return value < 1000 ? put_small(csv, at, (unsigned)value) : put_large(csv, at, value);
}

static char *put_large(const struct csv *csv, char *at, uint64_t value)
{
    at = put_number(csv, at, value / 1000);
    memcpy(at, csv->digits[value % 1000], 4);
    return at + 3;
}

static void set_prefix(struct csv *csv, uint32_t prefix)
{
    char *at = csv->prefix_text;
    for (int shift = 16; shift >= 0; shift -= 8) {
        at = put_small(csv, at, prefix >> shift & 255);
        *at++ = '.';
    }
    csv->prefix = prefix;
    csv->prefix_size = (size_t)(at - csv->prefix_text);
}

/* A row's text at `at`; the end of it. */
static inline char *put_row(struct csv *csv, char *at, uint32_t address, uint64_t packets,
                            uint64_t bytes)
{
    if (address >> 8 != csv->prefix || csv->prefix_size == 0)
        set_prefix(csv, address >> 8);
    memcpy(at, csv->prefix_text, sizeof csv->prefix_text);
    at = put_small(csv, at + csv->prefix_size, address & 255);
    *at++ = ',';
    at = put_number(csv, at, packets);
    *at++ = ',';
    at = put_number(csv, at, bytes);
    *at++ = '\n';
    return at;
}

/* Rows are written whole, the last one beyond the block, whose end is then moved to the next. */
void csv_counts(struct csv *csv, const uint32_t *address, const uint64_t *packets,
                const uint64_t *bytes, size_t count)
{
    char *end = csv->block + BLOCK, *at = csv->block + csv->gathered;
    for (size_t i = 0; i < count; i++) {
        at = put_row(csv, at, address[i], packets[i], bytes[i]);
        if (at < end)
            continue;
        size_t beyond = (size_t)(at - end);
        csv->gathered = BLOCK;
        flush(csv);
        memcpy(csv->block, end, beyond);
        at = csv->block + beyond;
    }
    csv->gathered = (size_t)(at - csv->block);
}

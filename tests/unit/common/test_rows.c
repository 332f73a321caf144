#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/rows.h"

static const char *const columns[] = {"name", "count", "share", NULL};

/* Two rows, the second with a missing figure. */
static char *print(enum rows_format format, const char *text)
{
    char *output = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&output, &size);
    struct rows *rows = rows_begin(out, format, columns);
    rows_extra_u64(rows, "total", 18446744073709551615u);
    rows_text(rows, text);
    rows_u64(rows, 1234567);
    rows_double(rows, 0.5, 2);
    rows_text(rows, "b");
    rows_missing(rows);
    rows_double(rows, NAN, 2);
    rows_extra_u64(rows, "after", 0);
    cr_assert_eq(rows_end(rows), 0);
    fclose(out);
    return output;
}

static void expect(enum rows_format format, const char *text, const char *expected)
{
    char *output = print(format, text);
    cr_assert_str_eq(output, expected);
    free(output);
}

Test(rows, csv_leaves_missing_cells_empty)
{
    expect(ROWS_CSV, "a", "name,count,share\na,1234567,0.50\nb,,\n");
}

Test(rows, csv_quotes_what_would_break_it)
{
    expect(ROWS_CSV, "a,\"b\"", "name,count,share\n\"a,\"\"b\"\"\",1234567,0.50\nb,,\n");
    expect(ROWS_CSV, "a\nb", "name,count,share\n\"a\nb\",1234567,0.50\nb,,\n");
}

#define COUNTS 60000

static const char *const counts_columns[] = {"address", "packets", "bytes", NULL};

static uint32_t addresses[COUNTS];
static uint64_t packets_of[COUNTS], bytes_of[COUNTS];

/* Neighbours and not, and numbers of every length. */
static void make_counts(void)
{
    uint64_t state = 1;
    for (size_t i = 0; i < COUNTS; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        addresses[i] = i % 7 ? (i ? addresses[i - 1] + 1 : 0) : (uint32_t)(state >> 32);
        packets_of[i] = state >> (i % 64);
        bytes_of[i] = i % 20 ? state >> ((i + 20) % 64) : UINT64_MAX - i;
    }
    addresses[0] = 0;
    packets_of[0] = 0;
    for (size_t i = 0, power = 1; i < 19; i++, power *= 10) { /* where the length changes */
        packets_of[i + 1] = power - 1;
        bytes_of[i + 1] = power;
    }
    addresses[COUNTS - 1] = UINT32_MAX;
}

/* As rows_counts, cell by cell, by the C library. */
static void put_cells(struct rows *rows, size_t i)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address = {htonl(addresses[i])};
    rows_text(rows, inet_ntop(AF_INET, &address, text, sizeof text));
    rows_u64(rows, packets_of[i]);
    rows_u64(rows, bytes_of[i]);
}

static char *print_counts(enum rows_format format, bool by_cell)
{
    char *output = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&output, &size);
    struct rows *rows = rows_begin(out, format, counts_columns);
    for (size_t i = 0, count = 1; i < COUNTS; i += count) {
        count = by_cell ? 1 : i % 300 + 1;
        count = count < COUNTS - i ? count : COUNTS - i;
        if (by_cell)
            put_cells(rows, i);
        else
            rows_counts(rows, addresses + i, packets_of + i, bytes_of + i, count);
    }
    cr_assert_eq(rows_end(rows), 0);
    fclose(out);
    return output;
}

Test(rows, counts_are_as_their_cells_in_every_format)
{
    make_counts();
    for (int format = 0; format < 3; format++) {
        char *expected = print_counts((enum rows_format)format, true);
        char *output = print_counts((enum rows_format)format, false);
        cr_assert_gt(strlen(output), 1000000);
        cr_assert_eq(strcmp(output, expected), 0, "format %d", format);
        free(expected);
        free(output);
    }
}

/* printf says what the digits are. */
Test(rows, counts_are_the_numbers_that_they_are)
{
    make_counts();
    char *output = print_counts(ROWS_CSV, false), *at = strchr(output, '\n') + 1;
    for (size_t i = 0; i < COUNTS; i++) {
        char line[80];
        uint32_t address = addresses[i];
        int size =
            snprintf(line, sizeof line, "%u.%u.%u.%u,%lu,%lu\n", address >> 24, address >> 16 & 255,
                     address >> 8 & 255, address & 255, packets_of[i], bytes_of[i]);
        cr_assert_eq(strncmp(at, line, (size_t)size), 0, "%.60s is not %s", at, line);
        at += size;
    }
    cr_assert_eq(*at, '\0');
    free(output);
}

/* Where the system writes blocks, they come whole and behind what the stream held before. */
Test(rows, csv_to_a_descriptor_is_whole)
{
    make_counts();
    FILE *out = tmpfile();
    fputs("before\n", out);
    struct rows *rows = rows_begin(out, ROWS_CSV, counts_columns);
    rows_counts(rows, addresses, packets_of, bytes_of, COUNTS);
    cr_assert_eq(rows_end(rows), 0);
    char *expected = print_counts(ROWS_CSV, false);
    size_t size = strlen(expected);
    char *output = calloc(1, size + 8);
    rewind(out);
    cr_assert_eq(fread(output, 1, size + 8, out), size + 7);
    cr_assert_eq(memcmp(output, "before\n", 7), 0);
    cr_assert_eq(memcmp(output + 7, expected, size), 0);
    fclose(out);
    free(output);
    free(expected);
}

/* More than is gathered before it is written, and a cell longer than that. */
Test(rows, csv_of_any_size_is_whole)
{
    static const char *const one[] = {"text", NULL};
    static char cell[600000];
    char *output = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&output, &size);
    struct rows *rows = rows_begin(out, ROWS_CSV, one);
    memset(cell, 'x', sizeof cell - 1);
    for (int i = 0; i < 40000; i++)
        rows_u64(rows, 1234567);
    rows_text(rows, cell);
    cr_assert_eq(rows_end(rows), 0);
    fclose(out);
    cr_assert_eq(size, 5 + 40000 * 8 + sizeof cell);
    for (int i = 0; i < 40000; i++)
        cr_assert_eq(memcmp(output + 5 + i * 8, "1234567\n", 8), 0);
    cr_assert_eq(memcmp(output + 5 + 40000 * 8, cell, sizeof cell - 1), 0);
    free(output);
}

Test(rows, table_aligns_numbers_to_the_right)
{
    expect(ROWS_TABLE, "abcdefg",
           "name       count  share\n"
           "abcdefg  1234567   0.50\n"
           "b                      \n");
}

Test(rows, table_counts_characters_not_bytes)
{
    expect(ROWS_TABLE, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa9\xc3\xa8", /* five letters */
           "name     count  share\n"
           "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\xa9\xc3\xa8  1234567   0.50\n"
           "b                    \n");
}

Test(rows, json_has_extras_beside_the_rows)
{
    expect(ROWS_JSON, "a",
           "{\n  \"total\": 18446744073709551615,\n  \"rows\": [\n"
           "    {\"name\": \"a\", \"count\": 1234567, \"share\": 0.50},\n"
           "    {\"name\": \"b\", \"count\": null, \"share\": null}\n"
           "  ],\n  \"after\": 0\n}\n");
}

Test(rows, json_escapes_text)
{
    char *output = print(ROWS_JSON, "\"\\\n\x01\xc3\xa4\xff\xed\xa0\x80");
    cr_assert(strstr(output, "\"\\\"\\\\\\u000a\\u0001\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd"), "%s",
              output);
    cr_assert_not(strchr(output, '\xff'));
    free(output);
}

Test(rows, no_rows_are_an_empty_list)
{
    static const char *const expected[] = {
        [ROWS_TABLE] = "name  count  share\n",
        [ROWS_CSV] = "name,count,share\n",
        [ROWS_JSON] = "{\n  \"rows\": []\n}\n",
    };
    for (int format = 0; format < 3; format++) {
        char *output = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&output, &size);
        struct rows *rows = rows_begin(out, (enum rows_format)format, columns);
        cr_assert_eq(rows_end(rows), 0);
        fclose(out);
        cr_assert_str_eq(output, expected[format]);
        free(output);
    }
}

Test(rows, long_tables_go_on_with_the_widths_they_began_with)
{
    static const char *const one[] = {"n", NULL};
    char *output = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&output, &size);
    struct rows *rows = rows_begin(out, ROWS_TABLE, one);
    for (uint64_t i = 1; i <= 5000; i++)
        rows_u64(rows, i);
    cr_assert_eq(rows_end(rows), 0);
    fclose(out);
    uint64_t expected = 0;
    strtok(output, "\n");
    for (char *line = strtok(NULL, "\n"); line; line = strtok(NULL, "\n"))
        cr_assert_eq(strtoull(line, NULL, 10), ++expected);
    cr_assert_eq(expected, 5000);
    free(output);
}

Test(rows, a_full_disk_is_told)
{
    for (int format = 0; format < 3; format++) {
        FILE *out = fopen("/dev/full", "w");
        struct rows *rows = rows_begin(out, (enum rows_format)format, columns);
        for (int i = 0; i < 200000; i++)
            rows_u64(rows, 1);
        cr_assert_eq(rows_end(rows), ERR_FULL);
        fclose(out);
    }
}

/* A disk that is full for one write only. */
static ssize_t fail_once(void *cookie, const char *bytes, size_t size)
{
    bool *failed = cookie;
    (void)bytes;
    if (*failed)
        return (ssize_t)size;
    *failed = true;
    errno = ENOSPC;
    return 0;
}

Test(rows, a_write_that_failed_is_told_even_if_later_ones_succeed)
{
    bool failed = false;
    FILE *out = fopencookie(&failed, "w", (cookie_io_functions_t){.write = fail_once});
    struct rows *rows = rows_begin(out, ROWS_CSV, columns);
    for (int i = 0; i < 200000; i++)
        rows_u64(rows, 1);
    cr_assert_eq(rows_end(rows), ERR_FULL);
    fclose(out);
}

Test(rows, formats_are_known_by_name)
{
    enum rows_format format = ROWS_TABLE;
    cr_assert_eq(rows_format_parse("json", &format), 0);
    cr_assert_eq(format, ROWS_JSON);
    cr_assert_eq(rows_format_parse("csv", &format), 0);
    cr_assert_eq(format, ROWS_CSV);
    cr_assert_eq(rows_format_parse("table", &format), 0);
    cr_assert_eq(format, ROWS_TABLE);
    cr_assert_eq(rows_format_parse("xml", &format), ERR_INVALID);
    cr_assert_eq(rows_format_parse("", &format), ERR_INVALID);
}

Test(rows, the_default_off_a_terminal_is_csv)
{
    FILE *out = fopen("/dev/null", "w");
    cr_assert_eq(rows_format_default(out), ROWS_CSV);
    fclose(out);
}

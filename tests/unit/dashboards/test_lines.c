#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "dashboards/lines.h"

static const char *const columns[] = {"start", "address", "packets", "share", NULL};
static struct textout text;
static struct lines lines;
static struct outfile *out;
static char path[64], errmsg[ERRMSG_SIZE], content[512];

static void begin(bool json)
{
    snprintf(path, sizeof path, "/tmp/darkcount-lines.%d", (int)getpid());
    cr_assert_eq(outfile_open(&out, path, errmsg), 0, "%s", errmsg);
    textout_init(&text, out, errmsg);
    lines_begin(&lines, &text, json, columns);
}

static void fill(void)
{
    static const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    lines_text(&lines, "now");
    lines_address4(&lines, 0xc6336401);
    lines_u64(&lines, 0);
    lines_double(&lines, 0.125, 2);
    lines_text(&lines, "now");
    lines_address(&lines, 6, address);
    lines_missing(&lines);
    lines_double(&lines, NAN, 2);
}

static const char *end(void)
{
    cr_assert_eq(textout_flush(&text), 0);
    cr_assert_eq(outfile_commit(out, errmsg), 0);
    FILE *file = fopen(path, "r");
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    unlink(path);
    return content;
}

Test(lines, csv_has_a_header_and_leaves_the_missing_empty)
{
    begin(false);
    fill();
    cr_assert_str_eq(end(), "start,address,packets,share\n"
                            "now,198.51.100.1,0,0.12\n"
                            "now,2001:db8::7,,\n");
}

Test(lines, json_is_an_object_a_line_and_the_missing_is_null)
{
    begin(true);
    fill();
    cr_assert_str_eq(
        end(), "{\"start\":\"now\",\"address\":\"198.51.100.1\",\"packets\":0,\"share\":0.12}\n"
               "{\"start\":\"now\",\"address\":\"2001:db8::7\",\"packets\":null,\"share\":null}\n");
}

Test(lines, of_nothing_are_a_header_or_nothing)
{
    begin(false);
    cr_assert_str_eq(end(), "start,address,packets,share\n");
    begin(true);
    cr_assert_str_eq(end(), "");
}

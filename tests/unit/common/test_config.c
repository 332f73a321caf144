#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/err.h"

static char *name, *darknet;
static uint64_t width, port;
static bool live;

static const struct config_key keys[] = {
    {"sensor", "name", CONFIG_STRING, &name, 0, 0},
    {"sensor", "darknet", CONFIG_LIST, &darknet, 0, 0},
    {"sensor", "width", CONFIG_UINT, &width, 1, 3600},
    {"sensor", "live", CONFIG_BOOL, &live, 0, 0},
    {"aggregator", "port", CONFIG_UINT, &port, 0, UINT64_MAX},
    {0},
};

static char path[] = "/tmp/darkcount-config-XXXXXX";

static void setup(void)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    name = strdup("preset");
    darknet = strdup("192.0.2.0/24");
    width = 60;
    port = 8;
    live = false;
}

static void teardown(void)
{
    unlink(path);
    free(name);
    free(darknet);
}

TestSuite(config, .init = setup, .fini = teardown);

static int read_text(const char *text, char *errmsg)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    return config_read(path, keys, errmsg);
}

Test(config, values_are_read_and_the_rest_keeps_its_preset)
{
    char errmsg[ERRMSG_SIZE] = "";
    int rc = read_text("; a comment\n"
                       "# another\n"
                       "\n"
                       "[sensor]\n"
                       "name = campus-1 ; the old building\n"
                       "  \n"
                       "live=Yes\n"
                       "[aggregator]\n"
                       "port: 18446744073709551615\n",
                       errmsg);
    cr_assert_eq(rc, 0, "%s", errmsg);
    cr_expect_str_eq(name, "campus-1");
    cr_expect_str_eq(darknet, "192.0.2.0/24");
    cr_expect_eq(width, 60);
    cr_expect_eq(port, UINT64_MAX);
    cr_expect(live);
}

Test(config, an_empty_file_changes_nothing)
{
    cr_expect_eq(read_text("", NULL), 0);
    cr_expect_str_eq(name, "preset");
}

Test(config, line_ends_of_windows_and_a_byte_order_mark_do_no_harm)
{
    char errmsg[ERRMSG_SIZE] = "";
    cr_assert_eq(read_text("\xef\xbb\xbf[sensor]\r\nname = a\r\nwidth = 7\r\n", errmsg), 0, "%s",
                 errmsg);
    cr_expect_str_eq(name, "a");
    cr_expect_eq(width, 7);
}

Test(config, the_last_line_may_lack_its_end)
{
    cr_assert_eq(read_text("[sensor]\nname = last", NULL), 0);
    cr_expect_str_eq(name, "last");
}

Test(config, a_list_goes_over_several_lines_and_replaces_the_preset)
{
    static const char *const texts[] = {
        "[sensor]\ndarknet = 198.51.100.0/24\ndarknet = 203.0.113.0/24,2001:db8::/32\n",
        "[sensor]\ndarknet = 198.51.100.0/24\n  203.0.113.0/24,2001:db8::/32\n",
        "[sensor]\ndarknet = 198.51.100.0/24\nwidth = 60\n[aggregator]\nport = 1\n[sensor]\n"
        "darknet = 203.0.113.0/24,2001:db8::/32\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char errmsg[ERRMSG_SIZE] = "";
        cr_assert_eq(read_text(texts[i], errmsg), 0, "%s", errmsg);
        cr_expect_str_eq(darknet, "198.51.100.0/24,203.0.113.0/24,2001:db8::/32");
    }
}

Test(config, words_of_truth)
{
    static const struct {
        const char *word;
        bool truth;
    } table[] = {{"yes", true}, {"TRUE", true},   {"on", true},
                 {"no", false}, {"False", false}, {"off", false}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char text[64];
        live = !table[i].truth;
        snprintf(text, sizeof text, "[sensor]\nlive = %s\n", table[i].word);
        cr_assert_eq(read_text(text, NULL), 0);
        cr_expect_eq(live, table[i].truth, "%s", table[i].word);
    }
}

Test(config, a_mistake_is_named_with_its_line)
{
    static const struct {
        const char *text;
        int line;
        const char *cause;
    } table[] = {
        {"[sensor]\n\nnmae = a\n", 3, "'nmae': unknown key in section [sensor]"},
        {"[sensors]\nname = a\n", 2, "'name': unknown key in section [sensors]"},
        {"name = a\n", 1, "'name': unknown key in section []"},
        {"[aggregator]\nname = a\n", 2, "'name': unknown key in section [aggregator]"},
        {"[sensor]\nname = a\nwidth = 1\nname = b\n", 4, "'name': is given twice"},
        {"[sensor]\nwidth = 1\n\n; x\nwidth = 1\n", 5, "'width': is given twice"},
        {"[sensor]\nwidth = 0\n", 2, "'0' is no whole number from 1 to 3600"},
        {"[sensor]\nwidth = 3601\n", 2, "'3601' is no whole number"},
        {"[sensor]\nwidth = -1\n", 2, "'-1' is no whole number"},
        {"[sensor]\nwidth = +1\n", 2, "'+1' is no whole number"},
        {"[sensor]\nwidth = 6O\n", 2, "'6O' is no whole number"},
        {"[sensor]\nwidth = 1.5\n", 2, "'1.5' is no whole number"},
        {"[sensor]\nwidth =\n", 2, "'' is no whole number"},
        {"[aggregator]\nport = 18446744073709551616\n", 2, "is no whole number"},
        {"[sensor]\nlive = maybe\n", 2, "'live': 'maybe' is neither yes nor no"},
        {"[sensor]\nlive =\n", 2, "neither yes nor no"},
        {"[sensor]\nname = a\njust words\n", 3, "not a line of the form"},
        {"[sensor\nname = a\n", 1, "not a line of the form"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char errmsg[ERRMSG_SIZE] = "", place[64];
        snprintf(place, sizeof place, "%s:%d: ", path, table[i].line);
        cr_expect_eq(read_text(table[i].text, errmsg), ERR_INVALID, "%s", table[i].text);
        cr_expect_eq(strncmp(errmsg, place, strlen(place)), 0, "%s", errmsg);
        cr_expect_not_null(strstr(errmsg, table[i].cause), "%s", errmsg);
    }
}

Test(config, a_line_too_long_is_refused_and_not_cut)
{
    for (int size = 150; size < 400; size++) {
        char text[512] = "[sensor]\nname = ", errmsg[ERRMSG_SIZE] = "";
        size_t head = strlen(text);
        memset(text + head, 'x', (size_t)size);
        strcpy(text + head + size, "\nwidth = 7\n");
        int rc = read_text(text, errmsg);
        if (rc == 0)
            cr_expect_eq(strlen(name), (size_t)size);
        else
            cr_expect(rc == ERR_INVALID && strstr(errmsg, ":2: longer than a line may be"), "%s",
                      errmsg);
        cr_expect(size < 180 ? rc == 0 : true, "%d characters are not long", size);
        cr_expect(size > 250 ? rc != 0 : true, "%d characters do not fit", size);
    }
}

Test(config, what_is_no_text_is_refused)
{
    char errmsg[ERRMSG_SIZE] = "";
    static const char zeros[] = "[sensor]\nname = a\n\0\0";
    FILE *file = fopen(path, "w");
    cr_assert(file && fwrite(zeros, sizeof zeros - 1, 1, file) == 1 && fclose(file) == 0);
    cr_expect_eq(config_read(path, keys, errmsg), ERR_INVALID);
    cr_expect_not_null(strstr(errmsg, ":3: has a byte 0"), "%s", errmsg);
    cr_expect_eq(config_read("/dev/zero", keys, errmsg), ERR_INVALID, "it has no end");
    cr_expect_not_null(strstr(errmsg, ":1: has a byte 0"), "%s", errmsg);
}

Test(config, lines_without_end_are_refused)
{
    char errmsg[ERRMSG_SIZE] = "";
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    for (int line = 0; line <= 100000; line++)
        fputs("#\n", file);
    cr_assert_eq(fclose(file), 0);
    cr_expect_eq(config_read(path, keys, errmsg), ERR_INVALID);
    cr_expect_not_null(strstr(errmsg, ":100001: more lines"), "%s", errmsg);
}

Test(config, a_file_that_cannot_be_read_is_named)
{
    char errmsg[ERRMSG_SIZE] = "";
    cr_expect_eq(config_read("/nonexistent/darkcount.conf", keys, errmsg), ERR_IO);
    cr_expect_str_eq(errmsg,
                     "configuration /nonexistent/darkcount.conf: No such file or directory");
    cr_expect_eq(config_read("/tmp", keys, errmsg), ERR_IO, "a directory");
    cr_expect_not_null(strstr(errmsg, "/tmp"), "%s", errmsg);
}

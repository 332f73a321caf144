#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"

static int kept_stderr, captured;

static void capture(void)
{
    kept_stderr = dup(STDERR_FILENO);
    captured = memfd_create("stderr", 0);
    cr_assert(kept_stderr >= 0 && captured >= 0);
    dup2(captured, STDERR_FILENO);
}

/* Gives standard error back and returns what was written to it, to be freed. */
static char *release(void)
{
    dup2(kept_stderr, STDERR_FILENO);
    off_t size = lseek(captured, 0, SEEK_END);
    char *text = calloc(1, (size_t)size + 1);
    cr_assert_eq(pread(captured, text, (size_t)size, 0), size);
    close(captured);
    close(kept_stderr);
    return text;
}

Test(log, a_message_is_one_line_behind_the_program)
{
    unsetenv("JOURNAL_STREAM");
    log_init("darkcount-collector");
    capture();
    log_info("spool %d", 1);
    log_warn("late");
    log_error("%s", "gone");
    char *text = release();
    cr_expect_str_eq(text, "darkcount-collector: spool 1\ndarkcount-collector: late\n"
                           "darkcount-collector: gone\n");
    free(text);
}

Test(log, under_the_journal_a_line_begins_with_its_level)
{
    setenv("JOURNAL_STREAM", "8:4711", 1);
    log_init("darkcount");
    capture();
    log_info("a");
    log_warn("b");
    log_error("c");
    char *text = release();
    cr_expect_str_eq(text, "<6>darkcount: a\n<4>darkcount: b\n<3>darkcount: c\n");
    free(text);
}

Test(log, control_characters_are_escaped)
{
    static const struct {
        const char *text, *shown;
    } table[] = {
        {"two\nlines", "two\\x0alines"},
        {"\x1b[31mred", "\\x1b[31mred"},
        {"\r\t\x7f\x01", "\\x0d\\x09\\x7f\\x01"},
        {"\xc2\x9b"
         "31m, CSI of Latin-1",
         "\xc2\\x9b"
         "31m, CSI of Latin-1"},
        {"東京 \xc3\x9f \xc2\xa7", "東京 \xc3\x9f \xc2\xa7"},
    };
    unsetenv("JOURNAL_STREAM");
    log_init("p");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char expected[128];
        snprintf(expected, sizeof expected, "p: %s\n", table[i].shown);
        capture();
        log_info("%s", table[i].text);
        char *text = release();
        cr_expect_str_eq(text, expected);
        free(text);
    }
}

Test(log, a_long_message_is_cut_and_still_one_line)
{
    char text[8192];
    for (int byte = 'x'; byte >= 1; byte -= 'x' - 1) { /* plain, and each byte grown fourfold */
        memset(text, byte, sizeof text - 1);
        text[sizeof text - 1] = '\0';
        capture();
        log_info("%s", text);
        char *shown = release();
        size_t size = strlen(shown);
        cr_expect(size > 1024 && size <= 4096, "%zu bytes", size);
        cr_expect_eq(strchr(shown, '\n'), shown + size - 1);
        free(shown);
    }
}

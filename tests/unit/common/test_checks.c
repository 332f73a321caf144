#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cert.h"
#include "common/checks.h"

static char *text;
static size_t size;
static struct checks checks;

static void begin(void)
{
    checks = (struct checks){.out = open_memstream(&text, &size)};
}

static void end(void)
{
    fclose(checks.out);
    free(text);
}

TestSuite(checks, .init = begin, .fini = end);

Test(checks, a_line_each_and_failures_are_counted)
{
    checks_say(&checks, CHECK_OK, "spool", "%s", "/a");
    checks_say(&checks, CHECK_WARN, "clock", "is off");
    checks_say(&checks, CHECK_FAIL, "store", "a\nb\x1b[2J");
    fflush(checks.out);
    cr_expect_str_eq(text, "ok    spool: /a\nwarn  clock: is off\nFAIL  store: a?b?[2J\n");
    cr_expect_eq(checks.failed, 1);
}

Test(checks, a_certificate_is_judged_by_its_dates)
{
    static const struct {
        int from_days, until_days;
        const char *words;
        unsigned failed;
    } cases[] = {
        {-10, 80, "ok    certificate: of tokyo is good until 2", 0},
        {-80, 10, "warn  certificate: of tokyo ends in 10 days, on 2", 0},
        {-90, -1, "FAIL  certificate: of tokyo has expired, on 2", 1},
        {1, 90, "FAIL  certificate: of tokyo is not good before 2", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct cert_facts facts = {.name = "tokyo",
                                         .from_s = time(NULL) + cases[i].from_days * 86400,
                                         .until_s = time(NULL) + cases[i].until_days * 86400 + 600};
        size_t before = (fflush(checks.out), size);
        unsigned failed = checks.failed;
        checks_certificate(&checks, "certificate", &facts, 20 * 86400, "join again");
        fflush(checks.out);
        cr_expect_eq(strncmp(text + before, cases[i].words, strlen(cases[i].words)), 0, "%s",
                     text + before);
        cr_expect_eq(checks.failed - failed, cases[i].failed);
        cr_expect_eq(strstr(text + before, "join again") != NULL, i == 1 || i == 2);
    }
}

Test(checks, the_clock_is_told_in_one_line)
{
    checks_clock(&checks);
    fflush(checks.out);
    cr_expect(strstr(text, "clock: ") && strchr(text, '\n') == text + size - 1, "%s", text);
    cr_expect_eq(checks.failed, 0);
}

/* What a chart says of its data: periods in both languages, shares that are cut. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <string.h>

#include "dashboards/caption.h"

struct period_case {
    struct caption_date first, last;
    char en[40], ja[60];
};

ParameterizedTestParameters(caption, periods)
{
    static struct period_case cases[] = {
        {{2026, 1, 1}, {2026, 12, 31}, "2026", "2026年"},
        {{2019, 1, 1}, {2026, 12, 31}, "2019 to 2026", "2019年～2026年"},
        {{2024, 2, 1}, {2024, 2, 29}, "2024-02", "2024年2月"},
        {{2025, 2, 1}, {2025, 2, 28}, "2025-02", "2025年2月"},
        {{2024, 2, 1}, {2024, 2, 28}, "2024-02-01 to 2024-02-28", "2024年2月1日～2024年2月28日"},
        {{2026, 6, 1}, {2026, 12, 31}, "2026-06 to 2026-12", "2026年6月～2026年12月"},
        {{2026, 6, 5}, {2026, 6, 5}, "2026-06-05", "2026年6月5日"},
        {{2026, 1, 1}, {2026, 1, 1}, "2026-01-01", "2026年1月1日"},
    };
    return cr_make_param_array(struct period_case, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct period_case *param, caption, periods)
{
    struct caption caption = {.first = param->first, .last = param->last};
    char text[LABELS_MAX];
    caption_period(&caption, text);
    cr_expect_str_eq(text, param->en);
    caption.language = LANGUAGE_JA;
    caption_period(&caption, text);
    cr_expect_str_eq(text, param->ja);
}

Test(caption, shares_are_cut_not_rounded)
{
    static const struct {
        double share;
        const char *text;
    } cases[] = {{1, "100 %"},       {0.9999999, "99.9 %"}, {0.5, "50.0 %"},
                 {0.0001, "<0.1 %"}, {0, "0.0 %"},          {NAN, "?"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[CAPTION_SHARE_MAX];
        caption_share(cases[i].share, text);
        cr_expect_str_eq(text, cases[i].text);
    }
}

Test(caption, says_source_method_coverage_and_revision)
{
    struct caption caption = {.timezone = "Asia/Tokyo",
                              .sensors = 1,
                              .first = {2026, 1, 1},
                              .last = {2026, 12, 31},
                              .coverage = 0.5,
                              .revision = 3};
    struct caption_notes notes;
    struct sheet sheet = {0};
    caption_put(&caption, "Title", "The method.", &notes, &sheet);
    cr_assert_str_eq(sheet.title, "Title, 2026");
    cr_assert_eq(sheet.note_count, 4);
    cr_assert(strstr(sheet.notes[0], "(1 sensor). Period: 2026, days in the time zone Asia/Tokyo"));
    cr_assert_str_eq(sheet.notes[1], "The method.");
    cr_assert(strstr(sheet.notes[2], "50.0 %") && strstr(sheet.notes[2], "what was not"));
    cr_assert(strstr(sheet.notes[3], "Revision: 3 "));
}

/* Scales: round ticks, values as text, nothing beyond the ends. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

#include "dashboards/scale.h"

struct number {
    double value;
    char text[32];
};

ParameterizedTestParameters(scale, format)
{
    static struct number cases[] = {
        {0, "0"},
        {1, "1"},
        {12.5, "12.50"},
        {0.004, "0.004"},
        {0.25, "0.25"},
        {123.45, "123.5"},
        {999, "999"},
        {999.6, "1,000"},
        {1000, "1,000"},
        {12345.6, "12,346"},
        {2420000, "2,420,000"},
        {999999999999, "999,999,999,999"},
        {1.5e19, "1.5e+19"},
    };
    return cr_make_param_array(struct number, cases, sizeof cases / sizeof *cases);
}

ParameterizedTest(struct number *param, scale, format)
{
    char text[SCALE_TEXT_MAX];
    scale_format(param->value, text);
    cr_assert_str_eq(text, param->text);
}

Test(scale, ticks_are_round_and_within)
{
    static const double most[] = {1, 7, 99, 1234567, 3e12, 0.004};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        struct scale scale = scale_choose(0, most[i], 0.1, 8);
        double at;
        int ticks = 0;
        cr_expect_geq(scale.high, most[i] / 0.9 * 0.999);
        for (; scale_tick(&scale, ticks, &at); ticks++)
            cr_expect_leq(at, scale.high);
        cr_expect(ticks >= 4 && ticks <= 10, "%g: %d ticks", most[i], ticks);
        double digits = scale.step / pow(10, floor(log10(scale.step) + 1e-9));
        cr_expect(fabs(digits - round(digits)) < 1e-6, "%g: step %g", most[i], scale.step);
    }
}

Test(scale, counts_have_no_ticks_between_them)
{
    double at;
    const struct scale few = scale_choose_counts(0, 2, 0.1, 8);
    for (int i = 0; scale_tick(&few, i, &at); i++)
        cr_expect_eq(at, i);
    cr_expect_eq(scale_choose_counts(0, 1000, 0.1, 5).step, scale_choose(0, 1000, 0.1, 5).step);
}

Test(scale, figures_have_the_decimals_of_their_size)
{
    char text[SCALE_TEXT_MAX];
    static const struct {
        double value;
        const char *text;
    } table[] = {{0, "0"},          {1, "1.00"},      {99.5, "99.50"},       {308, "308.0"},
                 {1000.4, "1,000"}, {0.002, "0.002"}, {2420000, "2,420,000"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        scale_format_figure(table[i].value, text);
        cr_expect_str_eq(text, table[i].text);
    }
}

Test(scale, nothing_to_draw_has_a_scale_too)
{
    struct scale scale = scale_choose(0, 0, 0.1, 8);
    double at;
    cr_assert_not(scale.log);
    cr_assert(scale_tick(&scale, 0, &at));
    cr_assert_eq(at, 0);
    cr_assert_eq(scale_share(&scale, 0), 0);
}

Test(scale, shares_go_from_end_to_end)
{
    struct scale linear = scale_choose(0, 90, 0.1, 8), log = scale_choose(10, 1e6, 0.1, 8);
    cr_assert_float_eq(scale_share(&linear, 50), 0.5, 1e-9);
    cr_assert(log.log);
    cr_assert_float_eq(scale_share(&log, log.low), 0, 1e-9);
    cr_assert_float_eq(scale_share(&log, log.high), 1, 1e-9);
    cr_assert_float_eq(scale_share(&log, sqrt(log.low * log.high)), 0.5, 1e-9);
    cr_assert_eq(scale_share(&log, 0), 0,
                 "a zero has no place on a logarithmic scale: its lower end");
}

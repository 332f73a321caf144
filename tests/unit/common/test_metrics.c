#include <criterion/criterion.h>

#include "common/metrics.h"

static struct buf text;
static struct metrics metrics = {.out = &text, .prefix = "x_"};

static void reads(const char *expected)
{
    buf_put_u8(&text, 0);
    cr_expect_str_eq((const char *)text.bytes, expected);
    buf_close(&text);
}

Test(metrics, a_counter_has_help_type_and_value)
{
    metrics_counter(&metrics, "seen_total", "What was seen.", UINT64_MAX);
    reads("# HELP x_seen_total What was seen.\n"
          "# TYPE x_seen_total counter\n"
          "x_seen_total 18446744073709551615\n");
}

Test(metrics, labels_are_escaped)
{
    metrics_family(&metrics, METRICS_GAUGE, "lag_seconds", "Lag.");
    metrics_add_labelled(&metrics, "sensor", "a\"b\\c\nd", 7);
    metrics_add_labelled(&metrics, "sensor", "東京", 0);
    reads("# HELP x_lag_seconds Lag.\n"
          "# TYPE x_lag_seconds gauge\n"
          "x_lag_seconds{sensor=\"a\\\"b\\\\c\\nd\"} 7\n"
          "x_lag_seconds{sensor=\"東京\"} 0\n");
}

Test(metrics, a_summary_has_sum_and_count)
{
    metrics_family(&metrics, METRICS_SUMMARY, "apply_seconds", "Applying.");
    metrics_add_summary(&metrics, UINT64_C(12000000345), 3);
    reads("# HELP x_apply_seconds Applying.\n"
          "# TYPE x_apply_seconds summary\n"
          "x_apply_seconds_sum 12.000000345\n"
          "x_apply_seconds_count 3\n");
}

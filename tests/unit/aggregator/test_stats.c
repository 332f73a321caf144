#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/stats.h"

static struct stats stats;

static bool shows(const char *line)
{
    struct buf text;
    const struct stats_now now = {.now_s = 1000};
    buf_init(&text);
    stats_write(&stats, &now, &text);
    buf_put_u8(&text, 0);
    bool found = strstr((const char *)text.bytes, line) != NULL;
    buf_close(&text);
    return found;
}

Test(stats, lag_is_counted_from_the_last_interval_that_became_durable)
{
    stats_through(&stats, "tokyo", 900);
    stats_through(&stats, "osaka", 2000); /* its clock is ahead */
    stats_through(&stats, "tokyo", 840);  /* a late one */
    cr_expect(shows("sensor_lag_seconds{sensor=\"tokyo\"} 100\n"));
    cr_expect(shows("sensor_lag_seconds{sensor=\"osaka\"} 0\n"));
    stats_close(&stats);
}

Test(stats, sensors_beyond_the_most_are_counted_and_not_shown)
{
    char name[32];
    for (int i = 0; i <= STATS_SENSORS_MAX; i++) {
        snprintf(name, sizeof name, "sensor-%d", i);
        stats_through(&stats, name, 900);
    }
    cr_expect(shows("sensor=\"sensor-999\""));
    cr_expect_not(shows("sensor=\"sensor-1000\""));
    cr_expect(shows("sensor_lag_omitted_records_total 1\n"));
    stats_close(&stats);
}

Test(stats, every_refusal_has_a_name)
{
    for (int i = 0; i < REFUSE_CODES; i++)
        stats.refused[i] = 4711;
    struct buf text;
    size_t named = 0;
    buf_init(&text);
    stats_write(&stats, &(struct stats_now){0}, &text);
    buf_put_u8(&text, 0);
    for (const char *at = (char *)text.bytes; (at = strstr(at, "\"} 4711\n")) != NULL; at++)
        named++;
    cr_expect_eq(named, REFUSE_CODES);
    buf_close(&text);
}

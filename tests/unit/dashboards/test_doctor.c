#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dashboards/doctor.h"

#define NOW 1700000000

static struct store_sensor lab = {
    .name = "lab", .from_ns = 1, .until_ns = NOW * INT64_C(1000000000)};

/* The line that is said of a sensor; `*failed` whether it fails. */
static const char *line_of(const struct serve_sensor *sensor, unsigned *failed)
{
    static char line[512];
    struct checks checks = {.out = fmemopen(line, sizeof line, "w")};
    cr_assert_not_null(checks.out);
    doctor_sensor(&checks, sensor, NOW);
    fclose(checks.out);
    *failed = checks.failed;
    return line;
}

static void expect(const struct serve_sensor *sensor, const char *begins, const char *word)
{
    unsigned failed;
    const char *line = line_of(sensor, &failed);
    cr_expect(strncmp(line, begins, strlen(begins)) == 0, "%s", line);
    cr_expect(strstr(line, word), "%s", line);
    cr_expect_eq(failed, strncmp(begins, "FAIL", 4) == 0);
}

Test(doctor, a_sensor_that_is_well)
{
    struct serve_sensor sensor = {.sensor = &lab, .state = SERVE_LIVE, .coverage = 1};
    sensor.day = (struct query_figures){.any_data = true, .packets = 1000, .dropped = 1};
    expect(&sensor, "ok    sensor lab: ", "1000 packets in the last day, 100 %");
    sensor.state = SERVE_SILENT;
    expect(&sensor, "ok    sensor lab: ", "a true zero");
}

Test(doctor, what_is_worth_a_look)
{
    struct serve_sensor sensor = {.sensor = &lab, .state = SERVE_LIVE, .coverage = 0.9899};
    sensor.day = (struct query_figures){.any_data = true, .packets = 1000};
    expect(&sensor, "warn  sensor lab: ", "observed 98 % of the last day");
    sensor.coverage = 1;
    sensor.day.dropped = 2;
    expect(&sensor, "warn  sensor lab: ", "dropped 2 packets");
    sensor = (struct serve_sensor){.sensor = &lab, .state = SERVE_NEW, .coverage = NAN};
    expect(&sensor, "warn  sensor lab: ", "nothing yet");
}

Test(doctor, a_sensor_that_is_down_fails_and_an_archive_does_not)
{
    struct serve_sensor sensor = {.sensor = &lab, .state = SERVE_DOWN, .coverage = 0};
    lab.until_ns = (NOW - DOCTOR_ARCHIVE_S) * INT64_C(1000000000);
    expect(&sensor, "FAIL  sensor lab: ", "nothing since 2023-10-15T22:13:20Z");
    lab.until_ns -= INT64_C(1000000000);
    expect(&sensor, "ok    sensor lab: ", "an archive, or retired");
}

/* The inventory says whether it is missed, however long ago. */
Test(doctor, of_an_enrolled_sensor_its_inventory_decides)
{
    static struct store_sensor enrolled = {.name = "lab", .until_ns = 1, .enrolled = true};
    struct serve_sensor sensor = {.sensor = &enrolled, .state = SERVE_DOWN, .coverage = NAN};
    expect(&sensor, "ok    sensor lab: ", "nothing of it is in the inventory");
    sensor.due = true;
    expect(&sensor, "FAIL  sensor lab: ", "nothing since 1970");
}

static unsigned aggregators(const char *const *beats, size_t count, const char *word)
{
    char line[512];
    struct checks checks = {.out = fmemopen(line, sizeof line, "w")};
    doctor_aggregators(&checks, beats, count, NOW);
    fclose(checks.out);
    cr_expect(strstr(line, word), "%s", line);
    return checks.failed;
}

Test(doctor, an_aggregator_is_there_while_it_beats)
{
    const char *const one[] = {"host:/a", "7 1699999980", "host:/b", "8 1699999979"};
    const char *const none[] = {"host:/a", "7 1699999979", "host:/b", "nonsense"};
    cr_expect_eq(aggregators(one, 4, "1 is there"), 0);
    cr_expect_eq(aggregators(none, 4, "none is working"), 1);
    cr_expect_eq(aggregators(NULL, 0, "none is working"), 1);
}

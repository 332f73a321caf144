/* The alarms of a live sensor, from packets to sealed records and the log, by a simulated clock. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/alarms.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/unit/collector/meters.h"

#define MINUTE_NS INT64_C(60000000000)
#define RAW_IP    101 /* LINKTYPE_RAW */

static struct alarms *alarms;
static size_t lit, skewed, silent;

/* As the live sensor's: alarms, then sealing, which refuses what breaks a rule. */
static int sink(void *user, struct record *record)
{
    struct buf sealed;
    struct record opened;
    char errmsg[ERRMSG_SIZE] = "";
    (void)user;
    alarms_record(alarms, record);
    record->seq = 1;
    buf_init(&sealed);
    record_init(&opened);
    cr_assert_eq(record_seal(record, &sealed, errmsg), 0, "%s", errmsg);
    cr_assert_eq(record_open(&opened, sealed.bytes, sealed.size, errmsg), 0, "%s", errmsg);
    for (size_t i = 0; i < opened.alarm_count; i++) {
        lit += opened.alarms[i].kind == RECORD_ALARM_LIT_ADDRESS;
        skewed += opened.alarms[i].kind == RECORD_ALARM_SKEW;
        silent += opened.alarms[i].kind == RECORD_ALARM_SILENT;
    }
    record_close(&opened);
    buf_close(&sealed);
    return 0;
}

/* A datagram from `source` to 10.0.`third`.`fourth`. */
static void put(struct meter *meter, int64_t at_ns, const char source[4], uint8_t third,
                uint8_t fourth)
{
    uint8_t bytes[28] = {0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17};
    memcpy(bytes + 12, source, 4);
    memcpy(bytes + 16, (uint8_t[]){10, 0, third, fourth}, 4);
    struct capture_packet packet = {
        .ts_ns = at_ns, .data = bytes, .caplen = sizeof bytes, .len = sizeof bytes};
    cr_assert_eq(meter_put(meter, RAW_IP, &packet), 0);
}

/* 14 hours of 10.0.0.0/22: every minute packets to three of the four /24s, of which one address gets
 * eight, and one from an address of the darknet to somewhere else. */
static void sense(bool skew)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct prefixset *dark = prefixset_new();
    struct meter *meter;
    cr_assert_eq(prefixset_add(dark, "10.0.0.0/22", errmsg), 0);
    cr_assert_eq(prefixset_finish(dark, errmsg), 0);
    alarms = alarms_new(dark, skew);
    cr_assert_not_null(alarms);
    const struct meter_options options = {
        .sensor = "s", .darknet = dark, .max_quiet_ns = 10 * MINUTE_NS, .sink = sink};
    cr_assert_eq(meter_new(&meter, &options, errmsg), 0);
    cr_assert_eq(meter_begin(meter, 0), 0);
    for (int minute = 0; minute < 14 * 60; minute++) {
        for (uint8_t i = 0; i < 24; i++)
            put(meter, minute * MINUTE_NS + i, "\xc0\x00\x02\x01", i < 8 ? 0 : i % 3,
                i < 8 ? 9 : (uint8_t)(minute * 24 + i));
        put(meter, minute * MINUTE_NS + 30, "\x0a\x00\x00\x07", 9, 1);
        cr_assert_eq(meter_advance(meter, (minute + 1) * MINUTE_NS), 0);
    }
    cr_assert_eq(meter_end(meter, 14 * 60 * MINUTE_NS), 0);
    meter_free(meter);
    alarms_free(alarms);
    prefixset_free(dark);
}

/* How many lines of the log have the word. */
static size_t lines_with(int log, const char *word)
{
    static char text[262144];
    size_t lines = 0;
    ssize_t size = pread(log, text, sizeof text - 1, 0);
    cr_assert_geq(size, 0);
    text[size] = '\0';
    for (const char *at = text; (at = strstr(at, word)); at++)
        lines++;
    return lines;
}

static int begin_log(void)
{
    int log = memfd_create("stderr", 0);
    cr_assert(log >= 0 && dup2(log, STDERR_FILENO) >= 0);
    log_init("test");
    return log;
}

Test(alarms, are_in_the_records_and_hourly_in_the_log)
{
    int log = begin_log();
    sense(true);
    cr_expect_eq(lit, 14 * 60);
    cr_expect_eq(lines_with(log, "lit_address 10.0.0.7 sent 1 packets"), 14);
    cr_expect_eq(skewed, 1, "%zu", skewed);
    cr_expect_eq(lines_with(log, "skewed_address 10.0.0.9 got 48"), 1);
    cr_expect_eq(silent, 2, "after 12:10 and 13:10");
    cr_expect_eq(lines_with(log, "silent_prefix 10.0.3.0/24"), 2);
}

Test(alarms, of_skew_can_be_switched_off)
{
    int log = begin_log();
    sense(false);
    cr_expect_eq(lit, 14 * 60);
    cr_expect_eq(skewed + silent, 0);
    cr_expect_eq(lines_with(log, "lit_address"), 14);
}

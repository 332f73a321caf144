#include <criterion/criterion.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/alarm.h"
#include "common/log.h"

static struct record record;
static struct alarm_log alarms;
static int err;

static void begin(void)
{
    record_init(&record);
    strcpy(record.sensor, "campus-1");
    record.start_s = 1795321020;
    err = memfd_create("stderr", 0);
    cr_assert(err >= 0 && dup2(err, STDERR_FILENO) >= 0);
    log_init("test");
}

static void put(uint8_t kind, uint8_t family, uint8_t length, const char *address, uint64_t packets)
{
    struct record_alarm *alarm = &record.alarms[record.alarm_count++];
    *alarm =
        (struct record_alarm){.kind = kind, .family = family, .length = length, .packets = packets};
    memcpy(alarm->address, address, strlen(address));
}

/* What was logged so far. */
static const char *logged(void)
{
    static char text[65536];
    ssize_t size = pread(err, text, sizeof text - 1, 0);
    cr_assert_geq(size, 0);
    text[size] = '\0';
    return text;
}

static size_t lines_logged(void)
{
    size_t lines = 0;
    for (const char *text = logged(); *text; text++)
        lines += *text == '\n';
    return lines;
}

Test(alarm, words, .init = begin)
{
    static const char *const lines[] = {
        "lit_address 198.51.100.7 sent 12 packets in the minute of 2026-11-22T04:17:00Z: it is not "
        "dark; exclude it or find out who uses it",
        "skewed_address 2001:db8::1 got 18446744073709551615 packets in the hour until "
        "2026-11-22T04:17:00Z, for hours far from its neighbours' share: it may be used, filtered "
        "or routed elsewhere",
        "silent_prefix 198.51.100.0/24 got nothing until 2026-11-22T04:17:00Z, for hours in which "
        "its neighbours did: it may be filtered, withdrawn or routed elsewhere",
        "lit_address 2001:db8::/32 sent 1 packets in the minute of 2026-11-22T04:17:00Z: it is not "
        "dark; exclude it or find out who uses it",
        "alarm 198.51.0.0/16 with 3 packets in the minute of 2026-11-22T04:17:00Z",
    };
    put(RECORD_ALARM_LIT_ADDRESS, 4, 32, "\xc6\x33\x64\x07", 12);
    put(RECORD_ALARM_SKEW, 6, 128, "\x20\x01\x0d\xb8", UINT64_MAX);
    record.alarms[1].address[15] = 1;
    put(RECORD_ALARM_SILENT, 4, 24, "\xc6\x33\x64", 0);
    put(RECORD_ALARM_LIT_ADDRESS, 6, 32, "\x20\x01\x0d\xb8", 1);
    put(77, 4, 16, "\xc6\x33", 3);
    for (size_t i = 0; i < record.alarm_count; i++) {
        char text[ALARM_TEXT_MAX];
        alarm_text(&record, i, text);
        cr_expect_str_eq(text, lines[i]);
    }
}

/* The longest address and number that there are. */
Test(alarm, longest_text_fits, .init = begin)
{
    char text[ALARM_TEXT_MAX];
    put(RECORD_ALARM_SKEW, 6, 127,
        "\x20\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11", UINT64_MAX);
    alarm_text(&record, 0, text);
    cr_expect_not_null(strstr(text, "routed elsewhere"), "%s", text);
}

Test(alarm, the_same_alarm_is_written_once_an_hour, .init = begin)
{
    put(RECORD_ALARM_LIT_ADDRESS, 4, 32, "\xc6\x33\x64\x07", 1);
    for (int64_t now_s = 7200; now_s < 10800; now_s += 60) {
        record.alarms[0].packets++;
        alarm_write(&alarms, &record, "sensor s: ", now_s);
    }
    cr_expect_eq(lines_logged(), 1);
    cr_expect_not_null(strstr(logged(), "sensor s: lit_address 198.51.100.7 sent 2 packets"));
    alarm_write(&alarms, &record, "sensor s: ", 10800);
    cr_expect_eq(lines_logged(), 2);
}

Test(alarm, other_kinds_and_prefixes_are_others, .init = begin)
{
    put(RECORD_ALARM_LIT_ADDRESS, 4, 32, "\xc6\x33\x64\x07", 1);
    put(RECORD_ALARM_LIT_ADDRESS, 4, 32, "\xc6\x33\x64\x08", 1);
    put(RECORD_ALARM_LIT_ADDRESS, 6, 32, "\xc6\x33\x64\x07", 1);
    put(RECORD_ALARM_LIT_ADDRESS, 6, 33, "\xc6\x33\x64\x07", 1);
    put(RECORD_ALARM_SKEW, 4, 32, "\xc6\x33\x64\x07", 1);
    alarm_write(&alarms, &record, "", 0);
    cr_expect_eq(lines_logged(), 5, "%s", logged());
}

Test(alarm, lines_of_an_hour_are_bounded_and_the_rest_is_counted, .init = begin)
{
    for (int minute = 0; minute < 10; minute++) {
        record.alarm_count = 0;
        for (int i = 0; i < 20; i++) {
            char address[] = {(char)0xc6, (char)0x33, (char)(1 + minute), (char)(1 + i), 0};
            put(RECORD_ALARM_LIT_ADDRESS, 4, 32, address, 1);
        }
        record.alarms_omitted = 100;
        alarm_write(&alarms, &record, "", 36000 + 60 * minute);
    }
    cr_expect_eq(lines_logged(), ALARM_LINES_MAX);
    record.alarm_count = record.alarms_omitted = 0;
    alarm_write(&alarms, &record, "sensor s: ", 39600);
    cr_expect_eq(lines_logged(), ALARM_LINES_MAX + 1);
    cr_expect_not_null(strstr(logged(), "sensor s: 1136 more alarms in the hour before\n"));
    alarm_write(&alarms, &record, "", 43200);
    cr_expect_eq(lines_logged(), ALARM_LINES_MAX + 1, "said once");
}

#include <criterion/criterion.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "aggregator/alarmlog.h"
#include "common/log.h"

static struct record record;

static void begin(void)
{
    record_init(&record);
    strcpy(record.sensor, "campus-1");
    record.start_s = 1795321020;
}

static void put(uint8_t kind, uint8_t family, uint8_t length, const char *address, uint64_t packets)
{
    struct record_alarm *alarm = &record.alarms[record.alarm_count++];
    *alarm =
        (struct record_alarm){.kind = kind, .family = family, .length = length, .packets = packets};
    memcpy(alarm->address, address, strlen(address));
}

#define IN_THE_MINUTE " in the minute of 2026-11-22T04:17:00Z"

Test(alarmlog, alarms_in_words, .init = begin)
{
    static const char *const lines[] = {
        "sensor campus-1: lit_address 198.51.100.7 sent 12 packets" IN_THE_MINUTE,
        "sensor campus-1: skewed_address 2001:db8::1 got 18446744073709551615 "
        "packets" IN_THE_MINUTE,
        "sensor campus-1: silent_prefix 198.51.0.0/16 got 0 packets" IN_THE_MINUTE,
        "sensor campus-1: silent_prefix 2001:db8::/32 got 0 packets" IN_THE_MINUTE,
        "sensor campus-1: alarm 198.51.0.0/16 with 3 packets" IN_THE_MINUTE,
    };
    put(RECORD_ALARM_LIT_ADDRESS, 4, 32, "\xc6\x33\x64\x07", 12);
    put(RECORD_ALARM_SKEW, 6, 128, "\x20\x01\x0d\xb8", UINT64_MAX);
    record.alarms[1].address[15] = 1;
    put(RECORD_ALARM_SILENT, 4, 16, "\xc6\x33", 0);
    put(RECORD_ALARM_SILENT, 6, 32, "\x20\x01\x0d\xb8", 0);
    put(77, 4, 16, "\xc6\x33", 3);
    for (size_t i = 0; i < record.alarm_count; i++) {
        char text[ALARMLOG_TEXT_MAX];
        alarmlog_alarm(&record, i, text);
        cr_expect_str_eq(text, lines[i]);
    }
}

Test(alarmlog, flags_in_words, .init = begin)
{
    static const struct {
        uint32_t flags;
        char line[128];
    } cases[] = {
        {RECORD_RECOVERED, "sensor campus-1: recovered" IN_THE_MINUTE},
        {RECORD_CLOCK_SUSPECT | RECORD_INTERFACE_DOWN,
         "sensor campus-1: clock_suspect, interface_down" IN_THE_MINUTE},
        {RECORD_DROPS_SUSPECT | 0x80000010,
         "sensor campus-1: drops_suspect, flags 0x80000010" IN_THE_MINUTE},
        {16, "sensor campus-1: flags 0x10" IN_THE_MINUTE},
    };
    char text[ALARMLOG_TEXT_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        record.flags = cases[i].flags;
        cr_expect(alarmlog_flags(&record, text));
        cr_expect_str_eq(text, cases[i].line);
    }
    record.flags = 0;
    cr_expect_not(alarmlog_flags(&record, text));
}

/* The longest name, address and numbers that there are. */
Test(alarmlog, the_longest_lines_fit, .init = begin)
{
    char text[ALARMLOG_TEXT_MAX];
    memset(record.sensor, 'n', SENSOR_NAME_MAX);
    record.flags = UINT32_MAX;
    cr_expect(alarmlog_flags(&record, text));
    cr_expect_not_null(strstr(text, "flags 0xfffffff0" IN_THE_MINUTE), "%s", text);
    put(RECORD_ALARM_SKEW, 6, 127,
        "\x20\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11", UINT64_MAX);
    alarmlog_alarm(&record, 0, text);
    cr_expect_not_null(strstr(text, "packets" IN_THE_MINUTE), "%s", text);
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

Test(alarmlog, a_record_gives_a_line_for_each, .init = begin)
{
    char text[65536];
    int err = memfd_create("stderr", 0);
    cr_assert(err >= 0 && dup2(err, STDERR_FILENO) >= 0);
    log_init("test");
    alarmlog_write(&record); /* says nothing */
    record.flags = RECORD_RECOVERED;
    while (record.alarm_count < RECORD_ALARMS_MAX)
        put(RECORD_ALARM_LIT_ADDRESS, 4, 32, "\xc6\x33\x64\x07", 1);
    record.alarms_omitted = 1000;
    alarmlog_write(&record);
    ssize_t size = pread(err, text, sizeof text - 1, 0);
    cr_assert_geq(size, 0);
    text[size] = '\0';
    cr_expect_eq(lines_of(text), RECORD_ALARMS_MAX + 2, "%s", text);
    cr_expect_not_null(strstr(text, "sensor campus-1: 1000 more alarms in that minute\n"));
}

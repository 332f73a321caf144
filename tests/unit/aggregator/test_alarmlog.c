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

Test(alarmlog, flags_in_words, .init = begin)
{
    static const struct {
        uint32_t flags;
        char line[128];
    } cases[] = {
        {RECORD_RECOVERED, "sensor campus-1: recovered" IN_THE_MINUTE},
        {RECORD_CLOCK_SUSPECT | RECORD_INTERFACE_DOWN,
         "sensor campus-1: clock_suspect, interface_down" IN_THE_MINUTE},
        {RECORD_DROPS_SUSPECT | 0x80000020,
         "sensor campus-1: drops_suspect, flags 0x80000020" IN_THE_MINUTE},
        {RECORD_MERGED, "sensor campus-1: merged" IN_THE_MINUTE},
        {32, "sensor campus-1: flags 0x20" IN_THE_MINUTE},
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

/* The longest name and all flags. */
Test(alarmlog, the_longest_line_fits, .init = begin)
{
    char text[ALARMLOG_TEXT_MAX];
    memset(record.sensor, 'n', SENSOR_NAME_MAX);
    record.flags = UINT32_MAX;
    cr_expect(alarmlog_flags(&record, text));
    cr_expect_not_null(strstr(text, "flags 0xffffffe0" IN_THE_MINUTE), "%s", text);
}

/* What is logged of a call, in lines. */
static const char *logged(size_t *lines)
{
    static char text[65536];
    ssize_t size = pread(STDERR_FILENO, text, sizeof text - 1, 0);
    cr_assert_geq(size, 0);
    text[size] = '\0';
    *lines = 0;
    for (const char *at = text; *at; at++)
        *lines += *at == '\n';
    return text;
}

Test(alarmlog, flags_and_alarms_are_written_once_an_hour, .init = begin)
{
    static struct alarmlog log;
    size_t lines;
    int err = memfd_create("stderr", 0);
    cr_assert(err >= 0 && dup2(err, STDERR_FILENO) >= 0);
    log_init("test");
    alarmlog_write(&log, &record, 0); /* says nothing */
    put(RECORD_ALARM_LIT_ADDRESS, 4, 32, "\xc6\x33\x64\x07", 1);
    record.flags = RECORD_RECOVERED;
    alarmlog_write(&log, &record, 0);
    const char *text = logged(&lines);
    cr_expect_eq(lines, 2, "%s", text);
    cr_expect_not_null(strstr(text, "sensor campus-1: recovered" IN_THE_MINUTE));
    cr_expect_not_null(strstr(text, "sensor campus-1: lit_address 198.51.100.7 sent 1 packets"));
    alarmlog_write(&log, &record, 3599);
    logged(&lines);
    cr_expect_eq(lines, 2);
    record.flags |= RECORD_CLOCK_SUSPECT;
    alarmlog_write(&log, &record, 3599);
    text = logged(&lines);
    cr_expect_eq(lines, 3);
    cr_expect_not_null(strstr(text, "clock_suspect, recovered"), "%s", text);
    alarmlog_write(&log, &record, 3600);
    logged(&lines);
    cr_expect_eq(lines, 5);
}

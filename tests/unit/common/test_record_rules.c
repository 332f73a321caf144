#include <criterion/criterion.h>

#include <string.h>

#include "common/calendar.h"
#include "common/err.h"
#include "tests/unit/common/made_record.h"

#define NS_PER_S INT64_C(1000000000)

typedef void breaker(struct record *record);

static void no_seq(struct record *r)
{
    r->seq = 0;
}
static void no_name(struct record *r)
{
    r->sensor[0] = '\0';
}
static void bad_name(struct record *r)
{
    strcpy(r->sensor, "a b");
}
static void bad_width(struct record *r)
{
    r->width_s = 61;
}
static void no_width(struct record *r)
{
    r->width_s = 0;
}
static void merged_and_silent(struct record *r)
{
    r->before = 3;
}
static void merged_of_itself(struct record *r)
{
    r->flags |= RECORD_MERGED;
}
static void merged_of_a_minute(struct record *r)
{
    r->before = 3;
    r->flags |= RECORD_MERGED;
}
static void merged_off_the_quarter(struct record *r)
{
    merged_of_a_minute(r);
    r->width_s = RECORD_MERGED_WIDTH_S;
}
static void merged_of_too_many(struct record *r)
{
    merged_off_the_quarter(r);
    r->seq = 1000;
    r->before = RECORD_MERGED_MAX;
    r->start_s -= r->start_s % RECORD_MERGED_WIDTH_S;
}
static void merged_before_the_first(struct record *r)
{
    r->before = (uint16_t)r->seq;
}
static void seq_too_long(struct record *r)
{
    r->seq = RECORD_SEQ_MAX + 1;
}
static void not_a_minute(struct record *r)
{
    r->start_s += 1;
}
static void before_the_calendar(struct record *r)
{
    r->start_s = -60;
    r->first_ns = r->last_ns = -NS_PER_S;
}
static void behind_the_calendar(struct record *r)
{
    r->start_s = CALENDAR_MAX_S;
    r->first_ns = r->last_ns = CALENDAR_MAX_S * NS_PER_S;
}
static void time_overflows(struct record *r)
{
    r->start_s = INT64_MAX - INT64_MAX % 60;
}
static void first_too_early(struct record *r)
{
    r->first_ns--;
}
static void last_too_late(struct record *r)
{
    r->last_ns++;
}
static void last_before_first(struct record *r)
{
    r->first_ns = r->last_ns;
    r->last_ns--;
}
static void packets_missing(struct record *r)
{
    r->packets--;
}
static void address_missing(struct record *r)
{
    r->addresses.packets6[1]++;
}
static void addresses_overflow(struct record *r)
{
    r->addresses.packets4[0] += UINT64_C(1) << 63;
    r->addresses.packets4[1] += UINT64_C(1) << 63;
}
static void captured_missing(struct record *r)
{
    r->captured--;
}
static void captured_overflows(struct record *r)
{
    r->late += UINT64_C(1) << 63;
    r->refused += UINT64_C(1) << 63;
}
static void captured_too_much(struct record *r)
{
    r->captured += RECORD_CAPTURED_MAX;
    r->off_darknet += RECORD_CAPTURED_MAX;
}
static void hosts_missing(struct record *r)
{
    hll_clear(&r->hosts);
}
static void hosts_of_nobody(struct record *r)
{
    addrvec_close(&r->addresses);
    addrvec_close(&r->sources);
    r->captured -= r->packets;
    r->packets = 0;
}
static void sources_more_than_packets(struct record *r)
{
    r->sources.packets6[1]++;
}
static void sources_overflow(struct record *r)
{
    r->sources.packets4[0] += UINT64_C(1) << 63;
    r->sources.packets6[0] += UINT64_C(1) << 63;
}
static void a_source_too_many(struct record *r)
{
    addrvec_close(&r->sources);
    for (uint32_t i = 0; i <= RECORD_SOURCES_MAX; i++)
        addrvec_append4(&r->sources, i, 1);
    r->packets += RECORD_SOURCES_MAX;
    r->captured += RECORD_SOURCES_MAX;
    r->addresses.packets4[1] += RECORD_SOURCES_MAX;
}
static void bytes_missing(struct record *r)
{
    r->bytes--;
}
static void protocol_missing(struct record *r)
{
    r->tables.protocols.count--;
}
static void port_of_no_packet(struct record *r)
{
    r->tables.tcp_ports.sums[1].packets += 1000;
}
static void late_off_the_minute(struct record *r)
{
    r->late_by[1].start_s++;
}
static void late_before_the_calendar(struct record *r)
{
    r->late_by[0].start_s = -60;
}
static void late_behind_the_calendar(struct record *r)
{
    r->late_by[1].start_s = CALENDAR_MAX_S;
}
static void late_twice(struct record *r)
{
    r->late_by[0].start_s = r->late_by[1].start_s;
}
static void late_of_nothing(struct record *r)
{
    r->late_by[0].packets = 0;
}
static void late_more_than_late(struct record *r)
{
    r->late_by[0].packets = 3;
}
static void late_overflows(struct record *r)
{
    r->late_by[0].packets = r->late_by[1].packets = UINT64_C(1) << 63;
}
static void alarm_of_no_kind(struct record *r)
{
    r->alarms[0].kind = 0;
}
static void alarm_too_long(struct record *r)
{
    r->alarms[0].length = 33;
}
static void alarm6_too_long(struct record *r)
{
    r->alarms[4].length = 129;
}
static void alarm_with_host_bits(struct record *r)
{
    r->alarms[1].length = 21;
}
static void alarm6_with_host_bits(struct record *r)
{
    r->alarms[4].address[15] = 1;
}
static void alarm_twice(struct record *r)
{
    r->alarms[2].length = 24;
}
static void alarms_descend_by_kind(struct record *r)
{
    r->alarms[0].kind = 4;
}
static void alarms_descend_by_address(struct record *r)
{
    r->alarms[1].address[2]++;
}
static void alarms_descend_by_family(struct record *r)
{
    r->alarms[0].kind = RECORD_ALARM_SILENT;
    r->alarms[0].family = 6;
    r->alarms[0].length = 128;
}

static const struct {
    breaker *breaks;
    const char *says;
} rules[] = {
    {no_seq, "sequence is 0"},
    {no_name, "sensor name"},
    {bad_name, "sensor name"},
    {bad_width, "width"},
    {no_width, "width"},
    {not_a_minute, "whole minute"},
    {before_the_calendar, "whole minute"},
    {behind_the_calendar, "whole minute"},
    {time_overflows, "whole minute"},
    {first_too_early, "span"},
    {last_too_late, "span"},
    {last_before_first, "span"},
    {packets_missing, "sum to its packets"},
    {address_missing, "sum to its packets"},
    {addresses_overflow, "sum to its packets"},
    {captured_missing, "sum of its parts"},
    {captured_overflows, "sum of its parts"},
    {captured_too_much, "more than any link"},
    {hosts_missing, "without hosts"},
    {hosts_of_nobody, "hosts without packets"},
    {sources_more_than_packets, "sources sum to more"},
    {sources_overflow, "sources sum to more"},
    {a_source_too_many, "too many sources"},
    {bytes_missing, "classes do not sum"},
    {protocol_missing, "protocols do not sum"},
    {port_of_no_packet, "TCP ports"},
    {late_off_the_minute, "late intervals are no minutes"},
    {late_before_the_calendar, "late intervals are no minutes"},
    {late_behind_the_calendar, "late intervals are no minutes"},
    {late_twice, "late intervals are no minutes"},
    {late_of_nothing, "late intervals are no minutes"},
    {late_more_than_late, "more than its late packets"},
    {late_overflows, "more than its late packets"},
    {alarm_of_no_kind, "no kind or no prefix"},
    {alarm_too_long, "no kind or no prefix"},
    {alarm6_too_long, "no kind or no prefix"},
    {alarm_with_host_bits, "no kind or no prefix"},
    {alarm6_with_host_bits, "no kind or no prefix"},
    {alarm_twice, "alarms do not ascend"},
    {alarms_descend_by_kind, "alarms do not ascend"},
    {alarms_descend_by_address, "alarms do not ascend"},
    {alarms_descend_by_family, "alarms do not ascend"},
    {merged_of_itself, "merged and does not say so"},
};

/* What a message cannot say. */
static void alarm_of_no_family(struct record *r)
{
    r->alarms[0].family = 5;
}
static void alarm_behind_ipv4(struct record *r)
{
    r->alarms[0].address[4] = 1;
}
static void too_many_late(struct record *r)
{
    r->late_count = RECORD_LATE_MAX + 1;
}
static void too_many_alarms(struct record *r)
{
    r->alarm_count = RECORD_ALARMS_MAX + 1;
}

static void expect_not_sealed(breaker *breaks, const char *says)
{
    struct record record;
    struct buf out;
    char errmsg[ERRMSG_SIZE] = "";
    buf_init(&out);
    made_record(&record);
    breaks(&record);
    cr_expect_eq(record_seal(&record, &out, errmsg), ERR_INVALID, "%s", says);
    cr_expect_not_null(strstr(errmsg, says), "%s, not %s", errmsg, says);
    cr_expect_eq(out.size, 0);
    buf_close(&out);
    record_close(&record);
}

Test(record_rules, what_breaks_a_rule_is_not_sealed)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        expect_not_sealed(rules[i].breaks, rules[i].says);
    expect_not_sealed(merged_and_silent, "does not say so");
    expect_not_sealed(merged_of_a_minute, "not 900 s");
    expect_not_sealed(merged_off_the_quarter, "not of a quarter");
    expect_not_sealed(merged_of_too_many, "too many");
    expect_not_sealed(merged_before_the_first, "its sequence is 0");
    expect_not_sealed(seq_too_long, "beyond 48 bits");
    expect_not_sealed(alarm_of_no_family, "no kind or no prefix");
    expect_not_sealed(alarm_behind_ipv4, "no kind or no prefix");
    expect_not_sealed(too_many_late, "too many late");
    expect_not_sealed(too_many_alarms, "too many alarms");
}

Test(record_rules, what_breaks_a_rule_is_not_opened)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct record record;
        Darkcount__Record message;
        char errmsg[ERRMSG_SIZE] = "";
        made_record(&record);
        made_message(&message, &record);
        cr_assert_eq(made_open_message(1, &message, errmsg), 0, "%s", errmsg);
        rules[i].breaks(&record);
        made_message(&message, &record);
        cr_expect_eq(made_open_message(record.seq, &message, errmsg), ERR_DAMAGED, "rule %zu", i);
        cr_expect(record.seq == 0 || strstr(errmsg, rules[i].says), "rule %zu: %s", i, errmsg);
        record_close(&record);
    }
}

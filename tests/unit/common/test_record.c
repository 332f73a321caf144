#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "common/calendar.h"
#include "common/err.h"
#include "tests/unit/common/made_record.h"
#include "tests/unit/common/random.h"
#include "tests/unit/common/tables_of.h"

#define NS_PER_S INT64_C(1000000000)

static bool same_addresses(const struct addrvec *a, const struct addrvec *b)
{
    return a->count4 == b->count4 && a->count6 == b->count6 &&
           (a->count4 == 0 ||
            (memcmp(a->address4, b->address4, a->count4 * sizeof *a->address4) == 0 &&
             memcmp(a->packets4, b->packets4, a->count4 * sizeof *a->packets4) == 0)) &&
           (a->count6 == 0 ||
            (memcmp(a->address6, b->address6, a->count6 * 16) == 0 &&
             memcmp(a->packets6, b->packets6, a->count6 * sizeof *a->packets6) == 0));
}

static bool same_table(const struct table *a, const struct table *b)
{
    return a->count == b->count &&
           (a->count == 0 || (memcmp(a->keys, b->keys, a->count * sizeof *a->keys) == 0 &&
                              memcmp(a->sums, b->sums, a->count * sizeof *a->sums) == 0 &&
                              memcmp(a->witnesses, b->witnesses, a->count) == 0));
}

static bool same_tables(const struct tables *a, const struct tables *b)
{
    return memcmp(a->classes, b->classes, sizeof a->classes) == 0 &&
           memcmp(a->class_witnesses, b->class_witnesses, sizeof a->class_witnesses) == 0 &&
           same_table(&a->protocols, &b->protocols) && same_table(&a->tcp_ports, &b->tcp_ports) &&
           same_table(&a->udp_ports, &b->udp_ports) && same_table(&a->icmp4, &b->icmp4) &&
           same_table(&a->icmp6, &b->icmp6);
}

static bool same_record(const struct record *a, const struct record *b)
{
    struct record x = *a, y = *b; /* all but what has pointers, which differ, bit for bit */
    addrvec_init(&x.addresses);
    addrvec_init(&y.addresses);
    addrvec_init(&x.sources);
    addrvec_init(&y.sources);
    memset(&x.tables, 0, sizeof x.tables);
    memset(&y.tables, 0, sizeof y.tables);
    return memcmp(&x, &y, sizeof x) == 0 && same_addresses(&a->addresses, &b->addresses) &&
           same_addresses(&a->sources, &b->sources) && same_tables(&a->tables, &b->tables);
}

static void seal(const struct record *record, struct buf *out)
{
    char errmsg[ERRMSG_SIZE] = "";
    cr_assert_eq(record_seal(record, out, errmsg), 0, "%s", errmsg);
}

static void expect_round_trip(const struct record *record)
{
    struct record back;
    struct buf out;
    char errmsg[ERRMSG_SIZE] = "";
    buf_init(&out);
    buf_put(&out, "before", 6);
    seal(record, &out);
    cr_expect_arr_eq(out.bytes, "beforeDCR1", 10);
    cr_expect_eq(record_check(out.bytes + 6, out.size - 6), 0);
    record_init(&back);
    cr_assert_eq(record_open(&back, out.bytes + 6, out.size - 6, errmsg), 0, "%s", errmsg);
    cr_expect(same_record(record, &back));
    record_close(&back);
    buf_close(&out);
}

Test(record, every_field_comes_back)
{
    struct record record;
    made_record(&record);
    expect_round_trip(&record);
    record.seq = RECORD_SEQ_MAX;
    record.bytes = record.kernel_dropped = record.interface_dropped = UINT64_MAX;
    record.flags = UINT32_MAX & ~RECORD_MERGED;
    record.alarms_omitted = UINT64_MAX;
    tables_close(&record.tables);
    tables_of(&record.tables, record.packets, record.bytes);
    expect_round_trip(&record);
    record_close(&record);
}

Test(record, a_quiet_interval_comes_back)
{
    struct record record;
    made_quiet_record(&record);
    expect_round_trip(&record);
    record_close(&record);
}

Test(record, full_tables_come_back)
{
    struct record record;
    made_record(&record);
    tables_close(&record.tables);
    for (uint32_t key = 0; key <= UINT16_MAX; key++)
        cr_assert_eq(table_append(&record.tables.tcp_ports, (uint16_t)key, (struct sum){1, key}),
                     0);
    record.bytes = UINT64_C(65535) * 65536 / 2;
    record.packets = 65536;
    record.captured = record.packets + 15;
    record.addresses.packets4[1] += 65536 - 312;
    record.tables.classes[CLASS_TCP_RST] = (struct sum){record.packets, record.bytes};
    tables_of_row(&record.tables.protocols, 6, record.tables.classes[CLASS_TCP_RST]);
    record.late = RECORD_LATE_MAX;
    record.captured += RECORD_LATE_MAX - 4;
    for (record.late_count = 0; record.late_count < RECORD_LATE_MAX; record.late_count++)
        record.late_by[record.late_count] =
            (struct record_late){(int64_t)record.late_count * 60, 1};
    for (uint8_t kind = 250; record.alarm_count < RECORD_ALARMS_MAX; kind++)
        made_alarm(&record, 255, 6, (uint8_t)(1 + record.alarm_count), "", kind);
    expect_round_trip(&record);
    record_close(&record);
}

Test(record, as_many_sources_as_there_may_be_come_back)
{
    struct record record;
    made_record(&record);
    addrvec_close(&record.sources);
    record.addresses.packets4[1] += RECORD_SOURCES_MAX;
    record.packets += RECORD_SOURCES_MAX;
    record.captured += RECORD_SOURCES_MAX;
    tables_close(&record.tables);
    memset(&record.tables, 0, sizeof record.tables);
    tables_of(&record.tables, record.packets, record.bytes);
    for (uint32_t i = 0; i < RECORD_SOURCES_MAX - 1; i++)
        cr_assert_eq(addrvec_append4(&record.sources, i * 1048577, 1), 0);
    cr_assert_eq(addrvec_append6(&record.sources, (const uint8_t[16]){0}, 312), 0);
    expect_round_trip(&record);
    record_close(&record);
}

/* As a sensor of an earlier version makes it, or one that is told to keep none. */
Test(record, without_sources_comes_back)
{
    struct record record;
    made_record(&record);
    addrvec_close(&record.sources);
    expect_round_trip(&record);
    record_close(&record);
}

Test(record, memory_is_that_of_both_vectors)
{
    struct record record;
    made_record(&record);
    size_t all = record_memory(&record),
           sources = record.sources.room4 * 12 + record.sources.room6 * 24;
    addrvec_close(&record.sources);
    cr_expect_gt(sources, 0);
    cr_expect_eq(record_memory(&record), all - sources);
    record_close(&record);
    cr_expect_eq(record_memory(&record), 0);
}

Test(record, the_first_and_the_last_interval_of_the_calendar_come_back)
{
    struct record record;
    static const int64_t starts[] = {CALENDAR_MIN_S, CALENDAR_MAX_S - 60};
    for (int i = 0; i < 2; i++) {
        made_quiet_record(&record);
        record.start_s = starts[i];
        record.first_ns = record.last_ns = starts[i] * NS_PER_S + 59;
        expect_round_trip(&record);
        record_close(&record);
    }
}

Test(record, the_same_record_gives_the_same_bytes)
{
    struct record record;
    struct buf a, b;
    made_record(&record);
    buf_init(&a);
    buf_init(&b);
    seal(&record, &a);
    seal(&record, &b);
    cr_assert_eq(a.size, b.size);
    cr_expect_arr_eq(a.bytes, b.bytes, a.size);
    buf_close(&a);
    buf_close(&b);
    record_close(&record);
}

Test(record, every_flipped_bit_is_refused)
{
    struct record record, back;
    struct buf out;
    made_record(&record);
    buf_init(&out);
    seal(&record, &out);
    for (size_t bit = 0; bit < out.size * 8; bit++) {
        out.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        record_init(&back);
        cr_assert_eq(record_check(out.bytes, out.size), ERR_DAMAGED, "bit %zu", bit);
        cr_assert_eq(record_open(&back, out.bytes, out.size, NULL), ERR_DAMAGED, "bit %zu", bit);
        out.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    buf_close(&out);
    record_close(&record);
}

Test(record, every_other_length_is_refused)
{
    struct record record, back;
    struct buf out;
    struct record_header header;
    made_record(&record);
    buf_init(&out);
    seal(&record, &out);
    for (size_t size = 0; size <= out.size + 1; size++) {
        uint8_t *exact = calloc(1, size ? size : 1);
        memcpy(exact, out.bytes, size < out.size ? size : out.size);
        int expected = size == out.size ? 0 : ERR_DAMAGED;
        record_init(&back);
        cr_expect_eq(record_check(exact, size), expected, "%zu", size);
        cr_expect_eq(record_open(&back, exact, size, NULL), expected, "%zu", size);
        cr_expect_eq(record_peek(exact, size, &header), size < 36 ? ERR_INVALID : 0);
        cr_expect(size < 36 || (header.size == out.size && header.seq == 41 &&
                                memcmp(header.epoch, record.epoch, EPOCH_SIZE) == 0));
        record_close(&back);
        free(exact);
    }
    buf_close(&out);
    record_close(&record);
}

Test(record, peek_refuses_what_is_no_header)
{
    uint8_t good[RECORD_HEADER_SIZE] = {'D', 'C', 'R', '1', 0x04, 0, 0, 0, [15] = 1},
            bad[sizeof good];
    struct record_header header;
    cr_expect_eq(record_peek(good, sizeof good, &header), 0, "64 MiB are the most");
    cr_expect_eq(header.size, RECORD_HEADER_SIZE + RECORD_PAYLOAD_MAX);
    memcpy(bad, good, sizeof bad);
    bad[7] = 1;
    cr_expect_eq(record_peek(bad, sizeof bad, &header), ERR_DAMAGED, "a byte more than the most");
    memcpy(bad, good, sizeof bad);
    bad[3] = '2';
    cr_expect_eq(record_peek(bad, sizeof bad, &header), ERR_DAMAGED, "another magic");
    memcpy(bad, good, sizeof bad);
    bad[15] = 0;
    cr_expect_eq(record_peek(bad, sizeof bad, &header), ERR_DAMAGED, "sequence 0");
}

/* --- names and epochs ------------------------------------------------------------------------- */

Test(record, sensor_names)
{
    static const char *const good[] = {
        "a", "0", "_x", "Campus-1.b_c",
        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"};
    static const char *const bad[] = {
        "",    ".a",
        "-a",  "a b",
        "a/b", "a:b",
        "a{b", "a}b",
        "a\n", "\xc3\xa4",
        "a,b", "a*",
        "a\"", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        cr_expect(sensor_name_valid(good[i]), "'%s'", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_not(sensor_name_valid(bad[i]), "'%s'", bad[i]);
}

Test(record, flags_and_alarms_have_names)
{
    cr_expect_str_eq(record_flag_name(RECORD_CLOCK_SUSPECT), "clock_suspect");
    cr_expect_str_eq(record_flag_name(RECORD_RECOVERED), "recovered");
    cr_expect_str_eq(record_flag_name(RECORD_INTERFACE_DOWN), "interface_down");
    cr_expect_str_eq(record_flag_name(RECORD_DROPS_SUSPECT), "drops_suspect");
    cr_expect_str_eq(record_flag_name(RECORD_MERGED), "merged");
    cr_expect_null(record_flag_name(32));
    cr_expect_null(record_flag_name(0));
    cr_expect_str_eq(record_alarm_name(RECORD_ALARM_LIT_ADDRESS), "lit_address");
    cr_expect_str_eq(record_alarm_name(RECORD_ALARM_SKEW), "skewed_address");
    cr_expect_str_eq(record_alarm_name(RECORD_ALARM_SILENT), "silent_prefix");
    cr_expect_str_eq(record_alarm_name(200), "alarm");
}

Test(record, epochs_are_written_as_uuids_and_read_back)
{
    uint64_t seed = 21;
    uint8_t epoch[EPOCH_SIZE], back[EPOCH_SIZE];
    char text[37];
    for (int i = 0; i < EPOCH_SIZE; i++)
        epoch[i] = (uint8_t)(i * 16 + 15 - i);
    epoch_format(epoch, text);
    cr_expect_str_eq(text, "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");
    for (int round = 0; round < 1000; round++) {
        for (int i = 0; i < EPOCH_SIZE; i++)
            epoch[i] = (uint8_t)random_next(&seed);
        epoch_format(epoch, text);
        cr_assert_eq(epoch_parse(text, back), 0);
        cr_assert_arr_eq(epoch, back, EPOCH_SIZE);
    }
}

Test(record, what_is_no_epoch_is_refused)
{
    static const char *const bad[] = {
        "",
        "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f",
        "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f00",
        "0F1E2D3C-4b5a-6978-8796-a5b4c3d2e1f0",
        "0f1e2d3c4-b5a-6978-8796-a5b4c3d2e1f0",
        "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1fg",
        "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1g0",
        "0f1e2d3c_4b5a-6978-8796-a5b4c3d2e1f0",
        "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f\n",
        "------------------------------------",
    };
    uint8_t epoch[EPOCH_SIZE];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect_eq(epoch_parse(bad[i], epoch), ERR_INVALID, "'%s'", bad[i]);
}

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zstd.h>

#include "common/calendar.h"
#include "common/crc32c.h"
#include "common/err.h"
#include "common/record.h"
#include "common/record.pb-c.h"
#include "common/unpack.h"
#include "tests/unit/common/random.h"
#include "tests/unit/common/tables_of.h"

#define NS_PER_S INT64_C(1000000000)

/* Appends an alarm about one address or prefix, given by its first bytes. */
static void put_alarm(struct record *record, uint8_t kind, uint8_t family, uint8_t length,
                      const char *address, uint64_t packets)
{
    struct record_alarm *alarm = &record->alarms[record->alarm_count++];
    alarm->kind = kind;
    alarm->family = family;
    alarm->length = length;
    memcpy(alarm->address, address, strlen(address));
    alarm->packets = packets;
}

static void fill_alarms(struct record *record)
{
    put_alarm(record, RECORD_ALARM_LIT_ADDRESS, 4, 32, "\xc6\x33\x64\x07", 12);
    put_alarm(record, RECORD_ALARM_SILENT, 4, 24, "\xc6\x33\x64", 0);
    put_alarm(record, RECORD_ALARM_SILENT, 4, 25, "\xc6\x33\x64", 0);
    put_alarm(record, RECORD_ALARM_SILENT, 6, 45, "\x20\x01\x0d\xb8\x01\xf8", UINT64_MAX);
    put_alarm(record, 255, 6, 0, "", 1);
    record->alarms_omitted = 9;
}

static void fill_record(struct record *record)
{
    record_init(record);
    for (int i = 0; i < EPOCH_SIZE; i++)
        record->epoch[i] = (uint8_t)(i * 17);
    record->seq = 41;
    strcpy(record->sensor, "campus-1");
    record->start_s = 1795321020;
    record->width_s = 60;
    record->first_ns = record->start_s * NS_PER_S;
    record->last_ns = record->first_ns + 60 * NS_PER_S - 1;
    addrvec_append4(&record->addresses, 0, 1);
    addrvec_append4(&record->addresses, 0xc6336401, 300);
    addrvec_append4(&record->addresses, UINT32_MAX, 2);
    addrvec_append6(&record->addresses, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8}, 4);
    addrvec_append6(&record->addresses, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = 1}, 5);
    record->packets = 312;
    record->bytes = 13000;
    record->off_darknet = 1;
    record->not_ip = 2;
    record->undecodable = 3;
    record->late = 4;
    record->refused = 5;
    record->captured = 312 + 15;
    record->kernel_dropped = 6;
    record->interface_dropped = 7;
    for (uint32_t i = 0; i < 50; i++)
        hll_add(&record->hosts, &i, 4);
    tables_of(&record->tables, record->packets, record->bytes);
    record->flags = RECORD_CLOCK_SUSPECT | RECORD_DROPS_SUSPECT | UINT32_C(1) << 31;
    record->late_by[0] = (struct record_late){record->start_s - 120, 1};
    record->late_by[1] = (struct record_late){record->start_s, 2};
    record->late_count = 2;
    fill_alarms(record);
}

static void fill_quiet_record(struct record *record)
{
    fill_record(record);
    addrvec_close(&record->addresses);
    tables_close(&record->tables);
    hll_clear(&record->hosts);
    record->captured -= record->packets;
    record->packets = record->bytes = 0;
}

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
                              memcmp(a->sums, b->sums, a->count * sizeof *a->sums) == 0));
}

static bool same_tables(const struct tables *a, const struct tables *b)
{
    return memcmp(a->classes, b->classes, sizeof a->classes) == 0 &&
           same_table(&a->protocols, &b->protocols) && same_table(&a->tcp_ports, &b->tcp_ports) &&
           same_table(&a->udp_ports, &b->udp_ports) && same_table(&a->icmp4, &b->icmp4) &&
           same_table(&a->icmp6, &b->icmp6);
}

static bool same_record(const struct record *a, const struct record *b)
{
    struct record x = *a, y = *b; /* all but what has pointers, which differ, bit for bit */
    addrvec_init(&x.addresses);
    addrvec_init(&y.addresses);
    memset(&x.tables, 0, sizeof x.tables);
    memset(&y.tables, 0, sizeof y.tables);
    return memcmp(&x, &y, sizeof x) == 0 && same_addresses(&a->addresses, &b->addresses) &&
           same_tables(&a->tables, &b->tables);
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
    fill_record(&record);
    expect_round_trip(&record);
    record.seq = UINT64_MAX;
    record.bytes = record.kernel_dropped = record.interface_dropped = UINT64_MAX;
    record.flags = UINT32_MAX;
    record.alarms_omitted = UINT64_MAX;
    tables_close(&record.tables);
    tables_of(&record.tables, record.packets, record.bytes);
    expect_round_trip(&record);
    record_close(&record);
}

Test(record, a_quiet_interval_comes_back)
{
    struct record record;
    fill_quiet_record(&record);
    expect_round_trip(&record);
    record_close(&record);
}

Test(record, full_tables_come_back)
{
    struct record record;
    fill_record(&record);
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
        put_alarm(&record, 255, 6, (uint8_t)(1 + record.alarm_count), "", kind);
    expect_round_trip(&record);
    record_close(&record);
}

Test(record, the_first_and_the_last_interval_of_the_calendar_come_back)
{
    struct record record;
    static const int64_t starts[] = {CALENDAR_MIN_S, CALENDAR_MAX_S - 60};
    for (int i = 0; i < 2; i++) {
        fill_quiet_record(&record);
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
    fill_record(&record);
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
    fill_record(&record);
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
    fill_record(&record);
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

/* --- broken rules ----------------------------------------------------------------------------- */

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
    r->captured -= r->packets;
    r->packets = 0;
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
    fill_record(&record);
    breaks(&record);
    cr_expect_eq(record_seal(&record, &out, errmsg), ERR_INVALID, "%s", says);
    cr_expect_not_null(strstr(errmsg, says), "%s, not %s", errmsg, says);
    cr_expect_eq(out.size, 0);
    buf_close(&out);
    record_close(&record);
}

Test(record, what_breaks_a_rule_is_not_sealed)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        expect_not_sealed(rules[i].breaks, rules[i].says);
    expect_not_sealed(alarm_of_no_family, "no kind or no prefix");
    expect_not_sealed(alarm_behind_ipv4, "no kind or no prefix");
    expect_not_sealed(too_many_late, "too many late");
    expect_not_sealed(too_many_alarms, "too many alarms");
}

/* --- hostile messages: as a sensor that does not use record_seal could send them ----------------- */

/* Puts a header with a right checksum around a payload. */
static void put_sealed(struct buf *out, uint64_t seq, const void *payload, size_t size)
{
    static const uint8_t epoch[EPOCH_SIZE] = {1};
    size_t at = out->size;
    buf_put(out, "DCR1", 4);
    buf_put_u32_be(out, (uint32_t)size);
    buf_put_u64_be(out, seq);
    buf_put(out, epoch, EPOCH_SIZE);
    uint32_t crc = crc32c(crc32c(0, out->bytes + at + 4, 28), payload, size);
    buf_put_u32_be(out, crc);
    buf_put(out, payload, size);
}

static int open_payload(uint64_t seq, const void *payload, size_t size, char *errmsg)
{
    struct record record;
    struct buf out;
    buf_init(&out);
    record_init(&record);
    put_sealed(&out, seq, payload, size);
    int rc = record_open(&record, out.bytes, out.size, errmsg);
    static const struct record empty;
    cr_expect(rc == 0 || memcmp(&record, &empty, sizeof empty) == 0, "failure leaves it empty");
    record_close(&record);
    buf_close(&out);
    return rc;
}

/* Opens the protobuf message of bytes[0..size) under zstd. */
static int open_bytes(uint64_t seq, const void *bytes, size_t size, char *errmsg)
{
    size_t bound = ZSTD_compressBound(size);
    uint8_t *payload = malloc(bound);
    size_t used = ZSTD_compress(payload, bound, bytes, size, 1);
    int rc = open_payload(seq, payload, used, errmsg);
    free(payload);
    return rc;
}

static int open_message(uint64_t seq, const Darkcount__Record *message, char *errmsg)
{
    size_t size = darkcount__record__get_packed_size(message);
    uint8_t *bytes = malloc(size + 1);
    darkcount__record__pack(message, bytes);
    int rc = open_bytes(seq, bytes, size, errmsg);
    free(bytes);
    return rc;
}

static uint32_t gaps[3];
static uint8_t sketch[HLL_REGISTERS + 1];
static uint64_t class_columns[2][PACKET_CLASSES + 1], late_packets[RECORD_LATE_MAX + 1];
static int64_t late_starts[RECORD_LATE_MAX + 1];
static Darkcount__Alarm alarms[RECORD_ALARMS_MAX + 1], *alarm_list[RECORD_ALARMS_MAX + 1];

/* The columns of one table. */
static struct columns {
    Darkcount__Table table;
    uint32_t gaps[8];
    uint64_t packets[8], bytes[8];
} columns[5];

static Darkcount__Table *columns_of(struct columns *to, const struct table *table)
{
    darkcount__table__init(&to->table);
    for (size_t i = 0; i < table->count; i++) {
        to->gaps[i] = table->keys[i] - (i ? table->keys[i - 1] : 0u);
        to->packets[i] = table->sums[i].packets;
        to->bytes[i] = table->sums[i].bytes;
    }
    to->table.key_gap = to->gaps;
    to->table.packets = to->packets;
    to->table.bytes = to->bytes;
    to->table.n_key_gap = to->table.n_packets = to->table.n_bytes = table->count;
    return &to->table;
}

static void message_of_tables(Darkcount__Record *message, const struct tables *tables)
{
    for (int i = 0; i < PACKET_CLASSES; i++) {
        class_columns[0][i] = tables->classes[i].packets;
        class_columns[1][i] = tables->classes[i].bytes;
    }
    message->n_class_packets = message->n_class_bytes = PACKET_CLASSES;
    message->class_packets = class_columns[0];
    message->class_bytes = class_columns[1];
    message->protocols = columns_of(&columns[0], &tables->protocols);
    message->tcp_ports = columns_of(&columns[1], &tables->tcp_ports);
    message->udp_ports = columns_of(&columns[2], &tables->udp_ports);
    message->icmp4 = columns_of(&columns[3], &tables->icmp4);
    message->icmp6 = columns_of(&columns[4], &tables->icmp6);
}

static void message_of_rest(Darkcount__Record *message, struct record *r)
{
    message->flags = r->flags;
    for (size_t i = 0; i < r->late_count; i++) {
        late_starts[i] = r->late_by[i].start_s;
        late_packets[i] = r->late_by[i].packets;
    }
    message->n_late_start_s = message->n_late_packets = r->late_count;
    message->late_start_s = late_starts;
    message->late_packets = late_packets;
    for (size_t i = 0; i <= RECORD_ALARMS_MAX; i++) {
        alarm_list[i] = &alarms[i];
        darkcount__alarm__init(&alarms[i]);
    }
    for (size_t i = 0; i < r->alarm_count; i++) {
        alarms[i].kind = r->alarms[i].kind;
        alarms[i].address.len = r->alarms[i].family == 4 ? 4 : 16;
        alarms[i].address.data = r->alarms[i].address;
        alarms[i].length = r->alarms[i].length;
        alarms[i].packets = r->alarms[i].packets;
    }
    message->n_alarms = r->alarm_count;
    message->alarms = alarm_list;
    message->alarms_omitted = r->alarms_omitted;
}

/* The message of a record, without the help and the checks of record_seal. */
static void message_of(Darkcount__Record *message, struct record *r)
{
    darkcount__record__init(message);
    message->sensor = r->sensor;
    message->start_s = r->start_s;
    message->width_s = r->width_s;
    message->first_ns = r->first_ns;
    message->last_ns = r->last_ns;
    message->packets = r->packets;
    message->bytes = r->bytes;
    message->captured = r->captured;
    message->off_darknet = r->off_darknet;
    message->not_ip = r->not_ip;
    message->undecodable = r->undecodable;
    message->late = r->late;
    message->refused = r->refused;
    for (size_t i = 0; i < r->addresses.count4; i++)
        gaps[i] = r->addresses.address4[i] - (i ? r->addresses.address4[i - 1] : 0);
    message->n_address4_gap = message->n_address4_packets = r->addresses.count4;
    message->address4_gap = gaps;
    message->address4_packets = r->addresses.packets4;
    message->address6.len = r->addresses.count6 * 16;
    message->address6.data = (uint8_t *)r->addresses.address6;
    message->n_address6_packets = r->addresses.count6;
    message->address6_packets = r->addresses.packets6;
    memcpy(sketch, r->hosts.registers, HLL_REGISTERS);
    message->hosts.len = HLL_REGISTERS;
    message->hosts.data = sketch;
    message_of_tables(message, &r->tables);
    message_of_rest(message, r);
}

Test(record, what_breaks_a_rule_is_not_opened)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct record record;
        Darkcount__Record message;
        char errmsg[ERRMSG_SIZE] = "";
        fill_record(&record);
        message_of(&message, &record);
        cr_assert_eq(open_message(1, &message, errmsg), 0, "%s", errmsg);
        rules[i].breaks(&record);
        message_of(&message, &record);
        cr_expect_eq(open_message(record.seq, &message, errmsg), ERR_DAMAGED, "rule %zu", i);
        cr_expect(record.seq == 0 || strstr(errmsg, rules[i].says), "rule %zu: %s", i, errmsg);
        record_close(&record);
    }
}

typedef void spoiler(Darkcount__Record *message);

static void long_name(Darkcount__Record *m)
{
    static char name[SENSOR_NAME_MAX + 2];
    memset(name, 'n', SENSOR_NAME_MAX + 1);
    m->sensor = name;
}
static void fewer_gaps(Darkcount__Record *m)
{
    m->n_address4_gap--;
}
static void fewer_counts(Darkcount__Record *m)
{
    m->n_address4_packets--;
}
static void gap_of_0(Darkcount__Record *m)
{
    m->address4_gap[1] = 0;
}
static void gaps_beyond_ipv4(Darkcount__Record *m)
{
    m->address4_gap[0] = 1;
}
static void count_of_0(Darkcount__Record *m)
{
    m->packets -= m->address4_packets[0];
    m->captured -= m->address4_packets[0];
    m->address4_packets[0] = 0;
}
static void fewer_addresses6(Darkcount__Record *m)
{
    m->address6.len -= 16;
}
static void half_an_address6(Darkcount__Record *m)
{
    m->address6.len -= 8;
}
static void a_byte_of_address6(Darkcount__Record *m)
{
    static uint8_t bytes[33];
    memcpy(bytes, m->address6.data, 32);
    m->address6.data = bytes;
    m->address6.len = 33;
}
static void fewer_counts6(Darkcount__Record *m)
{
    m->n_address6_packets--;
}
static void same_address6(Darkcount__Record *m)
{
    m->address6.data[31] = 0;
}
static void descending_address6(Darkcount__Record *m)
{
    m->address6.data[0] = 0xff;
}
static void count6_of_0(Darkcount__Record *m)
{
    m->packets -= m->address6_packets[1];
    m->captured -= m->address6_packets[1];
    m->address6_packets[1] = 0;
}
static void short_sketch(Darkcount__Record *m)
{
    m->hosts.len--;
}
static void long_sketch(Darkcount__Record *m)
{
    m->hosts.len++;
}
static void register_out_of_range(Darkcount__Record *m)
{
    m->hosts.data[HLL_REGISTERS - 1] = HLL_REGISTER_MAX + 1;
}
static void class_without_bytes(Darkcount__Record *m)
{
    m->n_class_bytes--;
}
static void class_without_packets(Darkcount__Record *m)
{
    m->n_class_packets--;
}
static void a_class_too_many(Darkcount__Record *m)
{
    m->n_class_packets++;
    m->n_class_bytes++;
}
static void no_tables(Darkcount__Record *m)
{
    m->n_class_packets = m->n_class_bytes = 0;
    m->protocols = NULL;
}
static void no_protocols(Darkcount__Record *m)
{
    m->protocols = NULL;
}
static void fewer_keys(Darkcount__Record *m)
{
    m->tcp_ports->n_key_gap--;
}
static void fewer_packets(Darkcount__Record *m)
{
    m->udp_ports->n_packets--;
}
static void fewer_bytes(Darkcount__Record *m)
{
    m->icmp4->n_bytes--;
}
static void key_gap_of_0(Darkcount__Record *m)
{
    m->tcp_ports->key_gap[1] = 0;
}
static void key_beyond_16_bits(Darkcount__Record *m)
{
    m->icmp6->key_gap[0] = UINT32_MAX;
}
static void keys_sum_beyond_16_bits(Darkcount__Record *m)
{
    m->tcp_ports->key_gap[0]++;
}
static void row_of_0(Darkcount__Record *m)
{
    m->icmp6->packets[0] = 0;
}
static void late_without_packets(Darkcount__Record *m)
{
    m->n_late_packets--;
}
static void late_without_start(Darkcount__Record *m)
{
    m->n_late_start_s--;
}
static void a_late_interval_too_many(Darkcount__Record *m)
{
    m->n_late_start_s = m->n_late_packets = RECORD_LATE_MAX + 1;
}
static void an_alarm_too_many(Darkcount__Record *m)
{
    m->n_alarms = RECORD_ALARMS_MAX + 1;
}
static void alarm_kind_beyond_8_bits(Darkcount__Record *m)
{
    m->alarms[0]->kind += 256;
}
static void alarm_length_beyond_8_bits(Darkcount__Record *m)
{
    m->alarms[0]->length += 256;
}
static void alarm_of_5_bytes(Darkcount__Record *m)
{
    m->alarms[0]->address.len = 5;
}
static void alarm_of_nothing(Darkcount__Record *m)
{
    m->alarms[0]->address.len = 0;
}

Test(record, a_message_that_contradicts_itself_is_not_opened)
{
    static const struct {
        spoiler *spoils;
        const char *says;
    } table[] = {
        {long_name, "sensor name"},
        {fewer_gaps, "IPv4 addresses and counts differ"},
        {gap_of_0, "IPv4"},
        {fewer_counts, "IPv4 addresses and counts differ"},
        {gaps_beyond_ipv4, "IPv4"},
        {count_of_0, "IPv4 addresses do not ascend or count"},
        {same_address6, "IPv6"},
        {fewer_addresses6, "IPv6 addresses and counts differ"},
        {descending_address6, "IPv6"},
        {half_an_address6, "IPv6 addresses and counts differ"},
        {count6_of_0, "IPv6"},
        {a_byte_of_address6, "IPv6 addresses and counts differ"},
        {short_sketch, "no sketch"},
        {fewer_counts6, "IPv6 addresses and counts differ"},
        {long_sketch, "no sketch"},
        {register_out_of_range, "out of range"},
        {class_without_bytes, "classes are not those"},
        {class_without_packets, "classes are not those"},
        {a_class_too_many, "classes are not those"},
        {no_tables, "classes do not sum"},
        {no_protocols, "protocols do not sum"},
        {fewer_keys, "columns of a table differ"},
        {fewer_packets, "columns of a table differ"},
        {fewer_bytes, "columns of a table differ"},
        {key_gap_of_0, "rows of a table"},
        {key_beyond_16_bits, "rows of a table"},
        {keys_sum_beyond_16_bits, "rows of a table"},
        {row_of_0, "rows of a table"},
        {late_without_packets, "late intervals and counts differ"},
        {late_without_start, "late intervals and counts differ"},
        {a_late_interval_too_many, "too many late"},
        {an_alarm_too_many, "too many alarms"},
        {alarm_kind_beyond_8_bits, "no kind or no prefix"},
        {alarm_length_beyond_8_bits, "no kind or no prefix"},
        {alarm_of_5_bytes, "no kind or no prefix"},
        {alarm_of_nothing, "no kind or no prefix"},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct record record;
        Darkcount__Record message;
        char errmsg[ERRMSG_SIZE] = "";
        fill_record(&record);
        message_of(&message, &record);
        table[i].spoils(&message);
        cr_expect_eq(open_message(1, &message, errmsg), ERR_DAMAGED, "message %zu", i);
        cr_expect_not_null(strstr(errmsg, table[i].says), "message %zu: %s", i, errmsg);
        record_close(&record);
    }
}

Test(record, a_payload_that_is_none_is_not_opened)
{
    uint8_t frame[64];
    char errmsg[ERRMSG_SIZE];
    cr_expect_eq(open_payload(1, "", 0, errmsg), ERR_DAMAGED);
    cr_expect_eq(open_payload(1, "plain text", 10, errmsg), ERR_DAMAGED);
    cr_expect_eq(open_bytes(1, "\xff\xff\xff\xff", 4, errmsg), ERR_DAMAGED, "no protobuf");
    cr_expect_eq(open_bytes(1, "", 0, errmsg), ERR_DAMAGED, "an empty message has no sensor");
    /* A skippable frame: zstd takes it for no bytes at all. */
    static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0};
    cr_expect_eq(open_payload(1, skippable, sizeof skippable, errmsg), ERR_DAMAGED);
    /* A frame that does not declare its size. */
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    size_t size = ZSTD_compress2(context, frame, sizeof frame, "\x0a\x01s", 3);
    ZSTD_freeCCtx(context);
    cr_expect_eq(open_payload(1, frame, size, errmsg), ERR_DAMAGED);
    cr_expect_not_null(strstr(errmsg, "not compressed"), "%s", errmsg);
}

Test(record, fields_of_a_later_version_are_skipped)
{
    struct record record;
    Darkcount__Record message;
    uint8_t *bytes;
    fill_record(&record);
    message_of(&message, &record);
    size_t size = darkcount__record__get_packed_size(&message);
    bytes = malloc(size + 4);
    darkcount__record__pack(&message, bytes);
    memcpy(bytes + size, "\xd0\x06\x07", 3); /* field 106, varint 7 */
    cr_expect_eq(open_bytes(1, bytes, size + 3, NULL), 0);
    free(bytes);
    record_close(&record);
}

/* A few kilobytes of zstd that announce, or hold, `size` zeros. */
Test(record, a_decompression_bomb_is_refused_by_what_it_announces)
{
    static const uint8_t announced[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0x01, 0, 0,
                                        0x20, 0,    0,    0,    0,    1,    0, 0};
    char errmsg[ERRMSG_SIZE] = "";
    cr_assert_eq(ZSTD_getFrameContentSize(announced, sizeof announced), RECORD_MESSAGE_MAX + 1);
    cr_expect_eq(open_payload(1, announced, sizeof announced, errmsg), ERR_DAMAGED);
    cr_expect_not_null(strstr(errmsg, "too large"), "%s", errmsg);
}

/* Two bytes each of unknown fields, for which protobuf-c would keep sixty bytes and more each. */
Test(record, a_bomb_of_unknown_fields_is_refused)
{
    size_t size = 64 << 20;
    uint8_t *bytes = malloc(size);
    char errmsg[ERRMSG_SIZE] = "";
    for (size_t i = 0; i < size; i += 2)
        memcpy(bytes + i, "\x78\x00", 2); /* field 15, varint 0, over and over */
    cr_expect_eq(open_bytes(1, bytes, size, errmsg), ERR_DAMAGED);
    free(bytes);
    cr_expect_not_null(strstr(errmsg, "no such message"), "%s", errmsg);
}

/* Opens `count` times `unit` behind `head`; the error. */
static int open_repeated(const char *head, size_t head_size, const char *unit, size_t unit_size,
                         size_t count, char *errmsg)
{
    struct buf bytes;
    buf_init(&bytes);
    buf_put(&bytes, head, head_size);
    for (size_t i = 0; i < count; i++)
        buf_put(&bytes, unit, unit_size);
    int rc = open_bytes(1, bytes.bytes, bytes.size, errmsg);
    buf_close(&bytes);
    return rc;
}

/* A table that comes in pieces is merged, piece by piece: what that costs is bounded by the memory
 * that one message may ask for in all. */
Test(record, a_bomb_of_tables_is_refused)
{
    struct buf head;
    char errmsg[ERRMSG_SIZE] = "";
    enum { KEYS = 65536 };
    buf_init(&head);
    buf_put(&head, "\xc2\x01\x84\x80\x04\x0a\x80\x80\x04",
            9); /* tcp_ports: 65,536 gaps of a byte */
    memset(buf_extend(&head, KEYS), 1, KEYS);
    int rc = open_repeated((char *)head.bytes, head.size, "\xc2\x01\x03\x0a\x01\x01", 6, 1 << 20,
                           errmsg);
    buf_close(&head);
    cr_expect_eq(rc, ERR_DAMAGED);
    cr_expect_not_null(strstr(errmsg, "no such message"), "%s", errmsg);
}

Test(record, a_bomb_of_alarms_is_refused)
{
    char errmsg[ERRMSG_SIZE] = "";
    cr_expect_eq(open_repeated("", 0, "\xfa\x01\x00", 3, 1 << 20, errmsg), ERR_DAMAGED);
    cr_expect_not_null(strstr(errmsg, "alarms"), "%s", errmsg);
}

Test(record, unpacking_is_bounded_and_tells_who_is_at_fault)
{
    struct record record;
    Darkcount__Record message;
    fill_record(&record);
    message_of(&message, &record);
    size_t size = darkcount__record__get_packed_size(&message);
    uint8_t *bytes = malloc(size);
    darkcount__record__pack(&message, bytes);
    bool opened = false;
    for (size_t limit = 0; !opened && limit < 64 * 1024; limit += 8) {
        struct unpack_memory memory;
        unpack_memory_init(&memory, limit);
        Darkcount__Record *back = darkcount__record__unpack(&memory.allocator, size, bytes);
        opened = back != NULL;
        cr_expect(opened || memory.rc == ERR_DAMAGED);
        darkcount__record__free_unpacked(back, &memory.allocator);
    }
    cr_expect(opened);
    free(bytes);
    record_close(&record);
}

#ifndef __SANITIZE_ADDRESS__ /* which takes a malloc so large for a mistake */
Test(record, memory_that_ran_out_is_no_damage)
{
    struct unpack_memory memory;
    unpack_memory_init(&memory, SIZE_MAX);
    cr_expect_null(memory.allocator.alloc(&memory, SIZE_MAX / 4));
    cr_expect_eq(memory.rc, ERR_NOMEM);
}

/* The whole way, with too little address space for what the payload announces. */
Test(record, opening_without_memory_says_so)
{
    struct rlimit limit = {(rlim_t)256 << 20, (rlim_t)256 << 20};
    static const uint8_t announced[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0,
                                        0x20, 0,    0,    0,    0,    1, 0, 0};
    char errmsg[ERRMSG_SIZE] = "";
    cr_assert_eq(ZSTD_getFrameContentSize(announced, sizeof announced), RECORD_MESSAGE_MAX);
    cr_assert_eq(open_payload(1, announced, sizeof announced, errmsg), ERR_DAMAGED);
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_expect_eq(open_payload(1, announced, sizeof announced, errmsg), ERR_NOMEM, "%s", errmsg);
}
#endif

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
    cr_expect_null(record_flag_name(16));
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

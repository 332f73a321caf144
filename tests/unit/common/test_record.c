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

#define NS_PER_S INT64_C(1000000000)

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
}

static void fill_quiet_record(struct record *record)
{
    fill_record(record);
    addrvec_close(&record->addresses);
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

static bool same_record(const struct record *a, const struct record *b)
{
    struct record x = *a, y = *b; /* all but the vectors, whose pointers differ, bit for bit */
    addrvec_init(&x.addresses);
    addrvec_init(&y.addresses);
    return memcmp(&x, &y, sizeof x) == 0 && same_addresses(&a->addresses, &b->addresses);
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
};

Test(record, what_breaks_a_rule_is_not_sealed)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct record record;
        struct buf out;
        char errmsg[ERRMSG_SIZE] = "";
        buf_init(&out);
        fill_record(&record);
        rules[i].breaks(&record);
        cr_expect_eq(record_seal(&record, &out, errmsg), ERR_INVALID, "rule %zu", i);
        cr_expect_not_null(strstr(errmsg, rules[i].says), "rule %zu: %s", i, errmsg);
        cr_expect_eq(out.size, 0);
        buf_close(&out);
        record_close(&record);
    }
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

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <zstd.h>

#include "common/err.h"
#include "common/unpack.h"
#include "tests/unit/common/made_record.h"

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
static void fewer_source_gaps(Darkcount__Record *m)
{
    m->n_source4_gap--;
}
static void fewer_source_counts(Darkcount__Record *m)
{
    m->n_source4_packets--;
}
static void source_gap_of_0(Darkcount__Record *m)
{
    m->source4_gap[1] = 0;
}
static void sources_beyond_ipv4(Darkcount__Record *m)
{
    m->source4_gap[1]++;
}
static void source_of_0(Darkcount__Record *m)
{
    m->source4_packets[0] = 0;
}
static void half_a_source6(Darkcount__Record *m)
{
    m->source6.len -= 8;
}
static void fewer_source6_counts(Darkcount__Record *m)
{
    m->n_source6_packets--;
}
static void same_source6(Darkcount__Record *m)
{
    m->source6.data[31] = 0;
}
static void source6_of_0(Darkcount__Record *m)
{
    m->source6_packets[1] = 0;
}
static void a_source_too_many(Darkcount__Record *m)
{
    m->n_source4_gap = RECORD_SOURCES_MAX - 1;
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
    m->class_witnesses.len = 0;
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
static void fewer_witnesses(Darkcount__Record *m)
{
    m->tcp_ports->witnesses.len--;
}
static void witnesses_of_no_row(Darkcount__Record *m)
{
    static uint8_t witness;
    static Darkcount__Table table;
    darkcount__table__init(&table);
    table.witnesses.data = &witness;
    table.witnesses.len = 1;
    m->icmp6 = &table;
}
static void fewer_class_witnesses(Darkcount__Record *m)
{
    m->class_witnesses.len--;
}
static void more_witnesses_than_packets(Darkcount__Record *m)
{
    m->tcp_ports->packets[1] = 2;
    m->tcp_ports->witnesses.data[1] = 7;
}
static void a_witness_of_an_empty_class(Darkcount__Record *m)
{
    m->class_witnesses.data[CLASS_TCP_RST] = 1;
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

Test(record_message, a_message_that_contradicts_itself_is_not_opened)
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
        {fewer_source_gaps, "IPv4 sources and counts differ"},
        {fewer_source_counts, "IPv4 sources and counts differ"},
        {source_gap_of_0, "IPv4 sources do not ascend"},
        {sources_beyond_ipv4, "IPv4 sources do not ascend"},
        {source_of_0, "IPv4 sources do not ascend or count"},
        {half_a_source6, "IPv6 sources and counts differ"},
        {fewer_source6_counts, "IPv6 sources and counts differ"},
        {same_source6, "IPv6 sources do not ascend"},
        {source6_of_0, "IPv6 sources do not ascend or count"},
        {a_source_too_many, "too many sources"},
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
        {fewer_witnesses, "witnesses and the counts"},
        {witnesses_of_no_row, "witnesses and the counts"},
        {fewer_class_witnesses, "witnesses and the counts"},
        {more_witnesses_than_packets, "more witnesses than packets"},
        {a_witness_of_an_empty_class, "more witnesses than packets"},
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
        made_record(&record);
        made_message(&message, &record);
        table[i].spoils(&message);
        cr_expect_eq(made_open_message(1, &message, errmsg), ERR_DAMAGED, "message %zu", i);
        cr_expect_not_null(strstr(errmsg, table[i].says), "message %zu: %s", i, errmsg);
        record_close(&record);
    }
}

Test(record_message, a_payload_that_is_none_is_not_opened)
{
    uint8_t frame[64];
    char errmsg[ERRMSG_SIZE];
    cr_expect_eq(made_open_payload(1, "", 0, errmsg), ERR_DAMAGED);
    cr_expect_eq(made_open_payload(1, "plain text", 10, errmsg), ERR_DAMAGED);
    cr_expect_eq(made_open_bytes(1, "\xff\xff\xff\xff", 4, errmsg), ERR_DAMAGED, "no protobuf");
    cr_expect_eq(made_open_bytes(1, "", 0, errmsg), ERR_DAMAGED, "an empty message has no sensor");
    /* A skippable frame: zstd takes it for no bytes at all. */
    static const uint8_t skippable[] = {0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 0};
    cr_expect_eq(made_open_payload(1, skippable, sizeof skippable, errmsg), ERR_DAMAGED);
    /* A frame that does not declare its size. */
    ZSTD_CCtx *context = ZSTD_createCCtx();
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    size_t size = ZSTD_compress2(context, frame, sizeof frame, "\x0a\x01s", 3);
    ZSTD_freeCCtx(context);
    cr_expect_eq(made_open_payload(1, frame, size, errmsg), ERR_DAMAGED);
    cr_expect_not_null(strstr(errmsg, "not compressed"), "%s", errmsg);
}

Test(record_message, fields_of_a_later_version_are_skipped)
{
    struct record record;
    Darkcount__Record message;
    uint8_t *bytes;
    made_record(&record);
    made_message(&message, &record);
    size_t size = darkcount__record__get_packed_size(&message);
    bytes = malloc(size + 4);
    darkcount__record__pack(&message, bytes);
    memcpy(bytes + size, "\xd0\x06\x07", 3); /* field 106, varint 7 */
    cr_expect_eq(made_open_bytes(1, bytes, size + 3, NULL), 0);
    free(bytes);
    record_close(&record);
}

/* A few kilobytes of zstd that announce, or hold, `size` zeros. */
Test(record_message, a_decompression_bomb_is_refused_by_what_it_announces)
{
    static const uint8_t announced[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0x01, 0, 0,
                                        0x20, 0,    0,    0,    0,    1,    0, 0};
    char errmsg[ERRMSG_SIZE] = "";
    cr_assert_eq(ZSTD_getFrameContentSize(announced, sizeof announced), RECORD_MESSAGE_MAX + 1);
    cr_expect_eq(made_open_payload(1, announced, sizeof announced, errmsg), ERR_DAMAGED);
    cr_expect_not_null(strstr(errmsg, "too large"), "%s", errmsg);
}

/* Two bytes each of unknown fields, for which protobuf-c would keep sixty bytes and more each. */
Test(record_message, a_bomb_of_unknown_fields_is_refused)
{
    size_t size = 64 << 20;
    uint8_t *bytes = malloc(size);
    char errmsg[ERRMSG_SIZE] = "";
    for (size_t i = 0; i < size; i += 2)
        memcpy(bytes + i, "\x78\x00", 2); /* field 15, varint 0, over and over */
    cr_expect_eq(made_open_bytes(1, bytes, size, errmsg), ERR_DAMAGED);
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
    int rc = made_open_bytes(1, bytes.bytes, bytes.size, errmsg);
    buf_close(&bytes);
    return rc;
}

/* A table that comes in pieces is merged, piece by piece: what that costs is bounded by the memory
 * that one message may ask for in all. */
Test(record_message, a_bomb_of_tables_is_refused)
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

Test(record_message, a_bomb_of_alarms_is_refused)
{
    char errmsg[ERRMSG_SIZE] = "";
    cr_expect_eq(open_repeated("", 0, "\xfa\x01\x00", 3, 1 << 20, errmsg), ERR_DAMAGED);
    cr_expect_not_null(strstr(errmsg, "alarms"), "%s", errmsg);
}

Test(record_message, unpacking_is_bounded_and_tells_who_is_at_fault)
{
    struct record record;
    Darkcount__Record message;
    made_record(&record);
    made_message(&message, &record);
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
Test(record_message, memory_that_ran_out_is_no_damage)
{
    struct unpack_memory memory;
    unpack_memory_init(&memory, SIZE_MAX);
    cr_expect_null(memory.allocator.alloc(&memory, SIZE_MAX / 4));
    cr_expect_eq(memory.rc, ERR_NOMEM);
}

/* The whole way, with too little address space for what the payload announces. */
Test(record_message, opening_without_memory_says_so)
{
    struct rlimit limit = {(rlim_t)256 << 20, (rlim_t)256 << 20};
    static const uint8_t announced[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0,
                                        0x20, 0,    0,    0,    0,    1, 0, 0};
    char errmsg[ERRMSG_SIZE] = "";
    cr_assert_eq(ZSTD_getFrameContentSize(announced, sizeof announced), RECORD_MESSAGE_MAX);
    cr_assert_eq(made_open_payload(1, announced, sizeof announced, errmsg), ERR_DAMAGED);
    cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
    cr_expect_eq(made_open_payload(1, announced, sizeof announced, errmsg), ERR_NOMEM, "%s",
                 errmsg);
}
#endif

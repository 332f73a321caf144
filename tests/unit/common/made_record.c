#include "tests/unit/common/made_record.h"

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "common/crc32c.h"
#include "tests/unit/common/tables_of.h"

#define NS_PER_S INT64_C(1000000000)

void made_alarm(struct record *record, uint8_t kind, uint8_t family, uint8_t length,
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
    made_alarm(record, RECORD_ALARM_LIT_ADDRESS, 4, 32, "\xc6\x33\x64\x07", 12);
    made_alarm(record, RECORD_ALARM_SILENT, 4, 24, "\xc6\x33\x64", 0);
    made_alarm(record, RECORD_ALARM_SILENT, 4, 25, "\xc6\x33\x64", 0);
    made_alarm(record, RECORD_ALARM_SILENT, 6, 45, "\x20\x01\x0d\xb8\x01\xf8", UINT64_MAX);
    made_alarm(record, 255, 6, 0, "", 1);
    record->alarms_omitted = 9;
}

void made_record(struct record *record)
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
    addrvec_append4(&record->sources, 0x01020304, 7);
    addrvec_append4(&record->sources, UINT32_MAX, 200);
    addrvec_append6(&record->sources, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb9}, 8);
    addrvec_append6(&record->sources, (const uint8_t[16]){0x20, 0x01, 0x0d, 0xb9, [15] = 1}, 97);
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

void made_quiet_record(struct record *record)
{
    made_record(record);
    addrvec_close(&record->addresses);
    addrvec_close(&record->sources);
    tables_close(&record->tables);
    hll_clear(&record->hosts);
    record->captured -= record->packets;
    record->packets = record->bytes = 0;
}

/* --- messages --------------------------------------------------------------------------------- */

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

int made_open_payload(uint64_t seq, const void *payload, size_t size, char *errmsg)
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

int made_open_bytes(uint64_t seq, const void *bytes, size_t size, char *errmsg)
{
    size_t bound = ZSTD_compressBound(size);
    uint8_t *payload = malloc(bound);
    size_t used = ZSTD_compress(payload, bound, bytes, size, 1);
    int rc = made_open_payload(seq, payload, used, errmsg);
    free(payload);
    return rc;
}

int made_open_message(uint64_t seq, const Darkcount__Record *message, char *errmsg)
{
    size_t size = darkcount__record__get_packed_size(message);
    uint8_t *bytes = malloc(size + 1);
    darkcount__record__pack(message, bytes);
    int rc = made_open_bytes(seq, bytes, size, errmsg);
    free(bytes);
    return rc;
}

static uint32_t gaps[3], source_gaps[RECORD_SOURCES_MAX + 1];
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
    to->table.witnesses.data = table->witnesses;
    to->table.witnesses.len = table->count;
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
    message->class_witnesses.data = (uint8_t *)tables->class_witnesses;
    message->class_witnesses.len = PACKET_CLASSES;
    message->protocols = columns_of(&columns[0], &tables->protocols);
    message->tcp_ports = columns_of(&columns[1], &tables->tcp_ports);
    message->udp_ports = columns_of(&columns[2], &tables->udp_ports);
    message->icmp4 = columns_of(&columns[3], &tables->icmp4);
    message->icmp6 = columns_of(&columns[4], &tables->icmp6);
}

static void message_of_sources(Darkcount__Record *message, const struct addrvec *sources)
{
    for (size_t i = 0; i < sources->count4; i++)
        source_gaps[i] = sources->address4[i] - (i ? sources->address4[i - 1] : 0);
    message->n_source4_gap = message->n_source4_packets = sources->count4;
    message->source4_gap = source_gaps;
    message->source4_packets = sources->packets4;
    message->source6.len = sources->count6 * 16;
    message->source6.data = (uint8_t *)sources->address6;
    message->n_source6_packets = sources->count6;
    message->source6_packets = sources->packets6;
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

void made_message(Darkcount__Record *message, struct record *r)
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
    message_of_sources(message, &r->sources);
    message_of_tables(message, &r->tables);
    message_of_rest(message, r);
}

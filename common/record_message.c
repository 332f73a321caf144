#include "common/record_inside.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/record.pb-c.h"
#include "common/unpack.h"

#define UNPACK_MOST (2 * RECORD_MESSAGE_MAX) /* an IPv6 address takes 24 bytes */

const char record_no_memory[] = "out of memory";

static const char no_message[] = "its payload is no such message";

/* --- packing ---------------------------------------------------------------------------------- */

/* A message and what it points at: the record's arrays where they have the message's form, what is
 * made here otherwise. */
struct packing {
    Darkcount__Record message;
    uint32_t source_gaps[RECORD_SOURCES_MAX];
    uint64_t class_packets[PACKET_CLASSES], class_bytes[PACKET_CLASSES];
    Darkcount__Table tables[5];
    size_t table_count; /* in use */
    int64_t late_start_s[RECORD_LATE_MAX];
    uint64_t late_packets[RECORD_LATE_MAX];
    Darkcount__Alarm alarms[RECORD_ALARMS_MAX], *alarm_pointers[RECORD_ALARMS_MAX];
};

/* What is a single number, and what the message can borrow as it is. */
static void fill_counts(Darkcount__Record *message, const struct record *record)
{
    message->sensor = (char *)record->sensor;
    message->start_s = record->start_s;
    message->width_s = record->width_s;
    message->first_ns = record->first_ns;
    message->last_ns = record->last_ns;
    message->packets = record->packets;
    message->bytes = record->bytes;
    message->captured = record->captured;
    message->off_darknet = record->off_darknet;
    message->not_ip = record->not_ip;
    message->undecodable = record->undecodable;
    message->late = record->late;
    message->refused = record->refused;
    message->kernel_dropped = record->kernel_dropped;
    message->interface_dropped = record->interface_dropped;
    message->flags = record->flags;
    message->alarms_omitted = record->alarms_omitted;
    message->address6.len = record->addresses.count6 * 16;
    message->address6.data = (uint8_t *)record->addresses.address6;
    message->n_address6_packets = record->addresses.count6;
    message->address6_packets = record->addresses.packets6;
    if (record->packets > 0) {
        message->hosts.len = HLL_REGISTERS;
        message->hosts.data = (uint8_t *)record->hosts.registers;
    }
}

static void fill_sources(struct packing *packing, const struct addrvec *sources)
{
    Darkcount__Record *message = &packing->message;
    for (size_t i = 0; i < sources->count4; i++)
        packing->source_gaps[i] = sources->address4[i] - (i ? sources->address4[i - 1] : 0);
    message->n_source4_gap = message->n_source4_packets = sources->count4;
    message->source4_gap = packing->source_gaps;
    message->source4_packets = sources->packets4;
    message->source6.len = sources->count6 * 16;
    message->source6.data = (uint8_t *)sources->address6;
    message->n_source6_packets = sources->count6;
    message->source6_packets = sources->packets6;
}

/* Witnesses are left out where there are none at all. */
static ProtobufCBinaryData fill_witnesses(const uint8_t *witnesses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (witnesses[i])
            return (ProtobufCBinaryData){count, (uint8_t *)witnesses};
    return (ProtobufCBinaryData){0};
}

static void fill_classes(struct packing *packing, const struct record *record)
{
    Darkcount__Record *message = &packing->message;
    if (record->packets == 0)
        return;
    for (size_t i = 0; i < PACKET_CLASSES; i++) {
        packing->class_packets[i] = record->tables.classes[i].packets;
        packing->class_bytes[i] = record->tables.classes[i].bytes;
    }
    message->n_class_packets = message->n_class_bytes = PACKET_CLASSES;
    message->class_packets = packing->class_packets;
    message->class_bytes = packing->class_bytes;
    message->class_witnesses = fill_witnesses(record->tables.class_witnesses, PACKET_CLASSES);
}

/* Puts the table into the message as columns, in one piece of memory that `packets` begins; one
 * without rows is left out. False without memory. */
static bool fill_table(struct packing *packing, Darkcount__Table **slot, const struct table *table)
{
    size_t count = table->count;
    if (count == 0)
        return true;
    Darkcount__Table *columns = &packing->tables[packing->table_count];
    darkcount__table__init(columns);
    columns->packets = malloc(count * (2 * sizeof(uint64_t) + sizeof(uint32_t)));
    if (!columns->packets)
        return false;
    columns->bytes = columns->packets + count;
    columns->key_gap = (uint32_t *)(columns->bytes + count);
    for (size_t i = 0; i < count; i++) {
        columns->key_gap[i] = table->keys[i] - (i ? table->keys[i - 1] : 0u);
        columns->packets[i] = table->sums[i].packets;
        columns->bytes[i] = table->sums[i].bytes;
    }
    columns->n_key_gap = columns->n_packets = columns->n_bytes = count;
    columns->witnesses = fill_witnesses(table->witnesses, count);
    packing->table_count++;
    *slot = columns;
    return true;
}

static bool fill_tables(struct packing *packing, const struct tables *tables)
{
    Darkcount__Record *message = &packing->message;
    return fill_table(packing, &message->protocols, &tables->protocols) &&
           fill_table(packing, &message->tcp_ports, &tables->tcp_ports) &&
           fill_table(packing, &message->udp_ports, &tables->udp_ports) &&
           fill_table(packing, &message->icmp4, &tables->icmp4) &&
           fill_table(packing, &message->icmp6, &tables->icmp6);
}

static void fill_late(struct packing *packing, const struct record *record)
{
    for (size_t i = 0; i < record->late_count; i++) {
        packing->late_start_s[i] = record->late_by[i].start_s;
        packing->late_packets[i] = record->late_by[i].packets;
    }
    packing->message.n_late_start_s = packing->message.n_late_packets = record->late_count;
    packing->message.late_start_s = packing->late_start_s;
    packing->message.late_packets = packing->late_packets;
}

static void fill_alarms(struct packing *packing, const struct record *record)
{
    for (size_t i = 0; i < record->alarm_count; i++) {
        const struct record_alarm *from = &record->alarms[i];
        Darkcount__Alarm *alarm = packing->alarm_pointers[i] = &packing->alarms[i];
        darkcount__alarm__init(alarm);
        alarm->kind = from->kind;
        alarm->address.len = from->family == 4 ? 4 : 16;
        alarm->address.data = (uint8_t *)from->address;
        alarm->length = from->length;
        alarm->packets = from->packets;
    }
    packing->message.n_alarms = record->alarm_count;
    packing->message.alarms = packing->alarm_pointers;
}

/* False without memory; packing_close in either case. */
static bool packing_open(struct packing *packing, const struct record *record)
{
    darkcount__record__init(&packing->message);
    packing->table_count = 0;
    fill_counts(&packing->message, record);
    fill_sources(packing, &record->sources);
    fill_classes(packing, record);
    fill_late(packing, record);
    fill_alarms(packing, record);
    return fill_tables(packing, &record->tables);
}

static void packing_close(struct packing *packing)
{
    for (size_t i = 0; i < packing->table_count; i++)
        free(packing->tables[i].packets);
}

uint8_t *record_pack(const struct record *record, size_t *size)
{
    struct packing packing;
    struct record_columns columns;
    uint8_t *bytes = NULL;
    record_columns_measure(&columns, &record->addresses);
    if (packing_open(&packing, record)) {
        *size = darkcount__record__get_packed_size(&packing.message) + columns.size;
        bytes = malloc(*size);
    }
    if (bytes) {
        darkcount__record__pack(&packing.message, bytes);
        record_columns_pack(&columns, bytes + *size - columns.size);
    }
    packing_close(&packing);
    return bytes;
}

/* --- unpacking -------------------------------------------------------------------------------- */

/* The columns of a vector in the message, and what is said about those that are none. */
struct vector_columns {
    struct record_numbers gaps, packets4;
    size_t count6;
    const uint64_t *packets6;
    ProtobufCBinaryData address6;
    const char *differ4, *descend4, *differ6, *descend6;
};

static const char *take_vector4(struct addrvec *vec, const struct vector_columns *from)
{
    if (from->gaps.count != from->packets4.count)
        return from->differ4;
    int rc = record_parts_vector(vec, from->gaps, from->packets4);
    return rc == ERR_NOMEM ? record_no_memory : rc ? from->descend4 : NULL;
}

static const char *take_vector6(struct addrvec *vec, const struct vector_columns *from)
{
    if (from->address6.len / 16 != from->count6 || from->address6.len % 16 != 0)
        return from->differ6;
    for (size_t i = 0; i < from->count6; i++) {
        const uint8_t *address = from->address6.data + i * 16;
        if ((i > 0 && memcmp(address - 16, address, 16) >= 0) || from->packets6[i] == 0)
            return from->descend6;
        if (addrvec_append6(vec, address, from->packets6[i]) != 0)
            return record_no_memory;
    }
    return NULL;
}

static const char *take_vector(struct addrvec *vec, const struct vector_columns *from)
{
    const char *broken = take_vector4(vec, from);
    return broken ? broken : take_vector6(vec, from);
}

static const char *take_addresses(struct addrvec *vec, const struct record_parts *parts,
                                  const Darkcount__Record *message)
{
    const struct vector_columns columns = {
        .gaps = parts->address4_gap,
        .packets4 = parts->address4_packets,
        .count6 = message->n_address6_packets,
        .packets6 = message->address6_packets,
        .address6 = message->address6,
        .differ4 = "its IPv4 addresses and counts differ in number",
        .descend4 = "its IPv4 addresses do not ascend or count nothing",
        .differ6 = "its IPv6 addresses and counts differ in number",
        .descend6 = "its IPv6 addresses do not ascend or count nothing",
    };
    if (columns.gaps.count + columns.count6 > RECORD_ADDRESSES_MAX)
        return "it has too many addresses";
    return take_vector(vec, &columns);
}

static const char *take_sources(struct addrvec *vec, const struct record_parts *parts,
                                const Darkcount__Record *message)
{
    const struct vector_columns columns = {
        .gaps = parts->source4_gap,
        .packets4 = parts->source4_packets,
        .count6 = message->n_source6_packets,
        .packets6 = message->source6_packets,
        .address6 = message->source6,
        .differ4 = "its IPv4 sources and counts differ in number",
        .descend4 = "its IPv4 sources do not ascend or count nothing",
        .differ6 = "its IPv6 sources and counts differ in number",
        .descend6 = "its IPv6 sources do not ascend or count nothing",
    };
    if (columns.gaps.count + columns.count6 > RECORD_SOURCES_MAX)
        return "it has too many sources";
    return take_vector(vec, &columns);
}

static const char *take_hosts(struct hll *hosts, const Darkcount__Record *message)
{
    if (message->hosts.len == 0)
        return NULL;
    if (message->hosts.len != HLL_REGISTERS)
        return "its unique hosts are no sketch";
    for (size_t i = 0; i < HLL_REGISTERS; i++)
        if (message->hosts.data[i] > HLL_REGISTER_MAX)
            return "a register of its unique hosts is out of range";
    memcpy(hosts->registers, message->hosts.data, HLL_REGISTERS);
    return NULL;
}

static const char *take_witnesses(uint8_t *witnesses, size_t count, struct chunk from)
{
    if (from.size != 0 && from.size != count)
        return "its witnesses and the counts that they are of differ in number";
    if (from.size)
        memcpy(witnesses, from.bytes, count);
    return NULL;
}

static const char *take_classes(struct tables *tables, const Darkcount__Record *message)
{
    size_t count = message->n_class_packets;
    if (count != message->n_class_bytes || count > PACKET_CLASSES)
        return "its classes are not those of this version";
    for (size_t i = 0; i < count; i++)
        tables->classes[i] = (struct sum){message->class_packets[i], message->class_bytes[i]};
    const struct chunk witnesses = {message->class_witnesses.data, message->class_witnesses.len};
    return take_witnesses(tables->class_witnesses, count, witnesses);
}

static const char *take_table(struct table *table, const struct record_rows *from)
{
    size_t count = from->key_gap.count;
    if (from->packets.count != count || from->bytes.count != count)
        return "the columns of a table differ in length";
    int rc = record_parts_table(table, *from);
    if (rc)
        return rc == ERR_NOMEM ? record_no_memory
                               : "the rows of a table do not ascend or count nothing";
    return take_witnesses(table->witnesses, count, from->witnesses);
}

static const char *take_tables(struct tables *tables, const struct record_parts *parts)
{
    const char *broken = take_table(&tables->protocols, &parts->protocols);
    if (!broken)
        broken = take_table(&tables->tcp_ports, &parts->tcp_ports);
    if (!broken)
        broken = take_table(&tables->udp_ports, &parts->udp_ports);
    if (!broken)
        broken = take_table(&tables->icmp4, &parts->icmp4);
    return broken ? broken : take_table(&tables->icmp6, &parts->icmp6);
}

static const char *take_late(struct record *record, const Darkcount__Record *message)
{
    if (message->n_late_start_s != message->n_late_packets)
        return "its late intervals and counts differ in number";
    if (message->n_late_start_s > RECORD_LATE_MAX)
        return "it has too many late intervals";
    for (size_t i = 0; i < message->n_late_start_s; i++)
        record->late_by[i] =
            (struct record_late){message->late_start_s[i], message->late_packets[i]};
    record->late_count = message->n_late_start_s;
    return NULL;
}

static const char *take_alarm(struct record_alarm *alarm, const Darkcount__Alarm *from)
{
    if (from->kind > UINT8_MAX || from->length > UINT8_MAX ||
        (from->address.len != 4 && from->address.len != 16))
        return "an alarm of it has no kind or no prefix";
    alarm->kind = (uint8_t)from->kind;
    alarm->family = from->address.len == 4 ? 4 : 6;
    alarm->length = (uint8_t)from->length;
    memcpy(alarm->address, from->address.data, from->address.len);
    alarm->packets = from->packets;
    return NULL;
}

static const char *take_alarms(struct record *record, const Darkcount__Record *message)
{
    if (message->n_alarms > RECORD_ALARMS_MAX)
        return "it has too many alarms";
    for (size_t i = 0; i < message->n_alarms; i++) {
        const char *broken = take_alarm(&record->alarms[i], message->alarms[i]);
        if (broken)
            return broken;
    }
    record->alarm_count = message->n_alarms;
    record->alarms_omitted = message->alarms_omitted;
    return NULL;
}

static const char *take_message(struct record *record, const struct record_parts *parts,
                                const Darkcount__Record *message)
{
    if (strlen(message->sensor) > SENSOR_NAME_MAX)
        return "its sensor name is not valid";
    strcpy(record->sensor, message->sensor);
    record->start_s = message->start_s;
    record->width_s = message->width_s;
    record->first_ns = message->first_ns;
    record->last_ns = message->last_ns;
    record->packets = message->packets;
    record->bytes = message->bytes;
    record->captured = message->captured;
    record->off_darknet = message->off_darknet;
    record->not_ip = message->not_ip;
    record->undecodable = message->undecodable;
    record->late = message->late;
    record->refused = message->refused;
    record->kernel_dropped = message->kernel_dropped;
    record->interface_dropped = message->interface_dropped;
    record->flags = message->flags;
    const char *broken = take_addresses(&record->addresses, parts, message);
    if (!broken)
        broken = take_sources(&record->sources, parts, message);
    if (!broken)
        broken = take_hosts(&record->hosts, message);
    if (!broken)
        broken = take_classes(&record->tables, message);
    if (!broken)
        broken = take_tables(&record->tables, parts);
    if (!broken)
        broken = take_late(record, message);
    return broken ? broken : take_alarms(record, message);
}

static const char *take_all(struct record *record, struct record_parts *parts)
{
    struct unpack_memory memory;
    unpack_memory_init(&memory, UNPACK_MOST);
    Darkcount__Record *rest =
        darkcount__record__unpack(&memory.allocator, parts->rest_size, parts->rest);
    free(parts->rest);
    parts->rest = NULL;
    if (!rest)
        return memory.rc == ERR_NOMEM ? record_no_memory : no_message;
    const char *broken = take_message(record, parts, rest);
    darkcount__record__free_unpacked(rest, &memory.allocator);
    return broken;
}

const char *record_unpack(struct record *record, const uint8_t *bytes, size_t size)
{
    struct record_parts parts;
    int rc = record_parts_find(&parts, bytes, size);
    const char *broken = rc == ERR_NOMEM ? record_no_memory
                         : rc            ? no_message
                                         : take_all(record, &parts);
    free(parts.rest);
    return broken;
}

#include "common/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "common/calendar.h"
#include "common/crc32c.h"
#include "common/err.h"
#include "common/record.pb-c.h"
#include "common/unpack.h"

#define NS_PER_S    INT64_C(1000000000)
#define ZSTD_LEVEL  3
#define UNPACK_MOST (2 * RECORD_MESSAGE_MAX) /* an address takes 24 bytes at the most */

static const char magic[4] = {'D', 'C', 'R', '1'};

/* What is returned in the place of a broken rule when memory ran out; told by its address. */
static const char no_memory[] = "out of memory";

void record_init(struct record *record)
{
    memset(record, 0, sizeof *record);
}

void record_close(struct record *record)
{
    addrvec_close(&record->addresses);
    record_init(record);
}

/* --- the rules -------------------------------------------------------------------------------- */

bool sensor_name_valid(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > SENSOR_NAME_MAX || name[0] == '-' || name[0] == '.')
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
           size;
}

static const char *check_time(const struct record *record)
{
    if (record->width_s != 60)
        return "its width is not 60 s";
    if (record->start_s < CALENDAR_MIN_S || record->start_s >= CALENDAR_MAX_S ||
        record->start_s % record->width_s != 0)
        return "its interval does not begin on a whole minute from 1970 to 2199";
    int64_t start_ns = record->start_s * NS_PER_S, end_ns = start_ns + record->width_s * NS_PER_S;
    if (record->first_ns < start_ns || record->last_ns < record->first_ns ||
        record->last_ns >= end_ns)
        return "the span observed is not inside of its interval";
    return NULL;
}

static bool hosts_empty(const struct hll *hosts)
{
    static const struct hll none;
    return memcmp(hosts, &none, sizeof none) == 0;
}

static const char *check_counts(const struct record *record)
{
    uint64_t sum = 0;
    bool overflow = false;
    for (size_t i = 0; i < record->addresses.count4; i++)
        overflow |= __builtin_add_overflow(sum, record->addresses.packets4[i], &sum);
    for (size_t i = 0; i < record->addresses.count6; i++)
        overflow |= __builtin_add_overflow(sum, record->addresses.packets6[i], &sum);
    if (overflow || sum != record->packets)
        return "its addresses do not sum to its packets";
    const uint64_t parts[] = {record->off_darknet, record->not_ip, record->undecodable,
                              record->late, record->refused};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        overflow |= __builtin_add_overflow(sum, parts[i], &sum);
    if (overflow || sum != record->captured)
        return "what it captured is not the sum of its parts";
    if (record->captured > RECORD_CAPTURED_MAX)
        return "it captured more than any link carries";
    if (hosts_empty(&record->hosts) != (record->packets == 0))
        return "it has packets without hosts or hosts without packets";
    return NULL;
}

/* The first broken rule in words, or NULL. */
static const char *broken_rule(const struct record *record)
{
    if (!sensor_name_valid(record->sensor))
        return "its sensor name is not valid";
    if (record->seq == 0)
        return "its sequence is 0";
    const char *broken = check_time(record);
    return broken ? broken : check_counts(record);
}

/* --- sealing ---------------------------------------------------------------------------------- */

/* Gaps between ascending addresses, as record.proto wants them; NULL without memory. */
static uint32_t *gaps4(const struct addrvec *vec)
{
    uint32_t *gaps = malloc((vec->count4 + 1) * sizeof *gaps);
    for (size_t i = 0; gaps && i < vec->count4; i++)
        gaps[i] = i ? vec->address4[i] - vec->address4[i - 1] : vec->address4[0];
    return gaps;
}

/* Points `message` at the record's arrays; `gaps` is the caller's. */
static void fill_message(Darkcount__Record *message, const struct record *record, uint32_t *gaps)
{
    darkcount__record__init(message);
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
    message->n_address4_gap = message->n_address4_packets = record->addresses.count4;
    message->address4_gap = gaps;
    message->address4_packets = record->addresses.packets4;
    message->address6.len = record->addresses.count6 * 16;
    message->address6.data = (uint8_t *)record->addresses.address6;
    message->n_address6_packets = record->addresses.count6;
    message->address6_packets = record->addresses.packets6;
    if (record->packets > 0) {
        message->hosts.len = HLL_REGISTERS;
        message->hosts.data = (uint8_t *)record->hosts.registers;
    }
}

/* The protobuf bytes of `record`, to be freed; NULL without memory. */
static uint8_t *pack(const struct record *record, size_t *size)
{
    uint32_t *gaps = gaps4(&record->addresses);
    if (!gaps)
        return NULL;
    Darkcount__Record message;
    fill_message(&message, record, gaps);
    *size = darkcount__record__get_packed_size(&message);
    uint8_t *bytes = malloc(*size);
    if (bytes)
        darkcount__record__pack(&message, bytes);
    free(gaps);
    return bytes;
}

static void store_be(uint8_t *at, uint64_t value, int size)
{
    for (int i = size - 1; i >= 0; i--, value >>= 8)
        at[i] = (uint8_t)value;
}

static uint32_t checksum(const uint8_t *sealed, size_t size)
{
    uint32_t crc = crc32c(0, sealed + 4, 28);
    return crc32c(crc, sealed + RECORD_HEADER_SIZE, size - RECORD_HEADER_SIZE);
}

static void write_header(uint8_t *sealed, const struct record *record, size_t payload)
{
    memcpy(sealed, magic, sizeof magic);
    store_be(sealed + 4, payload, 4);
    store_be(sealed + 8, record->seq, 8);
    memcpy(sealed + 16, record->epoch, EPOCH_SIZE);
    store_be(sealed + 32, checksum(sealed, RECORD_HEADER_SIZE + payload), 4);
}

static int too_large(const struct record *record, char *errmsg)
{
    return err_set(errmsg, ERR_FULL, "record %" PRIu64 " is too large: split the sensor's darknet",
                   record->seq);
}

int record_seal(const struct record *record, struct buf *out, char *errmsg)
{
    const char *broken = broken_rule(record);
    if (broken)
        return err_set(errmsg, ERR_INVALID, "record %" PRIu64 " cannot be sealed: %s", record->seq,
                       broken);
    if (addrvec_active(&record->addresses) > RECORD_ADDRESSES_MAX)
        return too_large(record, errmsg);
    size_t size = 0, at = out->size;
    uint8_t *message = pack(record, &size);
    size_t bound = ZSTD_compressBound(size);
    uint8_t *sealed = message ? buf_extend(out, RECORD_HEADER_SIZE + bound) : NULL;
    if (!sealed) {
        free(message);
        return err_set(errmsg, ERR_NOMEM, "sealing record %" PRIu64 ": out of memory", record->seq);
    }
    size_t payload = ZSTD_compress(sealed + RECORD_HEADER_SIZE, bound, message, size, ZSTD_LEVEL);
    free(message);
    out->size = at;
    if (ZSTD_isError(payload))
        return err_set(errmsg, ERR_NOMEM, "sealing record %" PRIu64 ": %s", record->seq,
                       ZSTD_getErrorName(payload));
    if (payload > RECORD_PAYLOAD_MAX || size > RECORD_MESSAGE_MAX)
        return too_large(record, errmsg);
    write_header(sealed, record, payload);
    out->size = at + RECORD_HEADER_SIZE + payload;
    return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

int record_peek(const uint8_t *bytes, size_t size, struct record_header *header)
{
    struct cursor in = cursor_over(bytes, size);
    const uint8_t *mark = cursor_take(&in, sizeof magic);
    uint32_t payload = cursor_u32_be(&in);
    header->seq = cursor_u64_be(&in);
    const uint8_t *epoch = cursor_take(&in, EPOCH_SIZE);
    cursor_u32_be(&in);
    if (in.failed)
        return ERR_INVALID;
    if (memcmp(mark, magic, sizeof magic) != 0 || payload > RECORD_PAYLOAD_MAX || header->seq == 0)
        return ERR_DAMAGED;
    memcpy(header->epoch, epoch, EPOCH_SIZE);
    header->size = RECORD_HEADER_SIZE + (size_t)payload;
    return 0;
}

int record_check(const uint8_t *bytes, size_t size)
{
    struct record_header header;
    if (record_peek(bytes, size, &header) != 0 || header.size != size)
        return ERR_DAMAGED;
    struct cursor crc = cursor_over(bytes + 32, 4);
    return cursor_u32_be(&crc) == checksum(bytes, size) ? 0 : ERR_DAMAGED;
}

/* Uncompresses the payload into `*bytes`, to be freed; the broken rule otherwise. */
static const char *uncompress(const uint8_t *payload, size_t size, uint8_t **bytes, size_t *full)
{
    unsigned long long announced = ZSTD_getFrameContentSize(payload, size);
    if (announced > RECORD_MESSAGE_MAX) /* also what zstd says for "unknown" and "error" */
        return "its payload is not compressed, or too large";
    *full = (size_t)announced;
    *bytes = malloc(*full + 1);
    if (!*bytes)
        return no_memory;
    size_t got = ZSTD_decompress(*bytes, *full, payload, size);
    if (got == *full)
        return NULL;
    free(*bytes);
    return ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation
               ? no_memory
               : "its payload cannot be uncompressed";
}

static const char *take_addresses4(struct addrvec *vec, const Darkcount__Record *message)
{
    if (message->n_address4_gap != message->n_address4_packets)
        return "its IPv4 addresses and counts differ in number";
    uint64_t address = 0;
    for (size_t i = 0; i < message->n_address4_gap; i++) {
        address += message->address4_gap[i];
        if (address > UINT32_MAX || (i > 0 && message->address4_gap[i] == 0) ||
            message->address4_packets[i] == 0)
            return "its IPv4 addresses do not ascend or count nothing";
        if (addrvec_append4(vec, (uint32_t)address, message->address4_packets[i]) != 0)
            return no_memory;
    }
    return NULL;
}

static const char *take_addresses6(struct addrvec *vec, const Darkcount__Record *message)
{
    size_t count = message->n_address6_packets;
    if (message->address6.len / 16 != count || message->address6.len % 16 != 0)
        return "its IPv6 addresses and counts differ in number";
    for (size_t i = 0; i < count; i++) {
        const uint8_t *address = message->address6.data + i * 16;
        if ((i > 0 && memcmp(address - 16, address, 16) >= 0) || message->address6_packets[i] == 0)
            return "its IPv6 addresses do not ascend or count nothing";
        if (addrvec_append6(vec, address, message->address6_packets[i]) != 0)
            return no_memory;
    }
    return NULL;
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

static const char *take_message(struct record *record, const Darkcount__Record *message)
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
    if (message->n_address4_gap + message->n_address6_packets > RECORD_ADDRESSES_MAX)
        return "it has too many addresses";
    const char *broken = take_addresses4(&record->addresses, message);
    if (!broken)
        broken = take_addresses6(&record->addresses, message);
    return broken ? broken : take_hosts(&record->hosts, message);
}

/* Unpacks the message into `record`; the broken rule, or NULL. */
static const char *take_payload(struct record *record, const uint8_t *payload, size_t size)
{
    uint8_t *bytes;
    size_t full;
    const char *broken = uncompress(payload, size, &bytes, &full);
    if (broken)
        return broken;
    struct unpack_memory memory;
    unpack_memory_init(&memory, UNPACK_MOST);
    Darkcount__Record *message = darkcount__record__unpack(&memory.allocator, full, bytes);
    free(bytes);
    if (!message)
        return memory.rc == ERR_NOMEM ? no_memory : "its payload is no such message";
    broken = take_message(record, message);
    darkcount__record__free_unpacked(message, &memory.allocator);
    return broken ? broken : broken_rule(record);
}

int record_open(struct record *record, const uint8_t *bytes, size_t size, char *errmsg)
{
    struct record_header header;
    if (record_check(bytes, size) != 0 || record_peek(bytes, size, &header) != 0)
        return err_set(errmsg, ERR_DAMAGED, "record: no header or a wrong checksum");
    memcpy(record->epoch, header.epoch, EPOCH_SIZE);
    record->seq = header.seq;
    const char *broken =
        take_payload(record, bytes + RECORD_HEADER_SIZE, size - RECORD_HEADER_SIZE);
    if (!broken)
        return 0;
    record_close(record);
    return err_set(errmsg, broken == no_memory ? ERR_NOMEM : ERR_DAMAGED, "record %" PRIu64 ": %s",
                   header.seq, broken);
}

/* --- epochs ----------------------------------------------------------------------------------- */

void epoch_format(const uint8_t epoch[EPOCH_SIZE], char out[37])
{
    char *at = out;
    for (int i = 0; i < EPOCH_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        at += sprintf(at, "%02x", epoch[i]);
    }
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int epoch_parse(const char *text, uint8_t epoch[EPOCH_SIZE])
{
    if (strlen(text) != 36)
        return ERR_INVALID;
    for (int i = 0; i < EPOCH_SIZE; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
            return ERR_INVALID;
        int high = hex_value(text[0]), low = high < 0 ? -1 : hex_value(text[1]);
        if (low < 0)
            return ERR_INVALID;
        epoch[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return 0;
}

#include "common/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "common/crc32c.h"
#include "common/err.h"
#include "common/record_inside.h"

#define ZSTD_LEVEL       3
#define ZSTD_LEVEL_LARGE 1 /* as small where there are many addresses, and faster */
#define LARGE            ((size_t)4 << 20)

static const char magic[4] = {'D', 'C', 'R', '1'};

void record_init(struct record *record)
{
    memset(record, 0, sizeof *record);
}

void record_close(struct record *record)
{
    addrvec_close(&record->addresses);
    addrvec_close(&record->sources);
    tables_close(&record->tables);
    record_init(record);
}

/* --- names ------------------------------------------------------------------------------------ */

bool sensor_name_valid(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > SENSOR_NAME_MAX || name[0] == '-' || name[0] == '.')
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
           size;
}

const char *record_flag_name(uint32_t flag)
{
    switch (flag) {
    case RECORD_CLOCK_SUSPECT:
        return "clock_suspect";
    case RECORD_RECOVERED:
        return "recovered";
    case RECORD_INTERFACE_DOWN:
        return "interface_down";
    case RECORD_DROPS_SUSPECT:
        return "drops_suspect";
    case RECORD_MERGED:
        return "merged";
    default:
        return NULL;
    }
}

const char *record_alarm_name(uint8_t kind)
{
    switch ((enum record_alarm_kind)kind) {
    case RECORD_ALARM_LIT_ADDRESS:
        return "lit_address";
    case RECORD_ALARM_SKEW:
        return "skewed_address";
    case RECORD_ALARM_SILENT:
        return "silent_prefix";
    }
    return "alarm";
}

/* --- sealing ---------------------------------------------------------------------------------- */

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
    store_be(sealed + 8, record->before, 2);
    store_be(sealed + 10, record->seq, 6);
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
    const char *broken = record_broken(record);
    if (broken)
        return err_set(errmsg, ERR_INVALID, "record %" PRIu64 " cannot be sealed: %s", record->seq,
                       broken);
    if (addrvec_active(&record->addresses) > RECORD_ADDRESSES_MAX)
        return too_large(record, errmsg);
    size_t size = 0, at = out->size;
    uint8_t *message = record_pack(record, &size);
    size_t bound = ZSTD_compressBound(size);
    uint8_t *sealed = message ? buf_extend(out, RECORD_HEADER_SIZE + bound) : NULL;
    if (!sealed) {
        free(message);
        return err_set(errmsg, ERR_NOMEM, "sealing record %" PRIu64 ": out of memory", record->seq);
    }
    size_t payload = ZSTD_compress(sealed + RECORD_HEADER_SIZE, bound, message, size,
                                   size < LARGE ? ZSTD_LEVEL : ZSTD_LEVEL_LARGE);
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
    uint64_t sequence = cursor_u64_be(&in), before = sequence >> 48;
    const uint8_t *epoch = cursor_take(&in, EPOCH_SIZE);
    cursor_u32_be(&in);
    if (in.failed)
        return ERR_INVALID;
    header->seq = sequence & RECORD_SEQ_MAX;
    if (memcmp(mark, magic, sizeof magic) != 0 || payload > RECORD_PAYLOAD_MAX ||
        header->seq <= before)
        return ERR_DAMAGED;
    header->first = header->seq - before;
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
        return record_no_memory;
    size_t got = ZSTD_decompress(*bytes, *full, payload, size);
    if (got == *full)
        return NULL;
    free(*bytes);
    return ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation
               ? record_no_memory
               : "its payload cannot be uncompressed";
}

/* Uncompresses the payload and unpacks the message in it; the broken rule, or NULL. */
static const char *take_payload(struct record *record, const uint8_t *payload, size_t size)
{
    uint8_t *bytes;
    size_t full;
    const char *broken = uncompress(payload, size, &bytes, &full);
    if (broken)
        return broken;
    broken = record_unpack(record, bytes, full);
    free(bytes);
    return broken ? broken : record_broken(record);
}

int record_open(struct record *record, const uint8_t *bytes, size_t size, char *errmsg)
{
    struct record_header header;
    if (record_check(bytes, size) != 0 || record_peek(bytes, size, &header) != 0)
        return err_set(errmsg, ERR_DAMAGED, "record: no header or a wrong checksum");
    memcpy(record->epoch, header.epoch, EPOCH_SIZE);
    record->seq = header.seq;
    record->before = (uint16_t)(header.seq - header.first);
    const char *broken =
        take_payload(record, bytes + RECORD_HEADER_SIZE, size - RECORD_HEADER_SIZE);
    if (!broken)
        return 0;
    record_close(record);
    return err_set(errmsg, broken == record_no_memory ? ERR_NOMEM : ERR_DAMAGED,
                   "record %" PRIu64 ": %s", header.seq, broken);
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

/* record_open behind checksum and compression: the bytes are the protobuf message itself, which a
 * fuzzer cannot reach through zstd. */
#include "tests/fuzz/fuzz.h"

#include <string.h>
#include <zstd.h>

#include "common/crc32c.h"
#include "common/err.h"
#include "common/record.h"
#include "common/record.pb-c.h"

static bool same_vector(const struct addrvec *a, const struct addrvec *b)
{
    struct addrvec more;
    addrvec_init(&more);
    fuzz_require(addrvec_difference(&more, a, b) == 0);
    bool same = addrvec_active(&more) == 0 && addrvec_active(a) == addrvec_active(b) &&
                addrvec_packets(a) == addrvec_packets(b);
    addrvec_close(&more);
    return same;
}

/* The sealed form of what was opened opens again, with the same tables and sources. */
static void check_again(const struct record *record, const uint8_t *bytes, size_t size)
{
    struct record again;
    struct tables sum = {0};
    char errmsg[ERRMSG_SIZE];
    record_init(&again);
    fuzz_require(record_open(&again, bytes, size, errmsg) == 0);
    fuzz_require(memcmp(&again.alarms, &record->alarms, sizeof again.alarms) == 0);
    fuzz_require(same_vector(&again.sources, &record->sources));
    fuzz_require(addrvec_packets(&again.sources) <= again.packets);
    fuzz_require(tables_memory(&again.tables) == tables_memory(&record->tables));
    if (record->bytes <= UINT64_MAX / 2) {
        fuzz_require(tables_add(&sum, &again.tables) == 0);
        fuzz_require(tables_add(&sum, &record->tables) == 0);
        fuzz_require(!tables_broken(&sum, record->packets * 2, record->bytes * 2));
    }
    tables_close(&sum);
    record_close(&again);
}

static void check_table(const struct table *table, const Darkcount__Table *columns)
{
    fuzz_require(table->count == (columns ? columns->n_packets : 0));
    for (size_t i = 0; i < table->count; i++) {
        uint32_t before = i ? table->keys[i - 1] : 0;
        fuzz_require(table->keys[i] == before + columns->key_gap[i]);
        fuzz_require(table->sums[i].packets == columns->packets[i]);
        fuzz_require(table->sums[i].bytes == columns->bytes[i]);
    }
}

/* What is taken out of the message by hand is what the library finds there. */
static void check_parts(const struct record *record, const uint8_t *bytes, size_t size)
{
    const struct addrvec *vec = &record->addresses;
    Darkcount__Record *message = darkcount__record__unpack(NULL, size, bytes);
    fuzz_require(message && message->n_address4_packets == vec->count4);
    for (size_t i = 0; i < vec->count4; i++) {
        uint32_t before = i ? vec->address4[i - 1] : 0;
        fuzz_require(vec->address4[i] == before + message->address4_gap[i]);
        fuzz_require(vec->packets4[i] == message->address4_packets[i]);
    }
    check_table(&record->tables.protocols, message->protocols);
    check_table(&record->tables.tcp_ports, message->tcp_ports);
    check_table(&record->tables.udp_ports, message->udp_ports);
    check_table(&record->tables.icmp4, message->icmp4);
    check_table(&record->tables.icmp6, message->icmp6);
    darkcount__record__free_unpacked(message, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct record record;
    struct buf made;
    char errmsg[ERRMSG_SIZE];
    size_t bound = ZSTD_compressBound(size);
    uint8_t *payload = malloc(bound);
    fuzz_require(payload);
    size_t used = ZSTD_compress(payload, bound, bytes, size, 1);
    buf_init(&made);
    record_init(&record);
    buf_put(&made, "DCR1", 4);
    buf_put_u32_be(&made, (uint32_t)used);
    buf_put_u64_be(&made, 1);
    buf_put(&made, "0123456789abcdef", EPOCH_SIZE);
    buf_put_u32_be(&made, crc32c(crc32c(0, made.bytes + 4, 28), payload, used));
    buf_put(&made, payload, used);
    if (record_open(&record, made.bytes, made.size, errmsg) == 0) {
        check_parts(&record, bytes, size);
        buf_consume(&made, made.size);
        fuzz_require(record_seal(&record, &made, errmsg) == 0);
        check_again(&record, made.bytes, made.size);
    }
    record_close(&record);
    buf_close(&made);
    free(payload);
    return 0;
}

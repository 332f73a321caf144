#include "tests/unit/aggregator/sensor.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/common/tables_of.h"

uint64_t sensor_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D);
}

static uint64_t below(uint64_t *state, uint64_t bound)
{
    return (sensor_random(state) >> 16) % bound;
}

/* Some of the packets, now and then none as of a sensor that keeps no sources; from a row of its own. */
static void count_sources(struct record *record)
{
    uint64_t own = record->packets << 32 | record->bytes | 1, *state = &own;
    uint64_t left = below(state, 8) ? record->packets : 0;
    uint32_t source = (uint32_t)below(state, 1000);
    uint8_t source6[16] = {0x20, 0x01, 0x0d, 0xb9};
    for (unsigned i = 0; i < 20 && left > 1; i++, source += 1 + (uint32_t)below(state, 1000)) {
        uint64_t packets = 1 + below(state, left / 2);
        addrvec_append4(&record->sources, source, packets);
        left -= packets;
    }
    source6[15] = (uint8_t)below(state, 256);
    if (left > 0)
        addrvec_append6(&record->sources, source6, 1);
}

static void count_packets(struct record *record, uint64_t *state)
{
    uint32_t address = UINT32_C(0xC6336400) + (uint32_t)below(state, 40);
    for (unsigned i = 0; i < 5; i++, address += 1 + (uint32_t)below(state, 40))
        addrvec_append4(&record->addresses, address, 1 + below(state, 1000));
    uint8_t address6[16] = {0x20, 0x01, 0x0d, 0xb8};
    for (unsigned i = 0; i < 2; i++) {
        address6[15] = (uint8_t)(address6[15] + 1 + below(state, 9));
        addrvec_append6(&record->addresses, address6, 1 + below(state, 10));
    }
    record->packets = addrvec_packets(&record->addresses);
    record->bytes = record->packets * 40 + below(state, 1000);
    tables_of(&record->tables, record->packets, record->bytes);
    for (unsigned i = 0; i < 20; i++) {
        uint32_t host = (uint32_t)below(state, 100000);
        hll_add(&record->hosts, &host, sizeof host);
    }
    count_sources(record);
}

void sensor_record(struct record *record, const char *sensor, uint8_t epoch, uint64_t seq,
                   int64_t start_s, uint64_t *state)
{
    snprintf(record->sensor, sizeof record->sensor, "%s", sensor);
    memset(record->epoch, epoch, EPOCH_SIZE);
    record->seq = seq;
    record->start_s = start_s;
    record->width_s = 60;
    record->first_ns = start_s * INT64_C(1000000000) + (int64_t)below(state, 1000);
    record->last_ns = (start_s + 60) * INT64_C(1000000000) - 1 - (int64_t)below(state, 1000);
    if (below(state, 4) > 0)
        count_packets(record, state);
    record->off_darknet = below(state, 5);
    record->late = below(state, 3);
    record->captured = record->packets + record->off_darknet + record->late;
    record->kernel_dropped = below(state, 7);
}

struct frame_open sensor_open(const char *sensor, uint8_t epoch)
{
    static char darknet[] = SENSOR_DARKNET;
    struct frame_open open = {.darknet = darknet};
    strcpy(open.sensor, sensor);
    memset(open.epoch, epoch, EPOCH_SIZE);
    return open;
}

struct buf *sensor_records(const char *sensor, uint8_t epoch, int64_t start_s, size_t count,
                           struct totals *sum)
{
    struct buf *records = calloc(count, sizeof *records);
    uint64_t random = epoch;
    for (size_t i = 0; i < count; i++) {
        struct record record;
        record_init(&record);
        sensor_record(&record, sensor, epoch, i + 1, start_s + (int64_t)i * 60, &random);
        buf_init(&records[i]);
        cr_assert_eq(record_seal(&record, &records[i], NULL), 0);
        sum->packets += record.packets;
        sum->bytes += record.bytes;
        sum->records++;
        record_close(&record);
    }
    return records;
}

void sensor_records_free(struct buf *records, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_close(&records[i]);
    free(records);
}

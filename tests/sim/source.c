#include "tests/sim/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/common/tables_of.h"

#define NS_PER_S INT64_C(1000000000)

struct source sources[STORE_SOURCES];
unsigned source_count;

struct source *source_add(unsigned number, bool replay)
{
    struct source *source = &sources[source_count++];
    *source = (struct source){.replay = replay, .network = UINT32_C(0xC6336400) + 16 * number};
    snprintf(source->sensor, sizeof source->sensor, "s%u", number);
    snprintf(source->darknet, sizeof source->darknet, "198.51.100.%u/28", 16 * number);
    /* A capture crosses the turn of a year, a live sensor that of an hour. */
    source->base_s = replay ? 1767225000 : WALL_S / 60 * 60;
    if (!replay)
        return source;
    source->count = (unsigned)world_between(2, 10);
    for (int i = 0; i < EPOCH_SIZE; i++)
        source->epoch[i] = (uint8_t)world_random();
    return source;
}

static uint64_t mix(uint64_t number)
{
    number = (number ^ number >> 33) * UINT64_C(0xff51afd7ed558ccd);
    return number ^ number >> 29;
}

uint64_t source_packets(const struct source *source, unsigned index, unsigned address)
{
    uint64_t number = mix(world.seed ^ mix((uint64_t)source->base_s + source->network) ^
                          mix(index * 64 + address));
    return address == 0 ? 1 + number % 9 : number % 3 == 0 ? number % 1000 : 0;
}

void source_record(const struct source *source, unsigned index, struct record *record)
{
    strcpy(record->sensor, source->sensor);
    record->start_s = source->base_s + 60 * (int64_t)index;
    record->width_s = 60;
    record->first_ns = record->start_s * NS_PER_S;
    record->last_ns = (record->start_s + 60) * NS_PER_S - 1;
    for (unsigned i = 0; i < SOURCE_ADDRESSES; i++) {
        uint64_t packets = source_packets(source, index, i);
        if (packets > 0 && addrvec_append4(&record->addresses, source->network + i, packets) != 0)
            abort();
        record->packets += packets;
    }
    record->captured = record->packets;
    record->bytes = record->packets * 40;
    hll_add(&record->hosts, source->sensor, strlen(source->sensor));
    tables_of(&record->tables, record->packets, record->bytes);
}

struct source *source_of(const char *sensor, int64_t start_s, unsigned *index)
{
    for (unsigned i = 0; i < source_count; i++) {
        int64_t since = start_s - sources[i].base_s;
        if (strcmp(sources[i].sensor, sensor) != 0 || since < 0 || since / 60 >= SOURCE_RECORDS)
            continue;
        *index = (unsigned)(since / 60);
        return &sources[i];
    }
    return NULL;
}

struct source *source_of_epoch(const uint8_t epoch[EPOCH_SIZE])
{
    for (unsigned i = 0; i < source_count; i++)
        if (memcmp(sources[i].epoch, epoch, EPOCH_SIZE) == 0)
            return &sources[i];
    return NULL;
}

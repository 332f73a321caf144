/* One record of what several threads counted in the same interval. */
#include <stdlib.h>
#include <string.h>

#include "collector/interval_private.h"
#include "common/err.h"

/* --- addresses -------------------------------------------------------------------------------- */

static bool block_hit(struct interval *const *intervals, size_t count, uint64_t block)
{
    for (size_t i = 0; i < count; i++)
        if (intervals[i]->dense_hit[block])
            return true;
    return false;
}

static inline uint64_t sum_at(struct interval *const *intervals, size_t count, uint64_t index)
{
    uint64_t packets = intervals[0]->packets[index];
    for (size_t i = 1; i < count; i++)
        packets += intervals[i]->packets[index];
    return packets;
}

/* Of a darknet in one range: without a branch, which could not be foretold where about every other
 * address was hit. */
static int append_range(struct interval *const *intervals, size_t count, uint64_t index,
                        uint64_t end, struct addrvec *vec)
{
    int rc = addrvec_reserve4(vec, end - index);
    if (rc)
        return rc;
    size_t at = vec->count4;
    for (; index < end; index++) {
        uint64_t packets = sum_at(intervals, count, index);
        vec->address4[at] = intervals[0]->base + (uint32_t)index;
        vec->packets4[at] = packets;
        at += packets != 0;
    }
    vec->count4 = at;
    return 0;
}

static int append_block(struct interval *const *intervals, size_t count, uint64_t block,
                        struct addrvec *vec)
{
    const struct interval *first = intervals[0];
    uint64_t index = block * DENSE_BLOCK, end = index + DENSE_BLOCK;
    if (end > first->image->dense)
        end = first->image->dense;
    if (first->one_range)
        return append_range(intervals, count, index, end, vec);
    int rc = 0;
    for (; rc == 0 && index < end; index++) {
        uint64_t packets = sum_at(intervals, count, index);
        if (packets)
            rc = addrvec_append4(vec, prefixset_address4(first->darknet, (uint32_t)index), packets);
    }
    return rc;
}

static int append_dense(struct interval *const *intervals, size_t count, struct addrvec *vec)
{
    uint64_t blocks = (intervals[0]->image->dense + DENSE_BLOCK - 1) >> DENSE_BLOCK_SHIFT;
    for (uint64_t block = 0; block < blocks; block++) {
        int rc =
            block_hit(intervals, count, block) ? append_block(intervals, count, block, vec) : 0;
        if (rc)
            return rc;
    }
    return 0;
}

static int compare_places(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    if (left->family != right->family)
        return left->family < right->family ? -1 : 1;
    return memcmp(left->address, right->address, sizeof left->address);
}

static int append_place(const struct place *place, uint64_t packets, struct addrvec *vec)
{
    const uint8_t *at = place->address;
    if (packets == 0) /* found a place, and the process was killed */
        return 0;
    if (place->family == 6)
        return addrvec_append6(vec, at, packets);
    return addrvec_append4(
        vec, (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3], packets);
}

static int append_places(const struct place *places, size_t count, struct addrvec *vec)
{
    int rc = 0;
    for (size_t i = 0, next; rc == 0 && i < count; i = next) {
        uint64_t packets = places[i].packets;
        for (next = i + 1; next < count && compare_places(&places[i], &places[next]) == 0; next++)
            packets += places[next].packets;
        rc = append_place(&places[i], packets, vec);
    }
    return rc;
}

static int append_sparse(struct interval *const *intervals, size_t count, struct addrvec *vec)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        total += intervals[i]->image->places;
    if (total == 0)
        return 0;
    struct place *places = malloc(total * sizeof *places);
    if (!places)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; at += intervals[i++]->image->places)
        memcpy(places + at, intervals[i]->places, intervals[i]->image->places * sizeof *places);
    qsort(places, total, sizeof *places, compare_places);
    int rc = append_places(places, total, vec);
    free(places);
    return rc;
}

/* --- tables ----------------------------------------------------------------------------------- */

/* What all intervals have of one row. */
struct cell {
    struct sum sum;
    uint8_t witnesses;
};

/* A sensor that says nothing of sources says nothing of how many there were. */
static void add_pair(struct cell *cell, const struct image *image, pair value)
{
    cell->sum.packets += value[0];
    cell->sum.bytes += pair_bytes(value);
    cell->witnesses |= image->sources.state == SOURCES_OFF ? 0 : pair_witnesses(value);
}

static void add_classes(const struct image *image, struct record *record)
{
    for (int class = 0; class < PACKET_CLASSES; class ++) {
        struct cell cell = {record->tables.classes[class], record->tables.class_witnesses[class]};
        add_pair(&cell, image, image->classes[class]);
        record->tables.classes[class] = cell.sum;
        record->tables.class_witnesses[class] = cell.witnesses;
        record->packets += image->classes[class][0];
        record->bytes += pair_bytes(image->classes[class]);
    }
}

static int append_cell(struct table *table, unsigned key, const struct cell *cell)
{
    int rc = cell->sum.packets ? table_append(table, (uint16_t)key, cell->sum) : 0;
    if (rc == 0 && cell->sum.packets)
        table->witnesses[table->count - 1] = cell->witnesses;
    return rc;
}

static int append_protocols(struct interval *const *intervals, size_t count, struct table *table)
{
    int rc = 0;
    for (unsigned key = 0; rc == 0 && key < PROTOCOLS; key++) {
        struct cell cell = {0};
        for (size_t i = 0; i < count; i++)
            add_pair(&cell, intervals[i]->image, intervals[i]->image->protocols[key]);
        rc = append_cell(table, key, &cell);
    }
    return rc;
}

static bool keys_hit(struct interval *const *intervals, size_t count, enum detail detail,
                     unsigned block)
{
    for (size_t i = 0; i < count; i++)
        if (intervals[i]->image->detail_hit[detail][block])
            return true;
    return false;
}

static int append_detail(struct interval *const *intervals, size_t count, enum detail detail,
                         struct table *table)
{
    int rc = 0;
    for (unsigned key = 0; rc == 0 && key < KEYS; key++) {
        struct cell cell = {0};
        if (key % KEY_BLOCK == 0 && !keys_hit(intervals, count, detail, key / KEY_BLOCK)) {
            key += KEY_BLOCK - 1;
            continue;
        }
        for (size_t i = 0; i < count; i++)
            add_pair(&cell, intervals[i]->image, intervals[i]->image->details[detail][key]);
        rc = append_cell(table, key, &cell);
    }
    return rc;
}

static int append_tables(struct interval *const *intervals, size_t count, struct tables *tables)
{
    int rc = append_protocols(intervals, count, &tables->protocols);
    if (rc == 0)
        rc = append_detail(intervals, count, DETAIL_TCP, &tables->tcp_ports);
    if (rc == 0)
        rc = append_detail(intervals, count, DETAIL_UDP, &tables->udp_ports);
    if (rc == 0)
        rc = append_detail(intervals, count, DETAIL_ICMP4, &tables->icmp4);
    if (rc == 0)
        rc = append_detail(intervals, count, DETAIL_ICMP6, &tables->icmp6);
    return rc;
}

/* --- the rest --------------------------------------------------------------------------------- */

static void add_reasons(const struct image *image, struct record *record)
{
    const uint64_t *reasons = image->reasons;
    record->off_darknet += reasons[INTERVAL_OFF_DARKNET];
    record->not_ip += reasons[INTERVAL_NOT_IP];
    record->undecodable += reasons[INTERVAL_UNDECODABLE];
    record->late += reasons[INTERVAL_LATE];
    record->refused += reasons[INTERVAL_REFUSED];
    for (int i = 0; i < INTERVAL_REASONS; i++)
        record->captured += reasons[i];
    record->kernel_dropped += image->kernel_dropped;
    record->interface_dropped += image->interface_dropped;
    record->flags |= image->flags;
}

static void add_late_by(const struct image *image, struct record *record)
{
    for (uint32_t i = 0; i < image->late_count; i++)
        if (image->late_by[i].packets)
            record_add_late(record, image->late_by[i].start_s, image->late_by[i].packets);
}

/* How many are omitted nobody knows: 1 stands for some. */
static void add_lit(const struct image *image, struct record *record)
{
    for (uint32_t i = 0; i < image->lit_count; i++) {
        const struct lit *lit = &image->lit[i];
        if (lit->packets == 0) /* found a place, and the process was killed */
            continue;
        struct record_alarm alarm = {.kind = RECORD_ALARM_LIT_ADDRESS,
                                     .family = lit->family,
                                     .length = lit->family == 4 ? 32 : 128,
                                     .packets = lit->packets};
        memcpy(alarm.address, lit->address, sizeof alarm.address);
        record_add_alarm(record, &alarm);
    }
    record->alarms_omitted = record->alarms_omitted > 0 || image->lit_omitted > 0;
}

static int append_sources(struct interval *const *intervals, size_t count, struct addrvec *vec)
{
    const struct sources **sources = malloc(count * sizeof *sources);
    if (!sources)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        sources[i] = &intervals[i]->sources;
    int rc = sources_top(sources, count, RECORD_SOURCES_MAX, vec);
    free(sources);
    return rc;
}

int interval_record(struct interval *const *intervals, size_t count, struct record *record)
{
    for (size_t i = 0; i < count; i++) {
        const struct image *image = intervals[i]->image;
        interval_settle(intervals[i], NULL);
        add_classes(image, record);
        add_reasons(image, record);
        add_late_by(image, record);
        add_lit(image, record);
        hll_merge(&record->hosts, &image->hosts);
    }
    record->captured += record->packets;
    record->start_s = interval_start_ns(intervals[0]) / 1000000000;
    int rc = append_dense(intervals, count, &record->addresses);
    if (rc == 0)
        rc = append_sparse(intervals, count, &record->addresses);
    if (rc == 0)
        rc = append_sources(intervals, count, &record->sources);
    return rc ? rc : append_tables(intervals, count, &record->tables);
}

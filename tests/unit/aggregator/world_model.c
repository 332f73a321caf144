/* What a world's records add up to, computed as plainly as can be, and what the store says. */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/folded.h"
#include "common/sourcevec.h"
#include "tests/unit/aggregator/world.h"

/* Everything of one period. */
struct figures {
    struct totals totals;
    struct addrvec addresses, sources;
    struct tables tables;
    struct hll hosts;
    struct course course;
};

static void figures_close(struct figures *figures)
{
    addrvec_close(&figures->addresses);
    addrvec_close(&figures->sources);
    tables_close(&figures->tables);
}

static bool within(const struct record *record, const struct period *period)
{
    return record->start_s >= period->start_s && record->start_s < period->end_s;
}

/* --- the model -------------------------------------------------------------------------------- */

static void add_figures(struct figures *sum, const struct world_record *applied,
                        const struct period *period)
{
    const struct record *record = &applied->record;
    sum->totals.packets += record->packets;
    sum->totals.bytes += record->bytes;
    sum->totals.records++;
    sum->totals.observed_ns += applied->observed_ns;
    sum->totals.kernel_dropped += record->kernel_dropped;
    sum->totals.off_darknet += record->off_darknet;
    sum->totals.late += record->late;
    addrvec_add(&sum->addresses, &record->addresses);
    if (sourcevec_bound(period->level))
        sourcevec_add(&sum->sources, &record->sources, sourcevec_bound(period->level));
    tables_add(&sum->tables, &record->tables);
    hll_merge(&sum->hosts, &record->hosts);
    sum->totals.active = addrvec_active(&sum->addresses);
    if (period->level != LEVEL_DAY)
        return;
    int64_t slot = (record->start_s - period->start_s) / 60;
    sum->course.packets[slot] += record->packets;
    sum->course.bytes[slot] += record->bytes;
    sum->course.observed_ns[slot] += applied->observed_ns;
    sum->course.dropped[slot] += record->kernel_dropped + record->interface_dropped;
}

/* --- the store, as a reader puts it together -------------------------------------------------- */

/* A value, joined if it is cut; to be closed. False: there is none. */
static bool find_value(const struct world *world, const char *key, struct buf *value)
{
    static struct chunk chunks[CHUNKS_MAX];
    const struct keymap_entry *entry = keymap_find(&world->store, key, "");
    char name[SCHEMA_KEY_MAX];
    buf_init(value);
    if (!entry)
        return false;
    chunks[0] = (struct chunk){entry->bytes, entry->size};
    int count = chunk_announced(chunks[0]);
    cr_assert_geq(count, 1);
    for (int i = 1; i <= count; i++) {
        schema_key_chunk(name, key, (size_t)i);
        entry = keymap_find(&world->store, name, "");
        cr_assert_eq(entry != NULL, i < count, "%s", name);
        if (entry)
            chunks[i] = (struct chunk){entry->bytes, entry->size};
    }
    cr_assert_eq(chunk_join(chunks, (size_t)count, value), 0, "%s", key);
    return true;
}

static void read_folded(const struct world *world, const struct period *period,
                        struct figures *found)
{
    char key[SCHEMA_KEY_MAX];
    struct buf value;
    uint64_t folded = 0;
    schema_key_addresses(key, "s", period);
    if (find_value(world, key, &value))
        cr_assert_eq(folded_decode(&found->addresses, &folded, value.bytes, value.size), 0);
    cr_assert_leq(folded, world->part.folded);
    buf_close(&value);
    schema_key_tables(key, "s", period);
    if (find_value(world, key, &value))
        cr_assert_eq(folded_decode_tables(&found->tables, &folded, value.bytes, value.size), 0);
    buf_close(&value);
    schema_key_hosts(key, "s", period);
    if (find_value(world, key, &value))
        cr_assert_eq(hll_from_redis(&found->hosts, value.bytes, value.size), 0);
    buf_close(&value);
    schema_key_sources(key, "s", period);
    if (find_value(world, key, &value)) {
        cr_assert_gt(sourcevec_bound(period->level), 0, "%s", key);
        cr_assert_eq(folded_decode(&found->sources, &folded, value.bytes, value.size), 0);
    }
    buf_close(&value);
    schema_key_course(key, "s", period);
    if (period->level == LEVEL_DAY && find_value(world, key, &value)) {
        cr_assert_eq(course_decode(&found->course, &folded, value.bytes, value.size), 0);
        buf_close(&value);
    }
}

static void add_log(const struct world *world, uint64_t n, const struct period *period,
                    struct figures *found)
{
    char key[SCHEMA_KEY_MAX];
    struct record record;
    struct buf value;
    record_init(&record);
    schema_key_log(key, "s", n);
    if (find_value(world, key, &value))
        cr_assert_eq(record_open(&record, value.bytes, value.size, NULL), 0);
    if (value.size > 0 && within(&record, period)) {
        addrvec_add(&found->addresses, &record.addresses);
        if (sourcevec_bound(period->level))
            sourcevec_add(&found->sources, &record.sources, sourcevec_bound(period->level));
        tables_add(&found->tables, &record.tables);
        hll_merge(&found->hosts, &record.hosts);
        if (period->level == LEVEL_DAY)
            course_add(&found->course, period->start_s, &record, NULL);
    }
    record_close(&record);
    buf_close(&value);
}

static void read_figures(const struct world *world, const struct period *period,
                         struct figures *found)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    schema_key_totals(key, field, "s", period);
    const struct keymap_entry *entry = keymap_find(&world->store, key, field);
    cr_assert(entry, "%s %s is missing", key, field);
    cr_assert_eq(totals_parse(&found->totals, (char *)entry->bytes, entry->size), 0);
    read_folded(world, period, found);
    for (uint64_t n = world->part.folded + 1; n <= world->part.n; n++)
        add_log(world, n, period, found);
}

/* --- comparing -------------------------------------------------------------------------------- */

static void expect_addresses(const struct addrvec *found, const struct addrvec *expected)
{
    cr_assert_eq(found->count4, expected->count4);
    cr_assert_eq(found->count6, expected->count6);
    for (size_t i = 0; i < found->count4; i++)
        cr_assert(found->address4[i] == expected->address4[i] &&
                  found->packets4[i] == expected->packets4[i]);
    for (size_t i = 0; i < found->count6; i++)
        cr_assert(memcmp(found->address6[i], expected->address6[i], 16) == 0 &&
                  found->packets6[i] == expected->packets6[i]);
}

static void expect_table(const struct table *found, const struct table *expected)
{
    cr_assert_eq(found->count, expected->count);
    for (size_t i = 0; i < found->count; i++)
        cr_assert(found->keys[i] == expected->keys[i] &&
                  found->sums[i].packets == expected->sums[i].packets &&
                  found->sums[i].bytes == expected->sums[i].bytes &&
                  found->witnesses[i] == expected->witnesses[i]);
}

static void expect_figures(const struct figures *found, const struct figures *expected)
{
    cr_assert_arr_eq(&found->totals, &expected->totals, sizeof found->totals);
    expect_addresses(&found->addresses, &expected->addresses);
    expect_addresses(&found->sources, &expected->sources);
    cr_assert_arr_eq(found->tables.classes, expected->tables.classes, sizeof found->tables.classes);
    cr_assert_arr_eq(found->tables.class_witnesses, expected->tables.class_witnesses,
                     sizeof found->tables.class_witnesses);
    expect_table(&found->tables.protocols, &expected->tables.protocols);
    expect_table(&found->tables.tcp_ports, &expected->tables.tcp_ports);
    expect_table(&found->tables.udp_ports, &expected->tables.udp_ports);
    expect_table(&found->tables.icmp4, &expected->tables.icmp4);
    expect_table(&found->tables.icmp6, &expected->tables.icmp6);
    cr_assert_arr_eq(found->hosts.registers, expected->hosts.registers, HLL_REGISTERS);
    cr_assert_arr_eq(&found->course, &expected->course, sizeof found->course);
}

/* Of an hour that is past its time there is nothing. */
static void expect_nothing(const struct world *world, const struct period *hour)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    schema_key_totals(key, field, "s", hour);
    cr_assert_not(keymap_find(&world->store, key, field));
    schema_key_addresses(key, "s", hour);
    cr_assert_not(keymap_find(&world->store, key, ""));
    schema_key_tables(key, "s", hour);
    cr_assert_not(keymap_find(&world->store, key, ""));
    schema_key_sources(key, "s", hour);
    cr_assert_not(keymap_find(&world->store, key, ""));
    schema_key_hosts(key, "s", hour);
    cr_assert_not(keymap_find(&world->store, key, ""));
}

static void expect_period(const struct world *world, const struct period *period)
{
    static struct figures sum, found;
    memset(&sum, 0, sizeof sum);
    memset(&found, 0, sizeof found);
    for (size_t i = 0; i < world->count; i++)
        if (within(&world->applied[i].record, period))
            add_figures(&sum, &world->applied[i], period);
    if (part_keeps(&world->part, period)) {
        read_figures(world, period, &found);
        expect_figures(&found, &sum);
    } else {
        expect_nothing(world, period);
    }
    figures_close(&sum);
    figures_close(&found);
}

/* The newest records are there as they were sealed, found by their minute; the others are not. */
static void expect_minutes(const struct world *world)
{
    char minutes[SCHEMA_KEY_MAX], key[SCHEMA_KEY_MAX], n[24], start_s[24];
    uint64_t folded = world->part.folded, keep = world->keep.minute_records;
    uint64_t gone = folded > keep ? folded - keep : 0;
    schema_key_minutes(minutes, "s");
    for (size_t i = 0; i < world->count; i++) {
        const struct world_record *applied = &world->applied[i];
        struct buf sealed, value;
        buf_init(&sealed);
        snprintf(n, sizeof n, "%" PRIu64, applied->n);
        snprintf(start_s, sizeof start_s, "%" PRId64, applied->record.start_s);
        schema_key_log(key, "s", applied->n);
        const struct keymap_entry *minute = keymap_find(&world->store, minutes, n);
        cr_assert_eq(find_value(world, key, &value), applied->n > gone, "%s", key);
        cr_assert_eq(minute != NULL, applied->n > gone, "%s", n);
        if (minute) {
            cr_assert_str_eq((char *)minute->bytes, start_s);
            record_seal(&applied->record, &sealed, NULL);
            cr_assert(sealed.size == value.size &&
                      memcmp(sealed.bytes, value.bytes, value.size) == 0);
        }
        buf_close(&sealed);
        buf_close(&value);
    }
}

/* --- revisions -------------------------------------------------------------------------------- */

/* Whether record `at` restates its year: an earlier one was at or past the year's end, and another
 * epoch's was in it. */
static bool restates(const struct world *world, size_t at, const struct period *year)
{
    bool complete = false, another = false;
    for (size_t i = 0; i < at; i++) {
        const struct record *other = &world->applied[i].record;
        complete |= other->last_ns / NS_PER_S >= year->end_s;
        another |= within(other, year) && other->epoch[0] != world->applied[at].record.epoch[0];
    }
    return complete && another;
}

/* The revisions of a year by epoch, in order; `ks` says which of them an epoch has, 0 for none. */
static uint64_t revise(const struct world *world, const struct period *year,
                       struct revision revisions[WORLD_EPOCHS + 1], uint64_t ks[WORLD_EPOCHS + 1])
{
    uint64_t count = 0;
    memset(ks, 0, (WORLD_EPOCHS + 1) * sizeof *ks);
    for (size_t i = 0; i < world->count; i++) {
        const struct record *record = &world->applied[i].record;
        uint64_t *k = &ks[record->epoch[0]];
        if (!within(record, year) || (*k == 0 && !restates(world, i, year)))
            continue;
        if (*k == 0) {
            *k = ++count;
            revisions[*k] = (struct revision){.when_s = world->now_s};
            memcpy(revisions[*k].epoch, record->epoch, EPOCH_SIZE);
        }
        revisions[*k].records++;
        revisions[*k].packets += record->packets;
    }
    return count;
}

static void expect_revisions(const struct world *world, const struct period *year)
{
    struct revision revisions[WORLD_EPOCHS + 1];
    uint64_t ks[WORLD_EPOCHS + 1], count = revise(world, year, revisions, ks);
    char key[SCHEMA_KEY_MAX], field[REVISION_FIELD_MAX], text[REVISION_TEXT_MAX];
    schema_key_revisions(key, "s");
    for (uint64_t k = 1; k <= count + 1; k++) {
        revision_field(field, year->year, k);
        const struct keymap_entry *entry = keymap_find(&world->store, key, field);
        cr_assert_eq(entry != NULL, k <= count, "%s", field);
        if (!entry)
            continue;
        revision_format(&revisions[k], text);
        cr_assert_str_eq((char *)entry->bytes, text);
    }
    snprintf(field, sizeof field, "restated:%04d", year->year);
    cr_assert_eq(world_head(world, field), count);
}

/* --- all -------------------------------------------------------------------------------------- */

static bool seen_before(const struct world *world, size_t at, const struct period *period)
{
    for (size_t i = 0; i < at; i++)
        if (within(&world->applied[i].record, period))
            return true;
    return false;
}

void world_expect(const struct world *world)
{
    for (size_t i = 0; i < world->count; i++)
        for (int level = 0; level < LEVELS; level++) {
            struct period period =
                calendar_period((enum level)level, world->applied[i].record.start_s);
            if (seen_before(world, i, &period))
                continue;
            expect_period(world, &period);
            if (level == LEVEL_YEAR)
                expect_revisions(world, &period);
        }
    expect_minutes(world);
}

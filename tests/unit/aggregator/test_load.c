#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/folded.h"
#include "common/planes.h"
#include "tests/unit/aggregator/world.h"
#include "tests/unit/common/old_tables.h"

static bool is_of_use(const struct keymap_entry *entry)
{
    return !strstr(entry->key, ":minutes") && !strstr(entry->field, "restat") &&
           strcmp(entry->field, "from_ns") != 0;
}

Test(load, every_value_cut_short_is_an_error_that_names_its_key)
{
    struct world world;
    uint64_t random = 9;
    world_begin(&world, "UTC");
    world.keep.minute_records = 0; /* what is folded is not read again */
    world_reload(&world);
    for (int i = 0; i < 10; i++)
        world_deliver(&world, 1, world_places[0] + i * 60, &random);
    world_fold(&world);
    for (int i = 10; i < 20; i++)
        world_deliver(&world, 1, world_places[0] + i * 60, &random);
    for (size_t i = 0; i < world.store.count; i++) {
        struct keymap_entry *entry = &world.store.entries[i];
        char errmsg[ERRMSG_SIZE] = "";
        size_t size = entry->size;
        if (!is_of_use(entry))
            continue;
        entry->size = strstr(entry->key, ":log:") ? size - 1 : 0;
        int rc = world_load(&world, world_places[0], errmsg);
        cr_expect(rc < 0, "%s %s cut short was taken", entry->key, entry->field);
        cr_expect(strstr(errmsg, "darkcount:{s}:") == errmsg, "%s %s: %s", entry->key, entry->field,
                  errmsg);
        entry->size = size;
    }
    char errmsg[ERRMSG_SIZE];
    cr_expect_eq(world_load(&world, world_places[0], errmsg), 1);
    world_end(&world);
}

/* Loads without the key: what is missing does not add up to the totals. */
static void expect_missed(struct world *world, const char *key)
{
    char errmsg[ERRMSG_SIZE] = "";
    struct keymap_entry *entry = keymap_find(&world->store, key, "");
    cr_assert(entry, "%s", key);
    entry->key_hash++; /* not to be found */
    cr_expect_eq(world_load(world, world_places[0], errmsg), ERR_DAMAGED, "%s: %s", key, errmsg);
    entry->key_hash--;
    cr_assert_eq(world_load(world, world_places[0], errmsg), 1, "%s", errmsg);
}

Test(load, a_lost_log_entry_is_noticed_also_of_a_quiet_minute)
{
    struct world world;
    uint64_t random = 10;
    char key[SCHEMA_KEY_MAX];
    world_begin(&world, "UTC");
    while (world.count < 20)
        world_deliver_new(&world, 1, world_places[0] + (int64_t)world.count * 60, &random);
    bool quiet = false;
    for (size_t i = 0; i < world.count; i++) {
        schema_key_log(key, "s", world.applied[i].n);
        expect_missed(&world, key);
        quiet |= world.applied[i].record.packets == 0;
    }
    cr_expect(quiet);
    world_end(&world);
}

Test(load, a_lost_value_is_noticed)
{
    struct world world;
    uint64_t random = 16;
    char key[SCHEMA_KEY_MAX];
    world_begin(&world, "UTC");
    while (world.count < 10)
        world_deliver_new(&world, 1, world_places[0] + (int64_t)world.count * 60, &random);
    world_fold(&world);
    for (int level = 0; level < LEVELS; level++) {
        struct period period = calendar_period((enum level)level, world_places[0]);
        schema_key_addresses(key, "s", &period);
        expect_missed(&world, key);
        schema_key_tables(key, "s", &period);
        expect_missed(&world, key);
    }
    struct period day = calendar_period(LEVEL_DAY, world_places[0]);
    schema_key_course(key, "s", &day);
    expect_missed(&world, key);
    world_end(&world);
}

/* A store from before sources were kept has none, and gets them from then on. */
Test(load, sources_that_were_never_kept_are_not_missed)
{
    struct world world;
    uint64_t random = 17;
    char key[SCHEMA_KEY_MAX], errmsg[ERRMSG_SIZE] = "";
    world_begin(&world, "UTC");
    while (world.count < 10)
        world_deliver_new(&world, 1, world_places[0] + (int64_t)world.count * 60, &random);
    world_fold(&world);
    for (int level = LEVEL_HOUR; level <= LEVEL_DAY; level++) {
        struct period period = calendar_period((enum level)level, world_places[0]);
        schema_key_sources(key, "s", &period);
        keymap_find(&world.store, key, "")->key_hash++; /* not to be found */
    }
    cr_assert_eq(world_load(&world, world_places[0], errmsg), 1, "%s", errmsg);
    while (world.count < 20)
        world_deliver_new(&world, 1, world_places[0] + (int64_t)world.count * 60, &random);
    world_fold(&world);
    struct addrvec *day = &world.part.levels[LEVEL_DAY].sources;
    for (size_t i = 10; i < 20; i++)
        cr_assert_eq(addrvec_missing(day, &world.applied[i].record.sources), 0);
    cr_assert_gt(addrvec_active(day), 20);
    cr_assert_eq(world_load(&world, world_places[0], errmsg), 1, "%s", errmsg);
    world_end(&world);
}

Test(load, sources_of_more_packets_than_there_were_are_refused)
{
    struct world world;
    uint64_t random = 18;
    char errmsg[ERRMSG_SIZE] = "", key[SCHEMA_KEY_MAX];
    world_begin(&world, "UTC");
    while (world.count < 10)
        world_deliver_new(&world, 1, world_places[0] + (int64_t)world.count * 60, &random);
    world_fold(&world);
    struct period day = calendar_period(LEVEL_DAY, world_places[0]);
    struct addrvec sources = {0};
    struct buf form;
    addrvec_append4(&sources, 1, world.part.levels[LEVEL_DAY].totals.packets + 1);
    buf_init(&form);
    cr_assert_eq(folded_encode(&sources, world.part.folded, &form), 0);
    schema_key_sources(key, "s", &day);
    struct keymap_entry *entry = keymap_find(&world.store, key, "");
    cr_assert(entry && entry->size >= form.size);
    memcpy(entry->bytes, form.bytes, form.size);
    entry->size = form.size;
    cr_expect_eq(world_load(&world, world_places[0], errmsg), ERR_DAMAGED);
    cr_expect(strstr(errmsg, key) == errmsg, "%s", errmsg);
    addrvec_close(&sources);
    buf_close(&form);
    world_end(&world);
}

/* Makes a value of tables one from before there were witnesses: form 2 without the last of its four columns. */
static void forget_witnesses(struct keymap_entry *entry)
{
    struct tables tables = {0};
    struct buf old;
    uint64_t folded;
    cr_assert_eq(folded_decode_tables(&tables, &folded, entry->bytes, entry->size), 0);
    buf_init(&old);
    old_tables_encode(&tables, folded, &old);
    struct cursor in = cursor_over(old.bytes, old.size);
    cursor_take(&in, 9);
    for (int column = 0; column < 3; column++) {
        uint64_t *values;
        size_t count;
        cr_assert_eq(planes_decode(&in, &values, &count), 0);
        free(values);
    }
    size_t size = (size_t)(in.at - old.bytes);
    cr_assert_leq(size, entry->size);
    memcpy(entry->bytes, old.bytes, size);
    entry->size = size;
    entry->bytes[0] = 1;
    buf_close(&old);
    tables_close(&tables);
}

static void expect_witnesses(const struct tables *tables, const struct tables *of)
{
    cr_assert_gt(tables->tcp_ports.count, 0);
    cr_assert_eq(tables->tcp_ports.count, of->tcp_ports.count);
    for (size_t i = 0; i < tables->tcp_ports.count; i++)
        cr_expect_eq(tables->tcp_ports.witnesses[i], of->tcp_ports.witnesses[i]);
    cr_expect_arr_eq(tables->class_witnesses, of->class_witnesses, sizeof of->class_witnesses);
}

/* Of what was folded before nothing is known; what comes is known from then on, at every level. */
Test(load, tables_from_before_there_were_witnesses_get_them)
{
    struct world world;
    uint64_t random = 17;
    char key[SCHEMA_KEY_MAX], errmsg[ERRMSG_SIZE] = "";
    struct tables later = {0};
    world_begin(&world, "UTC");
    while (world.count < 10)
        world_deliver_new(&world, 1, world_places[0] + (int64_t)world.count * 60, &random);
    world_fold(&world);
    for (int level = 0; level < LEVELS; level++) {
        struct period period = calendar_period((enum level)level, world_places[0]);
        schema_key_tables(key, "s", &period);
        forget_witnesses(keymap_find(&world.store, key, ""));
    }
    cr_assert_eq(world_load(&world, world_places[0], errmsg), 1, "%s", errmsg);
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(tables_add(&later, &world.applied[i].record.tables), 0);
    memset(later.class_witnesses, 0, sizeof later.class_witnesses);
    memset(later.tcp_ports.witnesses, 0, later.tcp_ports.count);
    for (int level = 0; level < LEVELS; level++)
        expect_witnesses(&world.part.levels[level].tables, &later);
    while (world.count < 20)
        world_deliver_new(&world, 1, world_places[0] + (int64_t)world.count * 60, &random);
    world_fold(&world);
    for (size_t i = 10; i < 20; i++)
        cr_assert_eq(tables_add(&later, &world.applied[i].record.tables), 0);
    cr_assert_neq(later.class_witnesses[CLASS_TCP_SYN], 0);
    for (int level = 0; level < LEVELS; level++)
        expect_witnesses(&world.part.levels[level].tables, &later);
    cr_assert_eq(world_load(&world, world_places[0], errmsg), 1, "%s", errmsg);
    for (int level = 0; level < LEVELS; level++)
        expect_witnesses(&world.part.levels[level].tables, &later);
    tables_close(&later);
    world_end(&world);
}

Test(load, a_second_writer_is_fenced_off)
{
    struct world world;
    uint64_t random = 11;
    world_begin(&world, "UTC");
    world_deliver(&world, 1, world_places[0], &random);
    struct part old = world.part; /* the other aggregator's view */
    part_init(&world.part, "s");
    world_reload(&world);
    world_deliver(&world, 1, world_places[0] + 60, &random);
    struct put put;
    put_init(&put);
    cr_assert_eq(apply_fold(&old, &put), 0);
    cr_expect_not(keymap_put(&world.store, &put));
    put_close(&put);
    part_close(&old);
    world_expect(&world);
    world_end(&world);
}

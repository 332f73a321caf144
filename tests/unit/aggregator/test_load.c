#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "tests/unit/aggregator/world.h"

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

Test(load, a_lost_log_entry_is_noticed)
{
    struct world world;
    uint64_t random = 10;
    char errmsg[ERRMSG_SIZE] = "";
    world_begin(&world, "UTC");
    while (world.count < 5 || world.applied[world.count - 1].record.packets == 0)
        world_deliver(&world, 1, world_places[0] + (int64_t)world.count * 60, &random);
    char key[SCHEMA_KEY_MAX];
    schema_key_log(key, "s", world.part.n);
    struct keymap_entry *entry = keymap_find(&world.store, key, "");
    cr_assert(entry);
    entry->key_hash++; /* not to be found any more */
    cr_expect_eq(world_load(&world, world_places[0], errmsg), ERR_DAMAGED);
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

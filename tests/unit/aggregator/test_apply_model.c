/* Random records against the naive model of world.h, in memory and in a real redis-server. */
#include <criterion/criterion.h>

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "aggregator/function.h"
#include "common/sourcevec.h"
#include "tests/unit/aggregator/box.h"
#include "tests/unit/aggregator/world.h"
#include "tests/unit/common/tables_of.h"

static void random_step(struct world *world, int64_t *place, uint64_t *random)
{
    const size_t places = sizeof world_places / sizeof *world_places;
    if (sensor_random(random) >> 59 == 0)
        *place = world_places[(sensor_random(random) >> 20) % places];
    uint8_t epoch = (uint8_t)(1 + (sensor_random(random) >> 20) % WORLD_EPOCHS);
    int64_t minute = (int64_t)((sensor_random(random) >> 20) % 900);
    int64_t own = minute - minute % WORLD_EPOCHS + epoch - 1;
    world_deliver(world, epoch, *place + own * 60, random);
    if (sensor_random(random) >> 59 == 0) /* one in 32 in another epoch's minutes */
        world_deliver(world, epoch, *place + minute * 60, random);
    if (sensor_random(random) >> 58 == 0)
        world_fold(world);
    if (sensor_random(random) >> 59 == 0)
        world_reload(world);
}

static void random_records(struct world *world, size_t count, uint64_t seed)
{
    uint64_t random = seed;
    int64_t place = world_places[0];
    while (world->count < count)
        random_step(world, &place, &random);
}

static void random_world(const char *zone, struct part_keep keep, uint64_t seed)
{
    struct world world;
    world_begin(&world, zone);
    world.keep = keep;
    world.now_s = 1798800000; /* 2027-01-01 */
    world_reload(&world);
    random_records(&world, WORLD_MOST - 100, seed);
    world_expect(&world);
    cr_assert(world.folds > 10 && world.turns > 10 && world.reloads > 10 && world.overlaps > 5,
              "%u folds, %u turns, %u reloads, %u overlaps", world.folds, world.turns,
              world.reloads, world.overlaps);
    world_reload(&world);
    world_expect(&world);
    world_end(&world);
}

Test(apply_model, clock_changes_by_an_hour)
{
    random_world("Europe/Berlin", (struct part_keep){.minute_records = 2880}, 1);
}

Test(apply_model, clock_changes_by_half_an_hour)
{
    random_world("Australia/Lord_Howe", (struct part_keep){.minute_records = 100}, 2);
}

Test(apply_model, days_that_begin_at_three_quarters)
{
    random_world("Asia/Kathmandu", (struct part_keep){.minute_records = 0}, 3);
}

/* Of 2026 the hours since October are kept, of 2019 none. */
Test(apply_model, hours_that_go)
{
    random_world("Asia/Tokyo", (struct part_keep){.minute_records = 300, .hour_days = 90}, 4);
}

/* A record of as many sources as one can have, nearly all of them new. */
static void many_sources(struct record *record, uint64_t seq, int64_t start_s, uint64_t *random)
{
    uint32_t source = 0;
    record_init(record);
    snprintf(record->sensor, sizeof record->sensor, "s");
    memset(record->epoch, 1, EPOCH_SIZE);
    record->seq = seq;
    record->start_s = start_s;
    record->width_s = 60;
    record->first_ns = start_s * NS_PER_S;
    record->last_ns = (start_s + 60) * NS_PER_S - 1;
    for (size_t i = 0; i < RECORD_SOURCES_MAX; i++) {
        uint64_t packets = 1 + (sensor_random(random) >> 60);
        source += 1 + (uint32_t)(sensor_random(random) >> 50);
        addrvec_append4(&record->sources, source, packets);
        record->packets += packets;
    }
    hll_add(&record->hosts, &source, sizeof source);
    record->captured = ++record->packets;
    record->bytes = 40 * record->packets;
    addrvec_append4(&record->addresses, UINT32_C(0xC6336401), record->packets);
    tables_of(&record->tables, record->packets, record->bytes);
}

/* What goes does not depend on when the log is folded or read again. */
Test(apply_model, sources_beyond_what_is_kept)
{
    struct world world;
    uint64_t random = 6;
    world_begin(&world, "UTC");
    world.now_s = 1798800000;
    world_reload(&world);
    world_open(&world, 1, false);
    for (uint64_t minute = 0; minute < 60; minute++) {
        struct record record;
        many_sources(&record, minute + 1, world_places[0] + (int64_t)minute * 180, &random);
        world_apply(&world, &record);
        if (sensor_random(&random) >> 62 == 0)
            world_fold(&world);
        if (sensor_random(&random) >> 62 == 0)
            world_reload(&world);
    }
    world_expect(&world);
    const struct addrvec *day = &world.part.levels[LEVEL_DAY].sources;
    cr_assert(day->count4 >= SOURCEVEC_DAY && day->count4 <= 2 * SOURCEVEC_DAY, "%zu", day->count4);
    cr_assert_lt(addrvec_packets(day), world.part.levels[LEVEL_DAY].totals.packets / 2);
    world_reload(&world);
    world_expect(&world);
    world_end(&world);
}

/* --- the same in Redis ------------------------------------------------------------------------ */

static redisReply *ask(struct world *world, const char *command, const char *key, const char *field)
{
    const char *words[] = {command, key, field};
    redisReply *reply = redisCommandArgv(world->redis, field ? 3 : 2, words, NULL);
    cr_assert(reply);
    return reply;
}

static void expect_expiry(struct world *world, const struct keymap_entry *entry)
{
    redisReply *reply = ask(world, "EXPIRETIME", entry->key, NULL);
    cr_assert_eq(reply->integer, entry->expires_s ? entry->expires_s : -1, "%s", entry->key);
    freeReplyObject(reply);
}

static void expect_entry(struct world *world, const struct keymap_entry *entry)
{
    const char *field = *entry->field ? entry->field : NULL;
    redisReply *reply = ask(world, field ? "HGET" : "GET", entry->key, field);
    cr_assert(reply->type == REDIS_REPLY_STRING && (size_t)reply->len == entry->size &&
                  memcmp(reply->str, entry->bytes, entry->size) == 0,
              "%s %s", entry->key, entry->field);
    freeReplyObject(reply);
    expect_expiry(world, entry);
}

/* Keys of one field more or less would show in the number of all fields of all keys. */
static size_t count_fields(struct world *world)
{
    redisReply *keys = ask(world, "KEYS", "*", NULL);
    size_t count = 0;
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *type = ask(world, "TYPE", keys->element[i]->str, NULL);
        redisReply *size = NULL;
        if (strcmp(type->str, "hash") == 0)
            size = ask(world, "HLEN", keys->element[i]->str, NULL);
        count += size ? (size_t)size->integer : 1;
        freeReplyObject(type);
        freeReplyObject(size);
    }
    freeReplyObject(keys);
    return count;
}

static void expect_redis(struct world *world)
{
    for (size_t i = 0; i < world->store.count; i++)
        expect_entry(world, &world->store.entries[i]);
    cr_assert_eq(count_fields(world), world->store.count);
}

/* What the model was compared with is what a server holds, to the byte. */
Test(apply_model, redis_holds_the_same)
{
    struct world world;
    struct box box;
    box_open(&box);
    pid_t pid = box_start_redis(&box, "no");
    world_begin(&world, "Europe/Berlin");
    world.redis = box_redis(&box);
    world.keep = (struct part_keep){.minute_records = 100, .hour_days = 90};
    world.now_s = time(NULL);
    freeReplyObject(redisCommand(world.redis, "FUNCTION LOAD REPLACE %s", function_text));
    world_reload(&world);
    random_records(&world, 500, 5);
    world_expect(&world);
    expect_redis(&world);
    redisFree(world.redis);
    world_end(&world);
    box_end(pid, SIGTERM, 5000);
    box_close(&box);
}

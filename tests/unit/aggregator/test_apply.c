#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "tests/unit/aggregator/world.h"

static int check_next(struct world *world, uint8_t epoch, uint64_t seq, int64_t start_s,
                      void (*change)(struct record *), struct frame_refuse *refuse)
{
    uint64_t random = 7;
    struct record record;
    uint8_t uuid[EPOCH_SIZE];
    memset(uuid, epoch, EPOCH_SIZE);
    world_open(world, epoch, false);
    record_init(&record);
    sensor_record(&record, "s", epoch, seq, start_s, &random);
    if (change)
        change(&record);
    int rc = apply_check(&world->part, uuid, &record, refuse);
    if (rc == 0)
        rc = apply_check_addresses(&world->part, NULL, &record, refuse);
    record_close(&record);
    return rc;
}

Test(apply, only_the_next_sequence_is_applied)
{
    struct world world;
    uint64_t random = 3;
    struct frame_refuse refuse = {0};
    world_begin(&world, "UTC");
    cr_expect_eq(check_next(&world, 1, 2, world_places[0], NULL, &refuse), ERR_REFUSED);
    cr_expect_eq(refuse.code, REFUSE_GAP);
    world_deliver(&world, 1, world_places[0], &random);
    cr_expect_eq(check_next(&world, 1, 1, world_places[0] + 60, NULL, &refuse), 1);
    cr_expect_eq(check_next(&world, 1, 2, world_places[0] + 60, NULL, &refuse), 0);
    cr_expect_eq(check_next(&world, 1, 3, world_places[0] + 60, NULL, &refuse), ERR_REFUSED);
    world_reload(&world);
    cr_expect_eq(check_next(&world, 1, 1, world_places[0] + 60, NULL, &refuse), 1);
    cr_expect_eq(check_next(&world, 1, 2, world_places[0] + 60, NULL, &refuse), 0);
    world_end(&world);
}

static void merge_three(struct record *record)
{
    record->seq += 2;
    record->before = 2;
    record->width_s = RECORD_MERGED_WIDTH_S;
    record->flags |= RECORD_MERGED;
}

/* It is taken when all of it is next; of one that is held in part the rest cannot be told apart. */
Test(apply, a_merged_record_is_all_of_its_sequences)
{
    struct world world;
    uint64_t random = 3;
    struct frame_refuse refuse = {0};
    int64_t at_s = world_places[0] - world_places[0] % RECORD_MERGED_WIDTH_S;
    world_begin(&world, "UTC");
    world_deliver(&world, 1, at_s, &random);
    cr_expect_eq(check_next(&world, 1, 2, at_s + 900, merge_three, &refuse), 0);
    cr_expect_eq(check_next(&world, 1, 1, at_s + 900, merge_three, &refuse), ERR_REFUSED);
    cr_expect_eq(refuse.code, REFUSE_GAP);
    cr_expect_eq(check_next(&world, 1, 3, at_s + 900, merge_three, &refuse), ERR_REFUSED);
    for (int i = 1; i < 4; i++)
        world_deliver_new(&world, 1, at_s + 60 * i, &random);
    cr_expect_eq(check_next(&world, 1, 2, at_s + 900, merge_three, &refuse), 1);
    world_end(&world);
}

static int check_lost(struct world *world, uint64_t first, uint64_t last,
                      struct frame_refuse *refuse)
{
    uint8_t uuid[EPOCH_SIZE];
    const struct frame_lost lost = {first, last};
    memset(uuid, 1, EPOCH_SIZE);
    world_open(world, 1, false);
    return apply_check_lost(&world->part, uuid, &lost, refuse);
}

static void lose(struct world *world, uint64_t last)
{
    struct frame_open open = {.first_ns = world_places[0] * NS_PER_S};
    struct put put;
    memset(open.epoch, 1, EPOCH_SIZE);
    put_init(&put);
    world_send(world, &put, apply_lost(&world->part, &open, last, &put));
    world->seq[1] = last;
}

/* They count as nothing that was observed, and the sequence goes on behind them in the store too. */
Test(apply, lost_records_are_passed_over)
{
    struct world world;
    uint64_t random = 4;
    struct frame_refuse refuse = {0};
    world_begin(&world, "UTC");
    cr_expect_eq(check_lost(&world, 1, 3, &refuse), 0);
    lose(&world, 3); /* the first that the store hears of the sensor */
    world_reload(&world);
    cr_expect_eq(world_open(&world, 1, false), 3);
    cr_expect_eq(check_lost(&world, 1, 3, &refuse), 1);
    cr_expect_eq(check_next(&world, 1, 3, world_places[0] + 60, NULL, &refuse), 1);
    world_deliver(&world, 1, world_places[0] + 600, &random);
    while (world.seq[1] < 5)
        world_deliver(&world, 1, world_places[0] + 660, &random);
    cr_expect_eq(check_lost(&world, 7, 9, &refuse), ERR_REFUSED);
    cr_expect_eq(refuse.code, REFUSE_GAP);
    cr_expect_not(refuse.final);
    cr_expect_eq(check_lost(&world, 4, 9, &refuse), 0);
    uint64_t records = world.part.levels[LEVEL_DAY].totals.records;
    uint64_t observed = world.part.levels[LEVEL_DAY].totals.observed_ns;
    lose(&world, 9);
    world_reload(&world);
    cr_expect_eq(world_open(&world, 1, false), 9);
    cr_expect_eq(check_next(&world, 1, 10, world_places[0] + 900, NULL, &refuse), 0);
    world_deliver(&world, 1, world_places[0] + 900, &random);
    cr_expect_eq(world.part.levels[LEVEL_DAY].totals.records - records, world.seq[1] - 9);
    cr_expect_leq(world.part.levels[LEVEL_DAY].totals.observed_ns - observed,
                  60 * (uint64_t)NS_PER_S);
    world_end(&world);
}

static void rename_sensor(struct record *record)
{
    strcpy(record->sensor, "other");
}

static void change_epoch(struct record *record)
{
    record->epoch[3] ^= 1;
}

static void add_foreign_address(struct record *record)
{
    addrvec_append4(&record->addresses, 0xC6336500, 1);
}

static void add_foreign_address6(struct record *record)
{
    uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb9};
    addrvec_append6(&record->addresses, address, 1);
}

static void count_too_much(struct record *record)
{
    record->captured = APPLY_COUNT_MAX + 1;
}

Test(apply, foreign_records_are_refused)
{
    static const struct {
        void (*change)(struct record *);
        enum refuse_code code;
    } cases[] = {
        {rename_sensor, REFUSE_IDENTITY},       {change_epoch, REFUSE_IDENTITY},
        {add_foreign_address, REFUSE_IDENTITY}, {add_foreign_address6, REFUSE_IDENTITY},
        {count_too_much, REFUSE_DAMAGED},
    };
    struct world world;
    world_begin(&world, "UTC");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame_refuse refuse = {0};
        cr_expect_eq(check_next(&world, 1, 1, world_places[0], cases[i].change, &refuse),
                     ERR_REFUSED, "case %zu", i);
        cr_expect(refuse.code == cases[i].code && refuse.final && *refuse.text, "case %zu", i);
    }
    world_end(&world);
}

Test(apply, a_replay_of_a_moment_already_observed_is_refused_at_open)
{
    struct world world;
    uint64_t random = 4, seq;
    struct frame_refuse refuse = {0};
    world_begin(&world, "UTC");
    world_deliver(&world, 1, world_places[0], &random);
    struct frame_open open = {.replay = true,
                              .first_ns = (world_places[0] - 3600) * NS_PER_S,
                              .last_ns = (world_places[0] + 5) * NS_PER_S};
    memset(open.epoch, 2, EPOCH_SIZE);
    cr_expect_eq(apply_open(&world.part, &open, SENSOR_DARKNET, &seq, &refuse), ERR_REFUSED);
    cr_expect(refuse.code == REFUSE_OVERLAP && refuse.final);
    cr_expect(strstr(refuse.text, "01010101-0101-0101-0101-010101010101"), "%s", refuse.text);
    open.last_ns = world_places[0] * NS_PER_S - 1;
    cr_expect_eq(apply_open(&world.part, &open, SENSOR_DARKNET, &seq, &refuse), 0);
    memset(open.epoch, 1, EPOCH_SIZE); /* its own moments are no overlap */
    open.last_ns = (world_places[0] + 5) * NS_PER_S;
    cr_expect_eq(apply_open(&world.part, &open, SENSOR_DARKNET, &seq, &refuse), 0);
    cr_expect_eq(seq, 1);
    world_end(&world);
}

Test(apply, another_darknet_under_the_same_name_is_refused)
{
    struct world world;
    uint64_t random = 5, seq;
    struct frame_open open = {0};
    struct frame_refuse refuse = {0};
    world_begin(&world, "UTC");
    world_deliver(&world, 1, world_places[0], &random);
    world_reload(&world);
    cr_expect_eq(apply_open(&world.part, &open, "198.51.100.0/25", &seq, &refuse), ERR_REFUSED);
    cr_expect(refuse.code == REFUSE_IDENTITY && refuse.final);
    world_end(&world);
}

Test(apply, an_epoch_restates_a_complete_year_of_another_once)
{
    struct world world;
    uint64_t random = 6;
    const int64_t late_2026 = 1798700000 / 60 * 60, early_2027 = 1798761600;
    world_begin(&world, "UTC");
    world_deliver_new(&world, 1, late_2026, &random);
    world_deliver_new(&world, 2, late_2026 + 60, &random); /* the year is not over */
    world_deliver_new(&world, 1, early_2027, &random);
    cr_expect_eq(world_head(&world, "restated:2026"), 0);
    world_deliver_new(&world, 1, late_2026 + 120,
                      &random); /* also an epoch that had counted in time */
    world_deliver_new(&world, 1, late_2026 + 180, &random);
    cr_expect_eq(world_head(&world, "restated:2026"), 1);
    world_reload(&world);
    world_deliver_new(&world, 1, late_2026 + 240, &random);
    world_deliver_new(&world, 3, late_2026 + 300, &random);
    cr_expect_eq(world_head(&world, "restated:2026"), 2);
    cr_expect_eq(world_head(&world, "restated:2027"), 0);
    world_end(&world);
}

Test(apply, the_first_archive_of_a_year_does_not_restate_it)
{
    struct world world;
    uint64_t random = 6;
    const int64_t in_2026 = 1798700000 / 60 * 60, in_2019 = 1577833200;
    world_begin(&world, "UTC");
    world_deliver_new(&world, 1, in_2026, &random);
    world_deliver_new(&world, 2, in_2019, &random);
    world_deliver_new(&world, 2, in_2019 + 60, &random);
    world_reload(&world);
    world_deliver_new(&world, 2, in_2019 + 120, &random);
    cr_expect_eq(world_head(&world, "restated:2019"), 0);
    world_deliver_new(&world, 3, in_2019 + 180, &random);
    cr_expect_eq(world_head(&world, "restated:2019"), 1);
    world_end(&world);
}

static struct totals hour_totals(const struct world *world, int64_t at_s)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    const struct period hour = calendar_period(LEVEL_HOUR, at_s);
    struct totals totals = {0};
    schema_key_totals(key, field, "s", &hour);
    const struct keymap_entry *entry = keymap_find(&world->store, key, field);
    cr_assert(entry && totals_parse(&totals, (char *)entry->bytes, entry->size) == 0);
    return totals;
}

Test(apply, a_minute_is_not_observed_for_longer_than_it_lasts)
{
    struct world world;
    uint64_t random = 12;
    world_begin(&world, "UTC");
    world_deliver_new(&world, 1, world_places[0], &random);
    world_deliver_new(&world, 1, world_places[0] + 60, &random);
    world_deliver_new(&world, 1, world_places[0], &random); /* late, and as long as the first */
    world_reload(&world);
    world_deliver_new(&world, 1, world_places[0], &random);
    const struct totals totals = hour_totals(&world, world_places[0]);
    cr_expect_eq(totals.records, 4);
    cr_expect(totals.observed_ns > UINT64_C(119999990000), "%" PRIu64, totals.observed_ns);
    cr_expect(totals.observed_ns <= UINT64_C(120000000000), "%" PRIu64, totals.observed_ns);
    world_expect(&world);
    world_end(&world);
}

Test(apply, the_log_stays_short)
{
    struct world world;
    uint64_t random = 8;
    world_begin(&world, "UTC");
    world.keep.minute_records = 0;
    world_reload(&world);
    for (int i = 0; i < 300; i++) { /* one minute again and again, so that the hour never changes */
        world_deliver(&world, 1, world_places[0], &random);
        cr_assert(world.part.n - world.part.folded <= APPLY_LOGS_MAX);
    }
    size_t logs = 0;
    for (size_t i = 0; i < world.store.count; i++)
        logs += strstr(world.store.entries[i].key, ":log:") != NULL;
    cr_expect(logs <= APPLY_LOGS_MAX && logs > 0);
    world_expect(&world);
    world_end(&world);
}

/* --- what is kept ----------------------------------------------------------------------------- */

/* Two aggregators began at the same call. While the calls of one were refused, the other made as many, the last
 * of the same epoch and sequence: n alone does not tell them apart. What the first sent right behind
 * must not put its sums over those of the other. */
Test(apply, what_was_sent_behind_refused_calls_is_refused)
{
    struct world here, there;
    struct put put;
    uint64_t random = 3, same;
    world_begin(&here, "UTC");
    world_begin(&there, "UTC");
    for (uint8_t epoch = 2; epoch < 4; epoch++)
        world_deliver_new(epoch == 2 ? &here : &there, epoch, world_places[epoch - 1], &random);
    same = random;
    world_deliver_new(&here, 1, world_places[0], &random);
    world_deliver_new(&there, 1, world_places[0], &same);
    cr_assert_eq(here.part.n, there.part.n);
    put_init(&put);
    cr_assert_eq(apply_fold(&here.part, &put), 0);
    cr_expect_eq(keymap_call(&there.store, &put), KEYMAP_STALE);
    cr_expect_eq(keymap_call(&here.store, &put), KEYMAP_OK);
    put_close(&put);
    world_end(&here);
    world_end(&there);
}

static size_t count_keys(const struct world *world, const char *part)
{
    size_t count = 0;
    for (size_t i = 0; i < world->store.count; i++)
        count += strstr(world->store.entries[i].key, part) != NULL;
    return count;
}

/* Fewer than before go a bounded number at a time, more than before are there as they come. */
Test(apply, the_newest_records_stay)
{
    struct world world;
    uint64_t random = 13;
    world_begin(&world, "UTC");
    world.keep.minute_records = 800;
    world_reload(&world);
    for (int i = 0; i < 900; i++)
        world_deliver_new(&world, 1, world_places[0] + i / 10 * 60, &random);
    world_fold(&world);
    cr_expect(count_keys(&world, ":log:") > 770 && count_keys(&world, ":log:") <= 800);
    world_expect(&world);
    world.keep.minute_records = 10;
    for (size_t before = count_keys(&world, ":log:"), after; before > 10; before = after) {
        world_reload(&world);
        world_fold(&world);
        after = count_keys(&world, ":log:");
        cr_assert(after < before && before - after <= 256, "%zu", after);
        cr_assert_eq(count_keys(&world, ":minutes"), after);
    }
    world_expect(&world);
    world.keep.minute_records = 800;
    world_reload(&world);
    world_deliver_new(&world, 1, world_places[0], &random);
    cr_expect(count_keys(&world, ":log:") <= 11);
    world_end(&world);
}

Test(apply, hours_expire_days_after_their_day)
{
    struct world world;
    uint64_t random = 14;
    world_begin(&world, "Europe/Berlin");
    const struct period day = calendar_period(LEVEL_DAY, world_places[0]);
    world.keep.hour_days = 2;
    world.now_s = world_places[0];
    world_reload(&world);
    for (int i = 0; i < 30; i++)
        world_deliver_new(&world, 1, world_places[0] + i * 60, &random);
    world_fold(&world);
    for (size_t i = 0; i < world.store.count; i++) {
        const struct keymap_entry *entry = &world.store.entries[i];
        bool hour = strstr(entry->key, ":hour") != NULL;
        cr_expect_eq(entry->expires_s, hour ? day.end_s + 2 * 86400 : 0, "%s", entry->key);
    }
    world.now_s = day.end_s + 2 * 86400;
    keymap_expire(&world.store, world.now_s);
    world_reload(&world);
    for (int i = 30; i < 40; i++)
        world_deliver_new(&world, 1, world_places[0] + i * 60, &random);
    world_expect(&world);
    cr_expect_eq(count_keys(&world, ":hour"), 0);
    world_end(&world);
}

/* --- long values ------------------------------------------------------------------------------ */

/* A record of every address of a /12 with counts that do not compress. */
static void long_record(struct record *record, uint64_t seq, int64_t start_s, uint64_t *random)
{
    sensor_record(record, "s", 1, seq, start_s, random);
    record_close(record);
    sensor_record(record, "s", 1, seq, start_s, random);
    addrvec_close(&record->addresses);
    tables_close(&record->tables);
    record->packets = 0;
    for (uint32_t i = 0; i < 1u << 18; i++) {
        uint64_t packets = 1 + sensor_random(random) % 60000;
        addrvec_append4(&record->addresses, 0x0a000000 + 3 * i, packets);
        record->packets += packets;
    }
    record->bytes = record->packets * 40;
    record->captured = record->packets + record->off_darknet + record->late;
    record->tables.classes[CLASS_OTHER] = (struct sum){record->packets, record->bytes};
    table_append(&record->tables.protocols, 99, record->tables.classes[CLASS_OTHER]);
    hll_add(&record->hosts, "host", 4);
}

Test(apply, long_values_are_cut_and_come_back)
{
    struct world world;
    uint64_t random = 15;
    world_begin(&world, "UTC");
    for (uint64_t i = 0; i < 3; i++) {
        struct record record;
        record_init(&record);
        long_record(&record, i + 1, world_places[0] + (int64_t)i * 60, &random);
        world_open(&world, 1, false);
        world_apply(&world, &record);
        if (i == 1)
            world_fold(&world);
    }
    world_expect(&world);
    cr_expect_gt(world_head(&world, "log_chunks"), 1);
    for (size_t i = 0; i < world.store.count; i++)
        cr_assert_leq(world.store.entries[i].size, CHUNK_SIZE);
    world_reload(&world);
    world.keep.minute_records = 0;
    world_reload(&world);
    world_fold(&world);
    world_expect(&world);
    cr_expect_eq(count_keys(&world, ":log:"), 0, "with all their chunks");
    world_end(&world);
}

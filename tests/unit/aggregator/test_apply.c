#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/apply.h"
#include "aggregator/load.h"
#include "common/err.h"
#include "common/folded.h"
#include "tests/unit/aggregator/keymap.h"
#include "tests/unit/aggregator/sensor.h"

#define NS_PER_S INT64_C(1000000000)
#define EPOCHS   4
#define RECORDS  1500

/* A store, the part over it, and beside them every record that was applied: the naive model. */
struct world {
    struct keymap store;
    struct part part;
    struct record *applied;
    uint64_t *observed_ns; /* that each of them added */
    size_t count;
    uint64_t seq[EPOCHS + 1];
    unsigned folds, turns, reloads, overlaps;
};

static void take_all(struct world *world, struct load *load)
{
    char errmsg[ERRMSG_SIZE] = "";
    int rc;
    do {
        keymap_fetch(&world->store, &load->fetch);
        rc = load_take(load, errmsg);
    } while (rc == 0);
    cr_assert_eq(rc, 1, "%s", errmsg);
    load_close(load);
}

static void reload(struct world *world)
{
    struct load load;
    part_close(&world->part);
    part_init(&world->part, "s");
    load_begin(&load, &world->part);
    take_all(world, &load);
    world->reloads++;
}

static uint64_t open_epoch(struct world *world, uint8_t epoch, bool replay)
{
    struct frame_open open = {.replay = replay};
    struct frame_refuse refuse;
    uint64_t seq = 0;
    memset(open.epoch, epoch, EPOCH_SIZE);
    cr_assert_eq(apply_open(&world->part, &open, SENSOR_DARKNET, &seq, &refuse), 0);
    return seq;
}

static void begin(struct world *world, const char *zone)
{
    char errmsg[ERRMSG_SIZE] = "";
    *world = (struct world){0};
    cr_assert_eq(calendar_init(zone, errmsg), 0, "%s", errmsg);
    world->applied = calloc(RECORDS, sizeof *world->applied);
    world->observed_ns = calloc(RECORDS, sizeof *world->observed_ns);
    part_init(&world->part, "s");
    reload(world);
}

static void end(struct world *world)
{
    for (size_t i = 0; i < world->count; i++)
        record_close(&world->applied[i]);
    free(world->applied);
    free(world->observed_ns);
    part_close(&world->part);
    keymap_close(&world->store);
}

static void send(struct world *world, struct put *put, int rc)
{
    cr_assert_eq(rc, 0);
    cr_assert(keymap_put(&world->store, put), "a guard does not hold");
    put_close(put);
}

static void fold(struct world *world)
{
    struct put put;
    put_init(&put);
    send(world, &put, apply_fold(&world->part, &put));
    world->folds++;
}

/* What the lane does with a record that apply_check let pass. */
static void apply(struct world *world, const struct record *record)
{
    if (apply_fold_due(&world->part, record->start_s))
        fold(world);
    if (!part_holds(&world->part, record->start_s)) {
        struct load load;
        load_turn(&load, &world->part, record->start_s);
        take_all(world, &load);
        world->turns++;
    }
    struct put put;
    struct buf sealed;
    put_init(&put);
    buf_init(&sealed);
    cr_assert_eq(record_seal(record, &sealed, NULL), 0);
    send(world, &put,
         apply_record(&world->part, record, (struct chunk){sealed.bytes, sealed.size}, &put));
    buf_close(&sealed);
}

static bool overlaps_another(const struct world *world, const struct record *record)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct record *other = &world->applied[i];
        if (memcmp(other->epoch, record->epoch, EPOCH_SIZE) != 0 &&
            span_overlap((struct span){other->first_ns, other->last_ns},
                         (struct span){record->first_ns, record->last_ns}))
            return true;
    }
    return false;
}

/* The span of a record, but with those of its minute before it no more than the minute. */
static uint64_t observed_by(const struct world *world, const struct record *record)
{
    uint64_t left = 60 * (uint64_t)NS_PER_S;
    uint64_t span = (uint64_t)(record->last_ns - record->first_ns) + 1;
    for (size_t i = 0; i < world->count; i++)
        if (world->applied[i].start_s == record->start_s)
            left -= world->observed_ns[i];
    return span < left ? span : left;
}

/* Offers the next record of an epoch, or now and then one that was there before. */
static void deliver(struct world *world, uint8_t epoch, int64_t start_s, uint64_t *random)
{
    struct record record;
    struct frame_refuse refuse;
    uint8_t uuid[EPOCH_SIZE];
    memset(uuid, epoch, EPOCH_SIZE);
    bool again = world->seq[epoch] > 0 && sensor_random(random) >> 60 == 0;
    record_init(&record);
    sensor_record(&record, "s", epoch, world->seq[epoch] + !again, start_s, random);
    cr_assert_eq(open_epoch(world, epoch, false), world->seq[epoch]);
    int expected = again ? 1 : overlaps_another(world, &record) ? ERR_REFUSED : 0;
    cr_assert_eq(apply_check(&world->part, uuid, &record, &refuse), expected);
    if (expected == ERR_REFUSED) {
        cr_assert_eq(refuse.code, REFUSE_OVERLAP);
        world->overlaps++;
    }
    if (expected != 0) {
        record_close(&record);
        return;
    }
    apply(world, &record);
    world->seq[epoch]++;
    world->observed_ns[world->count] = observed_by(world, &record);
    world->applied[world->count++] = record;
}

/* The same, until a new record was applied. */
static void deliver_new(struct world *world, uint8_t epoch, int64_t start_s, uint64_t *random)
{
    for (size_t count = world->count; world->count == count;)
        deliver(world, epoch, start_s, random);
}

/* --- the model's figures ---------------------------------------------------------------------- */

struct figures {
    struct totals totals;
    struct addrvec addresses;
    struct hll hosts;
    struct course course;
};

static void add_figures(struct figures *sum, const struct record *record, uint64_t observed,
                        const struct period *period)
{
    int64_t slot = (record->start_s - period->start_s) / 60;
    sum->totals.packets += record->packets;
    sum->totals.bytes += record->bytes;
    sum->totals.records++;
    sum->totals.observed_ns += observed;
    sum->totals.kernel_dropped += record->kernel_dropped;
    sum->totals.off_darknet += record->off_darknet;
    sum->totals.late += record->late;
    addrvec_add(&sum->addresses, &record->addresses);
    hll_merge(&sum->hosts, &record->hosts);
    if (period->level == LEVEL_DAY) {
        sum->course.packets[slot] += record->packets;
        sum->course.bytes[slot] += record->bytes;
        sum->course.dropped[slot] += record->kernel_dropped + record->interface_dropped;
        sum->course.observed_ns[slot] += observed;
    }
    sum->totals.active = addrvec_active(&sum->addresses);
}

/* The stored vector with the log entries that it does not have, as a reader puts it together. */
static void read_addresses(const struct world *world, const struct period *period,
                           struct addrvec *vec)
{
    char key[SCHEMA_KEY_MAX];
    uint64_t folded = 0;
    schema_key_addresses(key, "s", period);
    const struct keymap_entry *entry = keymap_find(&world->store, key, "");
    if (entry)
        cr_assert_eq(folded_decode(vec, &folded, entry->bytes, entry->size), 0);
    for (uint64_t n = folded + 1; n <= world->part.n; n++) {
        struct record more;
        record_init(&more);
        schema_key_log(key, "s", n);
        entry = keymap_find(&world->store, key, "");
        if (entry && record_open(&more, entry->bytes, entry->size, NULL) == 0 &&
            more.start_s >= period->start_s && more.start_s < period->end_s)
            addrvec_add(vec, &more.addresses);
        record_close(&more);
    }
}

static void expect_addresses(const struct world *world, const struct period *period,
                             const struct addrvec *expected)
{
    struct addrvec found;
    addrvec_init(&found);
    read_addresses(world, period, &found);
    cr_assert_eq(found.count4, expected->count4);
    cr_assert_eq(found.count6, expected->count6);
    for (size_t i = 0; i < found.count4; i++)
        cr_assert(found.address4[i] == expected->address4[i] &&
                  found.packets4[i] == expected->packets4[i]);
    for (size_t i = 0; i < found.count6; i++)
        cr_assert(memcmp(found.address6[i], expected->address6[i], 16) == 0 &&
                  found.packets6[i] == expected->packets6[i]);
    addrvec_close(&found);
}

static void expect_hosts(const struct world *world, const struct period *period,
                         const struct hll *expected)
{
    char key[SCHEMA_KEY_MAX];
    static struct hll found;
    hll_clear(&found);
    schema_key_hosts(key, "s", period);
    const struct keymap_entry *entry = keymap_find(&world->store, key, "");
    if (entry)
        cr_assert_eq(hll_from_redis(&found, entry->bytes, entry->size), 0);
    cr_assert_arr_eq(found.registers, expected->registers, HLL_REGISTERS);
}

static void expect_course(const struct world *world, const struct period *day,
                          const struct course *expected)
{
    char key[SCHEMA_KEY_MAX];
    static struct course found;
    schema_key_course(key, "s", day);
    const struct keymap_entry *entry = keymap_find(&world->store, key, "");
    cr_assert(entry);
    uint64_t folded;
    cr_assert_eq(course_decode(&found, &folded, entry->bytes, entry->size), 0);
    cr_assert_arr_eq(&found, expected, sizeof found);
}

static void expect_period(const struct world *world, const struct period *period)
{
    static struct figures sum;
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    memset(&sum, 0, sizeof sum);
    for (size_t i = 0; i < world->count; i++)
        if (world->applied[i].start_s >= period->start_s &&
            world->applied[i].start_s < period->end_s)
            add_figures(&sum, &world->applied[i], world->observed_ns[i], period);
    schema_key_totals(key, field, "s", period);
    const struct keymap_entry *entry = keymap_find(&world->store, key, field);
    struct totals found;
    cr_assert(entry, "%s %s is missing", key, field);
    cr_assert_eq(totals_parse(&found, (char *)entry->bytes, entry->size), 0);
    cr_assert_arr_eq(&found, &sum.totals, sizeof found);
    expect_addresses(world, period, &sum.addresses);
    expect_hosts(world, period, &sum.hosts);
    if (period->level == LEVEL_DAY)
        expect_course(world, period, &sum.course);
    addrvec_close(&sum.addresses);
}

/* Every period that any record fell into. */
static void expect_model(const struct world *world)
{
    for (size_t i = 0; i < world->count; i++)
        for (int level = 0; level < LEVELS; level++) {
            struct period period = calendar_period((enum level)level, world->applied[i].start_s);
            bool seen = false;
            for (size_t j = 0; j < i && !seen; j++)
                seen = world->applied[j].start_s >= period.start_s &&
                       world->applied[j].start_s < period.end_s;
            if (!seen)
                expect_period(world, &period);
        }
}

/* --- tests ------------------------------------------------------------------------------------ */

/* 2026: the clocks go forward, back (Berlin), a month ends, the year ends; and 2019. */
static const int64_t places[] = {1774742400, 1792890000, 1777573800, 1798756200, 1577833200};

static void random_world(const char *zone, uint64_t seed)
{
    struct world world;
    uint64_t random = seed;
    begin(&world, zone);
    int64_t place = places[0];
    while (world.count < RECORDS) {
        if (sensor_random(&random) >> 59 == 0)
            place = places[(sensor_random(&random) >> 20) % (sizeof places / sizeof *places)];
        uint8_t epoch = (uint8_t)(1 + (sensor_random(&random) >> 20) % EPOCHS);
        int64_t minute = (int64_t)((sensor_random(&random) >> 20) % 900);
        deliver(&world, epoch, place + (minute - minute % EPOCHS + epoch - 1) * 60, &random);
        if (sensor_random(&random) >> 59 == 0) /* one in eight in another epoch's minutes */
            deliver(&world, epoch, place + minute * 60, &random);
        if (sensor_random(&random) >> 58 == 0)
            fold(&world);
        if (sensor_random(&random) >> 59 == 0)
            reload(&world);
    }
    expect_model(&world);
    cr_assert(world.folds > 10 && world.turns > 10 && world.reloads > 10 && world.overlaps > 5,
              "%u folds, %u turns, %u reloads, %u overlaps", world.folds, world.turns,
              world.reloads, world.overlaps);
    end(&world);
}

Test(apply, agrees_with_a_naive_model_over_clock_changes)
{
    random_world("Europe/Berlin", 1);
}

Test(apply, agrees_with_a_naive_model_in_half_hour_zones)
{
    random_world("Asia/Kolkata", 2);
}

static int check_next(struct world *world, uint8_t epoch, uint64_t seq, int64_t start_s,
                      void (*change)(struct record *), struct frame_refuse *refuse)
{
    uint64_t random = 7;
    struct record record;
    uint8_t uuid[EPOCH_SIZE];
    memset(uuid, epoch, EPOCH_SIZE);
    open_epoch(world, epoch, false);
    record_init(&record);
    sensor_record(&record, "s", epoch, seq, start_s, &random);
    if (change)
        change(&record);
    int rc = apply_check(&world->part, uuid, &record, refuse);
    record_close(&record);
    return rc;
}

Test(apply, only_the_next_sequence_is_applied)
{
    struct world world;
    uint64_t random = 3;
    struct frame_refuse refuse = {0};
    begin(&world, "UTC");
    cr_expect_eq(check_next(&world, 1, 2, places[0], NULL, &refuse), ERR_REFUSED);
    cr_expect_eq(refuse.code, REFUSE_GAP);
    deliver(&world, 1, places[0], &random);
    cr_expect_eq(check_next(&world, 1, 1, places[0] + 60, NULL, &refuse), 1);
    cr_expect_eq(check_next(&world, 1, 2, places[0] + 60, NULL, &refuse), 0);
    cr_expect_eq(check_next(&world, 1, 3, places[0] + 60, NULL, &refuse), ERR_REFUSED);
    reload(&world);
    cr_expect_eq(check_next(&world, 1, 1, places[0] + 60, NULL, &refuse), 1);
    cr_expect_eq(check_next(&world, 1, 2, places[0] + 60, NULL, &refuse), 0);
    end(&world);
}

static int check_lost(struct world *world, uint64_t first, uint64_t last,
                      struct frame_refuse *refuse)
{
    uint8_t uuid[EPOCH_SIZE];
    const struct frame_lost lost = {first, last};
    memset(uuid, 1, EPOCH_SIZE);
    open_epoch(world, 1, false);
    return apply_check_lost(&world->part, uuid, &lost, refuse);
}

static void lose(struct world *world, uint64_t last)
{
    struct frame_open open = {.first_ns = places[0] * NS_PER_S};
    struct put put;
    memset(open.epoch, 1, EPOCH_SIZE);
    put_init(&put);
    send(world, &put, apply_lost(&world->part, &open, last, &put));
    world->seq[1] = last;
}

/* They count as nothing that was observed, and the sequence goes on behind them in the store too. */
Test(apply, lost_records_are_passed_over)
{
    struct world world;
    uint64_t random = 4;
    struct frame_refuse refuse = {0};
    begin(&world, "UTC");
    cr_expect_eq(check_lost(&world, 1, 3, &refuse), 0);
    lose(&world, 3); /* the first that the store hears of the sensor */
    reload(&world);
    cr_expect_eq(open_epoch(&world, 1, false), 3);
    cr_expect_eq(check_lost(&world, 1, 3, &refuse), 1);
    cr_expect_eq(check_next(&world, 1, 3, places[0] + 60, NULL, &refuse), 1);
    deliver(&world, 1, places[0] + 600, &random);
    while (world.seq[1] < 5)
        deliver(&world, 1, places[0] + 660, &random);
    cr_expect_eq(check_lost(&world, 7, 9, &refuse), ERR_REFUSED);
    cr_expect_eq(refuse.code, REFUSE_GAP);
    cr_expect_not(refuse.final);
    cr_expect_eq(check_lost(&world, 4, 9, &refuse), 0);
    uint64_t records = world.part.levels[LEVEL_DAY].totals.records;
    uint64_t observed = world.part.levels[LEVEL_DAY].totals.observed_ns;
    lose(&world, 9);
    reload(&world);
    cr_expect_eq(open_epoch(&world, 1, false), 9);
    cr_expect_eq(check_next(&world, 1, 10, places[0] + 900, NULL, &refuse), 0);
    deliver(&world, 1, places[0] + 900, &random);
    cr_expect_eq(world.part.levels[LEVEL_DAY].totals.records - records, world.seq[1] - 9);
    cr_expect_leq(world.part.levels[LEVEL_DAY].totals.observed_ns - observed,
                  60 * (uint64_t)NS_PER_S);
    end(&world);
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
    begin(&world, "UTC");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct frame_refuse refuse = {0};
        cr_expect_eq(check_next(&world, 1, 1, places[0], cases[i].change, &refuse), ERR_REFUSED,
                     "case %zu", i);
        cr_expect(refuse.code == cases[i].code && refuse.final && *refuse.text, "case %zu", i);
    }
    end(&world);
}

Test(apply, a_replay_of_a_moment_already_observed_is_refused_at_open)
{
    struct world world;
    uint64_t random = 4, seq;
    struct frame_refuse refuse = {0};
    begin(&world, "UTC");
    deliver(&world, 1, places[0], &random);
    struct frame_open open = {.replay = true,
                              .first_ns = (places[0] - 3600) * NS_PER_S,
                              .last_ns = (places[0] + 5) * NS_PER_S};
    memset(open.epoch, 2, EPOCH_SIZE);
    cr_expect_eq(apply_open(&world.part, &open, SENSOR_DARKNET, &seq, &refuse), ERR_REFUSED);
    cr_expect(refuse.code == REFUSE_OVERLAP && refuse.final);
    cr_expect(strstr(refuse.text, "01010101-0101-0101-0101-010101010101"), "%s", refuse.text);
    open.last_ns = places[0] * NS_PER_S - 1;
    cr_expect_eq(apply_open(&world.part, &open, SENSOR_DARKNET, &seq, &refuse), 0);
    memset(open.epoch, 1, EPOCH_SIZE); /* its own moments are no overlap */
    open.last_ns = (places[0] + 5) * NS_PER_S;
    cr_expect_eq(apply_open(&world.part, &open, SENSOR_DARKNET, &seq, &refuse), 0);
    cr_expect_eq(seq, 1);
    end(&world);
}

Test(apply, another_darknet_under_the_same_name_is_refused)
{
    struct world world;
    uint64_t random = 5, seq;
    struct frame_open open = {0};
    struct frame_refuse refuse = {0};
    begin(&world, "UTC");
    deliver(&world, 1, places[0], &random);
    reload(&world);
    cr_expect_eq(apply_open(&world.part, &open, "198.51.100.0/25", &seq, &refuse), ERR_REFUSED);
    cr_expect(refuse.code == REFUSE_IDENTITY && refuse.final);
    end(&world);
}

static uint64_t head_number(const struct world *world, const char *field)
{
    char key[SCHEMA_KEY_MAX];
    schema_key_head(key, "s");
    const struct keymap_entry *entry = keymap_find(&world->store, key, field);
    return entry ? strtoull((char *)entry->bytes, NULL, 10) : 0;
}

Test(apply, an_epoch_restates_a_complete_year_of_another_once)
{
    struct world world;
    uint64_t random = 6;
    const int64_t late_2026 = 1798700000 / 60 * 60, early_2027 = 1798761600;
    begin(&world, "UTC");
    deliver_new(&world, 1, late_2026, &random);
    deliver_new(&world, 2, late_2026 + 60, &random); /* the year is not over */
    deliver_new(&world, 1, early_2027, &random);
    cr_expect_eq(head_number(&world, "restated:2026"), 0);
    deliver_new(&world, 1, late_2026 + 120, &random); /* also an epoch that had counted in time */
    deliver_new(&world, 1, late_2026 + 180, &random);
    cr_expect_eq(head_number(&world, "restated:2026"), 1);
    reload(&world);
    deliver_new(&world, 1, late_2026 + 240, &random);
    deliver_new(&world, 3, late_2026 + 300, &random);
    cr_expect_eq(head_number(&world, "restated:2026"), 2);
    cr_expect_eq(head_number(&world, "restated:2027"), 0);
    end(&world);
}

Test(apply, the_first_archive_of_a_year_does_not_restate_it)
{
    struct world world;
    uint64_t random = 6;
    const int64_t in_2026 = 1798700000 / 60 * 60, in_2019 = 1577833200;
    begin(&world, "UTC");
    deliver_new(&world, 1, in_2026, &random);
    deliver_new(&world, 2, in_2019, &random);
    deliver_new(&world, 2, in_2019 + 60, &random);
    reload(&world);
    deliver_new(&world, 2, in_2019 + 120, &random);
    cr_expect_eq(head_number(&world, "restated:2019"), 0);
    deliver_new(&world, 3, in_2019 + 180, &random);
    cr_expect_eq(head_number(&world, "restated:2019"), 1);
    end(&world);
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
    begin(&world, "UTC");
    deliver_new(&world, 1, places[0], &random);
    deliver_new(&world, 1, places[0] + 60, &random);
    deliver_new(&world, 1, places[0], &random); /* late, and as long as the first */
    reload(&world);
    deliver_new(&world, 1, places[0], &random);
    const struct totals totals = hour_totals(&world, places[0]);
    cr_expect_eq(totals.records, 4);
    cr_expect(totals.observed_ns > UINT64_C(119999990000), "%" PRIu64, totals.observed_ns);
    cr_expect(totals.observed_ns <= UINT64_C(120000000000), "%" PRIu64, totals.observed_ns);
    expect_model(&world);
    end(&world);
}

Test(apply, the_log_stays_short)
{
    struct world world;
    uint64_t random = 8;
    begin(&world, "UTC");
    for (int i = 0; i < 300; i++) { /* one minute again and again, so that the hour never changes */
        deliver(&world, 1, places[0], &random);
        cr_assert(world.part.n - world.part.folded <= APPLY_LOGS_MAX);
    }
    size_t logs = 0;
    for (size_t i = 0; i < world.store.count; i++)
        logs += strstr(world.store.entries[i].key, ":log:") != NULL;
    cr_expect(logs <= APPLY_LOGS_MAX && logs > 0);
    expect_model(&world);
    end(&world);
}

/* --- damage ----------------------------------------------------------------------------------- */

/* Loads the head, the log and the open periods of `at_s`; the first error. */
static int load_all(struct world *world, int64_t at_s, char *errmsg)
{
    struct load load;
    int rc;
    part_close(&world->part);
    part_init(&world->part, "s");
    load_begin(&load, &world->part);
    do {
        keymap_fetch(&world->store, &load.fetch);
        rc = load_take(&load, errmsg);
    } while (rc == 0);
    load_close(&load);
    if (rc < 0 || part_holds(&world->part, at_s))
        return rc;
    load_turn(&load, &world->part, at_s);
    keymap_fetch(&world->store, &load.fetch);
    rc = load_take(&load, errmsg);
    load_close(&load);
    return rc;
}

static bool is_of_use(const struct keymap_entry *entry)
{
    return !strstr(entry->field, "restat") && strcmp(entry->field, "from_ns") != 0;
}

Test(load, every_value_cut_short_is_an_error_that_names_its_key)
{
    struct world world;
    uint64_t random = 9;
    begin(&world, "UTC");
    for (int i = 0; i < 10; i++)
        deliver(&world, 1, places[0] + i * 60, &random);
    fold(&world);
    for (int i = 10; i < 20; i++)
        deliver(&world, 1, places[0] + i * 60, &random);
    for (size_t i = 0; i < world.store.count; i++) {
        struct keymap_entry *entry = &world.store.entries[i];
        char errmsg[ERRMSG_SIZE] = "";
        size_t size = entry->size;
        if (!is_of_use(entry))
            continue;
        entry->size = strstr(entry->key, ":log:") ? size - 1 : 0;
        int rc = load_all(&world, places[0], errmsg);
        cr_expect(rc < 0, "%s %s cut short was taken", entry->key, entry->field);
        cr_expect(strstr(errmsg, "darkcount:{s}:") == errmsg, "%s %s: %s", entry->key, entry->field,
                  errmsg);
        entry->size = size;
    }
    char errmsg[ERRMSG_SIZE];
    cr_expect_eq(load_all(&world, places[0], errmsg), 1);
    end(&world);
}

Test(load, a_lost_log_entry_is_noticed)
{
    struct world world;
    uint64_t random = 10;
    char errmsg[ERRMSG_SIZE] = "";
    begin(&world, "UTC");
    while (world.count < 5 || world.applied[world.count - 1].packets == 0)
        deliver(&world, 1, places[0] + (int64_t)world.count * 60, &random);
    char key[SCHEMA_KEY_MAX];
    schema_key_log(key, "s", world.part.n);
    struct keymap_entry *entry = keymap_find(&world.store, key, "");
    cr_assert(entry);
    entry->hash++; /* not to be found any more */
    cr_expect_eq(load_all(&world, places[0], errmsg), ERR_DAMAGED);
    end(&world);
}

Test(load, a_second_writer_is_fenced_off)
{
    struct world world;
    uint64_t random = 11;
    begin(&world, "UTC");
    deliver(&world, 1, places[0], &random);
    struct part old = world.part; /* the other aggregator's view */
    part_init(&world.part, "s");
    reload(&world);
    deliver(&world, 1, places[0] + 60, &random);
    struct put put;
    put_init(&put);
    cr_assert_eq(apply_fold(&old, &put), 0);
    cr_expect_not(keymap_put(&world.store, &put));
    put_close(&put);
    part_close(&old);
    expect_model(&world);
    end(&world);
}

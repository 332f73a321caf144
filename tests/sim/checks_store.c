#include "tests/sim/checks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/course.h"
#include "common/err.h"
#include "common/folded.h"

/* In the end: what the store says, read as docs/STORE.md tells it, is what the sources counted. */

static bool is_held(const struct source *source, unsigned index)
{
    return store.disk.held.records[source - sources] >> index & 1;
}

/* What the sources say of a period: those records of a sensor that the store should have. */
struct expected {
    struct addrvec addresses;
    uint64_t packets, records;
};

static void expect(struct expected *expected, const char *sensor, const struct period *period)
{
    addrvec_init(&expected->addresses);
    expected->packets = expected->records = 0;
    for (unsigned s = 0; s < source_count; s++) {
        const struct source *source = &sources[s];
        for (unsigned i = 0; i < source->count; i++) {
            int64_t start_s = source->base_s + 60 * (int64_t)i;
            if (strcmp(source->sensor, sensor) != 0 || start_s < period->start_s ||
                start_s >= period->end_s || !is_held(source, i))
                continue;
            static struct record record;
            record_init(&record);
            source_record(source, i, &record);
            addrvec_add(&expected->addresses, &record.addresses);
            expected->packets += record.packets;
            expected->records++;
            record_close(&record);
        }
    }
}

static const struct keymap_entry *stored(const char *key, const char *field)
{
    return keymap_find(&store.disk.keys, key, field);
}

static uint64_t head_number(const char *sensor, const char *field)
{
    char key[SCHEMA_KEY_MAX];
    schema_key_head(key, sensor);
    const struct keymap_entry *entry = stored(key, field);
    return entry ? strtoull((const char *)entry->bytes, NULL, 10) : 0;
}

/* Calls `each` with the records of the period that are in the log and not folded yet. */
static void each_logged(const char *sensor, const struct period *period,
                        void (*each)(void *user, const struct record *record), void *user)
{
    char key[SCHEMA_KEY_MAX], errmsg[ERRMSG_SIZE];
    static struct record record;
    uint64_t n = head_number(sensor, "n");
    for (uint64_t i = head_number(sensor, "folded") + 1; i <= n; i++) {
        schema_key_log(key, sensor, i);
        const struct keymap_entry *entry = stored(key, "");
        if (!entry)
            continue; /* of a call that was no record */
        record_init(&record);
        if (record_open(&record, entry->bytes, entry->size, errmsg) != 0)
            world_fail("the store can be read", "%s: %s", key, errmsg);
        if (record.start_s >= period->start_s && record.start_s < period->end_s)
            each(user, &record);
        record_close(&record);
    }
}

static void add_addresses(void *user, const struct record *record)
{
    addrvec_add(user, &record->addresses);
}

/* The folded vector and the log entries behind it: docs/STORE.md. */
static void stored_addresses(const char *sensor, const struct period *period, struct addrvec *sum)
{
    char key[SCHEMA_KEY_MAX];
    uint64_t folded = 0;
    schema_key_addresses(key, sensor, period);
    const struct keymap_entry *entry = stored(key, "");
    if (entry && folded_decode(sum, &folded, entry->bytes, entry->size) != 0)
        world_fail("the store can be read", "%s", key);
    each_logged(sensor, period, add_addresses, sum);
}

static bool same_addresses(const struct addrvec *a, const struct addrvec *b)
{
    return a->count4 == b->count4 &&
           (a->count4 == 0 ||
            (memcmp(a->address4, b->address4, a->count4 * sizeof *a->address4) == 0 &&
             memcmp(a->packets4, b->packets4, a->count4 * sizeof *a->packets4) == 0));
}

static void check_totals(const char *sensor, const struct period *period,
                         const struct expected *expected)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    struct totals totals = {0};
    schema_key_totals(key, field, sensor, period);
    const struct keymap_entry *entry = stored(key, field);
    if (entry && totals_parse(&totals, (const char *)entry->bytes, entry->size) != 0)
        world_fail("the store can be read", "%s", key);
    if (totals.packets != expected->packets || totals.records != expected->records ||
        totals.active != addrvec_active(&expected->addresses) ||
        totals.observed_ns != expected->records * UINT64_C(60000000000))
        world_fail("totals are those of the model",
                   "%s %s: %" PRIu64 " packets in %" PRIu64 " records, counted were %" PRIu64
                   " in %" PRIu64,
                   key, field, totals.packets, totals.records, expected->packets,
                   expected->records);
}

struct day {
    struct course course;
    int64_t start_s;
};

static void add_course(void *user, const struct record *record)
{
    struct day *day = user;
    course_add(&day->course, day->start_s, record, NULL);
}

static void read_course(struct day *day, const char *sensor, const struct period *period)
{
    char key[SCHEMA_KEY_MAX];
    uint64_t folded = 0;
    schema_key_course(key, sensor, period);
    const struct keymap_entry *entry = stored(key, "");
    memset(day, 0, sizeof *day);
    day->start_s = period->start_s;
    if (entry && course_decode(&day->course, &folded, entry->bytes, entry->size) != 0)
        world_fail("the store can be read", "%s", key);
    each_logged(sensor, period, add_course, day);
}

/* The quarters of an hour are right also where the minutes are not known. */
static void check_quarters(const struct source *source, const struct period *period)
{
    static struct day day;
    read_course(&day, source->sensor, period);
    for (int64_t at_s = period->start_s; at_s < period->end_s; at_s += RECORD_MERGED_WIDTH_S) {
        const struct period quarter = {.start_s = at_s, .end_s = at_s + RECORD_MERGED_WIDTH_S};
        struct expected expected;
        uint64_t packets = 0;
        expect(&expected, source->sensor, &quarter);
        for (int64_t slot = (at_s - day.start_s) / 60, i = 0; i < 15; i++)
            packets += day.course.packets[slot + i];
        if (packets != expected.packets)
            world_fail("a quarter's minutes sum to it",
                       "%s: the course has %" PRIu64 " packets, counted were %" PRIu64,
                       source->sensor, packets, expected.packets);
        addrvec_close(&expected.addresses);
    }
}

/* A minute that was dropped is one that was not observed: never a silent zero. */
static void check_course(const struct source *source, unsigned index, const struct period *period)
{
    static struct day day;
    read_course(&day, source->sensor, period);
    int64_t slot = (source->base_s + 60 * (int64_t)index - period->start_s) / 60;
    bool held = is_held(source, index);
    if ((day.course.observed_ns[slot] > 0) != held)
        world_fail("what is lost is lost coverage",
                   "record %u of %s is %s the store, its minute %s", index, source->sensor,
                   held ? "in" : "not in", held ? "counts as not observed" : "counts as observed");
}

static void check_period(const struct source *source, const struct period *period)
{
    struct expected expected;
    struct addrvec sum;
    expect(&expected, source->sensor, period);
    addrvec_init(&sum);
    stored_addresses(source->sensor, period, &sum);
    if (!same_addresses(&sum, &expected.addresses))
        world_fail("sum over addresses = what was counted",
                   "%s, %s: the store has %" PRIu64 " packets to %" PRIu64
                   " addresses, counted were %" PRIu64 " to %" PRIu64,
                   source->sensor, period->label, addrvec_packets(&sum), addrvec_active(&sum),
                   expected.packets, addrvec_active(&expected.addresses));
    check_totals(source->sensor, period, &expected);
    addrvec_close(&sum);
    addrvec_close(&expected.addresses);
}

void checks_store(void)
{
    for (unsigned s = 0; s < source_count; s++)
        for (int level = 0; level < LEVELS; level++) {
            struct period period = {0};
            for (unsigned i = 0; i < sources[s].count; i++) {
                int64_t start_s = sources[s].base_s + 60 * (int64_t)i;
                if (i == 0 || start_s >= period.end_s) {
                    period = calendar_period((enum level)level, start_s);
                    check_period(&sources[s], &period);
                    if (level == LEVEL_DAY)
                        check_quarters(&sources[s], &period);
                }
                if (level == LEVEL_DAY)
                    check_course(&sources[s], i, &period);
            }
        }
}

#include "tests/unit/dashboards/telescope.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/folded.h"
#include "tests/unit/common/random.h"
#include "tests/unit/common/tables_of.h"

#define S INT64_C(1000000000)

static void add_addresses(struct record *record, unsigned sensor, uint64_t *state)
{
    for (uint32_t a = 0; a < 16; a++) {
        uint64_t packets = random_below(state, 4) ? 0 : 1 + random_below(state, 50);
        if (packets)
            addrvec_append4(&record->addresses, 0x0a000000 + (sensor << 8) + a, packets);
        record->packets += packets;
    }
    for (uint8_t a = 0; sensor == 1 && a < 4; a++) {
        const uint8_t address[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = a};
        uint64_t packets = random_below(state, 3);
        if (packets)
            addrvec_append6(&record->addresses, address, packets);
        record->packets += packets;
    }
}

/* Of every packet or of some, from a row of its own. */
static void add_sources(struct record *record)
{
    uint64_t own = record->packets << 32 | record->bytes, *state = &own, left = record->packets;
    uint32_t source = 0x01000000;
    uint8_t source6[16] = {0x20, 0x01, 0x0d, 0xb9};
    for (int i = 0; i < 8 && left > 1; i++, left /= 2) {
        source += 1 + (uint32_t)random_below(state, 6);
        addrvec_append4(&record->sources, source, left - left / 2);
    }
    source6[15] = (uint8_t)random_below(state, 4);
    if (left && random_below(state, 2))
        addrvec_append6(&record->sources, source6, left);
}

static void add_rest(struct record *record, uint64_t *state)
{
    static const uint16_t ports[] = {22, 23, 80, 445};
    record->bytes = record->packets * 40 + random_below(state, record->packets + 1);
    tables_of(&record->tables, record->packets, record->bytes);
    if (record->tables.tcp_ports.count)
        record->tables.tcp_ports.keys[0] = ports[random_below(state, 4)];
    for (uint64_t h = 0; h < record->packets; h++) {
        uint32_t host = (uint32_t)random_below(state, 5000);
        hll_add(&record->hosts, &host, 4);
    }
    add_sources(record);
    record->off_darknet = random_below(state, 5);
    record->not_ip = random_below(state, 5);
    record->captured = record->packets + record->off_darknet + record->not_ip;
    record->kernel_dropped = random_below(state, 3);
    record->interface_dropped = random_below(state, 2);
}

/* A record of the minute, or of a half of it. */
static void make_record(struct record *record, const struct telescope_sensor *sensor,
                        unsigned index, int64_t start_s, int half, uint64_t *state)
{
    record_init(record);
    snprintf(record->sensor, sizeof record->sensor, "%s", sensor->name);
    record->epoch[0] = (uint8_t)(index + 1);
    record->start_s = start_s;
    record->width_s = 60;
    record->first_ns = start_s * S + (half == 2 ? 30 * S : 0);
    record->last_ns = start_s * S + (half == 1 ? 30 * S : 60 * S) - 1;
    if (random_below(state, 6) > 0) {
        add_addresses(record, index, state);
        add_rest(record, state);
    }
}

static void shuffle(struct record *records, size_t count, uint64_t *state)
{
    for (size_t i = count; i > 1; i--) {
        size_t j = random_below(state, i);
        struct record swap = records[i - 1];
        records[i - 1] = records[j];
        records[j] = swap;
    }
}

static void make_sensor(struct telescope_sensor *sensor, unsigned index, uint64_t *state,
                        int64_t from_s, size_t count, int64_t spread_s)
{
    int64_t at_s = from_s;
    snprintf(sensor->name, sizeof sensor->name, "sensor-%u", index);
    sensor->records = calloc(2 * count, sizeof *sensor->records);
    sensor->addresses = index == 1 ? 16 + 4 : 16;
    for (size_t i = 0; i < count; i++) {
        bool halves = random_below(state, 5) == 0;
        at_s += 60 * (1 + (int64_t)random_below(state, (uint64_t)(2 * spread_s / 60)));
        if (halves)
            make_record(&sensor->records[sensor->count++], sensor, index, at_s, 2, state);
        make_record(&sensor->records[sensor->count++], sensor, index, at_s, halves, state);
    }
    sensor->from_ns = INT64_MAX;
    for (size_t i = 0; i < sensor->count; i++) {
        const struct record *record = &sensor->records[i];
        sensor->from_ns = record->first_ns < sensor->from_ns ? record->first_ns : sensor->from_ns;
        sensor->until_ns = record->last_ns > sensor->until_ns ? record->last_ns : sensor->until_ns;
    }
    shuffle(sensor->records, sensor->count, state);
    for (size_t i = 0; i < sensor->count; i++)
        sensor->records[i].seq = i + 1;
}

void telescope_make(struct telescope *telescope, const char *zone, uint64_t seed, int64_t from_s,
                    size_t count, int64_t spread_s)
{
    char errmsg[ERRMSG_SIZE];
    *telescope = (struct telescope){0};
    snprintf(telescope->zone, sizeof telescope->zone, "%s", zone);
    cr_assert_eq(calendar_init(zone, errmsg), 0, "%s", errmsg);
    for (unsigned i = 0; i < TELESCOPE_SENSORS; i++)
        make_sensor(&telescope->sensors[i], i, &seed, from_s + (int64_t)i * 7200, count, spread_s);
}

void telescope_close(struct telescope *telescope)
{
    for (unsigned i = 0; i < TELESCOPE_SENSORS; i++) {
        for (size_t r = 0; r < telescope->sensors[i].count; r++)
            record_close(&telescope->sensors[i].records[r]);
        free(telescope->sensors[i].records);
    }
}

/* A version unlike the one before it. */
static struct telescope_version random_version(const char *before, int64_t from_s, uint64_t *state)
{
    static const struct telescope_version all[] = {
        {0, "10.0.0.0/28", 16},
        {0, "10.0.0.0/29", 8},
        {0, "10.0.0.0/27", 32},
        {0, "-", 0},
        {0, "10.0.0.0/28,2001:db8::/126", 20},
    };
    struct telescope_version version;
    do {
        version = all[random_below(state, sizeof all / sizeof *all)];
    } while (strcmp(version.list, before) == 0);
    version.from_s = from_s;
    return version;
}

void telescope_enrol(struct telescope *telescope, uint64_t seed, int64_t from_s, int64_t to_s)
{
    for (int i = 0; i < 2; i++) {
        struct telescope_sensor *sensor = &telescope->sensors[i];
        const char *before = "-";
        int64_t at_s = from_s;
        sensor->version_count = 1 + random_below(&seed, TELESCOPE_VERSIONS);
        for (size_t v = 0; v < sensor->version_count; v++) {
            uint64_t minutes = (uint64_t)(to_s - at_s) / 60 / (sensor->version_count - v);
            at_s += 60 * (1 + (int64_t)random_below(&seed, minutes));
            sensor->versions[v] = random_version(before, at_s, &seed);
            before = sensor->versions[v].list;
        }
    }
    telescope->sensors[2].live = true;
}

int64_t telescope_due_ns(const struct telescope_sensor *sensor, int64_t now_s)
{
    int64_t due_s = (now_s - 60) / 60 * 60;
    bool goes_on = sensor->live || sensor->version_count > 0;
    return goes_on && due_s * S - 1 > sensor->until_ns ? due_s * S - 1 : sensor->until_ns;
}

uint64_t telescope_observed(const struct telescope_sensor *sensor, int64_t start_s, int64_t end_s)
{
    uint64_t observed = 0;
    for (size_t i = 0; i < sensor->count; i++)
        if (sensor->records[i].start_s >= start_s && sensor->records[i].start_s < end_s)
            observed += (uint64_t)(sensor->records[i].last_ns - sensor->records[i].first_ns) + 1;
    return observed;
}

static void cover_span(const struct telescope_sensor *sensor, double addresses, int64_t start_s,
                       int64_t end_s, int64_t now_s, double *expected, double *observed)
{
    int64_t due_ns = telescope_due_ns(sensor, now_s), first = start_s * S;
    int64_t last = end_s * S - 1 < due_ns ? end_s * S - 1 : due_ns;
    if (sensor->version_count == 0 && first < sensor->from_ns)
        first = sensor->from_ns;
    if (addresses == 0 || start_s >= end_s || first > last)
        return;
    *expected += (double)(last - first + 1) * addresses;
    *observed += (double)telescope_observed(sensor, start_s, end_s) * addresses;
}

void telescope_cover(const struct telescope_sensor *sensor, int64_t start_s, int64_t end_s,
                     int64_t now_s, double *expected, double *observed)
{
    if (sensor->version_count == 0)
        cover_span(sensor, sensor->addresses, start_s, end_s, now_s, expected, observed);
    for (size_t v = 0; v < sensor->version_count; v++) {
        const struct telescope_version *version = &sensor->versions[v];
        int64_t until_s = v + 1 < sensor->version_count ? version[1].from_s : INT64_MAX;
        cover_span(sensor, version->size, start_s > version->from_s ? start_s : version->from_s,
                   end_s < until_s ? end_s : until_s, now_s, expected, observed);
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool in(const struct period *period, const struct record *record)
{
    return period->start_s <= record->start_s && record->start_s < period->end_s;
}

static void put_value(const struct redis *redis, const char *key, struct buf *form)
{
    cr_assert_not(form->failed);
    redis_do(redis, "SET %s %b", key, form->bytes, form->size);
    buf_close(form);
}

/* Observed time as the course counts it, over the minutes of the period. */
static uint64_t observed(const struct telescope_sensor *sensor, const struct period *period)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < sensor->count; i++)
        if (in(period, &sensor->records[i]))
            sum += (uint64_t)(sensor->records[i].last_ns - sensor->records[i].first_ns) + 1;
    return sum; /* the halves of a minute are disjoint, so no minute has too much */
}

static void put_totals(const struct telescope_sensor *sensor, const struct redis *redis,
                       const struct period *period)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX], text[TOTALS_TEXT_MAX];
    struct totals totals = {.observed_ns = observed(sensor, period)};
    struct addrvec all = {0};
    for (size_t i = 0; i < sensor->count; i++) {
        const struct record *r = &sensor->records[i];
        if (!in(period, r))
            continue;
        const struct totals one = {.packets = r->packets,
                                   .bytes = r->bytes,
                                   .records = 1,
                                   .kernel_dropped = r->kernel_dropped,
                                   .interface_dropped = r->interface_dropped,
                                   .off_darknet = r->off_darknet,
                                   .not_ip = r->not_ip};
        totals_add(&totals, &one);
        addrvec_add(&all, &r->addresses);
    }
    totals.active = addrvec_active(&all);
    addrvec_close(&all);
    totals_format(&totals, text);
    schema_key_totals(key, field, sensor->name, period);
    redis_do(redis, "HSET %s %s %s", key, field, text);
}

/* Hosts, addresses and tables of a period as they were when call `folded` was folded. */
static void put_folded(const struct telescope_sensor *sensor, const struct redis *redis,
                       const struct period *period, size_t folded)
{
    char key[SCHEMA_KEY_MAX];
    struct addrvec addresses = {0}, sources = {0};
    struct tables tables = {0};
    struct hll *hosts = calloc(1, sizeof *hosts);
    uint8_t sketch[HLL_REDIS_SIZE];
    size_t records = 0;
    for (size_t i = 0; i < folded; i++) {
        if (!in(period, &sensor->records[i]))
            continue;
        records++;
        addrvec_add(&addresses, &sensor->records[i].addresses);
        addrvec_add(&sources, &sensor->records[i].sources);
        tables_add(&tables, &sensor->records[i].tables);
        hll_merge(hosts, &sensor->records[i].hosts);
    }
    if (records) {
        struct buf form;
        buf_init(&form);
        folded_encode(&addresses, folded, &form);
        schema_key_addresses(key, sensor->name, period);
        put_value(redis, key, &form);
        folded_encode_tables(&tables, folded, &form);
        schema_key_tables(key, sensor->name, period);
        put_value(redis, key, &form);
        if (period->level <= LEVEL_DAY) {
            folded_encode(&sources, folded, &form);
            schema_key_sources(key, sensor->name, period);
            put_value(redis, key, &form);
        }
        hll_to_redis(hosts, sketch);
        schema_key_hosts(key, sensor->name, period);
        redis_do(redis, "SET %s %b", key, sketch, sizeof sketch);
    }
    addrvec_close(&addresses);
    addrvec_close(&sources);
    tables_close(&tables);
    free(hosts);
}

static void put_course(const struct telescope_sensor *sensor, const struct redis *redis,
                       const struct period *day, size_t folded)
{
    char key[SCHEMA_KEY_MAX];
    struct course *course = calloc(1, sizeof *course);
    struct buf form;
    buf_init(&form);
    for (size_t i = 0; i < folded; i++)
        if (in(day, &sensor->records[i]))
            cr_assert_eq(course_add(course, day->start_s, &sensor->records[i], NULL), 0);
    cr_assert_eq(course_encode(course, folded, &form), 0);
    schema_key_course(key, sensor->name, day);
    put_value(redis, key, &form);
    free(course);
}

static void put_log(const struct telescope_sensor *sensor, const struct redis *redis, size_t i)
{
    char key[SCHEMA_KEY_MAX], errmsg[ERRMSG_SIZE] = "";
    struct buf form;
    buf_init(&form);
    cr_assert_eq(record_seal(&sensor->records[i], &form, errmsg), 0, "%s", errmsg);
    schema_key_log(key, sensor->name, i + 1);
    put_value(redis, key, &form);
    schema_key_minutes(key, sensor->name);
    redis_do(redis, "HSET %s %llu %lld", key, (unsigned long long)i + 1,
             (long long)sensor->records[i].start_s);
}

static bool first_of(const struct telescope_sensor *sensor, size_t i, const struct period *period)
{
    for (size_t j = 0; j < i; j++)
        if (in(period, &sensor->records[j]))
            return false;
    return true;
}

static void write_sensor(const struct telescope_sensor *sensor, unsigned index,
                         const struct redis *redis, size_t unfolded, size_t kept)
{
    size_t folded = sensor->count - unfolded;
    redis_do(redis, "SADD darkcount:sensors %s", sensor->name);
    redis_do(redis,
             "HSET darkcount:{%s}:head n %llu folded %llu darknet 10.0.%u.0/28%s from_ns %lld "
             "until_ns %lld",
             sensor->name, (unsigned long long)sensor->count, (unsigned long long)folded, index,
             index == 1 ? ",2001:db8::/126" : "", (long long)sensor->from_ns,
             (long long)sensor->until_ns);
    for (size_t v = 0; v < sensor->version_count; v++)
        redis_do(redis, "HSET darkcount:{%s}:inventory %lld %s", sensor->name,
                 (long long)sensor->versions[v].from_s, sensor->versions[v].list);
    if (sensor->live)
        redis_do(redis, "HSET darkcount:{%s}:head live 1", sensor->name);
    for (size_t i = 0; i < sensor->count; i++) {
        for (int level = LEVEL_HOUR; level < LEVELS; level++) {
            struct period period = calendar_period((enum level)level, sensor->records[i].start_s);
            if (!first_of(sensor, i, &period))
                continue;
            put_totals(sensor, redis, &period);
            put_folded(sensor, redis, &period, folded);
            if (level == LEVEL_DAY)
                put_course(sensor, redis, &period, folded);
        }
        if (i + kept >= sensor->count)
            put_log(sensor, redis, i);
    }
}

void telescope_write(const struct telescope *telescope, const struct redis *redis, size_t unfolded,
                     size_t kept)
{
    redis_do(redis, "HSET darkcount:telescope schema %d timezone %s", SCHEMA_VERSION,
             telescope->zone);
    for (unsigned i = 0; i < TELESCOPE_SENSORS; i++)
        write_sensor(&telescope->sensors[i], i, redis, unfolded, kept);
}

void telescope_expire_hours(const struct telescope *telescope, const struct redis *redis,
                            int64_t at_s)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    struct period day = calendar_period(LEVEL_DAY, at_s);
    for (int64_t at = day.start_s; at < day.end_s;) {
        struct period hour = calendar_period(LEVEL_HOUR, at);
        for (unsigned i = 0; i < TELESCOPE_SENSORS; i++) {
            const char *name = telescope->sensors[i].name;
            schema_key_totals(key, field, name, &hour);
            redis_do(redis, "DEL %s", key);
            schema_key_addresses(key, name, &hour);
            redis_do(redis, "DEL %s", key);
            schema_key_tables(key, name, &hour);
            redis_do(redis, "DEL %s", key);
            schema_key_sources(key, name, &hour);
            redis_do(redis, "DEL %s", key);
            schema_key_hosts(key, name, &hour);
            redis_do(redis, "DEL %s", key);
        }
        at = hour.end_s;
    }
}

/*
 * Writes a synthetic store, as an aggregator would have filled it: sensors with a /16 each, years
 * of day totals, courses, unique hosts (of years, and of the days of the last one) and heads, the same
 * on every run. For benchmarks and for looking at charts; never for a store that holds anything.
 *
 *   synth SOCKET SENSORS FIRST_YEAR YEARS PACKETS MISSING [addresses|tables]
 *
 * PACKETS: per address and day in the first year (at least 1; a third more in each later year).
 * MISSING: every MISSING-th day the second half of the day is missing (0: nothing is).
 * addresses: also packets per address of every day and year; tables: those, and the tables.
 */
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/calendar.h"
#include "common/chunk.h"
#include "common/err.h"
#include "common/folded.h"
#include "common/hll.h"
#include "common/course.h"
#include "common/schema.h"
#include "tests/bench/detail.h"

#define ADDRESSES 65536
#define NS_PER_S  INT64_C(1000000000)

struct synth {
    redisContext *redis;
    size_t pending;
    int first_year, years, missing;
    double packets;
    bool addresses, tables;
};

/* A sensor's year while its days are added up. */
struct year {
    const char *sensor;
    uint32_t first; /* address */
    struct totals totals;
    struct detail detail;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "synth: %s\n", what);
    exit(1);
}

static void drain(struct synth *synth)
{
    for (; synth->pending > 0; synth->pending--) {
        void *reply;
        if (redisGetReply(synth->redis, &reply) != REDIS_OK)
            die(synth->redis->errstr);
        if (((redisReply *)reply)->type == REDIS_REPLY_ERROR)
            die(((redisReply *)reply)->str);
        freeReplyObject(reply);
    }
}

static void put(struct synth *synth, const char *command, const char *key, const char *field,
                const void *value, size_t size)
{
    if (field)
        redisAppendCommand(synth->redis, "%s %s %s %b", command, key, field, value, size);
    else
        redisAppendCommand(synth->redis, "%s %s %b", command, key, value, size);
    if (++synth->pending == 256)
        drain(synth);
}

static void put_text(struct synth *synth, const char *command, const char *key, const char *field,
                     const char *text)
{
    put(synth, command, key, field, text, strlen(text));
}

static void put_totals(struct synth *synth, const char *sensor, const struct period *period,
                       const struct totals *totals)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX], text[TOTALS_TEXT_MAX];
    schema_key_totals(key, field, sensor, period);
    totals_format(totals, text);
    put_text(synth, "HSET", key, field, text);
}

/* A number that looks random and is a function of its arguments. */
static uint64_t noise(uint64_t a, uint64_t b)
{
    uint64_t key[2] = {a, b};
    return murmurhash64a(key, sizeof key, 1);
}

static void put_hosts(struct synth *synth, const char *sensor, const struct period *period,
                      uint32_t count)
{
    static struct hll hosts;
    char key[SCHEMA_KEY_MAX];
    uint8_t sketch[HLL_REDIS_SIZE];
    hll_clear(&hosts);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t host = (uint32_t)noise((uint64_t)period->start_s, i);
        hll_add(&hosts, &host, sizeof host);
    }
    hll_to_redis(&hosts, sketch);
    schema_key_hosts(key, sensor, period);
    put(synth, "SET", key, NULL, sketch, sizeof sketch);
}

/* A folded value, in chunks where it is long. */
static void put_form(struct synth *synth, const char *key, const struct buf *form)
{
    char name[SCHEMA_KEY_MAX];
    for (size_t i = 0; i < chunk_count(form->size); i++) {
        uint8_t header[CHUNK_HEADER];
        size_t header_size;
        struct chunk chunk = chunk_cut(form->bytes, form->size, i, header, &header_size);
        schema_key_chunk(name, key, i);
        redisAppendCommand(synth->redis, "SET %s %b%b", i ? name : key, header, header_size,
                           chunk.bytes, chunk.size);
        synth->pending++;
    }
    drain(synth);
}

static void put_detail(struct synth *synth, const char *sensor, const struct period *period,
                       const struct detail *detail)
{
    char key[SCHEMA_KEY_MAX];
    struct buf form;
    buf_init(&form);
    schema_key_addresses(key, sensor, period);
    if (folded_encode(&detail->addresses, 0, &form) != 0)
        die("out of memory");
    put_form(synth, key, &form);
    form.size = 0;
    schema_key_tables(key, sensor, period);
    if (synth->tables && folded_encode_tables(&detail->tables, 0, &form) != 0)
        die("out of memory");
    if (synth->tables)
        put_form(synth, key, &form);
    buf_close(&form);
}

static void add_detail(struct synth *synth, struct year *year, const struct period *day,
                       const struct totals *totals)
{
    struct detail detail;
    detail_init(&detail);
    if (detail_fill(&detail, totals, year->first, (uint64_t)day->start_s + year->first,
                    synth->tables) != 0 ||
        detail_add(&year->detail, &detail) != 0)
        die("out of memory");
    put_detail(synth, year->sensor, day, &detail);
    detail_close(&detail);
}

static void put_day(struct synth *synth, struct year *year, const struct period *day, double rate)
{
    static struct course course;
    struct totals totals = {0};
    int64_t minutes = (day->end_s - day->start_s) / 60;
    bool short_day = synth->missing && (day->start_s / 86400) % synth->missing == 0;
    if (short_day)
        minutes /= 2;
    memset(&course, 0, sizeof course);
    for (int64_t i = 0; i < minutes; i++) {
        double wave = 0.8 + 0.4 * (double)(noise((uint64_t)day->start_s, (uint64_t)i) % 1000) / 999;
        course.packets[i] = (uint64_t)(rate * ADDRESSES / 1440 * wave);
        course.observed_ns[i] = 60 * (uint64_t)NS_PER_S;
        totals.packets += course.packets[i];
        totals.observed_ns += course.observed_ns[i];
        totals.records++;
    }
    totals.bytes = totals.packets * 44;
    totals.active = ADDRESSES - noise((uint64_t)day->start_s, 0) % 3000;
    totals.kernel_dropped = noise((uint64_t)day->start_s, 1) % 3;
    put_totals(synth, year->sensor, day, &totals);
    totals_add(&year->totals, &totals);
    if (synth->addresses)
        add_detail(synth, year, day, &totals);

    char key[SCHEMA_KEY_MAX];
    struct buf form;
    buf_init(&form);
    schema_key_course(key, year->sensor, day);
    if (course_encode(&course, 0, &form) != 0)
        die("out of memory");
    put(synth, "SET", key, NULL, form.bytes, form.size);
    buf_close(&form);
}

static void put_year(struct synth *synth, struct year *year, int number, double rate)
{
    struct period period = calendar_date(LEVEL_YEAR, number, 1, 1);
    year->totals = (struct totals){0};
    detail_init(&year->detail);
    for (int64_t at = period.start_s; at < period.end_s;) {
        struct period day = calendar_period(LEVEL_DAY, at);
        put_day(synth, year, &day, rate);
        if (number == synth->first_year + synth->years - 1)
            put_hosts(synth, year->sensor, &day, 10000);
        at = day.end_s;
    }
    year->totals.active = ADDRESSES;
    if (synth->addresses) {
        year->totals.active = addrvec_active(&year->detail.addresses);
        put_detail(synth, year->sensor, &period, &year->detail);
    }
    put_totals(synth, year->sensor, &period, &year->totals);
    put_hosts(synth, year->sensor, &period, 100000);
    detail_close(&year->detail);
}

static void put_sensor(struct synth *synth, int index)
{
    char sensor[32], head[SCHEMA_KEY_MAX], text[64];
    snprintf(sensor, sizeof sensor, "synthetic-%03d", index);
    schema_key_head(head, sensor);
    put_text(synth, "SADD", SCHEMA_SENSORS, NULL, sensor);
    double rate = synth->packets;
    struct year year = {.sensor = sensor, .first = (uint32_t)(10 << 24 | index << 16)};
    for (int i = 0; i < synth->years; i++, rate *= 4.0 / 3)
        put_year(synth, &year, synth->first_year + i, rate);
    snprintf(text, sizeof text, "10.%d.0.0/16", index);
    put_text(synth, "HSET", head, "darknet", text);
    struct period first = calendar_date(LEVEL_YEAR, synth->first_year, 1, 1);
    struct period last = calendar_date(LEVEL_YEAR, synth->first_year + synth->years - 1, 1, 1);
    snprintf(text, sizeof text, "%" PRId64, first.start_s * NS_PER_S);
    put_text(synth, "HSET", head, "from_ns", text);
    snprintf(text, sizeof text, "%" PRId64, last.end_s * NS_PER_S - 1);
    put_text(synth, "HSET", head, "until_ns", text);
}

int main(int argc, char **argv)
{
    char errmsg[ERRMSG_SIZE];
    const char *detail = argc == 8 ? argv[7] : "";
    bool tables = strcmp(detail, "tables") == 0;
    bool addresses = tables || strcmp(detail, "addresses") == 0;
    if (argc != 7 && !(argc == 8 && addresses)) {
        fprintf(stderr, "usage: synth SOCKET SENSORS FIRST_YEAR YEARS PACKETS MISSING "
                        "[addresses|tables]\n");
        return 2;
    }
    struct synth synth = {
        .redis = redisConnectUnix(argv[1]),
        .first_year = atoi(argv[3]),
        .years = atoi(argv[4]),
        .packets = atof(argv[5]),
        .addresses = addresses,
        .tables = tables,
        .missing = atoi(argv[6]),
    };
    int sensors = atoi(argv[2]);
    if (!synth.redis || synth.redis->err)
        die("cannot connect");
    if (sensors < 1 || sensors > 256 || synth.years < 1 || synth.first_year < 1971 ||
        synth.first_year + synth.years > 2199 || !(synth.packets >= 1))
        die("an argument is out of range");
    if (calendar_init("Asia/Tokyo", errmsg) != 0)
        die(errmsg);
    put_text(&synth, "HSET", SCHEMA_TELESCOPE, "schema", "2");
    put_text(&synth, "HSET", SCHEMA_TELESCOPE, "timezone", "Asia/Tokyo");
    for (int i = 0; i < sensors; i++)
        put_sensor(&synth, i);
    drain(&synth);
    redisFree(synth.redis);
    return 0;
}

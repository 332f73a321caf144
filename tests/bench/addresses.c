/*
 * Adds packets per address and day to the store that synth wrote, and puts totals of those days that
 * agree with them: every address of each sensor's /16, every day of one year, the same on every run.
 * For the benchmark of export.
 *
 *   addresses SOCKET SENSORS YEAR
 */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/calendar.h"
#include "common/err.h"
#include "common/folded.h"
#include "common/hll.h"
#include "common/schema.h"

#define ADDRESSES 65536

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "addresses: %s\n", what);
    exit(1);
}

/* Counts as a darknet has them: about 100 a day, some addresses far more. */
static uint64_t packets(int64_t day, uint32_t address)
{
    const uint64_t key[2] = {(uint64_t)day, address};
    uint64_t noise = murmurhash64a(key, sizeof key, 1);
    return 80 + noise % 64 + (noise >> 32 & 1023 ? 0 : noise >> 42);
}

static void check(redisReply *reply)
{
    if (!reply || reply->type == REDIS_REPLY_ERROR)
        die("Redis refuses a value");
    freeReplyObject(reply);
}

static void put_totals(redisContext *redis, const char *sensor, const struct period *day,
                       const struct addrvec *vec)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX], text[TOTALS_TEXT_MAX];
    const struct totals totals = {
        .packets = addrvec_packets(vec),
        .bytes = 44 * addrvec_packets(vec),
        .active = addrvec_active(vec),
        .records = 1440,
        .observed_ns = (uint64_t)(day->end_s - day->start_s) * 1000000000,
    };
    schema_key_totals(key, field, sensor, day);
    totals_format(&totals, text);
    check(redisCommand(redis, "HSET %s %s %s", key, field, text));
}

static void put_day(redisContext *redis, int sensor, const struct period *day)
{
    char name[32], key[SCHEMA_KEY_MAX];
    struct addrvec vec;
    struct buf form;
    addrvec_init(&vec);
    buf_init(&form);
    for (uint32_t i = 0; i < ADDRESSES; i++) {
        uint32_t address = (uint32_t)(10 << 24 | sensor << 16) + i;
        if (addrvec_append4(&vec, address, packets(day->start_s, address)) != 0)
            die("out of memory");
    }
    if (folded_encode(&vec, 0, &form) != 0)
        die("out of memory");
    snprintf(name, sizeof name, "synthetic-%03d", sensor);
    schema_key_addresses(key, name, day);
    check(redisCommand(redis, "SET %s %b", key, form.bytes, form.size));
    put_totals(redis, name, day, &vec);
    addrvec_close(&vec);
    buf_close(&form);
}

int main(int argc, char **argv)
{
    char errmsg[ERRMSG_SIZE];
    if (argc != 4) {
        fprintf(stderr, "usage: addresses SOCKET SENSORS YEAR\n");
        return 2;
    }
    redisContext *redis = redisConnectUnix(argv[1]);
    if (!redis || redis->err)
        die("cannot connect");
    if (calendar_init("Asia/Tokyo", errmsg) != 0)
        die(errmsg);
    struct period year = calendar_date(LEVEL_YEAR, atoi(argv[3]), 1, 1);
    for (int64_t at = year.start_s; at < year.end_s;) {
        struct period day = calendar_period(LEVEL_DAY, at);
        for (int sensor = 0; sensor < atoi(argv[2]); sensor++)
            put_day(redis, sensor, &day);
        at = day.end_s;
    }
    redisFree(redis);
    return 0;
}

#include "tests/unit/aggregator/stored.h"

#include <criterion/criterion.h>

#include <inttypes.h>
#include <stdlib.h>

#include "common/calendar.h"
#include "common/folded.h"
#include "common/schema.h"

static void add_hash(redisContext *redis, const char *key, struct totals *sum)
{
    redisReply *reply = redisCommand(redis, "HVALS %s", key);
    cr_assert(reply && reply->type == REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < reply->elements; i++) {
        struct totals totals;
        cr_assert_eq(totals_parse(&totals, reply->element[i]->str, (size_t)reply->element[i]->len),
                     0);
        totals_add(sum, &totals);
    }
    freeReplyObject(reply);
}

/* The totals of one level of the sensor, summed over all of it. */
static struct totals stored(redisContext *redis, const char *sensor, const char *level)
{
    struct totals sum = {0};
    redisReply *keys = redisCommand(redis, "KEYS darkcount:{%s}:%s*", sensor, level);
    cr_assert(keys && keys->type == REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < keys->elements; i++)
        add_hash(redis, keys->element[i]->str, &sum);
    freeReplyObject(keys);
    return sum;
}

/* The packets in the stored address vectors of a level, once everything is folded. */
static uint64_t stored_packets(redisContext *redis, const char *sensor, const char *level)
{
    uint64_t packets = 0, folded;
    redisReply *keys = redisCommand(redis, "KEYS darkcount:{%s}:addresses:%s:*", sensor, level);
    cr_assert(keys && keys->type == REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *value = redisCommand(redis, "GET %s", keys->element[i]->str);
        struct addrvec vec;
        addrvec_init(&vec);
        cr_assert_eq(folded_decode(&vec, &folded, (uint8_t *)value->str, (size_t)value->len), 0);
        packets += addrvec_packets(&vec);
        addrvec_close(&vec);
        freeReplyObject(value);
    }
    freeReplyObject(keys);
    return packets;
}

/* The packets in the tables of a level, once everything is folded. */
static uint64_t stored_classes(redisContext *redis, const char *sensor, const char *level)
{
    uint64_t packets = 0, folded;
    redisReply *keys = redisCommand(redis, "KEYS darkcount:{%s}:tables:%s:*", sensor, level);
    cr_assert(keys && keys->type == REDIS_REPLY_ARRAY);
    for (size_t i = 0; i < keys->elements; i++) {
        redisReply *value = redisCommand(redis, "GET %s", keys->element[i]->str);
        struct tables tables = {0};
        cr_assert_eq(
            folded_decode_tables(&tables, &folded, (uint8_t *)value->str, (size_t)value->len), 0);
        for (int class = 0; class < PACKET_CLASSES; class ++)
            packets += tables.classes[class].packets;
        tables_close(&tables);
        freeReplyObject(value);
    }
    freeReplyObject(keys);
    return packets;
}

/* Calls that are not folded. */
static uint64_t unfolded(redisContext *redis, const char *sensor)
{
    redisReply *head = redisCommand(redis, "HMGET darkcount:{%s}:head n folded", sensor);
    cr_assert(head && head->type == REDIS_REPLY_ARRAY && head->elements == 2);
    const char *n = head->element[0]->str, *folded = head->element[1]->str;
    uint64_t count = n ? strtoull(n, NULL, 10) - (folded ? strtoull(folded, NULL, 10) : 0) : 0;
    freeReplyObject(head);
    return count;
}

void stored_expect(const struct box *box, const char *sensor, const struct totals *sent)
{
    static const char *const hashes[] = {"hours", "days", "months", "years"};
    redisContext *redis = box_redis(box);
    cr_assert(redis);
    for (int level = 0; level < LEVELS; level++) {
        struct totals found = stored(redis, sensor, hashes[level]);
        cr_expect_eq(found.packets, sent->packets, "%s: %" PRIu64 " packets, %" PRIu64 " sent",
                     hashes[level], found.packets, sent->packets);
        cr_expect_eq(found.bytes, sent->bytes);
        cr_expect_eq(found.records, sent->records);
        cr_expect_eq(stored_packets(redis, sensor, level_name((enum level)level)), sent->packets);
        cr_expect_eq(stored_classes(redis, sensor, level_name((enum level)level)), sent->packets);
    }
    cr_expect_eq(unfolded(redis, sensor), 0);
    redisFree(redis);
}

void stored_await_folded(const struct box *box, const char *sensor)
{
    redisContext *redis = box_redis(box);
    cr_assert(redis);
    for (int i = 0; i < 60000 && unfolded(redis, sensor) > 0; i++)
        box_pause();
    redisFree(redis);
}

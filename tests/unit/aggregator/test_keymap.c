#include <criterion/criterion.h>

#include <signal.h>
#include <string.h>

#include "aggregator/function.h"
#include "tests/unit/aggregator/box.h"
#include "tests/unit/aggregator/keymap.h"
#include "tests/unit/aggregator/sensor.h"

#define CALLS 6000
#define FAR_S INT64_C(4102444800) /* 2100: nothing expires while the test runs */
#define HEAD  "h{s}"

struct both {
    struct box box;
    pid_t pid;
    redisContext *redis;
    struct keymap map;
    unsigned done, stale, errors;
};

static unsigned below(uint64_t *random, unsigned bound)
{
    return (unsigned)((sensor_random(random) >> 16) % bound);
}

static redisReply *command(struct both *both, int argc, const char **argv, const size_t *sizes)
{
    redisReply *reply = redisCommandArgv(both->redis, argc, argv, sizes);
    cr_assert(reply, "%s", both->redis->errstr);
    return reply;
}

static void start(struct both *both)
{
    *both = (struct both){0};
    box_open(&both->box);
    both->pid = box_start_redis(&both->box, "no");
    both->redis = box_redis(&both->box);
    cr_assert(both->redis);
    const char *load[] = {"FUNCTION", "LOAD", "REPLACE", function_text};
    freeReplyObject(command(both, 4, load, NULL));
}

static void stop(struct both *both)
{
    keymap_close(&both->map);
    redisFree(both->redis);
    box_end(both->pid, SIGTERM, 5000);
    box_close(&both->box);
}

/* --- random calls ----------------------------------------------------------------------------- */

/* Few keys, so that they meet; most are used as one kind, and some as the other. */
static void random_key(uint64_t *random, char kind, char key[8])
{
    if (below(random, 40) == 0)
        kind = kind == 's' ? 'm' : 's';
    snprintf(key, 8, "%c%u{s}", kind, below(random, 5));
}

static void random_value(uint64_t *random, char value[8], size_t *size)
{
    *size = below(random, 8);
    for (size_t i = 0; i < *size; i++)
        value[i] = (char)below(random, 256);
}

static void random_operation(uint64_t *random, struct put *put)
{
    char key[8], value[8], text[4];
    size_t size;
    snprintf(text, sizeof text, "%u", below(random, 100));
    switch (below(random, 6)) {
    case 0:
        random_key(random, 's', key);
        random_value(random, value, &size);
        put_set(put, key, value, size);
        break;
    case 1:
        random_key(random, 'm', key);
        put_hset(put, key, below(random, 2) ? "a" : "b", text);
        break;
    case 2:
        random_key(random, 's', key);
        put_unlink(put, key);
        break;
    case 3:
        random_key(random, 'm', key);
        put_hdel(put, key, below(random, 2) ? "a" : "b");
        break;
    case 4:
        random_key(random, below(random, 2) ? 's' : 'm', key);
        put_expire(put, key, FAR_S);
        break;
    default:
        put_head_u64(put, below(random, 2) ? "folded" : "x", below(random, 9));
    }
}

/* The words of a call that is none: one of them is lost. */
static void spoil(uint64_t *random, struct put *put)
{
    struct put_list *list = below(random, 2) ? &put->keys : &put->args;
    list->count -= below(random, (unsigned)list->count + 1) > 0;
}

/* The n that the head holds, or now and then another. */
static uint64_t held(const struct keymap *map, uint64_t *random)
{
    const struct keymap_entry *entry = keymap_find(map, HEAD, "n");
    uint64_t number = entry ? strtoull((const char *)entry->bytes, NULL, 10) : 0;
    return below(random, 8) == 0 ? number + below(random, 3) : number;
}

static void random_put(struct both *both, uint64_t *random, struct put *put)
{
    static const char *const writers[] = {"", "a", "b"};
    const struct keymap_entry *writer = keymap_find(&both->map, HEAD, "writer");
    const char *before = below(random, 8) == 0 ? writers[below(random, 3)]
                         : writer              ? writers[1 + (writer->bytes[0] == 'b')]
                                               : "";
    put_init(put);
    if (below(random, 4) == 0)
        put_begin_beside(put, HEAD, held(&both->map, random));
    else
        put_begin(put, HEAD, held(&both->map, random), before, writers[1 + below(random, 2)]);
    for (unsigned i = below(random, 6); i > 0; i--)
        random_operation(random, put);
    if (below(random, 20) == 0)
        spoil(random, put);
}

/* --- the two ---------------------------------------------------------------------------------- */

static enum keymap_answer ask_redis(struct both *both, const struct put *put)
{
    const char *argv[96] = {"FCALL", "darkcount_put"};
    size_t sizes[96] = {5, 13}, argc = 3;
    char count[8];
    argv[2] = count;
    sizes[2] = (size_t)snprintf(count, sizeof count, "%zu", put->keys.count);
    for (size_t i = 0; i < put->keys.count; i++, argc++)
        argv[argc] = put_string(put, &put->keys, i, &sizes[argc]);
    for (size_t i = 0; i < put->args.count; i++, argc++)
        argv[argc] = put_string(put, &put->args, i, &sizes[argc]);
    redisReply *reply = command(both, (int)argc, argv, sizes);
    enum keymap_answer answer = reply->type == REDIS_REPLY_STATUS   ? KEYMAP_OK
                                : reply->type == REDIS_REPLY_STRING ? KEYMAP_STALE
                                                                    : KEYMAP_ERROR;
    freeReplyObject(reply);
    return answer;
}

static void compare_entry(struct both *both, const struct keymap_entry *entry, unsigned call)
{
    const char *argv[] = {*entry->field ? "HGET" : "GET", entry->key, entry->field};
    redisReply *reply = command(both, *entry->field ? 3 : 2, argv, NULL);
    cr_assert_eq(reply->type, REDIS_REPLY_STRING, "call %u: %s %s", call, entry->key, entry->field);
    cr_assert_eq((size_t)reply->len, entry->size, "call %u: %s %s", call, entry->key, entry->field);
    cr_assert(memcmp(reply->str, entry->bytes, entry->size) == 0);
    freeReplyObject(reply);
}

/* How many fields and strings Redis has. */
static size_t count_redis(struct both *both)
{
    size_t count = 0;
    const char *all[] = {"KEYS", "*"};
    redisReply *keys = command(both, 2, all, NULL);
    for (size_t i = 0; i < keys->elements; i++) {
        const char *ask[] = {"HLEN", keys->element[i]->str};
        redisReply *fields = command(both, 2, ask, NULL);
        count += fields->type == REDIS_REPLY_INTEGER ? (size_t)fields->integer : 1;
        freeReplyObject(fields);
    }
    freeReplyObject(keys);
    return count;
}

static void compare(struct both *both, unsigned call)
{
    for (size_t i = 0; i < both->map.count; i++)
        compare_entry(both, &both->map.entries[i], call);
    cr_assert_eq(both->map.count, count_redis(both), "call %u", call);
}

/* A store that has got into another kind of state than apply.c ever makes is begun anew. */
static void clear(struct both *both)
{
    const char *flush[] = {"FLUSHALL"};
    keymap_close(&both->map);
    freeReplyObject(command(both, 1, flush, NULL));
}

Test(keymap, does_what_redis_does_on_random_calls, .timeout = 300)
{
    struct both both;
    struct put put;
    uint64_t random = 20260310;
    start(&both);
    for (unsigned call = 0; call < CALLS; call++) {
        random_put(&both, &random, &put);
        enum keymap_answer model = keymap_call(&both.map, &put), redis = ask_redis(&both, &put);
        cr_assert_eq(model, redis, "call %u: the model says %d, Redis %d", call, model, redis);
        both.done += model == KEYMAP_OK;
        both.stale += model == KEYMAP_STALE;
        both.errors += model == KEYMAP_ERROR;
        put_close(&put);
        if (call % 20 == 0)
            compare(&both, call);
        if (call % 500 == 499)
            clear(&both);
    }
    compare(&both, CALLS);
    cr_expect(both.done > CALLS / 4 && both.stale > CALLS / 20 && both.errors > CALLS / 50,
              "%u done, %u stale, %u errors", both.done, both.stale, both.errors);
    stop(&both);
}

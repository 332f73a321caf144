#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"
#include "dashboards/store_reading.h"

#define SLACK  16   /* calls that may come between hearing of the head and the transaction */
#define BEHIND 1024 /* calls beyond an index that are asked for one by one; then it is read anew */

bool store_any_minutes(const struct store_piece *pieces, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (pieces[i].minutes && pieces[i].wants)
            return true;
    return false;
}

static struct store_index *index_of(const struct store_reading *reading)
{
    return &reading->store->indexes[reading->sensor - reading->store->sensors];
}

/* --- entries ---------------------------------------------------------------------------------- */

/* An entry's time, or false. */
static bool entry_time(const redisReply *value, int64_t *start_s)
{
    uint64_t number;
    if (value->type != REDIS_REPLY_STRING || !store_parse_u64(value->str, value->len, &number) ||
        number >= (uint64_t)CALENDAR_MAX_S)
        return false;
    *start_s = (int64_t)number;
    return true;
}

static int bad_time(const struct store_reading *reading, const char *key, char *errmsg)
{
    return store_damaged(reading->store, key, "a value is not a time", errmsg);
}

/* Number, time, number, time, as HGETALL gives them. */
static int take_index(struct store_reading *reading, const char *key, const redisReply *reply,
                      char *errmsg)
{
    struct store_index *index = index_of(reading);
    index->entries = calloc(reply->elements / 2 + 1, sizeof *index->entries);
    if (!index->entries)
        return store_reading_nomem(reading, errmsg);
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *field = reply->element[i];
        struct store_entry *entry = &index->entries[index->count];
        if (field->type != REDIS_REPLY_STRING ||
            !store_parse_u64(field->str, field->len, &entry->n))
            return store_damaged(reading->store, key, "a field is not a number", errmsg);
        if (!entry_time(reply->element[i + 1], &entry->start_s))
            return bad_time(reading, key, errmsg);
        if (entry->n > index->through)
            index->through = entry->n;
        index->count++;
    }
    return 0;
}

void store_forget_index(struct store_index *index)
{
    free(index->entries);
    *index = (struct store_index){0};
}

int store_need_index(struct store_reading *reading, bool anew, char *errmsg)
{
    struct store_index *index = index_of(reading);
    char key[SCHEMA_KEY_MAX];
    redisReply *reply;
    if (!anew && index->entries && reading->head->n < index->through + BEHIND)
        return 0;
    store_forget_index(index);
    index->through = reading->head->n;
    schema_key_minutes(key, reading->sensor->name);
    int rc = store_send(reading->store, errmsg, "HGETALL %s", key);
    if (rc == 0)
        rc = store_take(reading->store, key, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    rc = take_index(reading, key, reply, errmsg);
    freeReplyObject(reply);
    return rc;
}

bool store_in_index(const struct store_reading *reading, const struct store_piece *piece)
{
    const struct store_index *index = index_of(reading);
    for (size_t i = 0; i < index->count; i++)
        if (piece->start_s <= index->entries[i].start_s && index->entries[i].start_s < piece->end_s)
            return true;
    return false;
}

/* --- those of a batch ------------------------------------------------------------------------- */

int store_ask_entries(struct store_reading *reading, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    bool minutes = store_any_minutes(reading->pieces, reading->count);
    uint64_t first = (minutes ? index_of(reading)->through : reading->head->folded) + 1;
    uint64_t end = reading->head->n + 1;
    size_t count = (size_t)(end > first ? end - first : 0) + SLACK;
    char(*numbers)[24] = calloc(count, sizeof *numbers);
    const char **words = calloc(count + 2, sizeof *words);
    int rc = numbers && words ? 0 : store_reading_nomem(reading, errmsg);
    reading->first_asked = first;
    schema_key_minutes(key, reading->sensor->name);
    if (rc == 0) {
        words[0] = "HMGET";
        words[1] = key;
        for (size_t i = 0; i < count; i++) {
            snprintf(numbers[i], sizeof *numbers, "%" PRIu64, first + i);
            words[2 + i] = numbers[i];
        }
        if (redisAppendCommandArgv(reading->store->redis, (int)count + 2, words, NULL) != REDIS_OK)
            rc = store_lost(reading->store, errmsg);
    }
    free(words);
    free(numbers);
    return rc;
}

bool store_entries_reach(const struct store_head *asked, const struct store_head *head)
{
    return head->folded >= asked->folded && head->n <= asked->n + SLACK;
}

static int keep_index(struct store_reading *reading)
{
    const struct store_index *index = index_of(reading);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < index->count; i++)
        rc = store_keep_entry(reading, index->entries[i]);
    return rc;
}

int store_take_entries(struct store_reading *reading, const redisReply *answer, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    reading->entry_count = 0;
    int rc = store_any_minutes(reading->pieces, reading->count) ? keep_index(reading) : 0;
    schema_key_minutes(key, reading->sensor->name);
    for (size_t i = 0; rc == 0 && answer && i < answer->elements; i++) {
        struct store_entry entry = {.n = reading->first_asked + i};
        const redisReply *value = answer->element[i];
        if (value->type == REDIS_REPLY_NIL) /* a call without a record, or one to come */
            continue;
        if (!entry_time(value, &entry.start_s))
            return bad_time(reading, key, errmsg);
        rc = store_keep_entry(reading, entry);
    }
    return rc ? store_reading_nomem(reading, errmsg) : 0;
}

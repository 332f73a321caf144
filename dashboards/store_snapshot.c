#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/chunk.h"
#include "common/err.h"
#include "common/folded.h"
#include "common/sourcevec.h"
#include "dashboards/store_reading.h"

/* --- asking ----------------------------------------------------------------------------------- */

/* Of the classes alone only the beginning is read. */
static int ask_tables(struct store_reading *reading, const struct store_piece *piece, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    schema_key_tables(key, reading->sensor->name, &piece->period);
    if ((piece->wants & STORE_TABLES) || reading->old_tables)
        return store_send(reading->store, errmsg, "GET %s", key);
    return store_send(reading->store, errmsg, "GETRANGE %s 0 %d", key,
                      CHUNK_HEADER + FOLDED_CLASSES_SIZE - 1);
}

static int ask_piece(struct store_reading *reading, const struct store_piece *piece, char *errmsg)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    const char *name = reading->sensor->name;
    if (piece->minutes)
        return 0;
    schema_key_totals(key, field, name, &piece->period);
    int rc = store_send(reading->store, errmsg, "HGET %s %s", key, field);
    schema_key_hosts(key, name, &piece->period);
    if (rc == 0 && (piece->wants & STORE_HOSTS))
        rc = store_send(reading->store, errmsg, "GET %s", key);
    schema_key_addresses(key, name, &piece->period);
    if (rc == 0 && (piece->wants & STORE_ADDRESSES))
        rc = store_send(reading->store, errmsg, "GET %s", key);
    if (rc == 0 && (piece->wants & (STORE_TABLES | STORE_CLASSES)))
        rc = ask_tables(reading, piece, errmsg);
    schema_key_sources(key, name, &piece->period);
    if (rc == 0 && (piece->wants & STORE_SOURCES))
        rc = store_send(reading->store, errmsg, "GET %s", key);
    return rc;
}

static void list_courses(struct store_reading *reading)
{
    reading->course_count = 0;
    for (size_t i = 0; i < reading->count; i++) {
        const struct store_piece *piece = &reading->pieces[i];
        if (!store_needs_course(piece) || store_course_of(reading, piece))
            continue;
        struct store_course *course = &reading->courses[reading->course_count++];
        memset(course, 0, sizeof *course);
        course->day =
            piece->minutes ? piece->period : calendar_period(LEVEL_DAY, piece->period.start_s);
    }
}

static int ask(struct store_reading *reading, size_t *count, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    schema_key_head(key, reading->sensor->name);
    list_courses(reading);
    int rc = store_send(reading->store, errmsg, "MULTI");
    if (rc == 0)
        rc = store_send(reading->store, errmsg, "HMGET %s n folded", key);
    *count = 2; /* head and entries */
    for (size_t i = 0; rc == 0 && i < reading->count; i++) {
        const struct store_piece *piece = &reading->pieces[i];
        rc = ask_piece(reading, piece, errmsg);
        if (!piece->minutes)
            *count += 1u + !!(piece->wants & STORE_HOSTS) + !!(piece->wants & STORE_ADDRESSES) +
                      !!(piece->wants & (STORE_TABLES | STORE_CLASSES)) +
                      !!(piece->wants & STORE_SOURCES);
    }
    for (size_t i = 0; rc == 0 && i < reading->course_count; i++, ++*count) {
        schema_key_course(key, reading->sensor->name, &reading->courses[i].day);
        rc = store_send(reading->store, errmsg, "GET %s", key);
    }
    if (rc == 0)
        rc = store_ask_entries(reading, errmsg);
    return rc ? rc : store_send(reading->store, errmsg, "EXEC");
}

/* The transaction: `*answers` has `*count` elements, in the order in which ask asked. */
static int take_answers(struct store_reading *reading, redisReply **answers, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    size_t count;
    schema_key_head(key, reading->sensor->name);
    int rc = ask(reading, &count, errmsg);
    for (size_t i = 0; rc == 0 && i < count + 1; i++) { /* OK, then QUEUED for each */
        redisReply *reply;
        rc = store_take(reading->store, key, REDIS_REPLY_STATUS, &reply, errmsg);
        if (rc == 0)
            freeReplyObject(reply);
    }
    if (rc == 0)
        rc = store_take(reading->store, key, REDIS_REPLY_ARRAY, answers, errmsg);
    if (rc == 0 && (*answers)->elements != count) {
        freeReplyObject(*answers);
        rc = store_damaged(reading->store, key, "the server left out answers", errmsg);
    }
    return rc;
}

/* --- understanding the answers ---------------------------------------------------------------- */

/* The next answer, of `type` or nil (*answer NULL). */
static int next(const struct store_reading *reading, redisReply ***at, const char *key, int type,
                const redisReply **answer, char *errmsg)
{
    *answer = *(*at)++;
    int rc = store_check(reading->store, key, type, *answer, errmsg);
    if ((*answer)->type == REDIS_REPLY_NIL)
        *answer = NULL;
    return rc;
}

static int understand_head(struct store_reading *reading, const redisReply *answer, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    struct store_head head, asked = *reading->head;
    schema_key_head(key, reading->sensor->name);
    int rc = store_check(reading->store, key, REDIS_REPLY_ARRAY, answer, errmsg);
    if (rc)
        return rc;
    if (answer->elements != 2 || !store_parse_head(&head, answer->element[0], answer->element[1]))
        return store_damaged(reading->store, key, "n or folded is not a number of calls", errmsg);
    *reading->head = head;
    return store_entries_reach(&asked, &head) ? 0 : ERR_STALE;
}

static int understand_totals(struct store_reading *reading, const struct store_piece *piece,
                             struct store_counts *counts, redisReply ***at, char *errmsg)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    const redisReply *answer;
    schema_key_totals(key, field, reading->sensor->name, &piece->period);
    int rc = next(reading, at, key, REDIS_REPLY_STRING, &answer, errmsg);
    if (rc || !answer)
        return rc;
    rc = totals_parse(&counts->totals, answer->str, answer->len);
    return rc ? store_bad_value(reading->store, key, rc, errmsg) : 0;
}

static int understand_hosts(struct store_reading *reading, const struct store_piece *piece,
                            struct store_counts *counts, redisReply ***at, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    const redisReply *answer;
    schema_key_hosts(key, reading->sensor->name, &piece->period);
    int rc = next(reading, at, key, REDIS_REPLY_STRING, &answer, errmsg);
    if (rc || !answer)
        return rc;
    counts->hosts_known = true;
    rc = hll_from_redis(&counts->hosts, answer->str, answer->len);
    return rc ? store_bad_value(reading->store, key, rc, errmsg) : 0;
}

/* The next value of one key, its chunks joined. `*bytes` is NULL when there is none. */
static int next_whole(struct store_reading *reading, redisReply ***at, const char *key,
                      const uint8_t **bytes, size_t *size, char *errmsg)
{
    const redisReply *answer;
    *bytes = NULL;
    int rc = next(reading, at, key, REDIS_REPLY_STRING, &answer, errmsg);
    return rc || !answer ? rc : store_whole(reading, key, answer, bytes, size, errmsg);
}

static int understand_addresses(struct store_reading *reading, const struct store_piece *piece,
                                size_t i, redisReply ***at, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    const uint8_t *bytes;
    size_t size;
    schema_key_addresses(key, reading->sensor->name, &piece->period);
    int rc = next_whole(reading, at, key, &bytes, &size, errmsg);
    if (rc || !bytes)
        return rc;
    rc = folded_decode(&reading->counts[i].addresses, &reading->folds[i].addresses, bytes, size);
    return rc ? store_bad_value(reading->store, key, rc, errmsg) : 0;
}

/* The beginning of the next value of one key; as next_whole. ERR_STALE when the whole must be asked for. */
static int next_classes(struct store_reading *reading, redisReply ***at, const char *key,
                        const uint8_t **bytes, size_t *size, char *errmsg)
{
    const redisReply *answer;
    *bytes = NULL;
    int rc = next(reading, at, key, REDIS_REPLY_STRING, &answer, errmsg);
    if (rc || !answer || answer->len == 0)
        return rc;
    struct chunk begins =
        chunk_beginning((struct chunk){(const uint8_t *)answer->str, answer->len});
    reading->old_tables = !folded_classes_first(begins.bytes, begins.size);
    *bytes = begins.bytes;
    *size = begins.size;
    return reading->old_tables ? ERR_STALE : 0;
}

static int understand_tables(struct store_reading *reading, const struct store_piece *piece,
                             size_t i, redisReply ***at, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    const uint8_t *bytes;
    size_t size;
    schema_key_tables(key, reading->sensor->name, &piece->period);
    bool whole = (piece->wants & STORE_TABLES) || reading->old_tables;
    int rc = whole ? next_whole(reading, at, key, &bytes, &size, errmsg)
                   : next_classes(reading, at, key, &bytes, &size, errmsg);
    if (rc || !bytes)
        return rc;
    struct tables *tables = &reading->counts[i].tables;
    uint64_t *folded = &reading->folds[i].tables;
    rc = piece->wants & STORE_TABLES ? folded_decode_tables(tables, folded, bytes, size)
                                     : folded_decode_classes(tables, folded, bytes, size);
    return rc ? store_bad_value(reading->store, key, rc, errmsg) : 0;
}

static int understand_sources(struct store_reading *reading, const struct store_piece *piece,
                              size_t i, redisReply ***at, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    const uint8_t *bytes;
    size_t size;
    struct addrvec *sources = &reading->counts[i].sources;
    schema_key_sources(key, reading->sensor->name, &piece->period);
    int rc = next_whole(reading, at, key, &bytes, &size, errmsg);
    if (rc || !bytes)
        return rc;
    rc = folded_decode(sources, &reading->folds[i].sources, bytes, size);
    if (rc)
        return store_bad_value(reading->store, key, rc, errmsg);
    const char *broken =
        sourcevec_broken(sources, sourcevec_bound(piece->period.level), UINT64_MAX);
    return broken ? store_damaged(reading->store, key, broken, errmsg) : 0;
}

static int understand_piece(struct store_reading *reading, size_t i, redisReply ***at, char *errmsg)
{
    const struct store_piece *piece = &reading->pieces[i];
    struct store_counts *counts = &reading->counts[i];
    if (piece->minutes)
        return 0;
    int rc = understand_totals(reading, piece, counts, at, errmsg);
    if (rc == 0 && (piece->wants & STORE_HOSTS))
        rc = understand_hosts(reading, piece, counts, at, errmsg);
    if (rc == 0 && (piece->wants & STORE_ADDRESSES))
        rc = understand_addresses(reading, piece, i, at, errmsg);
    if (rc == 0 && (piece->wants & (STORE_TABLES | STORE_CLASSES)))
        rc = understand_tables(reading, piece, i, at, errmsg);
    if (rc == 0 && (piece->wants & STORE_SOURCES))
        rc = understand_sources(reading, piece, i, at, errmsg);
    return rc;
}

static int understand_course(struct store_reading *reading, struct store_course *course,
                             redisReply ***at, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    const redisReply *answer;
    schema_key_course(key, reading->sensor->name, &course->day);
    int rc = next(reading, at, key, REDIS_REPLY_STRING, &answer, errmsg);
    if (rc || !answer)
        return rc;
    rc = course_decode(&course->course, &course->folded, (const uint8_t *)answer->str, answer->len);
    return rc ? store_bad_value(reading->store, key, rc, errmsg) : 0;
}

static int understand_entries(struct store_reading *reading, redisReply ***at, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    const redisReply *answer;
    schema_key_minutes(key, reading->sensor->name);
    int rc = next(reading, at, key, REDIS_REPLY_ARRAY, &answer, errmsg);
    return rc ? rc : store_take_entries(reading, answer, errmsg);
}

static int understand(struct store_reading *reading, const redisReply *answers, char *errmsg)
{
    redisReply **at = answers->element;
    int rc = understand_head(reading, *at++, errmsg);
    for (size_t i = 0; rc == 0 && i < reading->count; i++)
        rc = understand_piece(reading, i, &at, errmsg);
    for (size_t i = 0; rc == 0 && i < reading->course_count; i++)
        rc = understand_course(reading, &reading->courses[i], &at, errmsg);
    return rc ? rc : understand_entries(reading, &at, errmsg);
}

int store_read_snapshot(struct store_reading *reading, char *errmsg)
{
    redisReply *answers;
    int rc = take_answers(reading, &answers, errmsg);
    if (rc)
        return rc;
    rc = understand(reading, answers, errmsg);
    freeReplyObject(answers);
    return rc;
}

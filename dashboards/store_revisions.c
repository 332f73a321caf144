#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "dashboards/store_link.h"

/* Both hashes of a sensor at one moment, so that what was added is a part of what there is. */
static int send_sensor(struct store *store, size_t i, void *user, char *errmsg)
{
    const struct period year = {.level = LEVEL_YEAR, .year = STORE_YEAR_MIN};
    char years[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX], revisions[SCHEMA_KEY_MAX];
    (void)user;
    schema_key_totals(years, field, store->sensors[i].name, &year);
    schema_key_revisions(revisions, store->sensors[i].name);
    int rc = store_send(store, errmsg, "MULTI");
    if (rc == 0)
        rc = store_send(store, errmsg, "HGETALL %s", years);
    if (rc == 0)
        rc = store_send(store, errmsg, "HGETALL %s", revisions);
    return rc ? rc : store_send(store, errmsg, "EXEC");
}

static int take_year(const struct store *store, size_t sensor, const char *key,
                     const redisReply *field, const redisReply *value,
                     const struct store_revisions_reader *reader, char *errmsg)
{
    struct totals totals;
    int year;
    if (field->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING || field->len != 4 ||
        !store_parse_part(field->str, 4, STORE_YEAR_MIN, STORE_YEAR_MAX, &year))
        return store_damaged(store, key, "a field is not a year", errmsg);
    int rc = totals_parse(&totals, value->str, value->len);
    return rc ? store_bad_value(store, key, rc, errmsg)
              : reader->on_year(reader->user, sensor, year, &totals, errmsg);
}

static int take_revision(const struct store *store, size_t sensor, const char *key,
                         const redisReply *field, const redisReply *value,
                         const struct store_revisions_reader *reader, char *errmsg)
{
    struct revision revision;
    uint64_t k;
    int year;
    if (field->type != REDIS_REPLY_STRING || value->type != REDIS_REPLY_STRING ||
        strlen(field->str) != field->len || revision_field_parse(field->str, &year, &k) != 0 ||
        year < STORE_YEAR_MIN || year > STORE_YEAR_MAX)
        return store_damaged(store, key, "a field is not a revision of a year", errmsg);
    int rc = revision_parse(&revision, value->str, value->len);
    return rc ? store_bad_value(store, key, rc, errmsg)
              : reader->on_revision(reader->user, sensor, year, k, &revision, errmsg);
}

/* A hash as a list: field, value, field, value. */
static int take_hash(const struct store *store, size_t sensor, const char *key,
                     const redisReply *hash, const struct store_revisions_reader *reader,
                     int (*take)(const struct store *, size_t, const char *, const redisReply *,
                                 const redisReply *, const struct store_revisions_reader *, char *),
                     char *errmsg)
{
    int rc = store_check(store, key, REDIS_REPLY_ARRAY, hash, errmsg);
    for (size_t i = 0; rc == 0 && i + 1 < hash->elements; i += 2)
        rc = take(store, sensor, key, hash->element[i], hash->element[i + 1], reader, errmsg);
    return rc;
}

static int take_answers(struct store *store, size_t sensor, const redisReply *answers,
                        const struct store_revisions_reader *reader, char *errmsg)
{
    const struct period year = {.level = LEVEL_YEAR, .year = STORE_YEAR_MIN};
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    schema_key_totals(key, field, store->sensors[sensor].name, &year);
    if (answers->elements != 2)
        return store_damaged(store, key, "the server left out answers", errmsg);
    int rc = take_hash(store, sensor, key, answers->element[0], reader, take_year, errmsg);
    schema_key_revisions(key, store->sensors[sensor].name);
    return rc ? rc
              : take_hash(store, sensor, key, answers->element[1], reader, take_revision, errmsg);
}

static int receive_sensor(struct store *store, size_t i, void *user, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    redisReply *reply;
    schema_key_revisions(key, store->sensors[i].name);
    for (int queued = 0; queued < 3; queued++) { /* OK, then QUEUED for each */
        int rc = store_take(store, key, REDIS_REPLY_STATUS, &reply, errmsg);
        if (rc)
            return rc;
        freeReplyObject(reply);
    }
    int rc = store_take(store, key, REDIS_REPLY_ARRAY, &reply, errmsg);
    if (rc)
        return rc;
    rc = take_answers(store, i, reply, user, errmsg);
    freeReplyObject(reply);
    return rc;
}

int store_read_revisions(struct store *store, const struct store_revisions_reader *reader,
                         char *errmsg)
{
    const struct store_talk talk = {store->count,   0,   (void *)reader, send_sensor,
                                    receive_sensor, true};
    return store_talk(store, &talk, errmsg);
}

#include <stdlib.h>
#include <string.h>

#include "common/chunk.h"
#include "common/err.h"
#include "common/list.h"
#include "dashboards/store_reading.h"

#define LOG_WINDOW 8 /* of entries on their way: each has up to CHUNK_SIZE bytes */

/* --- values in chunks ------------------------------------------------------------------------- */

static int take_chunk(struct store_reading *reading, const char *key, redisReply **reply,
                      char *errmsg)
{
    int rc = store_take(reading->store, key, REDIS_REPLY_STRING, reply, errmsg);
    if (rc == 0 && (*reply)->type == REDIS_REPLY_NIL) {
        freeReplyObject(*reply);
        *reply = NULL;
        rc = ERR_STALE;
    }
    return rc;
}

/* Reads chunks 1 .. count-1 of `key`; every reply is taken also when one is missing. */
static int take_chunks(struct store_reading *reading, const char *key, size_t count,
                       redisReply **replies, char *errmsg)
{
    char chunk[SCHEMA_KEY_MAX];
    int stale = 0;
    for (size_t i = 1; i < count; i++) {
        schema_key_chunk(chunk, key, i);
        int rc = store_send(reading->store, errmsg, "GET %s", chunk);
        if (rc)
            return rc;
    }
    for (size_t i = 1; i < count; i++) {
        schema_key_chunk(chunk, key, i);
        int rc = take_chunk(reading, chunk, &replies[i], errmsg);
        if (rc == ERR_STALE)
            stale = rc;
        else if (rc)
            return rc;
    }
    return stale;
}

static int join(struct store_reading *reading, const redisReply *first, redisReply **replies,
                struct chunk *chunks, size_t count)
{
    chunks[0] = (struct chunk){(const uint8_t *)first->str, first->len};
    for (size_t i = 1; i < count; i++)
        chunks[i] = (struct chunk){(const uint8_t *)replies[i]->str, replies[i]->len};
    int rc = chunk_join(chunks, count, &reading->value);
    return rc == ERR_DAMAGED ? ERR_STALE : rc;
}

int store_whole(struct store_reading *reading, const char *key, const redisReply *first,
                const uint8_t **bytes, size_t *size, char *errmsg)
{
    int count = chunk_announced((struct chunk){(const uint8_t *)first->str, first->len});
    if (count < 0)
        return store_bad_value(reading->store, key, count, errmsg);
    *bytes = (const uint8_t *)first->str;
    *size = first->len;
    if (count == 1)
        return 0;
    redisReply **replies = calloc((size_t)count, sizeof(redisReply *));
    struct chunk *chunks = calloc((size_t)count, sizeof *chunks);
    int rc = replies && chunks ? take_chunks(reading, key, (size_t)count, replies, errmsg)
                               : store_reading_nomem(reading, errmsg);
    reading->value.size = 0;
    if (rc == 0)
        rc = join(reading, first, replies, chunks, (size_t)count);
    if (rc == ERR_NOMEM)
        store_reading_nomem(reading, errmsg);
    for (int i = 1; replies && i < count; i++)
        freeReplyObject(replies[i]);
    free(replies);
    free(chunks);
    *bytes = reading->value.bytes;
    *size = reading->value.size;
    return rc;
}

/* --- which entries matter --------------------------------------------------------------------- */

static bool holds(const struct store_piece *piece, int64_t at_s)
{
    return piece->start_s <= at_s && at_s < piece->end_s;
}

struct store_course *store_course_of(const struct store_reading *reading,
                                     const struct store_piece *piece)
{
    for (size_t i = 0; i < reading->course_count; i++) {
        const struct period *day = &reading->courses[i].day;
        if (day->start_s <= piece->start_s && piece->start_s < day->end_s)
            return &reading->courses[i];
    }
    return NULL;
}

/* Minutes are made of every entry that is still there, the rest of what is not folded. */
static bool matters(const struct store_reading *reading, const struct store_entry *entry)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct store_piece *piece = &reading->pieces[i];
        if (piece->wants && holds(piece, entry->start_s) &&
            (piece->minutes || entry->n > reading->head->folded))
            return true;
    }
    for (size_t i = 0; i < reading->course_count; i++) {
        const struct store_course *course = &reading->courses[i];
        if (entry->n > course->folded && entry->n > reading->head->folded &&
            course->day.start_s <= entry->start_s && entry->start_s < course->day.end_s)
            return true;
    }
    return false;
}

int store_keep_entry(struct store_reading *reading, struct store_entry entry)
{
    if (!matters(reading, &entry))
        return 0;
    struct store_entry *entries =
        list_room(reading->entries, reading->entry_count, &reading->entry_room, sizeof *entries);
    if (!entries)
        return ERR_NOMEM;
    reading->entries = entries;
    reading->entries[reading->entry_count++] = entry;
    return 0;
}

/* --- adding them ------------------------------------------------------------------------------ */

static int add_classes(struct tables *into, const struct tables *from)
{
    struct tables classes = {0};
    memcpy(classes.classes, from->classes, sizeof classes.classes);
    memcpy(classes.class_witnesses, from->class_witnesses, sizeof classes.class_witnesses);
    return tables_add(into, &classes);
}

/* What was read for minutes may be in the folded values of the hour around them already. */
static int add_to_piece(const struct store_piece *piece, struct store_counts *counts,
                        struct store_folded *fold, uint64_t n, const struct record *record)
{
    int rc = 0;
    totals_add_record(&fold->log, record);
    if (piece->wants & STORE_HOSTS)
        hll_merge(&counts->hosts, &record->hosts);
    if ((piece->wants & STORE_ADDRESSES) && n > fold->addresses)
        rc = addrvec_add(&counts->addresses, &record->addresses);
    if (rc == 0 && (piece->wants & STORE_TABLES) && n > fold->tables)
        rc = tables_add(&counts->tables, &record->tables);
    if (rc == 0 && (piece->wants & STORE_SOURCES) && n > fold->sources)
        rc = addrvec_add(&counts->sources, &record->sources);
    if (rc == 0 && (piece->wants & STORE_CLASSES) && n > fold->tables)
        rc = add_classes(&counts->tables, &record->tables);
    return rc;
}

static int add_record(struct store_reading *reading, uint64_t n, const struct record *record)
{
    for (size_t i = 0; i < reading->count; i++) {
        const struct store_piece *piece = &reading->pieces[i];
        if (!holds(piece, record->start_s))
            continue;
        int rc = add_to_piece(piece, &reading->counts[i], &reading->folds[i], n, record);
        if (rc)
            return rc;
    }
    for (size_t i = 0; i < reading->course_count; i++) {
        struct store_course *course = &reading->courses[i];
        if (n > course->folded && course->day.start_s <= record->start_s &&
            record->start_s < course->day.end_s)
            course_add(&course->course, course->day.start_s, record, NULL);
    }
    return 0;
}

static int open_and_add(struct store_reading *reading, const char *key, uint64_t n,
                        const uint8_t *bytes, size_t size, char *errmsg)
{
    char cause[ERRMSG_SIZE] = "";
    struct record record;
    record_init(&record);
    int rc = record_open(&record, bytes, size, cause);
    if (rc == ERR_DAMAGED)
        return store_damaged(reading->store, key, cause, errmsg);
    if (rc == 0)
        rc = add_record(reading, n, &record);
    record_close(&record);
    return rc ? store_reading_nomem(reading, errmsg) : 0;
}

/* Entries of one chunk are added as they come; the others are put aside, at the front of the list,
 * since the rest of their chunks can only be asked for when nothing is on its way. */
struct log_reading {
    struct store_reading *reading;
    size_t aside;
    bool stale;
};

static int send_log(struct store *store, size_t i, void *user, char *errmsg)
{
    const struct store_reading *reading = ((struct log_reading *)user)->reading;
    char key[SCHEMA_KEY_MAX];
    schema_key_log(key, reading->sensor->name, reading->entries[i].n);
    return store_send(store, errmsg, "GET %s", key);
}

/* An entry that is gone was trimmed. Of a folded one nothing else is lost than its minute's detail,
 * which the sums tell; any other is in the values now. */
static int receive_log(struct store *store, size_t i, void *user, char *errmsg)
{
    struct log_reading *logs = user;
    struct store_reading *reading = logs->reading;
    const struct store_entry entry = reading->entries[i];
    char key[SCHEMA_KEY_MAX];
    redisReply *reply;
    schema_key_log(key, reading->sensor->name, entry.n);
    int rc = store_take(store, key, REDIS_REPLY_STRING, &reply, errmsg);
    if (rc)
        return rc;
    if (reply->type == REDIS_REPLY_NIL)
        logs->stale |= entry.n > reading->head->folded;
    else if (chunk_announced((struct chunk){(const uint8_t *)reply->str, reply->len}) != 1)
        reading->entries[logs->aside++] = entry;
    else
        rc = open_and_add(reading, key, entry.n, (const uint8_t *)reply->str, reply->len, errmsg);
    freeReplyObject(reply);
    return rc;
}

static int add_aside(struct store_reading *reading, const struct store_entry *entry, char *errmsg)
{
    char key[SCHEMA_KEY_MAX];
    const uint8_t *bytes;
    size_t size;
    redisReply *first;
    schema_key_log(key, reading->sensor->name, entry->n);
    int rc = store_send(reading->store, errmsg, "GET %s", key);
    if (rc == 0)
        rc = take_chunk(reading, key, &first, errmsg);
    if (rc == 0) {
        rc = store_whole(reading, key, first, &bytes, &size, errmsg);
        if (rc == 0)
            rc = open_and_add(reading, key, entry->n, bytes, size, errmsg);
        freeReplyObject(first);
    }
    return rc == ERR_STALE && entry->n <= reading->head->folded ? 0 : rc;
}

int store_add_logs(struct store_reading *reading, char *errmsg)
{
    struct log_reading logs = {.reading = reading};
    const struct store_talk talk = {reading->entry_count, LOG_WINDOW, &logs, send_log,
                                    receive_log,          false};
    int rc = store_talk(reading->store, &talk, errmsg);
    for (size_t i = 0; rc == 0 && i < logs.aside; i++)
        rc = add_aside(reading, &reading->entries[i], errmsg);
    return rc == 0 && logs.stale ? ERR_STALE : rc;
}

/* Folding: the values of the open periods are written with what the log holds, and log entries beyond
 * the newest that are to be kept go. */
#include <inttypes.h>
#include <stdio.h>

#include "aggregator/apply.h"
#include "common/err.h"
#include "common/folded.h"

/* Log entries that one call lets go, when fewer are to be kept than before. */
#define TRIM_MAX (4 * APPLY_LOGS_MAX)

bool apply_fold_possible(const struct part *part)
{
    return part->n > part->folded;
}

bool apply_fold_due(const struct part *part, int64_t at_s)
{
    if (part->n - part->folded >= APPLY_LOGS_MAX)
        return true;
    const struct part_level *hour = &part->levels[LEVEL_HOUR];
    return apply_fold_possible(part) && hour->held &&
           (at_s < hour->period.start_s || at_s >= hour->period.end_s);
}

/* --- values ----------------------------------------------------------------------------------- */

/* Lets the keys of an hour expire when hours do. */
static void put_expiry(const struct part *part, const struct part_level *open, const char *key,
                       size_t chunks, struct put *put)
{
    char name[SCHEMA_KEY_MAX];
    int64_t at_s = open->period.level == LEVEL_HOUR ? part_hour_expires(part, &open->period) : 0;
    for (size_t i = 0; at_s && i < chunks; i++) {
        schema_key_chunk(name, key, i);
        put_expire(put, name, at_s);
    }
}

/* Writes the form, of which `*chunks` are there, and closes it. */
static int put_form(const struct part *part, const struct part_level *open, const char *key,
                    struct buf *form, int rc, size_t *chunks, struct put *put)
{
    if (rc == 0) {
        *chunks = put_set_long(put, key, form->bytes, form->size, *chunks);
        put_expiry(part, open, key, *chunks, put);
    }
    buf_close(form);
    return rc;
}

static int put_addresses(const struct part *part, struct part_level *open, uint64_t folded,
                         struct put *put)
{
    char key[SCHEMA_KEY_MAX];
    struct buf form;
    buf_init(&form);
    schema_key_addresses(key, part->sensor, &open->period);
    int rc = folded_encode(&open->addresses, folded, &form);
    return put_form(part, open, key, &form, rc, &open->address_chunks, put);
}

static int put_tables(const struct part *part, struct part_level *open, uint64_t folded,
                      struct put *put)
{
    char key[SCHEMA_KEY_MAX];
    struct buf form;
    buf_init(&form);
    schema_key_tables(key, part->sensor, &open->period);
    int rc = folded_encode_tables(&open->tables, folded, &form);
    return put_form(part, open, key, &form, rc, &open->table_chunks, put);
}

/* Sensors that keep no sources leave no keys of them. */
static int put_sources(const struct part *part, struct part_level *open, uint64_t folded,
                       struct put *put)
{
    char key[SCHEMA_KEY_MAX];
    struct buf form;
    if (addrvec_active(&open->sources) == 0)
        return 0;
    buf_init(&form);
    schema_key_sources(key, part->sensor, &open->period);
    int rc = folded_encode(&open->sources, folded, &form);
    return put_form(part, open, key, &form, rc, &open->source_chunks, put);
}

static void put_hosts(const struct part *part, const struct part_level *open, struct put *put)
{
    char key[SCHEMA_KEY_MAX];
    uint8_t form[HLL_REDIS_SIZE];
    schema_key_hosts(key, part->sensor, &open->period);
    hll_to_redis(&open->hosts, form);
    put_set(put, key, form, sizeof form);
    put_expiry(part, open, key, 1, put);
}

static int fold_level(const struct part *part, struct part_level *open, uint64_t folded,
                      struct put *put)
{
    const struct part_log *log = &part->log;
    if (!open->kept || log->packets == 0)
        return 0;
    int rc = addrvec_add(&open->addresses, &log->addresses);
    if (rc == 0)
        rc = tables_add(&open->tables, &log->tables);
    if (rc == 0)
        rc = put_addresses(part, open, folded, put);
    if (rc == 0)
        rc = put_tables(part, open, folded, put);
    if (rc == 0)
        rc = put_sources(part, open, folded, put);
    if (rc == 0 && hll_merge(&open->hosts, &log->hosts))
        put_hosts(part, open, put);
    return rc;
}

static int fold_course(struct part *part, uint64_t folded, struct put *put)
{
    char key[SCHEMA_KEY_MAX];
    struct buf form;
    buf_init(&form);
    int rc = course_encode(&part->course, folded, &form);
    schema_key_course(key, part->sensor, &part->levels[LEVEL_DAY].period);
    if (rc == 0)
        put_set(put, key, form.bytes, form.size);
    buf_close(&form);
    part->course_dirty = false;
    return rc;
}

/* The hash of the day's hours, which every record of an hour writes to. */
static void expire_hours(const struct part *part, struct put *put)
{
    const struct part_level *hour = &part->levels[LEVEL_HOUR];
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    schema_key_totals(key, field, part->sensor, &hour->period);
    if (hour->kept)
        put_expiry(part, hour, key, 1, put);
}

/* Everything that records have changed; after lost records alone there is nothing. */
static int fold_values(struct part *part, uint64_t folded, struct put *put)
{
    if (!part->course_dirty)
        return 0;
    int rc = fold_course(part, folded, put);
    for (int level = 0; rc == 0 && level < LEVELS; level++)
        rc = fold_level(part, &part->levels[level], folded, put);
    expire_hours(part, put);
    part_log_clear(&part->log);
    return rc;
}

/* --- the log ---------------------------------------------------------------------------------- */

static void trim_entry(const struct part *part, uint64_t n, struct put *put)
{
    char key[SCHEMA_KEY_MAX], chunk[SCHEMA_KEY_MAX], field[24];
    schema_key_log(key, part->sensor, n);
    for (size_t i = 0; i < part->log_chunks; i++) {
        schema_key_chunk(chunk, key, i);
        put_unlink(put, chunk);
    }
    snprintf(field, sizeof field, "%" PRIu64, n);
    schema_key_minutes(key, part->sensor);
    put_hdel(put, key, field);
}

/* Lets the entries go that are folded by call `folded` and not among those of the newest calls. */
static void trim(struct part *part, uint64_t folded, struct put *put)
{
    uint64_t keep = part->keep.minute_records, until = folded > keep ? folded - keep : 0;
    if (until <= part->trimmed)
        return;
    if (until - part->trimmed > TRIM_MAX)
        until = part->trimmed + TRIM_MAX;
    while (part->trimmed < until)
        trim_entry(part, ++part->trimmed, put);
    put_head_u64(put, "trimmed", part->trimmed);
}

/* Folding is a call of its own and counts in n: an aggregator that has read the head and not yet
 * the log is then fenced off, instead of taking the log that is gone for a log without packets. */
int apply_fold(struct part *part, struct put *put)
{
    char head[SCHEMA_KEY_MAX];
    uint64_t folded = part->n + 1;
    schema_key_head(head, part->sensor);
    put_begin(put, head, part->n, part->last, part->writer);
    int rc = fold_values(part, folded, put);
    if (rc)
        return rc;
    trim(part, folded, put);
    put_head_u64(put, "folded", folded);
    part_called(part);
    part->folded = folded;
    return put_failed(put) ? ERR_NOMEM : 0;
}

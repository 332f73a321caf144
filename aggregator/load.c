#include "aggregator/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/load_inside.h"
#include "common/chunk.h"
#include "common/err.h"
#include "common/list.h"

/* --- the head --------------------------------------------------------------------------------- */

static int parse_u64(const struct fetch_value *value, uint64_t *number)
{
    char *end;
    if (value->size == 0 || value->size > 20 || value->bytes[0] < '0' || value->bytes[0] > '9')
        return ERR_DAMAGED;
    *number = strtoull(value->bytes, &end, 10);
    return end == value->bytes + value->size ? 0 : ERR_DAMAGED;
}

static int parse_ns(const struct fetch_value *value, int64_t *ns)
{
    uint64_t number;
    if (parse_u64(value, &number) || number > INT64_MAX)
        return ERR_DAMAGED;
    *ns = (int64_t)number;
    return 0;
}

static int take_epoch(struct part *part, const char *text, const struct fetch_value *value)
{
    uint8_t uuid[EPOCH_SIZE];
    if (epoch_parse(text, uuid))
        return ERR_DAMAGED;
    struct part_epoch *epoch = part_add_epoch(part, uuid, false);
    return epoch ? epoch_state_parse(&epoch->state, value->bytes, value->size) : ERR_NOMEM;
}

static int take_until(struct part *part, const struct fetch_value *value)
{
    part->observed = true;
    return parse_ns(value, &part->until_ns);
}

static int take_writer(struct part *part, const struct fetch_value *value)
{
    if (value->size == 0 || value->size >= sizeof part->last)
        return ERR_DAMAGED;
    memcpy(part->last, value->bytes, value->size + 1);
    return 0;
}

static int take_live(struct part *part, const struct fetch_value *value)
{
    uint64_t live;
    part->live = parse_u64(value, &live) == 0 && live == 1;
    return part->live ? 0 : ERR_DAMAGED;
}

/* One field of the head; fields that this version does not know are another's business. */
static int take_field(struct part *part, const char *field, const struct fetch_value *value,
                      char *errmsg)
{
    if (strcmp(field, "n") == 0)
        return parse_u64(value, &part->n);
    if (strcmp(field, "writer") == 0)
        return take_writer(part, value);
    if (strcmp(field, "folded") == 0)
        return parse_u64(value, &part->folded);
    if (strcmp(field, "trimmed") == 0)
        return parse_u64(value, &part->trimmed);
    if (strcmp(field, "log_chunks") == 0)
        return parse_u64(value, &part->log_chunks);
    if (strcmp(field, "live") == 0)
        return take_live(part, value);
    if (strcmp(field, "darknet") == 0)
        return part_set_darknet(part, value->bytes, errmsg);
    if (strcmp(field, "from_ns") == 0)
        return parse_ns(value, &part->from_ns);
    if (strcmp(field, "until_ns") == 0)
        return take_until(part, value);
    if (strncmp(field, "epoch:", 6) == 0)
        return take_epoch(part, field + 6, value);
    return 0;
}

static int head_damaged(const struct load *load, const char *what, char *errmsg)
{
    return err_set(errmsg, ERR_DAMAGED, "%s: %s", load->fetch.items[0].key, what);
}

static int check_head(const struct load *load, char *errmsg)
{
    const struct part *part = load->part;
    if (part->folded > part->n || part->n - part->folded > LOAD_LOGS_MAX)
        return head_damaged(load, "its n and folded disagree", errmsg);
    if (part->trimmed > part->folded)
        return head_damaged(load, "its trimmed and folded disagree", errmsg);
    if (part->log_chunks < 1 || part->log_chunks > CHUNKS_MAX)
        return head_damaged(load, "its log_chunks is no number of chunks", errmsg);
    if (part->n > 0 && (!part->darknet || !part->observed))
        return head_damaged(load, "its darknet or its time is missing", errmsg);
    return 0;
}

/* Takes the fields of a hash one by one. */
static int take_hash(struct load *load, size_t index,
                     int (*take)(struct part *part, const char *field,
                                 const struct fetch_value *value, char *errmsg),
                     char *errmsg)
{
    const struct fetch_item *hash = &load->fetch.items[index];
    for (size_t i = 0; i + 1 < hash->count; i += 2) {
        const char *field = hash->values[i].bytes;
        char cause[ERRMSG_SIZE] = "";
        int rc = take(load->part, field, &hash->values[i + 1], cause);
        if (rc)
            return err_set(errmsg, rc, "%s: field %.64s is %s", hash->key, field,
                           *cause ? cause : err_str(rc));
    }
    return 0;
}

static int take_revision(struct part *part, const char *field, const struct fetch_value *value,
                         char *errmsg)
{
    int year;
    uint64_t k;
    struct revision revision;
    (void)errmsg;
    int rc = revision_field_parse(field, &year, &k);
    if (rc == 0)
        rc = revision_parse(&revision, value->bytes, value->size);
    if (rc)
        return rc;
    return part_add_revision(part, year, k, &revision) ? 0 : ERR_NOMEM;
}

static int take_head(struct load *load, char *errmsg)
{
    int rc = take_hash(load, 0, take_field, errmsg);
    if (rc == 0)
        rc = take_hash(load, 1, take_revision, errmsg);
    return rc ? rc : check_head(load, errmsg);
}

static void ask_head(struct load *load)
{
    char key[SCHEMA_KEY_MAX];
    load->step = LOAD_HEAD;
    load->fetch.durable = true; /* an OPEN is answered from it */
    schema_key_head(key, load->part->sensor);
    fetch_ask(&load->fetch, FETCH_HASH, key, NULL);
    schema_key_revisions(key, load->part->sensor);
    fetch_ask(&load->fetch, FETCH_HASH, key, NULL);
}

/* --- the log ---------------------------------------------------------------------------------- */

static int ask_logs(struct load *load)
{
    char key[SCHEMA_KEY_MAX];
    load->step = LOAD_LOGS;
    load->log = calloc(1, sizeof *load->log);
    if (!load->log)
        return ERR_NOMEM;
    for (uint64_t n = load->part->folded + 1; n <= load->part->n; n++) {
        schema_key_log(key, load->part->sensor, n);
        fetch_ask(&load->fetch, FETCH_STRING, key, NULL);
    }
    return 0;
}

/* Takes the sources of the record over: they are added in the order of the calls, as apply.c did. */
static int keep_sources(struct load_log *log, struct record *record)
{
    struct addrvec *sources =
        list_room(log->sources, log->source_count, &log->source_room, sizeof *sources);
    if (!sources)
        return ERR_NOMEM;
    log->sources = sources;
    log->sources[log->source_count++] = record->sources;
    addrvec_init(&record->sources);
    return 0;
}

static int log_add(struct part *part, struct load_log *log, struct record *record)
{
    if (!log->any) {
        log->any = true;
        log->hour = calendar_period(LEVEL_HOUR, record->start_s);
        log->day = calendar_period(LEVEL_DAY, record->start_s);
    }
    if (record->start_s < log->hour.start_s || record->start_s >= log->hour.end_s)
        return ERR_DAMAGED;
    int rc = course_add(&log->course, log->day.start_s, record, NULL);
    if (rc == 0)
        rc = part_log_add(&part->log, record);
    return rc ? rc : keep_sources(log, record);
}

static int take_log(struct load *load, size_t index, char *errmsg)
{
    const char *key = load->fetch.items[index].key;
    const struct fetch_value *value = fetch_value(&load->fetch, index);
    if (!value) /* a call without a record; the open periods show it if one is lost */
        return 0;
    char cause[ERRMSG_SIZE] = "";
    struct record record;
    record_init(&record);
    int rc = record_open(&record, (const uint8_t *)value->bytes, value->size, cause);
    if (rc)
        return err_set(errmsg, rc, "%s: %s", key, cause);
    rc = log_add(load->part, load->log, &record);
    record_close(&record);
    if (rc == ERR_DAMAGED)
        return err_set(errmsg, rc, "%s: it is of another hour than the entry before it", key);
    return rc ? err_set(errmsg, rc, "%s: %s", key, err_str(rc)) : 0;
}

static int take_logs(struct load *load, char *errmsg)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < load->fetch.count; i++)
        rc = take_log(load, i, errmsg);
    return rc;
}

/* --- the steps -------------------------------------------------------------------------------- */

void load_begin(struct load *load, struct part *part)
{
    *load = (struct load){.part = part};
    ask_head(load);
}

bool load_turn(struct load *load, struct part *part, int64_t at_s)
{
    *load = (struct load){.part = part, .step = LOAD_LEVELS};
    load_ask_levels(load, at_s);
    if (load->fetch.count > 0 || load->fetch.failed)
        return true;
    load_take_levels(load, NULL);
    return false;
}

static void close_log(struct load_log *log)
{
    for (size_t i = 0; log && i < log->source_count; i++)
        addrvec_close(&log->sources[i]);
    if (log)
        free(log->sources);
    free(log);
}

void load_close(struct load *load)
{
    fetch_close(&load->fetch);
    fetch_close(&load->cut);
    close_log(load->log);
    load->log = NULL;
}

static int after_head(struct load *load, char *errmsg)
{
    int rc = take_head(load, errmsg);
    if (rc || load->part->n == load->part->folded)
        return rc ? rc : 1;
    fetch_close(&load->fetch);
    rc = ask_logs(load);
    return rc ? err_set(errmsg, rc, "%s", err_str(rc)) : 0;
}

/* The log entries say which periods are open; without any, the next record will. */
static int after_logs(struct load *load, char *errmsg)
{
    int rc = take_logs(load, errmsg);
    if (rc || !load->log->any)
        return rc ? rc : 1;
    fetch_close(&load->fetch);
    load->step = LOAD_LEVELS;
    load_ask_levels(load, load->log->hour.start_s);
    return 0;
}

/* Sees to it that every value is whole: 1, or 0 when the rest of some has yet to be fetched. */
static int complete(struct load *load, char *errmsg)
{
    struct fetch other;
    if (load->joining) {
        int rc = fetch_join(&load->cut, &load->fetch, errmsg);
        fetch_close(&load->fetch);
        load->fetch = load->cut;
        fetch_init(&load->cut);
        load->joining = false;
        return rc ? rc : 1;
    }
    fetch_init(&other);
    int rc = fetch_rest(&load->fetch, &other, errmsg);
    if (rc || other.count == 0) {
        fetch_close(&other);
        return rc ? rc : 1;
    }
    load->cut = load->fetch;
    load->fetch = other;
    load->joining = true;
    return 0;
}

int load_take(struct load *load, char *errmsg)
{
    if (load->fetch.failed)
        return err_set(errmsg, ERR_NOMEM, "sensor %s: %s", load->part->sensor, err_str(ERR_NOMEM));
    int rc = complete(load, errmsg);
    if (rc != 1)
        return rc;
    switch (load->step) {
    case LOAD_HEAD:
        return after_head(load, errmsg);
    case LOAD_LOGS:
        return after_logs(load, errmsg);
    case LOAD_LEVELS:
        break;
    }
    return load_take_levels(load, errmsg);
}

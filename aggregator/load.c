#include "aggregator/load.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/folded.h"

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

/* `text`: "<YYYY>:<uuid>". */
static int take_restater(struct part *part, const char *text)
{
    uint8_t uuid[EPOCH_SIZE];
    char *end;
    long year = strtol(text, &end, 10);
    if (end != text + 4 || *end != ':' || epoch_parse(end + 1, uuid))
        return ERR_DAMAGED;
    return part_add_restater(part, (int)year, uuid);
}

static int take_until(struct part *part, const struct fetch_value *value)
{
    part->observed = true;
    return parse_ns(value, &part->until_ns);
}

/* One field of the head; fields that this version does not know are another's business. */
static int take_field(struct part *part, const char *field, const struct fetch_value *value,
                      char *errmsg)
{
    if (strcmp(field, "n") == 0)
        return parse_u64(value, &part->n);
    if (strcmp(field, "folded") == 0)
        return parse_u64(value, &part->folded);
    if (strcmp(field, "darknet") == 0)
        return part_set_darknet(part, value->bytes, errmsg);
    if (strcmp(field, "from_ns") == 0)
        return parse_ns(value, &part->from_ns);
    if (strcmp(field, "until_ns") == 0)
        return take_until(part, value);
    if (strncmp(field, "epoch:", 6) == 0)
        return take_epoch(part, field + 6, value);
    if (strncmp(field, "restater:", 9) == 0)
        return take_restater(part, field + 9);
    return 0;
}

static int head_damaged(const struct load *load, const char *what, char *errmsg)
{
    return err_set(errmsg, ERR_DAMAGED, "%s: %s", load->fetch.items[0].key, what);
}

static int take_head(struct load *load, char *errmsg)
{
    struct part *part = load->part;
    const struct fetch_item *head = &load->fetch.items[0];
    for (size_t i = 0; i + 1 < head->count; i += 2) {
        const char *field = head->values[i].bytes;
        char cause[ERRMSG_SIZE] = "";
        int rc = take_field(part, field, &head->values[i + 1], cause);
        if (rc)
            return err_set(errmsg, rc, "%s: field %.64s is %s", head->key, field,
                           *cause ? cause : err_str(rc));
    }
    if (part->folded > part->n || part->n - part->folded > LOAD_LOGS_MAX)
        return head_damaged(load, "its n and folded disagree", errmsg);
    if (part->n > 0 && (!part->darknet || !part->observed))
        return head_damaged(load, "its darknet or its time is missing", errmsg);
    return 0;
}

static void ask_head(struct load *load)
{
    char key[SCHEMA_KEY_MAX];
    schema_key_head(key, load->part->sensor);
    load->step = LOAD_HEAD;
    fetch_ask(&load->fetch, FETCH_HASH, key, NULL);
}

/* --- the log ---------------------------------------------------------------------------------- */

static void ask_logs(struct load *load)
{
    char key[SCHEMA_KEY_MAX];
    load->step = LOAD_LOGS;
    for (uint64_t n = load->part->folded + 1; n <= load->part->n; n++) {
        schema_key_log(key, load->part->sensor, n);
        fetch_ask(&load->fetch, FETCH_STRING, key, NULL);
    }
}

static int take_log(struct load *load, size_t index, char *errmsg)
{
    const struct fetch_value *value = fetch_value(&load->fetch, index);
    if (!value) /* a call without a record; load_level finds out if one is lost */
        return 0;
    char cause[ERRMSG_SIZE] = "";
    struct record record;
    record_init(&record);
    int rc = record_open(&record, (const uint8_t *)value->bytes, value->size, cause);
    if (rc == 0)
        rc = part_add_log(load->part, load->part->folded + 1 + index, record.start_s,
                          &record.addresses);
    record_close(&record);
    return rc ? err_set(errmsg, rc, "%s: %s", load->fetch.items[index].key,
                        *cause ? cause : err_str(rc))
              : 0;
}

static int take_logs(struct load *load, char *errmsg)
{
    for (size_t i = 0; i < load->fetch.count; i++) {
        int rc = take_log(load, i, errmsg);
        if (rc)
            return rc;
    }
    const struct part_log *logs = load->part->logs;
    for (size_t i = 1; i < load->part->log_count; i++) {
        struct period hour = calendar_period(LEVEL_HOUR, logs[0].start_s);
        if (logs[i].start_s < hour.start_s || logs[i].start_s >= hour.end_s)
            return err_set(errmsg, ERR_DAMAGED,
                           "sensor %s: log entries %" PRIu64 " and %" PRIu64
                           " are of different hours",
                           load->part->sensor, logs[0].n, logs[i].n);
    }
    return 0;
}

/* --- the open periods ------------------------------------------------------------------------- */

/* Three questions a level, and one more for the day. */
static void ask_level(struct load *load, struct part_level *open, struct period period)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    const char *sensor = load->part->sensor;
    open->held = false;
    open->period = period;
    schema_key_totals(key, field, sensor, &period);
    fetch_ask(&load->fetch, FETCH_FIELD, key, field);
    schema_key_addresses(key, sensor, &period);
    fetch_ask(&load->fetch, FETCH_STRING, key, NULL);
    schema_key_hosts(key, sensor, &period);
    fetch_ask(&load->fetch, FETCH_STRING, key, NULL);
    if (period.level == LEVEL_DAY) {
        schema_key_course(key, sensor, &period);
        fetch_ask(&load->fetch, FETCH_STRING, key, NULL);
    }
}

static void ask_levels(struct load *load, int64_t at_s)
{
    load->step = LOAD_LEVELS;
    for (int level = 0; level < LEVELS; level++) {
        struct part_level *open = &load->part->levels[level];
        struct period period = calendar_period((enum level)level, at_s);
        if (!open->held || open->period.start_s != period.start_s)
            ask_level(load, open, period);
    }
}

static int take_totals(struct part_level *open, const struct fetch_value *value)
{
    open->totals = (struct totals){0};
    return value ? totals_parse(&open->totals, value->bytes, value->size) : 0;
}

/* The stored vector and the log entries that it does not have yet. */
static int take_addresses(const struct part *part, struct part_level *open,
                          const struct fetch_value *value)
{
    uint64_t folded = 0;
    addrvec_close(&open->addresses);
    open->dirty = false;
    int rc =
        value ? folded_decode(&open->addresses, &folded, (const uint8_t *)value->bytes, value->size)
              : 0;
    if (rc == 0 && folded > part->n)
        return ERR_STALE;
    for (size_t i = 0; rc == 0 && i < part->log_count; i++) {
        if (part->logs[i].n <= folded)
            continue;
        rc = addrvec_add(&open->addresses, &part->logs[i].addresses);
        open->dirty = true;
    }
    return rc;
}

static int take_hosts(struct part_level *open, const struct fetch_value *value)
{
    hll_clear(&open->hosts);
    return value ? hll_from_redis(&open->hosts, value->bytes, value->size) : 0;
}

static int take_course(struct part *part, const struct fetch_value *value)
{
    memset(&part->course, 0, sizeof part->course);
    uint64_t folded;
    return value ? course_decode(&part->course, &folded, (const uint8_t *)value->bytes, value->size)
                 : 0;
}

static int refuse_item(const struct load *load, size_t index, int rc, char *errmsg)
{
    const struct fetch_item *item = &load->fetch.items[index];
    return err_set(errmsg, rc, "%s%s%s: %s", item->key, *item->field ? " " : "", item->field,
                   err_str(rc));
}

/* What an address vector says must be what the totals say, or one of them is not what was written.
 */
static int check_level(const struct load *load, const struct part_level *open, size_t index,
                       char *errmsg)
{
    uint64_t packets = addrvec_packets(&open->addresses);
    uint64_t active = addrvec_active(&open->addresses);
    if (packets == open->totals.packets && active == open->totals.active)
        return 0;
    return err_set(errmsg, ERR_DAMAGED,
                   "%s and its log add up to %" PRIu64 " packets to %" PRIu64
                   " addresses, its totals say %" PRIu64 " to %" PRIu64,
                   load->fetch.items[index].key, packets, active, open->totals.packets,
                   open->totals.active);
}

/* Takes the answers from `*index` on and moves it past them. */
static int take_level(struct load *load, struct part_level *open, size_t *index, char *errmsg)
{
    size_t totals = (*index)++, addresses = (*index)++, hosts = (*index)++;
    int rc = take_totals(open, fetch_value(&load->fetch, totals));
    if (rc)
        return refuse_item(load, totals, rc, errmsg);
    rc = take_addresses(load->part, open, fetch_value(&load->fetch, addresses));
    if (rc)
        return refuse_item(load, addresses, rc, errmsg);
    rc = take_hosts(open, fetch_value(&load->fetch, hosts));
    if (rc)
        return refuse_item(load, hosts, rc, errmsg);
    if (open->period.level == LEVEL_DAY) {
        size_t course = (*index)++;
        rc = take_course(load->part, fetch_value(&load->fetch, course));
        if (rc)
            return refuse_item(load, course, rc, errmsg);
    }
    open->held = true;
    return check_level(load, open, addresses, errmsg);
}

static int take_levels(struct load *load, char *errmsg)
{
    size_t index = 0;
    for (int level = 0; level < LEVELS; level++) {
        struct part_level *open = &load->part->levels[level];
        int rc = open->held ? 0 : take_level(load, open, &index, errmsg);
        if (rc)
            return rc;
    }
    part_clear_logs(load->part);
    return 1;
}

/* --- the steps -------------------------------------------------------------------------------- */

void load_begin(struct load *load, struct part *part)
{
    load->part = part;
    fetch_init(&load->fetch);
    ask_head(load);
}

void load_turn(struct load *load, struct part *part, int64_t at_s)
{
    load->part = part;
    fetch_init(&load->fetch);
    ask_levels(load, at_s);
}

void load_close(struct load *load)
{
    fetch_close(&load->fetch);
}

static int after_head(struct load *load, char *errmsg)
{
    int rc = take_head(load, errmsg);
    if (rc || load->part->n == load->part->folded)
        return rc ? rc : 1;
    fetch_close(&load->fetch);
    ask_logs(load);
    return 0;
}

/* The log entries say which periods are open; without any, the next record will. */
static int after_logs(struct load *load, char *errmsg)
{
    int rc = take_logs(load, errmsg);
    if (rc || load->part->log_count == 0)
        return rc ? rc : 1;
    fetch_close(&load->fetch);
    ask_levels(load, load->part->logs[0].start_s);
    return 0;
}

int load_take(struct load *load, char *errmsg)
{
    if (load->fetch.failed)
        return err_set(errmsg, ERR_NOMEM, "sensor %s: %s", load->part->sensor, err_str(ERR_NOMEM));
    switch (load->step) {
    case LOAD_HEAD:
        return after_head(load, errmsg);
    case LOAD_LOGS:
        return after_logs(load, errmsg);
    case LOAD_LEVELS:
        break;
    }
    return take_levels(load, errmsg);
}

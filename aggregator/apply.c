#include "aggregator/apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/sourcevec.h"

#define NS_PER_S INT64_C(1000000000)

/* --- counts ----------------------------------------------------------------------------------- */

/* The log entry, and where it lies in time. */
static void put_log(struct part *part, const struct record *record, struct chunk sealed,
                    struct put *put)
{
    char key[SCHEMA_KEY_MAX], n[24], start_s[24];
    uint64_t call = part->n + 1;
    schema_key_log(key, part->sensor, call);
    size_t chunks = put_set_long(put, key, sealed.bytes, sealed.size, 0);
    if (chunks > part->log_chunks) {
        part->log_chunks = chunks;
        put_head_u64(put, "log_chunks", chunks);
    }
    snprintf(n, sizeof n, "%" PRIu64, call);
    snprintf(start_s, sizeof start_s, "%" PRId64, record->start_s);
    schema_key_minutes(key, part->sensor);
    put_hset(put, key, n, start_s);
}

static void put_totals(const struct part *part, const struct part_level *open, struct put *put)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX], text[TOTALS_TEXT_MAX];
    schema_key_totals(key, field, part->sensor, &open->period);
    totals_format(&open->totals, text);
    put_hset(put, key, field, text);
}

/* `fresh`: the record's addresses that the log did not have before it. */
static int add_to_level(const struct part *part, struct part_level *open,
                        const struct record *record, const struct addrvec *fresh,
                        uint64_t observed_ns, struct put *put)
{
    size_t bound = sourcevec_bound(open->period.level);
    if (!open->kept)
        return 0;
    totals_add_record(&open->totals, record);
    open->totals.observed_ns += observed_ns;
    open->totals.active += addrvec_missing(&open->addresses, fresh);
    put_totals(part, open, put);
    return bound ? sourcevec_add(&open->sources, &record->sources, bound) : 0;
}

static int add_counts(struct part *part, const struct record *record, struct put *put)
{
    uint64_t observed;
    struct addrvec fresh;
    int rc = course_add(&part->course, part->levels[LEVEL_DAY].period.start_s, record, &observed);
    if (rc)
        return rc;
    part->course_dirty = true;
    addrvec_init(&fresh);
    rc = addrvec_difference(&fresh, &record->addresses, &part->log.addresses);
    for (int level = 0; rc == 0 && level < LEVELS; level++)
        rc = add_to_level(part, &part->levels[level], record, &fresh, observed, put);
    addrvec_close(&fresh);
    return rc ? rc : part_log_add(&part->log, record);
}

/* --- epochs ----------------------------------------------------------------------------------- */

static void epoch_field(const uint8_t uuid[EPOCH_SIZE], char field[PART_FIELD_MAX])
{
    char text[37];
    epoch_format(uuid, text);
    snprintf(field, PART_FIELD_MAX, "epoch:%s", text);
}

static int put_epoch(const struct part_epoch *epoch, const char *field, struct put *put)
{
    struct buf text;
    buf_init(&text);
    int rc = epoch_state_format(&epoch->state, &text);
    if (rc == 0)
        put_head(put, field, text.bytes, text.size);
    buf_close(&text);
    return rc;
}

static int advance_epoch(struct part_epoch *epoch, const struct record *record, const char *field,
                         struct put *put)
{
    epoch->state.seq = record->seq;
    int rc = epoch_state_add(&epoch->state, (struct span){record->first_ns, record->last_ns});
    return rc ? rc : put_epoch(epoch, field, put);
}

/* Whether an epoch other than `uuid` observed any moment of the period. */
static bool observed_by_another(const struct part *part, const uint8_t uuid[EPOCH_SIZE],
                                const struct period *period)
{
    for (size_t i = 0; i < part->epoch_count; i++) {
        const struct part_epoch *other = &part->epochs[i];
        for (size_t j = 0; j < other->state.count; j++)
            if (memcmp(other->uuid, uuid, EPOCH_SIZE) != 0 &&
                other->state.spans[j].first_ns / NS_PER_S < period->end_s &&
                other->state.spans[j].last_ns / NS_PER_S >= period->start_s)
                return true;
    }
    return false;
}

static bool restates(const struct part *part, const struct record *record,
                     const struct period *year)
{
    return part->observed && part->until_ns / NS_PER_S >= year->end_s &&
           observed_by_another(part, record->epoch, year);
}

/* An epoch restates a year when it adds to a year that was complete (the sensor had observed a moment
 * at or past its end) and of which another epoch had observed something: the figure was there and
 * may have been published, where the first archive that ever reaches a year makes it. It is one
 * revision, which grows with every further record of the epoch. */
static int restate(struct part *part, const struct record *record, struct put *put)
{
    const struct period *year = &part->levels[LEVEL_YEAR].period;
    struct part_revision *revision = part_revision(part, year->year, record->epoch);
    char key[SCHEMA_KEY_MAX], field[REVISION_FIELD_MAX], text[REVISION_TEXT_MAX];
    if (!revision && !restates(part, record, year))
        return 0;
    if (!revision) {
        struct revision first = {.when_s = part->now_s};
        uint64_t k = part_revisions(part, year->year) + 1;
        memcpy(first.epoch, record->epoch, EPOCH_SIZE);
        revision = part_add_revision(part, year->year, k, &first);
        if (!revision)
            return ERR_NOMEM;
        snprintf(field, sizeof field, "restated:%04d", year->year);
        put_head_u64(put, field, k);
    }
    revision->revision.records += 1 + (uint64_t)record->before;
    revision->revision.packets += record->packets;
    revision_field(field, year->year, revision->k);
    revision_format(&revision->revision, text);
    schema_key_revisions(key, part->sensor);
    put_hset(put, key, field, text);
    return 0;
}

/* --- the call --------------------------------------------------------------------------------- */

static void put_observed(struct part *part, struct span span, struct put *put)
{
    bool first = !part->observed;
    if (first || span.first_ns < part->from_ns) {
        part->from_ns = span.first_ns;
        put_head_i64(put, "from_ns", part->from_ns);
    }
    if (first || span.last_ns > part->until_ns) {
        part->until_ns = span.last_ns;
        put_head_i64(put, "until_ns", part->until_ns);
    }
    part->observed = true;
}

/* That the sensor was live once: it is missed when nothing comes, where an archive is just over. */
static void put_live(struct part *part, const uint8_t epoch[EPOCH_SIZE], struct put *put)
{
    if (part->live || part_epoch(part, epoch)->state.replay)
        return;
    part->live = true;
    put_head_u64(put, "live", 1);
}

int apply_record(struct part *part, const struct record *record, struct chunk sealed,
                 struct put *put)
{
    char head[SCHEMA_KEY_MAX], field[PART_FIELD_MAX];
    schema_key_head(head, part->sensor);
    epoch_field(record->epoch, field);
    put_begin(put, head, part->n, part->last, part->writer);
    put_log(part, record, sealed, put);
    int rc = add_counts(part, record, put);
    if (rc == 0)
        rc = advance_epoch(part_epoch(part, record->epoch), record, field, put);
    if (rc == 0)
        rc = restate(part, record, put);
    if (rc)
        return rc;
    if (!part->observed)
        put_head(put, "darknet", part->darknet, strlen(part->darknet));
    put_observed(part, (struct span){record->first_ns, record->last_ns}, put);
    put_live(part, record->epoch, put);
    part_called(part);
    return put_failed(put) ? ERR_NOMEM : 0;
}

/* A sensor of which nothing was observed yet exists since its epoch began. */
int apply_lost(struct part *part, const struct frame_open *open, uint64_t last, struct put *put)
{
    char head[SCHEMA_KEY_MAX], field[PART_FIELD_MAX];
    struct part_epoch *epoch = part_epoch(part, open->epoch);
    schema_key_head(head, part->sensor);
    epoch_field(open->epoch, field);
    put_begin(put, head, part->n, part->last, part->writer);
    epoch->state.seq = last;
    int rc = put_epoch(epoch, field, put);
    if (rc)
        return rc;
    if (!part->observed) {
        put_head(put, "darknet", part->darknet, strlen(part->darknet));
        put_observed(part, (struct span){open->first_ns, open->first_ns}, put);
    }
    part_called(part);
    return put_failed(put) ? ERR_NOMEM : 0;
}

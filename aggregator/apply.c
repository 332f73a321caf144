#include "aggregator/apply.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/folded.h"

#define NS_PER_S INT64_C(1000000000)

static int refuse_as(struct frame_refuse *refuse, enum refuse_code code, bool final,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

static int refuse_as(struct frame_refuse *refuse, enum refuse_code code, bool final,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    refuse->code = code;
    refuse->final = final;
    vsnprintf(refuse->text, sizeof refuse->text, format, args);
    va_end(args);
    return ERR_REFUSED;
}

/* --- what may be delivered -------------------------------------------------------------------- */

static int refuse_overlap(struct frame_refuse *refuse, struct span span,
                          const struct part_epoch *other, const struct span *theirs)
{
    char epoch[37], from[32], until[32], their_from[32], their_until[32];
    epoch_format(other->uuid, epoch);
    calendar_rfc3339(span.first_ns / NS_PER_S, from);
    calendar_rfc3339(span.last_ns / NS_PER_S, until);
    calendar_rfc3339(theirs->first_ns / NS_PER_S, their_from);
    calendar_rfc3339(theirs->last_ns / NS_PER_S, their_until);
    return refuse_as(
        refuse, REFUSE_OVERLAP, true,
        "%s to %s was already observed by epoch %s of this sensor (%s to %s): counting "
        "it again would double it; a second sensor needs a name of its own",
        from, until, epoch, their_from, their_until);
}

/* Whether another epoch of the sensor observed any of `span`. */
static int check_overlap(const struct part *part, const uint8_t epoch[EPOCH_SIZE], struct span span,
                         struct frame_refuse *refuse)
{
    for (size_t i = 0; i < part->epoch_count; i++) {
        const struct part_epoch *other = &part->epochs[i];
        if (memcmp(other->uuid, epoch, EPOCH_SIZE) == 0)
            continue;
        const struct span *theirs = epoch_state_overlap(&other->state, span);
        if (theirs)
            return refuse_overlap(refuse, span, other, theirs);
    }
    return 0;
}

static int check_darknet(const struct part *part, const char *darknet, struct frame_refuse *refuse)
{
    if (!part->darknet || strcmp(part->darknet, darknet) == 0)
        return 0;
    return refuse_as(
        refuse, REFUSE_IDENTITY, part->observed,
        "sensor %s counts the darknet %.160s, not %.160s: give the changed space a sensor "
        "name of its own",
        part->sensor, part->darknet, darknet);
}

int apply_open(struct part *part, const struct frame_open *open, const char *darknet, uint64_t *seq,
               struct frame_refuse *refuse)
{
    int rc = check_darknet(part, darknet, refuse);
    if (rc == 0 && open->replay)
        rc = check_overlap(part, open->epoch, (struct span){open->first_ns, open->last_ns}, refuse);
    if (rc)
        return rc;
    struct part_epoch *epoch = part_epoch(part, open->epoch);
    if (!epoch)
        epoch = part_add_epoch(part, open->epoch, open->replay);
    if (!epoch)
        return ERR_NOMEM;
    *seq = epoch->state.seq;
    return part->darknet ? 0 : part_set_darknet(part, darknet, NULL);
}

static int check_identity(const struct part *part, const uint8_t epoch[EPOCH_SIZE],
                          const struct record *record, struct frame_refuse *refuse)
{
    if (strcmp(record->sensor, part->sensor) != 0)
        return refuse_as(refuse, REFUSE_IDENTITY, true,
                         "record %" PRIu64 " is of sensor %s, the connection of %s", record->seq,
                         record->sensor, part->sensor);
    if (memcmp(record->epoch, epoch, EPOCH_SIZE) != 0)
        return refuse_as(refuse, REFUSE_IDENTITY, true,
                         "record %" PRIu64 " is of another epoch than the connection", record->seq);
    return 0;
}

static int refuse_foreign(const struct record *record, int family, const void *address,
                          struct frame_refuse *refuse)
{
    char text[INET6_ADDRSTRLEN] = "?";
    inet_ntop(family, address, text, sizeof text);
    return refuse_as(refuse, REFUSE_IDENTITY, true,
                     "record %" PRIu64 " counts %s, which is not in the sensor's darknet",
                     record->seq, text);
}

static int check_addresses(const struct part *part, const struct record *record,
                           struct frame_refuse *refuse)
{
    const struct addrvec *vec = &record->addresses;
    for (size_t i = 0; i < vec->count4; i++)
        if (!prefixset_has4(part->addresses, vec->address4[i])) {
            uint32_t network = htonl(vec->address4[i]);
            return refuse_foreign(record, AF_INET, &network, refuse);
        }
    for (size_t i = 0; i < vec->count6; i++)
        if (!prefixset_has6(part->addresses, vec->address6[i]))
            return refuse_foreign(record, AF_INET6, vec->address6[i], refuse);
    return 0;
}

/* Every other counter of a record is part of `captured` or checked here. */
static int check_counts(const struct record *record, struct frame_refuse *refuse)
{
    if (record->captured <= APPLY_COUNT_MAX && record->kernel_dropped <= APPLY_COUNT_MAX &&
        record->interface_dropped <= APPLY_COUNT_MAX && record->bytes <= APPLY_BYTES_MAX)
        return 0;
    return refuse_as(refuse, REFUSE_DAMAGED, true,
                     "record %" PRIu64 " counts more than a minute can hold", record->seq);
}

int apply_check(const struct part *part, const uint8_t epoch[EPOCH_SIZE],
                const struct record *record, struct frame_refuse *refuse)
{
    int rc = check_identity(part, epoch, record, refuse);
    if (rc)
        return rc;
    uint64_t held = part_epoch(part, epoch)->state.seq;
    if (record->seq <= held)
        return 1;
    if (record->seq != held + 1)
        return refuse_as(refuse, REFUSE_GAP, false,
                         "record %" PRIu64 " came where %" PRIu64 " is next", record->seq,
                         held + 1);
    rc = check_counts(record, refuse);
    if (rc == 0)
        rc = check_addresses(part, record, refuse);
    if (rc)
        return rc;
    return check_overlap(part, epoch, (struct span){record->first_ns, record->last_ns}, refuse);
}

/* --- a record --------------------------------------------------------------------------------- */

static void put_log(const struct part *part, struct chunk sealed, struct put *put)
{
    char key[SCHEMA_KEY_MAX];
    schema_key_log(key, part->sensor, part->n + 1);
    put_set(put, key, sealed.bytes, sealed.size);
}

static void add_totals(struct totals *totals, const struct record *record, uint64_t observed_ns)
{
    const struct totals more = {
        .packets = record->packets,
        .bytes = record->bytes,
        .records = 1,
        .observed_ns = observed_ns,
        .kernel_dropped = record->kernel_dropped,
        .interface_dropped = record->interface_dropped,
        .off_darknet = record->off_darknet,
        .not_ip = record->not_ip,
        .undecodable = record->undecodable,
        .late = record->late,
        .refused = record->refused,
    };
    totals_add(totals, &more);
}

static void put_totals(const struct part *part, const struct part_level *open, struct put *put)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX], text[TOTALS_TEXT_MAX];
    schema_key_totals(key, field, part->sensor, &open->period);
    totals_format(&open->totals, text);
    put_hset(put, key, field, text);
}

static void put_hosts(const struct part *part, const struct part_level *open, struct put *put)
{
    char key[SCHEMA_KEY_MAX];
    uint8_t form[HLL_REDIS_SIZE];
    schema_key_hosts(key, part->sensor, &open->period);
    hll_to_redis(&open->hosts, form);
    put_set(put, key, form, sizeof form);
}

static int add_to_level(const struct part *part, struct part_level *open,
                        const struct record *record, uint64_t observed_ns, struct put *put)
{
    int rc = addrvec_add(&open->addresses, &record->addresses);
    if (rc)
        return rc;
    open->dirty |= record->packets > 0;
    add_totals(&open->totals, record, observed_ns);
    open->totals.active = addrvec_active(&open->addresses);
    put_totals(part, open, put);
    if (hll_merge(&open->hosts, &record->hosts))
        put_hosts(part, open, put);
    return 0;
}

static int put_course(const struct part *part, struct put *put)
{
    char key[SCHEMA_KEY_MAX];
    struct buf form;
    buf_init(&form);
    int rc = course_encode(&part->course, part->n + 1, &form);
    schema_key_course(key, part->sensor, &part->levels[LEVEL_DAY].period);
    if (rc == 0)
        put_set(put, key, form.bytes, form.size);
    buf_close(&form);
    return rc;
}

/* Everything that counts: the log entry, the totals, the course. */
static int add_counts(struct part *part, const struct record *record, struct chunk sealed,
                      struct put *put)
{
    uint64_t observed;
    int rc = course_add(&part->course, part->levels[LEVEL_DAY].period.start_s, record, &observed);
    if (rc)
        return rc;
    put_log(part, sealed, put);
    for (int level = 0; rc == 0 && level < LEVELS; level++)
        rc = add_to_level(part, &part->levels[level], record, observed, put);
    return rc ? rc : put_course(part, put);
}

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

/* An epoch restates a year, once, when it adds to a year that was complete (the sensor had observed
 * a moment at or past its end) and of which another epoch had observed something: the figure was
 * there and may have been published, where the first archive that ever reaches a year makes it. */
static int restate(struct part *part, const struct record *record, struct put *put)
{
    const struct period *year = &part->levels[LEVEL_YEAR].period;
    if (!part->observed || part->until_ns / NS_PER_S < year->end_s ||
        !observed_by_another(part, record->epoch, year) ||
        part_has_restater(part, year->year, record->epoch))
        return 0;
    int rc = part_add_restater(part, year->year, record->epoch);
    if (rc)
        return rc;
    char uuid[37], field[PART_FIELD_MAX];
    epoch_format(record->epoch, uuid);
    snprintf(field, sizeof field, "restater:%04d:%s", year->year, uuid);
    put_head(put, field, "1", 1);
    snprintf(field, sizeof field, "restated:%04d", year->year);
    put_head_u64(put, field, part_restated(part, year->year));
    return 0;
}

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

int apply_record(struct part *part, const struct record *record, struct chunk sealed,
                 struct put *put)
{
    char head[SCHEMA_KEY_MAX], field[PART_FIELD_MAX];
    schema_key_head(head, part->sensor);
    epoch_field(record->epoch, field);
    put_begin(put, head, part->n, field, record->seq - 1);
    int rc = add_counts(part, record, sealed, put);
    if (rc == 0)
        rc = advance_epoch(part_epoch(part, record->epoch), record, field, put);
    if (rc == 0)
        rc = restate(part, record, put);
    if (rc)
        return rc;
    if (!part->observed)
        put_head(put, "darknet", part->darknet, strlen(part->darknet));
    put_observed(part, (struct span){record->first_ns, record->last_ns}, put);
    part->n++;
    return put_failed(put) ? ERR_NOMEM : 0;
}

/* --- what a sensor has lost ------------------------------------------------------------------- */

int apply_check_lost(const struct part *part, const uint8_t epoch[EPOCH_SIZE],
                     const struct frame_lost *lost, struct frame_refuse *refuse)
{
    uint64_t held = part_epoch(part, epoch)->state.seq;
    if (lost->last <= held)
        return 1;
    if (lost->first <= held + 1)
        return 0;
    return refuse_as(refuse, REFUSE_GAP, false,
                     "records from %" PRIu64 " on are said to be lost where %" PRIu64 " is next",
                     lost->first, held + 1);
}

/* A sensor of which nothing was observed yet exists since its epoch began. */
int apply_lost(struct part *part, const struct frame_open *open, uint64_t last, struct put *put)
{
    char head[SCHEMA_KEY_MAX], field[PART_FIELD_MAX];
    struct part_epoch *epoch = part_epoch(part, open->epoch);
    schema_key_head(head, part->sensor);
    epoch_field(open->epoch, field);
    put_begin(put, head, part->n, field, epoch->state.seq);
    epoch->state.seq = last;
    int rc = put_epoch(epoch, field, put);
    if (rc)
        return rc;
    if (!part->observed) {
        put_head(put, "darknet", part->darknet, strlen(part->darknet));
        put_observed(part, (struct span){open->first_ns, open->first_ns}, put);
    }
    part->n++;
    return put_failed(put) ? ERR_NOMEM : 0;
}

/* --- folding ---------------------------------------------------------------------------------- */

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

static int fold_level(const struct part *part, struct part_level *open, uint64_t folded,
                      struct put *put)
{
    if (!open->dirty)
        return 0;
    char key[SCHEMA_KEY_MAX];
    struct buf form;
    buf_init(&form);
    int rc = folded_encode(&open->addresses, folded, &form);
    schema_key_addresses(key, part->sensor, &open->period);
    if (rc == 0)
        put_set(put, key, form.bytes, form.size);
    buf_close(&form);
    open->dirty = false;
    return rc;
}

/* Folding is a call of its own and counts in n: an aggregator that has read the head and not yet
 * the log is then fenced off, instead of taking the log that is gone for a log without packets. */
int apply_fold(struct part *part, struct put *put)
{
    char key[SCHEMA_KEY_MAX];
    uint64_t folded = part->n + 1;
    schema_key_head(key, part->sensor);
    put_begin(put, key, part->n, NULL, 0);
    for (int level = 0; level < LEVELS; level++) {
        int rc = fold_level(part, &part->levels[level], folded, put);
        if (rc)
            return rc;
    }
    for (uint64_t n = part->folded + 1; n <= part->n; n++) {
        schema_key_log(key, part->sensor, n);
        put_unlink(put, key);
    }
    put_head_u64(put, "folded", folded);
    part->n = folded;
    part->folded = folded;
    return put_failed(put) ? ERR_NOMEM : 0;
}

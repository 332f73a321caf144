#include "common/schema.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/list.h"

#define FORM_VERSION 1

static void key(char out[SCHEMA_KEY_MAX], const char *sensor, const char *rest)
{
    int used = snprintf(out, SCHEMA_KEY_MAX, "darkcount:{%s}:%s", sensor, rest);
    assert(used > 0 && used < SCHEMA_KEY_MAX);
    (void)used;
}

void schema_key_head(char out[SCHEMA_KEY_MAX], const char *sensor)
{
    key(out, sensor, "head");
}

void schema_key_status(char out[SCHEMA_KEY_MAX], const char *sensor)
{
    key(out, sensor, "status");
}

void schema_key_probe(char out[SCHEMA_KEY_MAX], const char *sensor)
{
    key(out, sensor, "probe");
}

void schema_key_log(char out[SCHEMA_KEY_MAX], const char *sensor, uint64_t n)
{
    char rest[40];
    snprintf(rest, sizeof rest, "log:%" PRIu64, n);
    key(out, sensor, rest);
}

void schema_key_revisions(char out[SCHEMA_KEY_MAX], const char *sensor)
{
    key(out, sensor, "revisions");
}

void schema_key_inventory(char out[SCHEMA_KEY_MAX], const char *sensor)
{
    key(out, sensor, "inventory");
}

void schema_key_minutes(char out[SCHEMA_KEY_MAX], const char *sensor)
{
    key(out, sensor, "minutes");
}

void schema_key_course(char out[SCHEMA_KEY_MAX], const char *sensor, const struct period *day)
{
    char rest[64];
    snprintf(rest, sizeof rest, "course:%s", day->label);
    key(out, sensor, rest);
}

/* "<kind>:<level>:<label>" */
static void period_key(char out[SCHEMA_KEY_MAX], const char *sensor, const char *kind,
                       const struct period *period)
{
    char rest[64];
    snprintf(rest, sizeof rest, "%s:%s:%s", kind, level_name(period->level), period->label);
    key(out, sensor, rest);
}

void schema_key_hosts(char out[SCHEMA_KEY_MAX], const char *sensor, const struct period *period)
{
    period_key(out, sensor, "hosts", period);
}

void schema_key_addresses(char out[SCHEMA_KEY_MAX], const char *sensor, const struct period *period)
{
    period_key(out, sensor, "addresses", period);
}

void schema_key_tables(char out[SCHEMA_KEY_MAX], const char *sensor, const struct period *period)
{
    period_key(out, sensor, "tables", period);
}

void schema_key_sources(char out[SCHEMA_KEY_MAX], const char *sensor, const struct period *period)
{
    period_key(out, sensor, "sources", period);
}

void schema_key_chunk(char out[SCHEMA_KEY_MAX], const char *key_of_value, size_t index)
{
    int used = index ? snprintf(out, SCHEMA_KEY_MAX, "%s:%zu", key_of_value, index)
                     : snprintf(out, SCHEMA_KEY_MAX, "%s", key_of_value);
    assert(used > 0 && used < SCHEMA_KEY_MAX);
    (void)used;
}

void schema_key_totals(char out[SCHEMA_KEY_MAX], char field[SCHEMA_KEY_MAX], const char *sensor,
                       const struct period *period)
{
    char rest[64];
    switch (period->level) {
    case LEVEL_HOUR:
        snprintf(rest, sizeof rest, "hours:%04d-%02d-%02d", period->year, period->month,
                 period->day);
        snprintf(field, SCHEMA_KEY_MAX, "%s", period->label);
        break;
    case LEVEL_DAY:
        snprintf(rest, sizeof rest, "days:%04d", period->year);
        snprintf(field, SCHEMA_KEY_MAX, "%02d-%02d", period->month, period->day);
        break;
    case LEVEL_MONTH:
        snprintf(rest, sizeof rest, "months:%04d", period->year);
        snprintf(field, SCHEMA_KEY_MAX, "%02d", period->month);
        break;
    default:
        snprintf(rest, sizeof rest, "years");
        snprintf(field, SCHEMA_KEY_MAX, "%04d", period->year);
    }
    key(out, sensor, rest);
}

/* --- totals ----------------------------------------------------------------------------------- */

#define TOTALS_FIELDS 12

/* The fields in the order of their text form. */
static void totals_fields(struct totals *totals, uint64_t *fields[TOTALS_FIELDS])
{
    uint64_t *order[TOTALS_FIELDS] = {
        &totals->packets,           &totals->bytes,       &totals->active,
        &totals->records,           &totals->observed_ns, &totals->kernel_dropped,
        &totals->interface_dropped, &totals->off_darknet, &totals->not_ip,
        &totals->undecodable,       &totals->late,        &totals->refused,
    };
    memcpy(fields, order, sizeof order);
}

void totals_format(const struct totals *totals, char out[TOTALS_TEXT_MAX])
{
    struct totals copy = *totals;
    uint64_t *fields[TOTALS_FIELDS];
    totals_fields(&copy, fields);
    int used = snprintf(out, TOTALS_TEXT_MAX, "%d", FORM_VERSION);
    for (int i = 0; i < TOTALS_FIELDS; i++)
        used += snprintf(out + used, TOTALS_TEXT_MAX - (size_t)used, " %" PRIu64, *fields[i]);
}

/* Reads a decimal number without sign and moves past it and the one blank between it and the next. */
static bool take_u64(const char **at, const char *end, uint64_t *value)
{
    const char *from = *at;
    uint64_t number = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(**at - '0'), &number))
            return false;
    }
    *value = number;
    if (*at == from)
        return false;
    if (*at < end) {
        if (**at != ' ' || *at + 1 == end)
            return false;
        (*at)++;
    }
    return true;
}

int totals_parse(struct totals *totals, const char *text, size_t size)
{
    const char *at = text, *end = text + size;
    uint64_t *fields[TOTALS_FIELDS], version;
    *totals = (struct totals){0};
    totals_fields(totals, fields);
    if (!take_u64(&at, end, &version))
        return ERR_DAMAGED;
    if (version != FORM_VERSION)
        return ERR_VERSION;
    for (int i = 0; i < TOTALS_FIELDS; i++)
        if (!take_u64(&at, end, fields[i]))
            return ERR_DAMAGED;
    return at == end ? 0 : ERR_DAMAGED;
}

void totals_add(struct totals *dst, const struct totals *src)
{
    struct totals copy = *src;
    uint64_t *to[TOTALS_FIELDS], *from[TOTALS_FIELDS];
    totals_fields(dst, to);
    totals_fields(&copy, from);
    for (int i = 0; i < TOTALS_FIELDS; i++)
        *to[i] += *from[i];
}

void totals_add_record(struct totals *totals, const struct record *record)
{
    const struct totals more = {
        .packets = record->packets,
        .bytes = record->bytes,
        .records = 1 + (uint64_t)record->before,
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

/* --- revisions -------------------------------------------------------------------------------- */

void revision_format(const struct revision *revision, char out[REVISION_TEXT_MAX])
{
    char epoch[37];
    epoch_format(revision->epoch, epoch);
    snprintf(out, REVISION_TEXT_MAX, "%d %" PRId64 " %s %" PRIu64 " %" PRIu64, FORM_VERSION,
             revision->when_s, epoch, revision->records, revision->packets);
}

static bool take_epoch(const char **at, const char *end, uint8_t epoch[EPOCH_SIZE])
{
    char text[37];
    if (end - *at < 37 || (*at)[36] != ' ')
        return false;
    memcpy(text, *at, 36);
    text[36] = '\0';
    *at += 37;
    return epoch_parse(text, epoch) == 0;
}

int revision_parse(struct revision *revision, const char *text, size_t size)
{
    const char *at = text, *end = text + size;
    uint64_t version, when_s;
    *revision = (struct revision){0};
    if (!take_u64(&at, end, &version))
        return ERR_DAMAGED;
    if (version != FORM_VERSION)
        return ERR_VERSION;
    if (!take_u64(&at, end, &when_s) || when_s > INT64_MAX ||
        !take_epoch(&at, end, revision->epoch) || !take_u64(&at, end, &revision->records) ||
        !take_u64(&at, end, &revision->packets) || at != end)
        return ERR_DAMAGED;
    revision->when_s = (int64_t)when_s;
    return 0;
}

void revision_field(char field[REVISION_FIELD_MAX], int year, uint64_t k)
{
    snprintf(field, REVISION_FIELD_MAX, "%04d:%" PRIu64, year, k);
}

int revision_field_parse(const char *field, int *year, uint64_t *k)
{
    const char *at = field, *colon = strchr(field, ':'), *end = field + strlen(field);
    uint64_t number;
    char again[REVISION_FIELD_MAX];
    if (!colon || !take_u64(&at, colon, &number) || at != colon || number > 9999)
        return ERR_DAMAGED;
    *year = (int)number;
    at = colon + 1;
    if (!take_u64(&at, end, k) || *k == 0)
        return ERR_DAMAGED;
    revision_field(again, *year, *k);
    return strcmp(again, field) == 0 ? 0 : ERR_DAMAGED;
}

/* --- epochs ----------------------------------------------------------------------------------- */

void epoch_state_init(struct epoch_state *state)
{
    *state = (struct epoch_state){0};
}

void epoch_state_close(struct epoch_state *state)
{
    free(state->spans);
    epoch_state_init(state);
}

static int insert_span(struct epoch_state *state, size_t at, struct span span)
{
    struct span *spans = list_room(state->spans, state->count, &state->room, sizeof *spans);
    if (!spans)
        return ERR_NOMEM;
    state->spans = spans;
    memmove(state->spans + at + 1, state->spans + at, (state->count - at) * sizeof *state->spans);
    state->spans[at] = span;
    state->count++;
    return 0;
}

int epoch_state_add(struct epoch_state *state, struct span span)
{
    assert(0 <= span.first_ns && span.first_ns <= span.last_ns);
    size_t at = state->count; /* from the back: what is added is nearly always the latest */
    while (at > 0 && state->spans[at - 1].last_ns >= span.first_ns - 1)
        at--;
    size_t end = at; /* spans[at..end) touch the new one and are swallowed by it */
    while (end < state->count && state->spans[end].first_ns - 1 <= span.last_ns)
        end++;
    if (end == at)
        return insert_span(state, at, span);
    if (state->spans[at].first_ns < span.first_ns)
        span.first_ns = state->spans[at].first_ns;
    if (state->spans[end - 1].last_ns > span.last_ns)
        span.last_ns = state->spans[end - 1].last_ns;
    state->spans[at] = span;
    memmove(state->spans + at + 1, state->spans + end, (state->count - end) * sizeof *state->spans);
    state->count -= end - at - 1;
    return 0;
}

bool span_overlap(struct span a, struct span b)
{
    int64_t first = a.first_ns > b.first_ns ? a.first_ns : b.first_ns;
    int64_t last = a.last_ns < b.last_ns ? a.last_ns : b.last_ns;
    bool moment = a.first_ns == a.last_ns || b.first_ns == b.last_ns;
    return first < last || (first == last && moment);
}

const struct span *epoch_state_overlap(const struct epoch_state *state, struct span span)
{
    for (size_t i = 0; i < state->count; i++)
        if (span_overlap(state->spans[i], span))
            return &state->spans[i];
    return NULL;
}

int epoch_state_format(const struct epoch_state *state, struct buf *out)
{
    char text[64];
    int used = snprintf(text, sizeof text, "%" PRIu64 " %d", state->seq, state->replay);
    buf_put(out, text, (size_t)used);
    for (size_t i = 0; i < state->count; i++) {
        used = snprintf(text, sizeof text, " %" PRId64 "-%" PRId64, state->spans[i].first_ns,
                        state->spans[i].last_ns);
        buf_put(out, text, (size_t)used);
    }
    return out->failed ? ERR_NOMEM : 0;
}

static bool take_span(const char **at, const char *end, struct span *span)
{
    const char *dash = memchr(*at, '-', (size_t)(end - *at));
    uint64_t first, last;
    if (!dash || !take_u64(at, dash, &first) || *at != dash)
        return false;
    *at = dash + 1;
    if (!take_u64(at, end, &last) || first > last || last > INT64_MAX)
        return false;
    *span = (struct span){(int64_t)first, (int64_t)last};
    return true;
}

static int parse_state(struct epoch_state *state, const char *at, const char *end)
{
    uint64_t replay;
    if (!take_u64(&at, end, &state->seq) || !take_u64(&at, end, &replay) || replay > 1)
        return ERR_DAMAGED;
    state->replay = replay == 1;
    while (at < end) {
        struct span span;
        if (!take_span(&at, end, &span) ||
            (state->count && state->spans[state->count - 1].last_ns >= span.first_ns - 1))
            return ERR_DAMAGED;
        int rc = insert_span(state, state->count, span);
        if (rc)
            return rc;
    }
    return 0;
}

int epoch_state_parse(struct epoch_state *state, const char *text, size_t size)
{
    int rc = parse_state(state, text, text + size);
    if (rc)
        epoch_state_close(state);
    return rc;
}

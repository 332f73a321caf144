#include "tests/sim/checks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define NS_PER_S INT64_C(1000000000)

/* Which records of a source a sealed one is: several when it is merged. */
struct span_of {
    int source;
    unsigned first, count;
};

static struct {
    uint64_t spooled[MACHINES][STORE_SOURCES]; /* records in each spool, a bit each */
    struct held seen;                          /* what the store held when we last looked */
    struct {
        uint64_t seq;
        uint32_t crc;
        struct span_of span;
    } known[1024]; /* which record a sealed one is */
    size_t known_count;
} checks;

void checks_begin(void)
{
    memset(&checks, 0, sizeof checks);
}

/* --- the spools ------------------------------------------------------------------------------- */

static uint64_t bits(struct span_of span)
{
    return (~UINT64_C(0) >> (64 - span.count)) << span.first;
}

static bool understand(const uint8_t *sealed, const struct record_header *header,
                       struct span_of *span)
{
    char errmsg[ERRMSG_SIZE];
    static struct record record;
    unsigned last;
    record_init(&record);
    if (record_open(&record, sealed, header->size, errmsg) != 0)
        return false;
    struct source *found = source_of(record.sensor, record.first_ns / NS_PER_S, &span->first);
    if (found && source_of(record.sensor, record.last_ns / NS_PER_S, &last) != found)
        found = NULL;
    record_close(&record);
    if (!found)
        return false;
    span->source = (int)(found - sources);
    span->count = last - span->first + 1;
    if (span->count != header->seq - header->first + 1)
        world_fail("a merged record is all of its records",
                   "%" PRIu64 " to %" PRIu64 " of %s are %u minutes", header->first, header->seq,
                   found->sensor, span->count);
    return true;
}

/* Opened once, and known by its checksum from then on. */
static bool identify(const uint8_t *sealed, const struct record_header *header,
                     struct span_of *span)
{
    uint32_t crc;
    memcpy(&crc, sealed + 32, sizeof crc);
    for (size_t i = 0; i < checks.known_count; i++)
        if (checks.known[i].crc == crc && checks.known[i].seq == header->seq) {
            *span = checks.known[i].span;
            return true;
        }
    if (!understand(sealed, header, span))
        return false;
    if (checks.known_count < sizeof checks.known / sizeof *checks.known) {
        checks.known[checks.known_count].crc = crc;
        checks.known[checks.known_count].seq = header->seq;
        checks.known[checks.known_count++].span = *span;
    }
    return true;
}

/* The records that `sealed` is are in a spool. */
static void note_spooled(const struct record_header *header, struct span_of span)
{
    for (unsigned i = 0; i < span.count; i++) {
        struct fact *fact = &sources[span.source].facts[span.first + i];
        fact->seq = header->first + i;
        fact->merged |= span.count > 1;
        if (fact->sent && span.count > 1)
            world_fail("what was offered is not merged",
                       "record %u of %s was sent, and is now one of %u in a merged one",
                       span.first + i, sources[span.source].sensor, span.count);
    }
}

void checks_sent(const uint8_t *sealed, size_t size)
{
    struct record_header header;
    struct span_of span;
    if (record_peek(sealed, size, &header) != 0 || header.size != size ||
        !identify(sealed, &header, &span))
        world_fail("what is sent is a record", "%zu bytes are none", size);
    if (span.count == 1)
        sources[span.source].facts[span.first].sent = true;
}

struct scan {
    struct machine *machine;
    uint64_t *spooled;
};

static void scan_segment(void *user, const char *path, const struct buf *bytes)
{
    struct scan *scan = user;
    struct record_header header;
    struct span_of span;
    (void)path;
    for (size_t at = 0; at < bytes->size;) {
        const uint8_t *here = bytes->bytes + at;
        size_t left = bytes->size - at;
        if (record_peek(here, left, &header) != 0 || header.size > left ||
            record_check(here, header.size) != 0) {
            const uint8_t *next = left > 1 ? memmem(here + 1, left - 1, "DCR1", 4) : NULL;
            at = next ? (size_t)(next - bytes->bytes) : bytes->size;
            continue;
        }
        if (identify(here, &header, &span)) {
            scan->spooled[span.source] |= bits(span);
            note_spooled(&header, span);
        }
        at += header.size;
    }
}

static uint64_t *spooled(struct machine *machine)
{
    uint64_t *records = checks.spooled[machine - machines];
    if (machine->scanned == machine->disk.generation + 1)
        return records;
    struct scan scan = {machine, records};
    machine->scanned = machine->disk.generation + 1;
    memset(records, 0, sizeof checks.spooled[0]);
    disk_segments(&machine->disk, scan_segment, &scan);
    return records;
}

/* --- after every event ------------------------------------------------------------------------ */

static bool is_held(const struct held *held, const struct source *source, unsigned index)
{
    return held->records[source - sources] >> index & 1;
}

/* A record that was on disk is neither there any more nor in the store. */
static void check_gone(struct machine *machine, struct fact *fact, unsigned index)
{
    const char *sensor = machine->live->sensor;
    if (!fact->went_back)
        world_fail("captured = applied + in spool + dropped",
                   "record %u of %s (sequence %" PRIu64
                   ") was on the disk of %s and is nowhere any more",
                   index, sensor, fact->seq, machine->capture.name);
    uint64_t kept_us = machine->options.retention_s * SECOND;
    uint64_t since_us = world.now_us - fact->acked_us;
    if (!machine->early && (!fact->acked || since_us + SECOND < kept_us))
        world_fail("what is acknowledged is kept for the retention time",
                   "the store has lost record %u of %s, and so has %s, %.3f s after it was "
                   "acknowledged, though it keeps them for %" PRIu64 " s",
                   index, sensor, machine->ship.name, (double)since_us / 1e6,
                   machine->options.retention_s);
    fact->fate = FATE_WENT_BACK;
}

static void check_live(struct machine *machine)
{
    struct source *source = machine->live;
    uint64_t there = spooled(machine)[source - sources];
    for (unsigned i = 0; i < source->count; i++) {
        struct fact *fact = &source->facts[i];
        if (fact->fate != FATE_LIVES || there >> i & 1 || is_held(&store.disk.held, source, i))
            continue;
        if (fact->durable)
            check_gone(machine, fact, i);
        else if (!machine->capture.alive || machine->capture.life != fact->life)
            fact->fate = FATE_CRASHED;
    }
}

void checks_step(void)
{
    bool stored = memcmp(&checks.seen, &store.disk.held, sizeof checks.seen) != 0;
    checks.seen = store.disk.held;
    for (unsigned i = 0; i < machine_count; i++)
        if (machines[i].live && (stored || machines[i].scanned != machines[i].disk.generation + 1))
            check_live(&machines[i]);
}

/* --- the sensor's word ------------------------------------------------------------------------ */

void checks_offered(struct machine *machine, const uint8_t epoch[EPOCH_SIZE], uint64_t seq)
{
    static const uint8_t none[EPOCH_SIZE];
    struct source *source = source_of_epoch(epoch);
    if (!source && machine->live && memcmp(machine->live->epoch, none, EPOCH_SIZE) == 0) {
        source = machine->live;
        memcpy(source->epoch, epoch, EPOCH_SIZE);
    }
    if (!source && seq == 0)
        return; /* an epoch of which nothing was ever delivered */
    if (!source)
        world_fail("a sensor keeps its epoch", "%s has begun another one", machine->capture.name);
    uint64_t there = spooled(machine)[source - sources];
    for (unsigned i = 0; i < SOURCE_RECORDS; i++)
        if (there >> i & 1 && source->facts[i].seq <= seq)
            source->facts[i].durable = true;
}

static void check_acked(const struct machine *machine, struct source *source, uint64_t acked)
{
    if (acked > source->stored)
        world_fail("acknowledged is durable",
                   "%s believes that record %" PRIu64 " of %s is, the store never had more than "
                   "%" PRIu64,
                   machine->ship.name, acked, source->sensor, source->stored);
    for (unsigned i = 0; i < source->count; i++) {
        struct fact *fact = &source->facts[i];
        bool held = is_held(&store.disk.held, source, i), again = fact->went_back && held;
        if (fact->seq == 0 || fact->seq > acked || (fact->acked && !again))
            continue;
        fact->acked = true;
        fact->went_back &= !held; /* else the word is older than the store */
        fact->acked_us = world.now_us;
    }
}

void checks_shipped(struct machine *machine)
{
    for (size_t i = 0; i < machine->shipping.manifest.count; i++) {
        const struct manifest_entry *entry = &machine->shipping.manifest.entries[i];
        struct source *source = source_of_epoch(entry->epoch.identity.epoch);
        if (!source)
            continue;
        if (entry->durable > source->offered) {
            source->offered = entry->durable;
            checks_offered(machine, entry->epoch.identity.epoch, entry->durable);
        }
        if (entry->resumed)
            check_acked(machine, source, entry->acked);
    }
}

/* The sequences in a line that ends "record 7" or "records 7 to 21". */
static void read_sequences(const char *text, uint64_t *first, uint64_t *last)
{
    *first = *last = 0;
    const char *several = strstr(text, "records "), *one = strstr(text, "record ");
    if (several && sscanf(several, "records %" SCNu64 " to %" SCNu64, first, last) == 2)
        return;
    if (one && sscanf(one, "record %" SCNu64, first) == 1)
        *last = *first;
}

/* The spool's limit: what is dropped is said, record by record. */
void checks_heard(const char *line)
{
    uint64_t first, last;
    const char *dropped = strstr(line, "dropped, record");
    struct machine *machine = world.running ? world.running->owner : NULL;
    if (strstr(line, "acknowledged records are deleted early"))
        machine->early = true;
    if (!dropped || !machine->live)
        return;
    read_sequences(dropped, &first, &last);
    struct source *source = machine->live;
    uint64_t there = spooled(machine)[source - sources];
    for (unsigned i = 0; i < source->count; i++)
        if (there >> i & 1 && source->facts[i].seq >= first && source->facts[i].seq <= last)
            source->facts[i].fate = FATE_LIMIT;
}

/* --- the store's puts ------------------------------------------------------------------------- */

static const char *arg(const struct put *put, size_t index, size_t *size)
{
    return put_string(put, &put->args, index, size);
}

static bool arg_is(const struct put *put, size_t index, const char *text)
{
    size_t size;
    const char *bytes = arg(put, index, &size);
    return size == strlen(text) && memcmp(bytes, text, size) == 0;
}

/* Whether the put adds a record, which stands in it as it was sealed: which it is. */
static bool record_of(const struct put *put, struct span_of *span)
{
    size_t key = 1, size;
    for (size_t at = 4; at < put->args.count;) {
        bool set = arg_is(put, at, "SET"), head = arg_is(put, at, "HEAD");
        bool two = head || arg_is(put, at, "HSET"), none = arg_is(put, at, "UNLINK");
        const char *name = put_string(put, &put->keys, head ? 0 : key++, &size);
        if (set && memmem(name, size, ":log:", 5)) {
            struct record_header header;
            const uint8_t *sealed = (const uint8_t *)arg(put, at + 1, &size);
            if (record_peek(sealed, size, &header) != 0 || header.size != size ||
                !identify(sealed, &header, span))
                world_fail("a log entry is a record", "%zu bytes are none", size);
            return true;
        }
        at += none ? 1 : two ? 3 : 2;
    }
    return false;
}

/* The epoch that the put moves on, and the sequence that it has behind it; NULL: none. */
static struct source *epoch_of(const struct put *put, uint64_t *seq)
{
    char field[64];
    uint8_t epoch[EPOCH_SIZE];
    size_t size;
    for (size_t at = 4; at + 2 < put->args.count; at++) {
        const char *bytes = arg(put, at + 1, &size);
        if (!arg_is(put, at, "HEAD") || size < 6 || memcmp(bytes, "epoch:", 6) != 0)
            continue;
        snprintf(field, sizeof field, "%.*s", (int)size, bytes);
        *seq = strtoull(arg(put, at + 2, &size), NULL, 10);
        return epoch_parse(field + 6, epoch) == 0 ? source_of_epoch(epoch) : NULL;
    }
    return NULL;
}

static void check_record(const struct state *state, struct span_of span)
{
    uint64_t held = state->held.records[span.source];
    const char *sensor = sources[span.source].sensor;
    if (held & bits(span))
        world_fail("nothing is counted twice", "record %u (of %u) of %s is in the store already",
                   span.first, span.count, sensor);
    if (held >> span.first > 0)
        world_fail("an epoch's records come in their order",
                   "record %u of %s comes behind a later one", span.first, sensor);
}

void checks_done(const struct state *state, struct request *request)
{
    struct span_of span;
    bool record = record_of(&request->put, &span);
    struct source *source = epoch_of(&request->put, &request->seq);
    if (source) {
        request->epoch = (int)(source - sources);
        world_say("the store has %s %s up to %" PRIu64 "%s", source->sensor,
                  source->replay ? "(replay)" : "", request->seq, record ? "" : ": lost ones");
    }
    if (!record)
        return;
    check_record(state, span);
    request->source = span.source;
    request->bits = bits(span);
}

void checks_durable(const struct request *request)
{
    if (request->epoch >= 0 && request->seq > sources[request->epoch].stored)
        sources[request->epoch].stored = request->seq;
}

void checks_went_back(const struct held *before, const struct held *after)
{
    for (unsigned s = 0; s < source_count; s++)
        for (unsigned i = 0; i < sources[s].count; i++)
            if ((before->records[s] & ~after->records[s]) >> i & 1)
                sources[s].facts[i].went_back = true;
}

/* --- the end ---------------------------------------------------------------------------------- */

static bool delivered(const struct source *source, unsigned index)
{
    return is_held(&store.disk.held, source, index) || source->facts[index].fate != FATE_LIVES;
}

bool checks_drained(void)
{
    for (unsigned s = 0; s < source_count; s++)
        for (unsigned i = 0; i < sources[s].count; i++)
            if (!delivered(&sources[s], i))
                return false;
    for (unsigned i = 0; i < machine_count; i++)
        if (!machines[i].shipping_made || manifest_waiting(&machines[i].shipping.manifest) > 0)
            return false;
    return true;
}

void checks_left(char text[512])
{
    size_t at = 0;
    text[0] = '\0';
    for (unsigned s = 0; s < source_count; s++)
        for (unsigned i = 0; i < sources[s].count && at < 400; i++)
            if (!delivered(&sources[s], i))
                at += (size_t)snprintf(text + at, 512 - at, "record %u of %s%s; ", i,
                                       sources[s].sensor, sources[s].replay ? " (replay)" : "");
    for (unsigned i = 0; i < machine_count && at < 400; i++)
        if (!machines[i].shipping_made || manifest_waiting(&machines[i].shipping.manifest) > 0)
            at += (size_t)snprintf(text + at, 512 - at, "%s has records that wait; ",
                                   machines[i].ship.name);
}

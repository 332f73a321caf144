#include <inttypes.h>
#include <string.h>

#include "aggregator/load_inside.h"
#include "common/chunk.h"
#include "common/err.h"
#include "common/folded.h"
#include "common/sourcevec.h"

/* --- questions -------------------------------------------------------------------------------- */

/* Four questions a level, one more for hour and day, and another for the day; none for an hour that is
 * not kept. */
static void ask_level(struct load *load, struct part_level *open, struct period period)
{
    char key[SCHEMA_KEY_MAX], field[SCHEMA_KEY_MAX];
    const char *sensor = load->part->sensor;
    open->held = false;
    open->period = period;
    open->kept = part_keeps(load->part, &period);
    if (!open->kept)
        return;
    schema_key_totals(key, field, sensor, &period);
    fetch_ask(&load->fetch, FETCH_FIELD, key, field);
    schema_key_addresses(key, sensor, &period);
    fetch_ask(&load->fetch, FETCH_STRING, key, NULL);
    schema_key_tables(key, sensor, &period);
    fetch_ask(&load->fetch, FETCH_STRING, key, NULL);
    schema_key_hosts(key, sensor, &period);
    fetch_ask(&load->fetch, FETCH_STRING, key, NULL);
    if (sourcevec_bound(period.level)) {
        schema_key_sources(key, sensor, &period);
        fetch_ask(&load->fetch, FETCH_STRING, key, NULL);
    }
    if (period.level == LEVEL_DAY) {
        schema_key_course(key, sensor, &period);
        fetch_ask(&load->fetch, FETCH_STRING, key, NULL);
    }
}

void load_ask_levels(struct load *load, int64_t at_s)
{
    for (int level = 0; level < LEVELS; level++) {
        struct part_level *open = &load->part->levels[level];
        struct period period = calendar_period((enum level)level, at_s);
        if (!open->held || open->period.start_s != period.start_s)
            ask_level(load, open, period);
    }
}

/* --- values ----------------------------------------------------------------------------------- */

static int take_totals(struct part_level *open, const struct fetch_value *value)
{
    open->totals = (struct totals){0};
    return value ? totals_parse(&open->totals, value->bytes, value->size) : 0;
}

/* A value with a call that the head had not folded was written by another. */
static int check_folded(const struct part *part, uint64_t folded)
{
    return folded > part->folded ? ERR_STALE : 0;
}

static int take_addresses(const struct load *load, struct part_level *open,
                          const struct fetch_value *value)
{
    uint64_t folded = 0;
    int rc = 0;
    addrvec_close(&open->addresses);
    open->address_chunks = value ? chunk_count(value->size) : 0;
    if (value)
        rc = folded_decode(&open->addresses, &folded, (const uint8_t *)value->bytes, value->size);
    if (rc == 0)
        rc = check_folded(load->part, folded);
    return rc;
}

static int take_tables(const struct load *load, struct part_level *open,
                       const struct fetch_value *value)
{
    uint64_t folded = 0;
    int rc = 0;
    tables_close(&open->tables);
    open->table_chunks = value ? chunk_count(value->size) : 0;
    if (value)
        rc = folded_decode_tables(&open->tables, &folded, (const uint8_t *)value->bytes,
                                  value->size);
    if (rc == 0)
        rc = check_folded(load->part, folded);
    return rc;
}

static int take_hosts(struct part_level *open, const struct fetch_value *value)
{
    hll_clear(&open->hosts);
    return value ? hll_from_redis(&open->hosts, value->bytes, value->size) : 0;
}

/* The stored ones, of packets that are not in the log, and behind them those of the log's records. */
static int take_sources(const struct load *load, struct part_level *open,
                        const struct fetch_value *value)
{
    const struct load_log *log = load->log;
    size_t bound = sourcevec_bound(open->period.level);
    uint64_t folded = 0;
    int rc = 0;
    addrvec_close(&open->sources);
    open->source_chunks = value ? chunk_count(value->size) : 0;
    if (value)
        rc = folded_decode(&open->sources, &folded, (const uint8_t *)value->bytes, value->size);
    if (rc == 0)
        rc = check_folded(load->part, folded);
    if (rc == 0 &&
        sourcevec_broken(&open->sources, bound, open->totals.packets - load->part->log.packets))
        rc = ERR_DAMAGED;
    for (size_t i = 0; rc == 0 && log && i < log->source_count; i++)
        rc = sourcevec_add(&open->sources, &log->sources[i], bound);
    return rc;
}

static int take_course(const struct load *load, const struct fetch_value *value)
{
    struct part *part = load->part;
    uint64_t folded = 0;
    int rc = 0;
    memset(&part->course, 0, sizeof part->course);
    if (value)
        rc = course_decode(&part->course, &folded, (const uint8_t *)value->bytes, value->size);
    if (rc == 0)
        rc = check_folded(part, folded);
    part->course_dirty = load->log != NULL;
    if (rc == 0 && load->log)
        course_merge(&part->course, &load->log->course);
    return rc;
}

/* --- sums ------------------------------------------------------------------------------------- */

/* What addresses and tables say must be what the totals say, or one of them is not what was written.
 */
static int check_level(const struct load *load, const struct part_level *open, size_t addresses,
                       char *errmsg)
{
    const struct totals *totals = &open->totals;
    const struct part_log *log = &load->part->log;
    uint64_t packets = addrvec_packets(&open->addresses) + log->packets;
    uint64_t active =
        addrvec_active(&open->addresses) + addrvec_missing(&open->addresses, &log->addresses);
    if (packets != totals->packets || active != totals->active)
        return err_set(errmsg, ERR_DAMAGED,
                       "%s and its log add up to %" PRIu64 " packets to %" PRIu64
                       " addresses, its totals say %" PRIu64 " to %" PRIu64,
                       load->fetch.items[addresses].key, packets, active, totals->packets,
                       totals->active);
    const char *broken =
        tables_broken(&open->tables, totals->packets - log->packets, totals->bytes - log->bytes);
    return broken ? err_set(errmsg, ERR_DAMAGED, "%s and its log: %s",
                            load->fetch.items[addresses + 1].key, broken)
                  : 0;
}

static int check_course(const struct load *load, size_t index, char *errmsg)
{
    const struct course *course = &load->part->course;
    const struct totals *totals = &load->part->levels[LEVEL_DAY].totals;
    uint64_t packets = 0, observed_ns = 0;
    for (size_t i = 0; i < COURSE_SLOTS; i++) {
        packets += course->packets[i];
        observed_ns += course->observed_ns[i];
    }
    if (packets == totals->packets && observed_ns == totals->observed_ns)
        return 0;
    return err_set(errmsg, ERR_DAMAGED,
                   "%s and its log add up to %" PRIu64 " packets in %" PRIu64
                   " ns, its totals say %" PRIu64 " in %" PRIu64,
                   load->fetch.items[index].key, packets, observed_ns, totals->packets,
                   totals->observed_ns);
}

/* --- answers ---------------------------------------------------------------------------------- */

static int refuse_item(const struct load *load, size_t index, int rc, char *errmsg)
{
    const struct fetch_item *item = &load->fetch.items[index];
    return err_set(errmsg, rc, "%s%s%s: %s", item->key, *item->field ? " " : "", item->field,
                   err_str(rc));
}

static int take_day(struct load *load, size_t index, char *errmsg)
{
    int rc = take_course(load, fetch_value(&load->fetch, index));
    return rc ? refuse_item(load, index, rc, errmsg) : check_course(load, index, errmsg);
}

/* Takes the answers from `*index` on and moves it past them. */
static int take_level(struct load *load, struct part_level *open, size_t *index, char *errmsg)
{
    size_t totals = (*index)++, addresses = (*index)++, tables = (*index)++, hosts = (*index)++;
    size_t sources = sourcevec_bound(open->period.level) ? (*index)++ : 0;
    int rc = take_totals(open, fetch_value(&load->fetch, totals));
    if (rc)
        return refuse_item(load, totals, rc, errmsg);
    rc = take_addresses(load, open, fetch_value(&load->fetch, addresses));
    if (rc)
        return refuse_item(load, addresses, rc, errmsg);
    rc = take_tables(load, open, fetch_value(&load->fetch, tables));
    if (rc)
        return refuse_item(load, tables, rc, errmsg);
    rc = take_hosts(open, fetch_value(&load->fetch, hosts));
    if (rc)
        return refuse_item(load, hosts, rc, errmsg);
    if (sources)
        rc = take_sources(load, open, fetch_value(&load->fetch, sources));
    if (rc)
        return refuse_item(load, sources, rc, errmsg);
    rc = check_level(load, open, addresses, errmsg);
    return rc || open->period.level != LEVEL_DAY ? rc : take_day(load, (*index)++, errmsg);
}

/* An hour of which nothing is stored. */
static void hold_nothing(struct part_level *open)
{
    addrvec_close(&open->addresses);
    addrvec_close(&open->sources);
    tables_close(&open->tables);
    hll_clear(&open->hosts);
    open->totals = (struct totals){0};
    open->address_chunks = open->table_chunks = open->source_chunks = 0;
}

int load_take_levels(struct load *load, char *errmsg)
{
    size_t index = 0;
    for (int level = 0; level < LEVELS; level++) {
        struct part_level *open = &load->part->levels[level];
        if (open->held)
            continue;
        int rc = open->kept ? take_level(load, open, &index, errmsg) : 0;
        if (rc)
            return rc;
        if (!open->kept)
            hold_nothing(open);
        open->held = true;
    }
    return 1;
}

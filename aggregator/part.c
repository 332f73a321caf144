#include "aggregator/part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/list.h"

#define SECONDS_A_DAY   86400
#define EXPIRY_MARGIN_S 60

void part_init(struct part *part, const char *sensor)
{
    memset(part, 0, sizeof *part);
    part->keep.minute_records = PART_MINUTE_RECORDS;
    part->log_chunks = 1;
    snprintf(part->sensor, sizeof part->sensor, "%s", sensor);
    for (int level = 0; level < LEVELS; level++) {
        addrvec_init(&part->levels[level].addresses);
        addrvec_init(&part->levels[level].sources);
    }
}

void part_close(struct part *part)
{
    for (size_t i = 0; i < part->epoch_count; i++)
        epoch_state_close(&part->epochs[i].state);
    for (int level = 0; level < LEVELS; level++) {
        addrvec_close(&part->levels[level].addresses);
        addrvec_close(&part->levels[level].sources);
        tables_close(&part->levels[level].tables);
    }
    part_log_clear(&part->log);
    prefixset_free(part->addresses);
    free(part->epochs);
    free(part->revisions);
    free(part->darknet);
    part_init(part, "");
}

void part_called(struct part *part)
{
    part->n++;
    memcpy(part->last, part->writer, sizeof part->last);
}

int part_set_darknet(struct part *part, const char *list, char *errmsg)
{
    struct prefixset *set = prefixset_new();
    char *text = strdup(list);
    int rc = set && text ? prefixset_add(set, list, errmsg)
                         : err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    if (rc == 0)
        rc = prefixset_settle(set, errmsg);
    if (rc) {
        free(text);
        prefixset_free(set);
        return rc;
    }
    free(part->darknet);
    prefixset_free(part->addresses);
    part->darknet = text;
    part->addresses = set;
    return 0;
}

struct part_epoch *part_epoch(const struct part *part, const uint8_t uuid[EPOCH_SIZE])
{
    for (size_t i = 0; i < part->epoch_count; i++)
        if (memcmp(part->epochs[i].uuid, uuid, EPOCH_SIZE) == 0)
            return &part->epochs[i];
    return NULL;
}

struct part_epoch *part_add_epoch(struct part *part, const uint8_t uuid[EPOCH_SIZE], bool replay)
{
    struct part_epoch *epochs =
        list_room(part->epochs, part->epoch_count, &part->epoch_room, sizeof *epochs);
    if (!epochs)
        return NULL;
    part->epochs = epochs;
    struct part_epoch *epoch = &part->epochs[part->epoch_count++];
    memcpy(epoch->uuid, uuid, EPOCH_SIZE);
    epoch_state_init(&epoch->state);
    epoch->state.replay = replay;
    return epoch;
}

int part_log_add(struct part_log *log, const struct record *record)
{
    log->packets += record->packets;
    log->bytes += record->bytes;
    hll_merge(&log->hosts, &record->hosts);
    int rc = addrvec_add(&log->addresses, &record->addresses);
    return rc ? rc : tables_add(&log->tables, &record->tables);
}

void part_log_clear(struct part_log *log)
{
    addrvec_close(&log->addresses);
    tables_close(&log->tables);
    memset(log, 0, sizeof *log);
}

struct part_revision *part_revision(const struct part *part, int year,
                                    const uint8_t uuid[EPOCH_SIZE])
{
    for (size_t i = 0; i < part->revision_count; i++)
        if (part->revisions[i].year == year &&
            memcmp(part->revisions[i].revision.epoch, uuid, EPOCH_SIZE) == 0)
            return &part->revisions[i];
    return NULL;
}

struct part_revision *part_add_revision(struct part *part, int year, uint64_t k,
                                        const struct revision *revision)
{
    struct part_revision *revisions =
        list_room(part->revisions, part->revision_count, &part->revision_room, sizeof *revisions);
    if (!revisions)
        return NULL;
    part->revisions = revisions;
    part->revisions[part->revision_count] = (struct part_revision){year, k, *revision};
    return &part->revisions[part->revision_count++];
}

uint64_t part_revisions(const struct part *part, int year)
{
    uint64_t count = 0;
    for (size_t i = 0; i < part->revision_count; i++)
        count += part->revisions[i].year == year;
    return count;
}

int64_t part_hour_expires(const struct part *part, const struct period *hour)
{
    if (part->keep.hour_days == 0)
        return 0;
    return calendar_period(LEVEL_DAY, hour->start_s).end_s +
           (int64_t)part->keep.hour_days * SECONDS_A_DAY;
}

/* What is about to expire is not relied on any more: the keys of an hour are read one by one. */
bool part_keeps(const struct part *part, const struct period *period)
{
    int64_t expires_s = period->level == LEVEL_HOUR ? part_hour_expires(part, period) : 0;
    return expires_s == 0 || part->now_s + EXPIRY_MARGIN_S < expires_s;
}

bool part_holds(const struct part *part, int64_t at_s)
{
    for (int level = 0; level < LEVELS; level++) {
        const struct part_level *open = &part->levels[level];
        if (!open->held || at_s < open->period.start_s || at_s >= open->period.end_s)
            return false;
    }
    return true;
}

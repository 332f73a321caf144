#include "aggregator/part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

void part_init(struct part *part, const char *sensor)
{
    *part = (struct part){0};
    snprintf(part->sensor, sizeof part->sensor, "%s", sensor);
    for (int level = 0; level < LEVELS; level++)
        addrvec_init(&part->levels[level].addresses);
}

void part_close(struct part *part)
{
    for (size_t i = 0; i < part->epoch_count; i++)
        epoch_state_close(&part->epochs[i].state);
    for (int level = 0; level < LEVELS; level++)
        addrvec_close(&part->levels[level].addresses);
    part_clear_logs(part);
    prefixset_free(part->addresses);
    free(part->logs);
    free(part->epochs);
    free(part->restaters);
    free(part->darknet);
    part_init(part, "");
}

/* Room for one more element of `size` bytes behind `count` of them. */
static bool grow(void **array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return true;
    size_t wanted = *room ? *room * 2 : 4;
    void *bigger = realloc(*array, wanted * size);
    if (!bigger)
        return false;
    *array = bigger;
    *room = wanted;
    return true;
}

int part_set_darknet(struct part *part, const char *list, char *errmsg)
{
    struct prefixset *set = prefixset_new();
    char *text = strdup(list);
    int rc = set && text ? prefixset_add(set, list, errmsg)
                         : err_set(errmsg, ERR_NOMEM, "%s", err_str(ERR_NOMEM));
    if (rc == 0)
        rc = prefixset_finish(set, errmsg);
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
    void *epochs = part->epochs;
    if (!grow(&epochs, part->epoch_count, &part->epoch_room, sizeof *part->epochs))
        return NULL;
    part->epochs = epochs;
    struct part_epoch *epoch = &part->epochs[part->epoch_count++];
    memcpy(epoch->uuid, uuid, EPOCH_SIZE);
    epoch_state_init(&epoch->state);
    epoch->state.replay = replay;
    return epoch;
}

bool part_has_restater(const struct part *part, int year, const uint8_t uuid[EPOCH_SIZE])
{
    for (size_t i = 0; i < part->restater_count; i++)
        if (part->restaters[i].year == year &&
            memcmp(part->restaters[i].uuid, uuid, EPOCH_SIZE) == 0)
            return true;
    return false;
}

int part_add_restater(struct part *part, int year, const uint8_t uuid[EPOCH_SIZE])
{
    void *restaters = part->restaters;
    if (!grow(&restaters, part->restater_count, &part->restater_room, sizeof *part->restaters))
        return ERR_NOMEM;
    part->restaters = restaters;
    struct part_restater *restater = &part->restaters[part->restater_count++];
    restater->year = year;
    memcpy(restater->uuid, uuid, EPOCH_SIZE);
    return 0;
}

uint64_t part_restated(const struct part *part, int year)
{
    uint64_t count = 0;
    for (size_t i = 0; i < part->restater_count; i++)
        count += part->restaters[i].year == year;
    return count;
}

int part_add_log(struct part *part, uint64_t n, int64_t start_s, struct addrvec *addresses)
{
    void *logs = part->logs;
    if (!grow(&logs, part->log_count, &part->log_room, sizeof *part->logs))
        return ERR_NOMEM;
    part->logs = logs;
    part->logs[part->log_count++] = (struct part_log){n, start_s, *addresses};
    addrvec_init(addresses);
    return 0;
}

void part_clear_logs(struct part *part)
{
    for (size_t i = 0; i < part->log_count; i++)
        addrvec_close(&part->logs[i].addresses);
    part->log_count = 0;
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

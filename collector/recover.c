#include "collector/recover.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/interval.h"
#include "collector/meter.h"
#include "collector/region.h"
#include "common/calendar.h"
#include "common/err.h"
#include "common/log.h"

#define WIDTH_NS (METER_WIDTH_S * INT64_C(1000000000))
/* Every lane leaves up to three files; more are no work of ours. */
#define FILES_MAX (4 * METER_LANES_MAX)

struct found {
    struct interval *intervals[FILES_MAX];
    char *paths[FILES_MAX];
    size_t count;
};

/* --- finding ---------------------------------------------------------------------------------- */

static bool is_interval_file(const char *name)
{
    size_t size = strlen(INTERVAL_FILE);
    return strncmp(name, INTERVAL_FILE, size) == 0 &&
           strspn(name + size, "0123456789-") == strlen(name + size);
}

/* One that was being made: nothing was counted in it. */
static bool is_unnamed(const char *name)
{
    size_t size = strlen(name), end = strlen(REGION_UNNAMED);
    return strncmp(name, INTERVAL_FILE, strlen(INTERVAL_FILE)) == 0 && size > end &&
           strcmp(name + size - end, REGION_UNNAMED) == 0;
}

static void set_aside(const char *path)
{
    char aside[PATH_MAX];
    snprintf(aside, sizeof aside, "%.4000s.damaged", path);
    if (rename(path, aside) == 0)
        log_error("what was counted in it is lost; it was renamed to %s", aside);
}

/* Takes over `path`. Keeps an interval that is open and whose record is not in the spool. */
static int take(struct found *found, char *path, const struct prefixset *darknet, uint64_t last,
                char *errmsg)
{
    struct interval *interval = NULL;
    int rc = interval_load(&interval, darknet, path, errmsg);
    if (rc == ERR_DAMAGED || rc == ERR_VERSION) {
        log_error("%s", errmsg);
        set_aside(path);
        rc = 0;
    } else if (rc == 0) {
        uint64_t sealing = interval_sealing(interval);
        if (interval_is_open(interval) && (sealing == 0 || sealing > last)) {
            found->paths[found->count] = path;
            found->intervals[found->count++] = interval;
            return 0;
        }
        interval_discard(interval);
    }
    free(path);
    return rc;
}

static int find(struct found *found, const char *dir, const struct prefixset *darknet,
                uint64_t last, char *errmsg)
{
    DIR *directory = opendir(dir);
    if (!directory)
        return err_set(errmsg, err_from_errno(errno), "spool %s: %s", dir, strerror(errno));
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(directory));) {
        char *path = NULL;
        if (is_unnamed(entry->d_name))
            unlinkat(dirfd(directory), entry->d_name, 0);
        if (!is_interval_file(entry->d_name) || found->count == FILES_MAX)
            continue;
        if (asprintf(&path, "%s/%s", dir, entry->d_name) < 0)
            rc = err_set(errmsg, ERR_NOMEM, "spool %s: out of memory", dir);
        else
            rc = take(found, path, darknet, last, errmsg);
    }
    closedir(directory);
    return rc;
}

static void found_close(struct found *found)
{
    for (size_t i = 0; i < found->count; i++) {
        interval_free(found->intervals[i]);
        free(found->paths[i]);
    }
}

/* --- sealing ---------------------------------------------------------------------------------- */

static bool precedes(const struct interval *a, const struct interval *b)
{
    return interval_start_ns(a) != interval_start_ns(b)
               ? interval_start_ns(a) < interval_start_ns(b)
               : interval_first_ns(a) < interval_first_ns(b);
}

/* Moves the lanes' intervals that were opened first to the front; how many they are. */
static size_t earliest(struct found *found)
{
    size_t count = 0;
    const struct interval *first = found->intervals[0];
    for (size_t i = 1; i < found->count; i++)
        if (precedes(found->intervals[i], first))
            first = found->intervals[i];
    for (size_t i = 0; i < found->count; i++) {
        struct interval *interval = found->intervals[i];
        char *path = found->paths[i];
        if (precedes(first, interval))
            continue;
        found->intervals[i] = found->intervals[count];
        found->paths[i] = found->paths[count];
        found->intervals[count] = interval;
        found->paths[count++] = path;
    }
    return count;
}

/* From the first to the last sign of life of the front ones. An interval right behind them says that
 * they were observed to their end. */
static void set_span(struct record *record, const struct found *found, size_t count)
{
    int64_t end_ns = interval_start_ns(found->intervals[0]) + WIDTH_NS - 1;
    record->first_ns = interval_first_ns(found->intervals[0]);
    record->last_ns = record->first_ns;
    for (size_t i = 0; i < count; i++)
        if (interval_last_ns(found->intervals[i]) > record->last_ns)
            record->last_ns = interval_last_ns(found->intervals[i]);
    for (size_t i = count; i < found->count; i++)
        if (interval_first_ns(found->intervals[i]) == end_ns + 1)
            record->last_ns = end_ns;
    if (record->last_ns > end_ns)
        record->last_ns = end_ns;
}

static int seal(struct found *found, size_t count, const char *sensor, uint64_t seq,
                recover_sink sink, void *user)
{
    struct record *record = malloc(sizeof *record);
    if (!record)
        return ERR_NOMEM;
    record_init(record);
    strcpy(record->sensor, sensor);
    record->width_s = METER_WIDTH_S;
    int rc = interval_record(found->intervals, count, record);
    set_span(record, found, count);
    record->flags |= RECORD_RECOVERED;
    for (size_t i = 0; i < count; i++)
        interval_set_sealing(found->intervals[i], seq);
    char minute[32];
    uint64_t packets = record->packets; /* the sink may take the record's contents */
    double seconds = (double)(record->last_ns - record->first_ns) / 1e9;
    calendar_rfc3339(record->start_s, minute);
    if (rc == 0)
        rc = sink(user, record);
    if (rc == 0)
        log_warn("the minute of %s was open when the sensor was killed: sealed with the %" PRIu64
                 " packets that it had counted in %.1f seconds",
                 minute, packets, seconds);
    record_close(record);
    free(record);
    return rc;
}

/* Lets the front ones go: their files are deleted, or set aside where they make no record. */
static void let_go(struct found *found, size_t count, bool damaged)
{
    for (size_t i = 0; i < count; i++) {
        if (damaged)
            set_aside(found->paths[i]);
        (damaged ? interval_free : interval_discard)(found->intervals[i]);
        free(found->paths[i]);
    }
    found->count -= count;
    memmove(found->intervals, found->intervals + count, found->count * sizeof found->intervals[0]);
    memmove(found->paths, found->paths + count, found->count * sizeof found->paths[0]);
}

int recover_open(const char *dir, const char *sensor, const struct prefixset *darknet,
                 uint64_t last, recover_sink sink, void *user, char *errmsg)
{
    struct found found = {.count = 0};
    int rc = find(&found, dir, darknet, last, errmsg);
    while (rc == 0 && found.count > 0) {
        size_t count = earliest(&found);
        rc = seal(&found, count, sensor, last + 1, sink, user);
        bool damaged = rc == ERR_INVALID; /* what adds up and still makes no record */
        if (rc == 0 || damaged) {
            let_go(&found, count, damaged);
            last += !damaged;
            rc = 0;
        } else {
            err_set(errmsg, rc, "spool %s: an interval that was open cannot be sealed: %s", dir,
                    err_str(rc));
        }
    }
    found_close(&found);
    return rc;
}

/* --- the spool -------------------------------------------------------------------------------- */

struct appending {
    struct sensor *sensor;
    struct spool_writer *writer;
    const uint8_t *epoch;
};

static int append(void *user, struct record *record)
{
    char errmsg[ERRMSG_SIZE];
    struct appending *appending = user;
    int rc = sensor_append(appending->sensor, appending->writer, appending->epoch, record, errmsg);
    if (rc)
        log_error("%s", errmsg);
    return rc;
}

static int recover_with(struct sensor *sensor, const struct spool_epoch *epoch,
                        const struct prefixset *darknet, char *errmsg)
{
    struct appending appending = {.sensor = sensor, .epoch = epoch->identity.epoch};
    int rc = spool_writer_open(&appending.writer, sensor->spool, &epoch->identity, errmsg);
    if (rc)
        return rc;
    uint64_t last = spool_writer_last(appending.writer);
    rc = recover_open(epoch->path, epoch->identity.sensor, darknet, last, append, &appending,
                      errmsg);
    if (spool_writer_last(appending.writer) > last) {
        int published =
            sensor_publish(sensor, appending.writer, epoch->identity.epoch, rc ? NULL : errmsg);
        rc = rc ? rc : published;
    }
    spool_writer_close(appending.writer);
    return rc;
}

static int recover_epoch(struct sensor *sensor, const struct spool_epoch *epoch, char *errmsg)
{
    struct prefixset *darknet = prefixset_new();
    int rc = darknet ? prefixset_add(darknet, epoch->identity.darknet, errmsg) : ERR_NOMEM;
    if (rc == 0)
        rc = prefixset_finish(darknet, errmsg);
    if (rc == 0)
        rc = recover_with(sensor, epoch, darknet, errmsg);
    prefixset_free(darknet);
    return rc;
}

int recover_spool(struct sensor *sensor, char *errmsg)
{
    struct spool_epoch *epochs;
    size_t count;
    int rc = spool_list(sensor->spool, &epochs, &count, errmsg);
    if (rc)
        return rc;
    for (size_t i = 0; rc == 0 && i < count; i++)
        if (!epochs[i].identity.replay && !epochs[i].refused)
            rc = recover_epoch(sensor, &epochs[i], errmsg);
    spool_list_free(epochs, count);
    return rc;
}

#include <inttypes.h>
#include <string.h>

#include "collector/child.h"
#include "collector/sensor.h"
#include "collector/sources.h"
#include "common/calendar.h"
#include "common/log.h"

/* Once for each hour of packet time. */
static void say_sourceless(struct sensor *sensor, const struct record *record)
{
    char minute[32];
    int64_t hour = record->start_s / 3600;
    if (!sensor->sources || record->packets == 0 || addrvec_active(&record->sources) > 0 ||
        hour == sensor->sourceless_h)
        return;
    sensor->sourceless_h = hour;
    calendar_rfc3339(record->start_s, minute);
    log_warn("the minute of %s keeps no sources: there were more than %" PRIu32
             ", or no room for their table; further ones of its hour are not told",
             minute, SOURCES_MAX);
}

int sensor_append(struct sensor *sensor, struct spool_writer *writer,
                  const uint8_t epoch[EPOCH_SIZE], struct record *record, char *errmsg)
{
    struct buf sealed;
    buf_init(&sealed);
    memcpy(record->epoch, epoch, EPOCH_SIZE);
    record->seq = spool_writer_last(writer) + 1;
    int rc = record_seal(record, &sealed, errmsg);
    if (rc == 0)
        rc = spool_append(writer, sealed.bytes, sealed.size, errmsg);
    if (rc == 0)
        say_sourceless(sensor, record);
    if (rc == 0)
        vitals_spooled(sensor->vitals, record, sealed.size);
    buf_close(&sealed);
    return rc;
}

int sensor_publish(struct sensor *sensor, struct spool_writer *writer,
                   const uint8_t epoch[EPOCH_SIZE], char *errmsg)
{
    int rc = spool_sync(writer, errmsg);
    if (rc)
        return rc;
    child_note(sensor->child, SHIP_DURABLE, epoch, spool_writer_last(writer));
    return 0;
}

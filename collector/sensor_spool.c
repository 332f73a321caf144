#include <string.h>

#include "collector/sensor.h"
#include "collector/child.h"

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

#include "collector/sensor.h"

#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "collector/child.h"
#include "collector/sandbox.h"

int sensor_confine(struct sensor *sensor, const int *taps, size_t count, char *errmsg)
{
    enum privilege_part part = sensor->path_count > 0 ? PRIVILEGE_REPLAY : PRIVILEGE_CAPTURE;
    int rc = privilege_drop(&sensor->privilege, part, &sensor->spool, errmsg);
    return rc ? rc : sandbox_capture(taps, count, errmsg);
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

bool sensor_stopping(struct sensor *sensor)
{
    struct signalfd_siginfo info;
    while (read(sensor->signals, &info, sizeof info) == (ssize_t)sizeof info)
        sensor->stop |= info.ssi_signo != SIGCHLD;
    return sensor->stop;
}

#include "collector/sensor.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "collector/sandbox.h"

int sensor_confine(struct sensor *sensor, const int *taps, size_t count, char *errmsg)
{
    enum privilege_part part = sensor->path_count > 0 ? PRIVILEGE_REPLAY : PRIVILEGE_CAPTURE;
    int rc = privilege_drop(&sensor->privilege, part, &sensor->spool, errmsg);
    return rc ? rc : sandbox_capture(taps, count, errmsg);
}

bool sensor_stopping(struct sensor *sensor)
{
    struct signalfd_siginfo info;
    while (read(sensor->signals, &info, sizeof info) == (ssize_t)sizeof info)
        sensor->stop |= info.ssi_signo != SIGCHLD;
    return sensor->stop;
}

/* For tests of the meter: one packet in its first lane. */
#ifndef TESTS_COLLECTOR_METERS_H
#define TESTS_COLLECTOR_METERS_H

#include "collector/meter.h"

static inline int meter_put(struct meter *meter, int linktype, const struct capture_packet *packet)
{
    meter_enter(meter, 0);
    int rc = meter_packet(meter, 0, linktype, packet);
    meter_leave(meter, 0);
    return rc;
}

#endif

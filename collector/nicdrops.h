/*
 * Nicdrops: packets that an interface lost before the kernel saw them, as its driver tells in sysfs
 * (linux, Documentation/ABI/testing/sysfs-class-net-statistics: rx_missed_errors, rx_fifo_errors). Used
 * by capture: libpcap knows them of promiscuous captures only, in 32 bits, and loses them with the
 * interface's name. The files stay open: no privilege is needed later, and a renamed interface keeps
 * them.
 */
#ifndef COLLECTOR_NICDROPS_H
#define COLLECTOR_NICDROPS_H

#include <stdbool.h>
#include <stdint.h>

struct nicdrops;

/* `dir`: /sys/class/net/NAME/statistics. Counts from now on. NULL where nothing is told (no such
 * interface, "any") or memory is short. */
struct nicdrops *nicdrops_open(const char *dir);
/* NULL is allowed. */
void nicdrops_close(struct nicdrops *nic);

/* `*total`: lost since nicdrops_open; never falls; 0 of NULL. False: a counter fell, or rose by 2^31 or
 * more since the last call, which is nothing that a driver counts: the step is discarded. */
bool nicdrops_read(struct nicdrops *nic, uint64_t *total);

#endif

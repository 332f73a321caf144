/*
 * Taps: the captures of a live sensor, one for every interface and thread, and the threads that count
 * what they hand out into the lanes of a meter. taps_open while there is a privilege to open with;
 * taps_start; then taps_links and taps_error now and then; taps_stop; taps_close.
 * With several threads the kernel deals the packets of an interface out to them (PACKET_FANOUT).
 */
#ifndef COLLECTOR_TAPS_H
#define COLLECTOR_TAPS_H

#include "collector/meter.h"
#include "collector/sensor.h"

struct taps;

/* Opens every interface of the sensor for each of its threads. Errors of capture_open_live and
 * fanout_join; ERR_INVALID: an interface is named twice. */
int taps_open(struct taps **taps, const struct sensor *sensor, char *errmsg);
/* NULL is allowed. The threads must have been stopped. */
void taps_close(struct taps *taps);

/* Fills in the descriptors of all captures; how many there are. */
#define TAPS_MAX (SENSOR_INTERFACES_MAX * METER_LANES_MAX)
size_t taps_descriptors(const struct taps *taps, int descriptors[TAPS_MAX]);

/* Starts counting: thread n into lane n of `meter`. ERR_NOMEM; no thread runs then. */
int taps_start(struct taps *taps, struct meter *meter, char *errmsg);
/* Counts what was captured until now and ends the threads. */
void taps_stop(struct taps *taps);

/* What cannot be gone on with: 0 while nothing, or an error of a capture or of the meter. An interface
 * that taps_links found gone is none. */
int taps_error(struct taps *taps, char *errmsg);

/* Says of every interface what changed since the last call (down, up, renamed, gone) in the log, and
 * how many are up. */
struct taps_links {
    size_t up, down, gone;
};
struct taps_links taps_links(struct taps *taps);

#endif

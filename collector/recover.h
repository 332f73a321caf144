/*
 * Recover: seals what a capture process that was killed had counted in its open intervals. Called
 * once before a live sensor begins, with the spool locked. Which intervals were sealed already is
 * told by the sequence that they were to get: a spool that holds it holds their record.
 */
#ifndef COLLECTOR_RECOVER_H
#define COLLECTOR_RECOVER_H

#include "collector/sensor.h"

/* Takes a record that was found. Its epoch and seq are the sink's; 0 when it was written. */
typedef int (*recover_sink)(void *user, struct record *record);

/* Looks for intervals in `dir`, all counted for `darknet` by `sensor` in an epoch whose last sequence
 * on disk is `last`, and hands a record for each that was not sealed to `sink`, oldest first, as
 * partial: observed from its first to its last sign of life, RECORD_RECOVERED. The files are deleted
 * behind it; what cannot be read, or makes no record (ERR_INVALID of the sink), is renamed to *.damaged
 * and said. Other errors are the sink's, which
 * leave its files for the next time; ERR_IO, ERR_NOMEM. */
int recover_open(const char *dir, const char *sensor, const struct prefixset *darknet,
                 uint64_t last, recover_sink sink, void *user, char *errmsg);

/* recover_open for every live epoch of the sensor's spool, into that spool. */
int recover_spool(struct sensor *sensor, char *errmsg);

#endif

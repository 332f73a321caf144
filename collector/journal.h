/*
 * Journal: the records of a live sensor on their way into the spool. What the disk cannot take waits
 * in memory (collector/backlog.h) and is tried again with every later record and at every
 * journal_publish. Any thread may append; journal_open, _publish and _close are one thread's.
 */
#ifndef COLLECTOR_JOURNAL_H
#define COLLECTOR_JOURNAL_H

#include "collector/sensor.h"

struct journal;

/* Goes on with the spool's live epoch of this sensor and darknet, or begins one at `now_ns`. Errors of
 * spool_writer_open; ERR_NOMEM, ERR_IO. */
int journal_open(struct journal **journal, struct sensor *sensor, int64_t now_ns, char *errmsg);
/* NULL is allowed. What still waits in memory is lost. */
void journal_close(struct journal *journal);

/* The directory of the epoch; borrowed. */
const char *journal_path(const struct journal *journal);
/* A meter's sink and its sequences; `user` is the journal. What was appended outlives the process,
 * unless the disk is full. */
int journal_append(void *user, struct record *record);
uint64_t journal_next_seq(void *user);

/* Forces what was appended to disk and tells the ship process. */
void journal_publish(struct journal *journal);
/* The last words: ERR_FULL when records wait that could not be written. */
int journal_finish(struct journal *journal, char *errmsg);

#endif

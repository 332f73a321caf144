/*
 * Child: the ship process as the capture process sees it. Started before any packet is read, told
 * through a pipe what is on disk, started again when it dies of a signal, waited for at the end.
 */
#ifndef COLLECTOR_CHILD_H
#define COLLECTOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/ship.h"

struct child;

/* Forks the ship process for the spool, whose lock the caller holds in descriptor `lock` (closed in
 * the child: it must not outlive the capture process). `options` (its strings borrowed) needs no
 * pipe yet. SIGTERM and SIGINT are for the capture process: the child ignores them. Descriptors
 * above standard error are not for the child. */
int child_start(struct child **child, const struct ship_options *options, int lock, char *errmsg);

/* Tells the child something; `epoch` may be NULL unless the kind is SHIP_DURABLE. What cannot be
 * told now (the pipe is full, the child is gone) is told by the next call of child_note or
 * child_ended, or to the child that is started in its place. */
void child_note(struct child *child, enum ship_note_kind kind, const uint8_t epoch[EPOCH_SIZE],
                uint64_t seq);

/* Looks whether the child ended, without waiting. One that died of a signal is started again,
 * unless that happens over and over. Returns true with `*result`, and from then on always, when it
 * ended by itself. */
bool child_ended(struct child *child, enum ship_result *result);

/* Ends a child that is still there after its time and frees. */
void child_free(struct child *child);

#endif

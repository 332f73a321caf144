/*
 * Child: the ship process as the capture process sees it. Started before any packet is read, told
 * through a pipe what is on disk, waited for at the end. Between the two stands the keeper
 * (collector/keeper.h), the capture process's real child, which starts a ship process that died
 * again.
 */
#ifndef COLLECTOR_CHILD_H
#define COLLECTOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/ship.h"

struct child;

/* Forks the keeper and returns when that has given up its privileges, has pruned the spool of old
 * replays and has started the ship process. `options` (its strings borrowed) needs no pipe yet.
 * SIGTERM and SIGINT are for the capture process: its children ignore them. No descriptor above
 * standard error goes along: the spool's lock must not outlive the capture process. */
int child_start(struct child **child, const struct ship_options *options, char *errmsg);

/* Tells the child something; `epoch` may be NULL unless the kind is SHIP_DURABLE. What cannot be
 * told now (the pipe is full) is told by the next call of child_note or child_ended; a ship process
 * that was started in place of one that died is told everything again by child_ended. */
void child_note(struct child *child, enum ship_note_kind kind, const uint8_t epoch[EPOCH_SIZE],
                uint64_t seq);

/* Looks whether the child ended, without waiting. Returns true with `*result`, and from then on
 * always, when it ended by itself, or died and is not started again. */
bool child_ended(struct child *child, enum ship_result *result);

/* Ends a child that is still there after its time and frees. */
void child_free(struct child *child);

#endif

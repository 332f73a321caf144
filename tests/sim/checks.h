/*
 * Checks: what must hold whatever happens. They look at the disks, the store's puts and the manifests
 * from outside, and know from source.h what was counted.
 *
 *   after every event:    a record that was made is in the memory of the process that made it, in the
 *                         spool, in the store, or dropped for one of the reasons in enum fate
 *   when a record is sent: it is not merged any more
 *   when a put is done:   its record was not in the store yet, and none behind it of its epoch
 *   when one is heard of: what is acknowledged was durable in the store; a sensor keeps its epoch
 *   when it goes back:    what the store lost is still in the spool, within the retention time
 *   in the end:           everything is in the store that was not dropped, and what the store says of
 *                         every address, hour, day, month and year, and of the time observed, is that
 */
#ifndef SIM_CHECKS_H
#define SIM_CHECKS_H

#include "tests/sim/machine.h"
#include "tests/sim/store.h"

void checks_begin(void);
void checks_end(void);

/* A put is done in `state`, whose `held` is as it was before: notes what it is. */
void checks_done(const struct state *state, struct request *request);
/* It is on the store's disk. */
void checks_durable(const struct request *request);
void checks_went_back(const struct held *before, const struct held *after);
/* The machine says that the epoch is on its disk up to `seq`. */
void checks_offered(struct machine *machine, const uint8_t epoch[EPOCH_SIZE], uint64_t seq);
/* This sealed record is being sent to an aggregator. */
void checks_sent(const uint8_t *sealed, size_t size);
/* What its ship process takes for durable, on its disk and in the store. */
void checks_shipped(struct machine *machine);
void checks_heard(const char *line);

void checks_step(void);
/* Whether all is delivered that can be. */
bool checks_drained(void);
/* What is not, for the message. */
void checks_left(char text[512]);
void checks_store(void);

#endif

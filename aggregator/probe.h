/*
 * Probe: whether a record of a sensor would become durable and could be read back, without one: a
 * nonce is written through the same guarded call as a record, into a key that no figure looks at, and
 * read back from there. peer.c begins one when a sensor that has joined asks for it.
 *
 *   probe_begin -> [the head's n] -> [darkcount_put] -> [read] -> done
 */
#ifndef AGGREGATOR_PROBE_H
#define AGGREGATOR_PROBE_H

#include <stdint.h>

#include "aggregator/storage.h"
#include "common/frame.h"

#define PROBE_TRIES   8 /* while others write for the same sensor */
#define PROBE_RETRY_S 2 /* when to come back when that was not enough */

struct probe;

/* `why` is NULL when it was read back; the probe is gone. */
typedef void probe_done_fn(void *data, const struct frame_refuse *why);

/* Begins one; NULL with the reason in `why` when that cannot be done. `done` comes later, and within
 * the time that a reply of the store may take. */
struct probe *probe_begin(struct storage *store, const char *sensor,
                          const uint8_t nonce[FRAME_NONCE_SIZE], probe_done_fn *done, void *data,
                          struct frame_refuse *why);
/* Whoever waits is gone: `done` is not called. NULL is allowed. */
void probe_forget(struct probe *probe);

#endif

/*
 * The state directory: made when it is missing, and held by one running aggregator at a time.
 */
#ifndef AGGREGATOR_STATE_H
#define AGGREGATOR_STATE_H

#define STATE_LOCK "aggregator.lock"

/* Makes `path` (mode 0700, and its parents) and locks PATH/aggregator.lock for the life of the
 * process. Returns the descriptor to keep open; ERR_REFUSED when another aggregator holds it,
 * ERR_IO or ERR_FULL, with the cause in `errmsg`. */
int state_hold(const char *path, char *errmsg);

/* Opens and locks PATH/`name`: a descriptor, or ERR_STALE while another process holds it, ERR_IO.
 */
int state_lock(const char *path, const char *name, char *errmsg);

#endif

/*
 * Fanout: spreads the packets of one interface over several captures of it, for a thread each
 * (packet(7), PACKET_FANOUT). Used by taps.
 */
#ifndef COLLECTOR_FANOUT_H
#define COLLECTOR_FANOUT_H

#include "collector/capture.h"

/* Deals the packets of one interface out to `count` (at least 1) captures of it, opened alike, each
 * packet to one of them. What they hold of before is discarded; takes 3 * CAPTURE_BLOCK_MS. ERR_IO
 * where the kernel cannot. */
int fanout_join(struct capture *const *caps, size_t count, char *errmsg);

#endif

/*
 * Dropcount: continues a 32-bit counter of packets that a kernel or driver lost in 64 bits. Used by
 * capture for what pcap_stats(3PCAP) tells. Pure.
 */
#ifndef COLLECTOR_DROPCOUNT_H
#define COLLECTOR_DROPCOUNT_H

#include <stdbool.h>
#include <stdint.h>

/* All zeros to begin with. */
struct dropcount {
    uint64_t total;
    uint32_t seen; /* the counter as it was read last */
};

/* Takes a reading; a wrap since the last one is seen through. A step of 2^31 or more is none that a
 * counter read every second makes: it was set back by a driver that began anew, or is wrong. False
 * then: the step is discarded, and counting goes on from here. */
bool dropcount_read(struct dropcount *count, uint32_t now);

#endif

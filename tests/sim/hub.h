/*
 * Hub: an aggregator: lanes over its connection to the store, and the peers that links bring to it.
 * With two of them, both take every sensor, as behind one name; the store's guards keep them apart.
 */
#ifndef SIM_HUB_H
#define SIM_HUB_H

#include "aggregator/lane.h"
#include "aggregator/peer.h"
#include "tests/sim/store.h"

struct hub {
    struct process process;
    struct user *user;
    struct lanes lanes;
    struct peer_host host;
    struct stats stats;
};

#define HUBS STORE_USERS
extern struct hub hubs[HUBS];
extern unsigned hub_count;

void hub_begin(unsigned count);
struct hub *hub_random(void);

#endif

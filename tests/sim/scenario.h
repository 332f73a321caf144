/*
 * Scenario: what goes wrong in a run, and when it stops going wrong.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

/* From the end of the faults to the last acknowledgement. The longest waits on the way are
 * PEER_IDLE_MS for a connection of which nobody knows that it is cut, to be given up, and
 * SHIPPING_ACK_MS at the other end; what follows is a retry and the transfer. */
#define SCENARIO_DRAIN_S 660

/* One run; ends the program when an invariant breaks. */
void scenario_run(uint64_t seed);

struct scenario {
    const char *name;
    void (*run)(uint64_t seed);
};
/* Those with a plan of their own; ended by one without a name. */
extern const struct scenario scenarios[];

/* What all runs together have met: that the faults are there at all. */
struct tally {
    uint64_t runs, records, fates[4], merged, drained_us_max, steps, kills, cuts, went_back,
        replays;
};
extern struct tally tally;

#endif

/*
 * A lane from the inside, for its files: lane.c carries records, lane_open.c brings a connection to
 * its place, lane_inventory.c holds records against the sensor's inventory, lane_table.c has all lanes by
 * name and by address. Nobody else includes it.
 */
#ifndef AGGREGATOR_LANE_INSIDE_H
#define AGGREGATOR_LANE_INSIDE_H

#include "aggregator/alarmlog.h"
#include "aggregator/lane.h"
#include "aggregator/load.h"
#include "aggregator/owners.h"

enum lane_state {
    LANE_LOADING, /* reads are under way that must be there before anything else */
    LANE_READY,
    LANE_BROKEN, /* a request failed: waits for the others and goes */
};

struct lane {
    struct lanes *lanes;
    struct lane *next, **link; /* among all, and what points here */
    enum lane_state state;
    struct part part;
    struct load load;
    struct neighbour neighbour; /* while a new sensor is compared */
    struct owner *candidate;    /* for whom it is; NULL when that one has left */
    struct holder holder;       /* its name, and the addresses that it claims; NULL: none yet */
    char *darknet;              /* of the OPEN answered last, canonical */
    unsigned under_way;         /* requests to the store */
    size_t bytes;               /* of the puts among them */
    bool settling;
    struct owners owners;
    struct alarmlog alarmlog;
};

/* lane_table.c: a new lane, entered, with what is to be asked for it in `load`; NULL without memory. */
struct lane *lane_new(struct lanes *lanes, const char *sensor);
void lane_free(struct lane *lane);
/* The lane of the sensor, or NULL. */
struct lane *lane_find(const struct lanes *lanes, const char *sensor);
/* Lets others know what the part's darknet is, once it is known. ERR_NOMEM. */
int lane_claim(struct lane *lane);
void lane_disclaim(struct lane *lane);

/* lane_open.c: answers the OPEN of an owner of a lane that is whole and has nothing under way. */
void lane_answer(struct owner *owner);

/* lane_inventory.c: as apply_check and apply_check_addresses, with the addresses that the sensor's
 * inventory had when the record's interval began, where it has one. */
int lane_check(struct owner *owner, const struct record *record, struct frame_refuse *refuse);

/* lane.c: does what can be done after a request has ended or an owner has come or gone; may free
 * the lane, unless something is under way. */
void lane_settle(struct lane *lane);
/* Performs lane->load.fetch. */
void lane_fetch(struct lane *lane);
/* Fills `refuse`: the store cannot take it now. Returns ERR_REFUSED. */
int lane_refuse_store(struct frame_refuse *refuse, const char *why);
/* One owner cannot go on: it is told, its place is free. */
void lane_dismiss(struct owner *owner, const struct frame_refuse *refuse);
/* The lane cannot go on: all its owners are told. The caller returns at once. */
void lane_break(struct lane *lane, int code, const char *why);

#endif

/*
 * Link: connections between the ship process of a machine and an aggregator: bytes in order, cut up
 * anyhow, as late as it pleases, until one end closes, or the network cuts it: so that both ends are
 * told, or one, or none. To the sensor it is the connection of its shipping_env, to the aggregator the
 * line of a peer.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include "aggregator/peer.h"
#include "collector/shipping.h"
#include "tests/sim/world.h"

struct machine;
struct hub;

struct chunk {
    struct chunk *next;
    bool end; /* the other side has closed */
    size_t size;
    uint8_t bytes[];
};

struct flow {
    struct chunk *first, *last;
    size_t arrived,
        bytes;      /* chunks that have arrived and are not taken; bytes under way and there */
    uint64_t at_us; /* when the last of them arrives */
    bool blocked;   /* nothing more comes through, and nobody is told */
};

struct link {
    struct link *next;
    struct machine *machine;
    struct hub *hub;
    unsigned ship_life, hub_life;
    bool open, connected, busy; /* the sensor's end: open until the sensor has been told its end */
    struct flow up, down;       /* to the aggregator, to the sensor */
    struct peer *peer;          /* NULL: none yet, or closed */
    unsigned timer;             /* counts what the peer waits for */
    bool reading, closing;
};

enum cut { CUT_BOTH, CUT_SENSOR, CUT_AGGREGATOR, CUT_NONE, CUTS }; /* who is told */

/* The sensor connects to one of the aggregators. */
struct link *link_connect(struct machine *machine);
void link_disconnect(struct link *link);
bool link_free(const struct link *link);
void link_send(struct link *link, struct buf *bytes);

/* The network cuts it; or every one that is open. */
void link_cut(struct link *link, enum cut cut);
struct link *link_random(void);
/* An aggregator dies: its peers are freed, its sensors perhaps told. */
void link_hub_dies(struct hub *hub);
void link_ship_dies(struct machine *machine);
/* Frees all of a run. */
void link_end(void);

#endif

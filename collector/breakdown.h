/*
 * Breakdown: what `count --by` adds packets up by. Each kind is one struct of functions, listed in
 * breakdown_find; adding a kind is writing its struct and one line there. count opens one, adds
 * every packet that is to the darknet, prints and closes; where the packets are shared out, each
 * part has a state of its own and these are merged. Pure but for the rows.
 */
#ifndef COLLECTOR_BREAKDOWN_H
#define COLLECTOR_BREAKDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "collector/tally.h"
#include "common/prefix.h"
#include "common/rows.h"
#include "common/tables.h"

struct breakdown_options {
    const struct prefixset *darknet; /* finished; borrowed */
    const struct prefixset *tunnels; /* as tunnel_decode's; for counting, no kind looks at it */
    uint32_t width_s;                /* by interval */
    bool zeros;                      /* rows without packets too */
    unsigned states;                 /* to be merged, which share the bounds of tables that grow; 0
                                        as 1: alone */
};

struct breakdown_kind {
    const char *name;
    const char *const *columns; /* ended by NULL */
    bool transport;             /* needs decode_transport() */
    bool finds_darknet;         /* `add` may be given packets that are not to the darknet */
    bool zeros;                 /* knows what its rows without packets are */

    /* Bytes that every state takes; not what is in tables that grow, which are bounded by
     * options->states together. NULL: hardly any. */
    size_t (*memory)(const struct breakdown_options *options);
    /* NULL without memory. `options` is borrowed until close. */
    void *(*open)(const struct breakdown_options *options);
    void (*close)(void *state);
    /* Adds a packet to the darknet, of the time `ts_ns`. One of several states says TALLY_REFUSED
     * wherever a single one might lose anything. */
    enum tally_result (*add)(void *state, const struct packet *packet, int64_t ts_ns);
    /* Adds IPv4 packets to any address and counts what became of them; NULL where more of a packet is
     * needed than its destination and bytes. */
    void (*add4)(void *state, const struct packet_brief *packets, size_t count,
                 uint64_t results[TALLY_RESULTS]);
    /* Adds all of `from`, so that `into` is as if it had been given both's packets alone, in any
     * order. ERR_FULL: a single state might have come to a bound, where the order decides what is
     * kept; `into` is then good for nothing but close. ERR_NOMEM likewise. */
    int (*merge)(void *into, void *from);
    /* Whether the rows can be printed, asked once before `print`: ERR_FULL, ERR_NOMEM with the
     * cause in `errmsg`. NULL: always. */
    int (*check)(void *state, char *errmsg);
    void (*print)(void *state, struct rows *rows);
};

/* The kind of that name, or NULL. */
const struct breakdown_kind *breakdown_find(const char *name);
/* "address, interval, ..." for messages. */
const char *breakdown_names(void);

extern const struct breakdown_kind breakdown_address, breakdown_interval, breakdown_class,
    breakdown_protocol, breakdown_port, breakdown_icmp, breakdown_source;

static inline void sum_add(struct sum *sum, const struct packet *packet)
{
    sum->packets++;
    sum->bytes += packet->bytes;
}

/* Adds `count` sums to others. Where there is nothing to add nothing is written: memory that was
 * never written was never taken. */
static inline void sum_merge(struct sum *into, const struct sum *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (from[i].packets == 0)
            continue;
        into[i].packets += from[i].packets;
        into[i].bytes += from[i].bytes;
    }
}

/* The last two cells of most rows. */
void breakdown_cells(struct rows *rows, const struct sum *sum);

#endif

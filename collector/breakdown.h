/*
 * Breakdown: what `count --by` adds packets up by. Each kind is one struct of functions, listed in
 * breakdown_find; adding a kind is writing its struct and one line there. count opens one, adds
 * every packet that is to the darknet, prints and closes. Pure but for the rows.
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
};

struct breakdown_kind {
    const char *name;
    const char *const *columns; /* ended by NULL */
    bool transport;             /* needs decode_transport() */
    bool finds_darknet;         /* `add` may be given packets that are not to the darknet */
    bool zeros;                 /* knows what its rows without packets are */

    /* NULL without memory. `options` is borrowed until close. */
    void *(*open)(const struct breakdown_options *options);
    void (*close)(void *state);
    /* Adds a packet to the darknet, of the time `ts_ns`. */
    enum tally_result (*add)(void *state, const struct packet *packet, int64_t ts_ns);
    /* Adds IPv4 packets to any address and counts what became of them; NULL where more of a packet is
     * needed than its destination and bytes. */
    void (*add4)(void *state, const struct tally_item *items, size_t count,
                 uint64_t results[TALLY_RESULTS]);
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

/* The last two cells of most rows. */
void breakdown_cells(struct rows *rows, const struct sum *sum);

#endif

/*
 * Sources: packets per source address of one interval, exact, in a bounded hash table for each family.
 * The tables lie in the memory of the interval and outlive the process with it (collector/interval.h);
 * a source is counted by one store, and a table that grows takes the place of the one before by one
 * store, so that whatever moment the process is killed at, the tables hold the packets that they have
 * taken. Used by interval alone: sources_open, then sources_add4 or sources_add6 for each packet while
 * sources_kept, sources_reserve between two batches of them; sources_top for the record; sources_clear.
 *
 * An interval with more than SOURCES_MAX sources keeps none: which of them would be there depended on
 * the order of the packets. The hash is keyed, so that a sender cannot choose sources that collide;
 * nothing of a record depends on the key.
 */
#ifndef COLLECTOR_SOURCES_H
#define COLLECTOR_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/addrhash.h"
#include "collector/region.h"
#include "common/addrvec.h"

#define SOURCES_MAX (UINT32_C(1) << 19) /* of an interval, in all its lanes, of both families */

/* A table has 2^bits slots, at most half of them in use but for the largest. It grows by large steps, since
 * each costs moving what there is, and what was touched before is touched for nothing. Each size has a
 * place of its own, one behind the other. */
#define SOURCES_BITS_MIN  8
#define SOURCES_BITS_STEP 3
#define SOURCES_BITS_MAX  20
#define SOURCES_SLOTS     ((UINT64_C(2) << SOURCES_BITS_MAX) - (UINT64_C(1) << SOURCES_BITS_MIN))

/* A slot of an IPv4 table: the address, as its bytes lie in memory in network order, below the packets
 * (an interval has fewer than 2^32); 0 is free. */
typedef uint64_t source4;
/* Free while packets is 0. */
struct source6 {
    uint8_t address[16]; /* network byte order */
    uint64_t packets;
};

/* What the next process reads. */
struct sources_head {
    struct addrhash hash;
    uint32_t bits4, bits6; /* of the valid tables; those of other sizes are all zeros */
    uint32_t state;        /* enum sources_state */
};

enum sources_state {
    SOURCES_OFF,  /* they are not wanted */
    SOURCES_KEPT, /* every packet is in a table */
    SOURCES_LOST, /* there were more than SOURCES_MAX, or there was no room for their tables */
};

struct sources {
    struct region *region; /* borrowed */
    /* In the region. */
    struct sources_head *head;
    source4 *tables4;
    struct source6 *tables6; /* NULL: no packet has an IPv6 source */
    uint32_t bits4, bits6;   /* as in the head; kept when that is cleared */
    uint32_t count4, count6; /* slots in use */
    struct addrhash hash;
    bool off;
};

/* All zeros but for the key of its hash; sources_point tells it where its tables are. */
void sources_init(struct sources *sources);
/* Its parts in a region: the head, and SOURCES_SLOTS slots of each family, of which the smallest IPv4
 * table can be touched. They are all zeros. */
void sources_point(struct sources *sources, struct region *region, struct sources_head *head,
                   source4 *tables4, struct source6 *tables6);

/* Begins an interval, behind sources_clear, with a head that is all zeros. */
void sources_open(struct sources *sources);
/* Makes the tables all zeros; takes time by how large they had to be. */
void sources_clear(struct sources *sources);
/* Makes room for as many further sources as there are packets in a batch, or gives up on this interval.
 * Not while a batch waits: slots move. */
void sources_reserve(struct sources *sources);

/* Whether a process that was killed left tables that can be believed, in a region of `held` bytes; they
 * can be added to then, without sources_reserve. Otherwise they are lost. */
void sources_load(struct sources *sources, size_t held);
/* What they sum to. */
uint64_t sources_packets(const struct sources *sources);
void sources_lose(struct sources *sources);

/* Into an empty vector: of several sources' sum the `most` with the most packets; of two with as many that
 * with the lower address, IPv4 before IPv6. None where one of them is not kept, or there are more than
 * SOURCES_MAX in all. ERR_NOMEM. */
int sources_top(const struct sources *const *sources, size_t count, size_t most,
                struct addrvec *out);

/* --- counting --------------------------------------------------------------------------------- */

static inline bool sources_kept(const struct sources *sources)
{
    return sources->head->state == SOURCES_KEPT;
}

static inline source4 *sources_table4(const struct sources *sources)
{
    return sources->tables4 + (UINT64_C(1) << sources->bits4) - (UINT64_C(1) << SOURCES_BITS_MIN);
}

static inline struct source6 *sources_table6(const struct sources *sources)
{
    return sources->tables6 + (UINT64_C(1) << sources->bits6) - (UINT64_C(1) << SOURCES_BITS_MIN);
}

static inline uint32_t sources_mask4(const struct sources *sources)
{
    return (UINT32_C(1) << sources->bits4) - 1;
}

/* The slot at which to look for an address. */
static inline uint32_t sources_slot4(const struct sources *sources, uint32_t address)
{
    uint64_t hash = addrhash_fold(address ^ sources->hash.secret[0], sources->hash.secret[1]);
    return (uint32_t)hash & sources_mask4(sources);
}

/* Counts a packet in a table; `slot` is where to look for its source. Whether that is a new one. */
static inline bool sources_add4(source4 *table, uint32_t mask, uint32_t slot, uint32_t address)
{
    source4 held;
    while ((held = table[slot]) != 0 && (uint32_t)held != address)
        slot = (slot + 1) & mask;
    table[slot] = (held | address) + (UINT64_C(1) << 32);
    return held == 0;
}

void sources_add6(struct sources *sources, const uint8_t address[16]);

#endif

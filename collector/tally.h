/*
 * Tally: packets, and if wanted bytes, per destination address of one darknet. Used for a whole
 * capture by count and for one interval after the other by the live sensor: tally_new once,
 * tally_add per packet or tally_add4 per batch, tally_each or tally_addresses to read, tally_reset to
 * begin anew.
 *
 * Up to TALLY_DENSE_MAX IPv4 addresses are counted in arrays (collector/dense.h): 4 bytes an
 * address, 12 where much has come to it, and nothing is allocated per packet. A larger IPv4 darknet,
 * and IPv6, is counted in a table of at most TALLY_SPARSE_MAX addresses each (collector/addrmap.h);
 * packets to addresses beyond are refused and counted, never lost unnoticed.
 */
#ifndef COLLECTOR_TALLY_H
#define COLLECTOR_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/decode.h"
#include "collector/dense.h"
#include "common/addrvec.h"
#include "common/prefix.h"

#define TALLY_DENSE_MAX  (UINT64_C(1) << 26)
#define TALLY_SPARSE_MAX (UINT32_C(1) << 22)

struct tally;

enum tally_result {
    TALLY_COUNTED,
    TALLY_OFF_DARKNET, /* not an address of the darknet */
    TALLY_REFUSED,     /* no room in the bounded table */
};

#define TALLY_RESULTS 3

/* Bytes, at most, of the arrays that tally_new makes for `darknet`; 0 where it makes none. */
size_t tally_memory(const struct prefixset *darknet);

/* A tally of all zeros for `darknet` (finished; borrowed, must outlive the tally); `bytes`: whether
 * to keep bytes per address. NULL without memory. */
struct tally *tally_new(const struct prefixset *darknet, bool bytes);
void tally_free(struct tally *tally);

/* Whether the destination of a packet that decode() filled in is one of the darknet's. */
bool tally_in_darknet(const struct prefixset *darknet, const struct packet *packet);

/* Adds one packet that decode() filled in. The addition may be deferred; reading completes it. */
enum tally_result tally_add(struct tally *tally, const struct packet *packet);

/* Adds IPv4 packets, as tally_add one after the other, and counts what became of them in
 * `results`. */
void tally_add4(struct tally *tally, const struct packet_brief *packets, size_t count,
                uint64_t results[TALLY_RESULTS]);

/* The tally will be merged with others, `tallies` in all: its tables get that part of their bound,
 * so that all together are bounded as one. Before anything was added. */
void tally_share(struct tally *tally, unsigned tallies);

/* Adds what `from` has counted, of the same darknet and kept in the same way: `into` is then as if
 * it had counted both, and has its whole bound again; `from` stays as it was. ERR_FULL: there was
 * no room for all, or one of them had refused something before, which then depended on how the
 * packets were shared out; `into` is good for nothing but tally_free. */
int tally_merge(struct tally *into, struct tally *from);

/* Back to all zeros; costs in proportion to the parts of the darknet that were hit. */
void tally_reset(struct tally *tally);

/* Sums since the last reset: packets counted and packets refused. They have the last word where a
 * deferred increment was refused after tally_add said TALLY_COUNTED. */
uint64_t tally_packets(const struct tally *tally);
uint64_t tally_refused(const struct tally *tally);

/* Calls back with every address that has packets, IPv4 first, ascending; `bytes` are 0 where they
 * are not kept. The tally must not be changed meanwhile. */
struct tally_reader {
    void (*addresses4)(void *user, const struct dense_counts *counts);
    void (*address6)(void *user, const uint8_t address[16], uint64_t packets, uint64_t bytes);
    void *user;
};
void tally_each(struct tally *tally, const struct tally_reader *reader);

/* Fills an initialised, empty vector with the packets of every active address. ERR_NOMEM: the
 * vector is then to be closed. */
int tally_addresses(struct tally *tally, struct addrvec *vec);

#endif

/*
 * Counting: the packets of one or more capture files, added up into one breakdown and into sums by
 * reason. Used by parallel, one in each thread: counting_open, counting_file for each file,
 * counting_merge to have one of several; count then reads the fields and calls counting_close. The
 * way of a packet here: capture -> decode, tunnel -> breakdown.
 */
#ifndef COLLECTOR_COUNTING_H
#define COLLECTOR_COUNTING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "collector/breakdown.h"
#include "collector/capture.h"
#include "common/prefix.h"

/* How far one thread is; read by another while it counts. On a cache line of its own. */
struct counting_meter {
    _Alignas(64) atomic_uint_least64_t packets;
    atomic_uint_least64_t bytes; /* of the files as they are stored */
};

struct counting {
    const struct breakdown_kind *kind;
    void *state; /* the kind's */
    const struct prefixset *darknet;
    const struct prefixset *tunnels; /* as tunnel_decode's */
    int linktype;                    /* of the packets at hand */
    uint64_t bytes;                  /* of the files as they are stored, read so far */
    uint64_t captured, not_ip, undecodable;
    uint64_t results[TALLY_RESULTS]; /* what became of IP packets */
    uint64_t opened, truncated_files;
    bool failed; /* something could not be read, or was refused */

    /* Set by the owner after counting_open, or left NULL; borrowed. */
    struct counting_meter *meter; /* kept up to date from batch to batch */
    atomic_bool *stop; /* ends counting between two batches; set here when a packet is refused */
};

/* What became of a file. */
enum counting_outcome {
    COUNTING_DONE,
    COUNTING_LEFT_OUT, /* no capture, but then nobody named it */
    COUNTING_FAILED,   /* could not be read, or not to its end; counting->failed is set too */
};

/* Begins with zeros; `options` is borrowed until counting_close. ERR_NOMEM: nothing to close. */
int counting_open(struct counting *counting, const struct breakdown_kind *kind,
                  const struct breakdown_options *options);
void counting_close(struct counting *counting);

/* Counts a file's packets; of a damaged file those before the damage. Unless the outcome is
 * COUNTING_DONE, `errmsg` tells the cause. */
enum counting_outcome counting_file(struct counting *counting, const struct capture_file *file,
                                    char *errmsg);

/* Adds all of `from`, of the same kind and darknet. ERR_FULL and ERR_NOMEM as breakdown_kind's
 * merge: `into` is then good for nothing but counting_close. */
int counting_merge(struct counting *into, struct counting *from);

#endif

/*
 * Counting: the packets of one or more capture files, added up into one breakdown and into sums by
 * reason. Used by count: counting_open, counting_file for each file, then read the fields, then
 * counting_close. The way of a packet here: capture -> decode, tunnel -> breakdown.
 */
#ifndef COLLECTOR_COUNTING_H
#define COLLECTOR_COUNTING_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/breakdown.h"
#include "collector/capture.h"
#include "common/prefix.h"

struct counting {
    const struct breakdown_kind *kind;
    void *state; /* the kind's */
    const struct prefixset *darknet;
    const struct prefixset *tunnels; /* as tunnel_decode's */
    int linktype;                    /* of the file at hand */
    uint64_t captured, not_ip, undecodable;
    uint64_t results[TALLY_RESULTS]; /* what became of IP packets */
    uint64_t truncated_files;
    bool failed; /* something could not be read; it was told */
};

/* Begins with zeros; `options` is borrowed until counting_close. ERR_NOMEM: nothing to close. */
int counting_open(struct counting *counting, const struct breakdown_kind *kind,
                  const struct breakdown_options *options);
void counting_close(struct counting *counting);

/* Counts a file's packets. What cannot be read is told by a message; of a damaged file the packets
 * before the damage are counted. */
void counting_file(struct counting *counting, const struct capture_file *file);

#endif

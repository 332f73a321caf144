/*
 * Source: what a sensor counts, known beforehand: record i is a minute with its packets per address.
 * A live source is one machine's; a capture may be replayed by several.
 */
#ifndef SIM_SOURCE_H
#define SIM_SOURCE_H

#include "common/record.h"
#include "tests/sim/store.h"

#define SOURCE_RECORDS   64 /* a bit of struct held each */
#define SOURCE_ADDRESSES 4

enum fate {
    FATE_LIVES,    /* it is somewhere, or is not made yet */
    FATE_CRASHED,  /* it died with the process or the machine before it was on disk */
    FATE_LIMIT,    /* the spool's limit dropped it, and said so */
    FATE_WENT_BACK /* the store went back behind it, and the sensor had kept it long enough */
};

struct fact {
    bool made;
    bool durable; /* the spool has said that it is on disk */
    bool sent;    /* by itself, to any aggregator */
    bool merged;  /* it was seen in a merged record */
    enum fate fate;
    uint64_t seq;   /* in its epoch, once it was seen in the spool */
    unsigned life;  /* of the capture process that made it */
    bool went_back; /* the store had it and does not any more */
    bool acked;     /* and since when */
    uint64_t acked_us;
};

struct source {
    char sensor[8], darknet[24];
    uint32_t network; /* the first address of a /28 */
    bool replay;
    uint8_t epoch[EPOCH_SIZE]; /* all zeros until it is known */
    int64_t base_s;
    uint64_t stored;  /* the highest sequence that was ever durable in the store */
    uint64_t offered; /* the highest that was said to be on a disk */
    unsigned count;   /* records of a capture; of a live source those that were made */
    struct fact facts[SOURCE_RECORDS];
};

extern struct source sources[STORE_SOURCES];
extern unsigned source_count;

/* A new one: of the sensor `number`, live or a capture. */
struct source *source_add(unsigned number, bool replay);
/* Packets to address `address` of the network in record `index`. */
uint64_t source_packets(const struct source *source, unsigned index, unsigned address);
/* Fills an initialised record; its sequence and epoch are the spool's to set. */
void source_record(const struct source *source, unsigned index, struct record *record);
/* The record that a moment belongs to: of this sensor's sources; NULL when none. */
struct source *source_of(const char *sensor, int64_t start_s, unsigned *index);
struct source *source_of_epoch(const uint8_t epoch[EPOCH_SIZE]);

#endif

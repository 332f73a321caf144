/*
 * Machine: a sensor's host: its disk, the capture process that puts records into the spool (the
 * journal of a live sensor, or the writer of a replayed capture), and the ship process. What one tells
 * the other goes through a pipe that outlives both, as the keeper's does.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include "collector/journal.h"
#include "collector/shipping.h"
#include "tests/sim/disk.h"
#include "tests/sim/link.h"
#include "tests/sim/source.h"

#define MACHINES      6
#define MACHINE_NOTES 4

struct machine {
    struct process capture, ship;
    struct disk disk;
    bool cut;   /* the network is */
    bool early; /* it may have deleted acknowledged records early: a clock ahead, a full disk */
    struct source *live, *replay; /* either may be NULL */
    uint64_t pace_us;             /* between two records */
    bool quiet;                   /* makes no record of its own accord */
    /* capture */
    struct sensor sensor;
    struct journal *journal;
    struct spool_writer *writer; /* of the capture that is being replayed */
    /* the pipe: the last word about each epoch */
    struct ship_note notes[MACHINE_NOTES];
    unsigned note_count;
    /* ship */
    struct ship_options options;
    struct shipping_env env;
    struct shipping shipping;
    bool shipping_made;
    struct link *link; /* NULL: none */
    uint64_t wake_us;  /* for when an event is under way; 0: none */
    uint64_t scanned;  /* the disk's generation that checks.c has seen */
};
extern struct machine machines[MACHINES];
extern unsigned machine_count;

void machine_add(struct source *live, struct source *replay);
void machine_begin(void);
void machine_end(void);
/* After every call into shipping: is it over, when is it to be called next. */
void machine_shipped(struct machine *machine);
/* A live machine makes a record now. */
void machine_record(struct machine *machine);
void machine_power_cut(struct machine *machine);
/* Tells the ship process to end; it is started again. */
void machine_restart_ship(struct machine *machine);

#endif
